# SPDX-License-Identifier: Apache-2.0
"""The other side of test_keras: Keras itself, and numpy with h5py.

    keras_interop.py make DIR     trains and builds networks, saves them, writes what they answer
    keras_interop.py check DIR    opens ours.keras with Keras and compares its answers to 1e-5
    keras_interop.py numpy DIR    the same with numpy and h5py, from config.json and the weights alone
    keras_interop.py answer FILE DIR    answers of any such file by numpy, to DIR/answer.{x,p}.npy

DIR/NAME.keras goes with DIR/NAME.x.npy (inputs) and DIR/NAME.p.npy (answers).
"""
import io
import json
import os
import sys
import zipfile

import numpy as np

TOLERANCE = 1e-5


# ---- numpy ----

def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def evaluate(path, x):
    """Walks config.json; groups are named by class and number."""
    import h5py
    archive = zipfile.ZipFile(path)
    assert archive.testzip() is None
    config = json.loads(archive.read("config.json"))
    weights = h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r")
    seen, sizes, x = {}, [], x.astype(np.float64)
    for layer in config["config"]["layers"]:
        kind, settings = layer["class_name"], layer["config"]
        number = seen[kind] = seen.get(kind, -1) + 1
        name = {"Dense": "dense", "BatchNormalization": "batch_normalization"}.get(kind)
        if name:
            group = weights["layers/" + name + ("_%d" % number if number else "") + "/vars"]
            v = [group[str(i)][()].astype(np.float64) for i in range(len(group))]
        if kind == "Dense":
            sizes.append(settings["units"])
            x = x @ v[0] + v[1]
            x = {"relu": relu, "softmax": softmax}[settings["activation"]](x)
        elif kind == "BatchNormalization":
            x = (x - v[2]) / np.sqrt(v[3] + settings["epsilon"]) * v[0] + v[1]
        else:
            assert kind in ("InputLayer", "Dropout"), kind
    return x, sizes


def compare(what, folder, got):
    p = np.load(os.path.join(folder, "ours.p.npy"))
    worst = np.abs(got - p).max()
    print("%s: worst difference %.2e" % (what, worst))
    assert got.shape == p.shape and worst <= TOLERANCE, worst


def numpy_check(folder):
    x = np.load(os.path.join(folder, "ours.x.npy"))
    compare("numpy", folder, evaluate(os.path.join(folder, "ours.keras"), x)[0])
    metadata = json.loads(zipfile.ZipFile(os.path.join(folder, "ours.keras")).read("metadata.json"))
    assert metadata["date_saved"] == "2023-11-14@22:13:20", metadata


def answer(path, folder):
    x = np.random.default_rng(7).normal(size=(16, 1024)).astype(np.float32)
    p, sizes = evaluate(path, x)
    print("sizes", sizes)
    np.save(os.path.join(folder, "answer.x.npy"), x)
    np.save(os.path.join(folder, "answer.p.npy"), p)


# ---- Keras ----

def networks(keras):
    """name, layers; what ours reads."""
    layers = keras.layers
    norm = layers.BatchNormalization
    yield "plain", [layers.Dense(5, "relu"), layers.Dropout(.5), layers.Dense(3, "softmax")]
    yield "ours", [layers.Dense(8, "relu"), norm(), layers.Dropout(.5),
                   layers.Dense(6, "relu"), norm(), layers.Dropout(.4),
                   layers.Dense(5, "relu"), norm(), layers.Dropout(.3),
                   layers.Dense(4, "relu"), norm(), layers.Dropout(.2), layers.Dense(3, "softmax")]
    yield "before", [layers.Dense(5, use_bias=False), norm(epsilon=1e-4), layers.ReLU(),
                     layers.Dense(4, "relu"), norm(), layers.Dense(3), norm(),
                     layers.Activation("softmax")]
    yield "epsilon", [layers.Dense(5, "relu"), norm(epsilon=1e-7), layers.Dense(5, "relu"),
                      norm(epsilon=.1), layers.Dense(3), layers.Softmax()]
    yield "halves", [layers.Dense(5, "relu"), norm(center=False), layers.Dense(5, "relu"),
                     norm(scale=False), layers.Dense(5), layers.Activation("relu"),
                     norm(center=False, scale=False), layers.Dense(3, "softmax")]
    yield "named", [layers.Dense(5, "relu", name="first"), norm(name="of_first"),
                    layers.Dense(3, "softmax", name="dense")]


def refused(keras):
    """name, layers; what ours refuses, and the word that must be in the reason."""
    layers = keras.layers
    last = layers.Dense(3, "softmax")
    yield "tanh", [layers.Dense(5, "tanh"), last]
    yield "sigmoid", [layers.Dense(5, "relu"), layers.Dense(3, "sigmoid")]
    yield "lambda", [layers.Dense(5, "relu"), layers.Lambda(lambda x: x * 2), last]
    yield "layernorm", [layers.Dense(5, "relu"), layers.LayerNormalization(), last]
    yield "linear", [layers.Dense(5), last]
    yield "leaky", [layers.Dense(5), layers.ReLU(negative_slope=.1), last]
    yield "first", [layers.BatchNormalization(), layers.Dense(5, "relu"), last]


def build(keras, name, layers):
    """Weights at random, also what training moves, and some variances near 0."""
    rng = np.random.default_rng(len(name))
    model = keras.Sequential([keras.Input((6,))] + layers)
    for layer in model.layers:
        weights = [(.5 * rng.normal(size=w.shape)).astype(np.float32) for w in layer.get_weights()]
        if isinstance(layer, keras.layers.BatchNormalization):
            weights[-1] = np.abs(weights[-1])
            if name != "before":
                weights[-1][0] = 0 if layer.epsilon > 1e-6 else 1e-5
            else:
                weights[-1] += .5
        layer.set_weights(weights)
    return model


def make(folder, keras):
    x = np.random.default_rng(1).normal(size=(32, 6)).astype(np.float32)
    for name, layers in networks(keras):
        model = build(keras, name, layers)
        if keras.backend.backend() != "numpy":
            model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
            model.fit(x, np.eye(3)[np.arange(32) % 3], epochs=3, verbose=0)
        model.save(os.path.join(folder, name + ".keras"))
        np.save(os.path.join(folder, name + ".x.npy"), x)
        np.save(os.path.join(folder, name + ".p.npy"),
                np.asarray(model(x, training=False)).astype(np.float64))
    for name, layers in refused(keras):
        build(keras, name, layers).save(os.path.join(folder, "refused-" + name + ".keras"))
    inputs = keras.Input((6,))
    keras.Model(inputs, keras.layers.Dense(3, "softmax")(inputs)).save(
        os.path.join(folder, "refused-functional.keras"))


def check(folder, keras):
    model = keras.saving.load_model(os.path.join(folder, "ours.keras"))
    x = np.load(os.path.join(folder, "ours.x.npy"))
    compare("keras", folder, np.asarray(model(x, training=False)))
    kinds = [type(layer).__name__ for layer in model.layers]
    assert kinds[:3] == ["Dense", "BatchNormalization", "Dropout"], kinds
    # What Keras saves of it is the same again, and it can be trained further.
    model.save(os.path.join(folder, "again.keras"))
    again = keras.saving.load_model(os.path.join(folder, "again.keras"))
    compare("saved again", folder, np.asarray(again(x, training=False)))
    if keras.backend.backend() != "numpy":
        model.compile("adam", "categorical_crossentropy")
        model.fit(x, np.eye(model.output_shape[1])[np.arange(len(x)) % model.output_shape[1]],
                  epochs=1, verbose=0)
    print("parameters: %d, trainable %d" % (
        model.count_params(), sum(int(np.prod(w.shape)) for w in model.trainable_weights)))


if __name__ == "__main__":
    if sys.argv[1] == "numpy":
        numpy_check(sys.argv[2])
    elif sys.argv[1] == "answer":
        answer(sys.argv[2], sys.argv[3])
    else:
        import keras
        print("keras %s on %s" % (keras.__version__, keras.backend.backend()))
        {"make": make, "check": check}[sys.argv[1]](sys.argv[2], keras)
