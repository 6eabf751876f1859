# SPDX-License-Identifier: Apache-2.0
"""The other side of test_sk_interop: scikit-learn itself.

    sk_interop.py make DIR    trains models, pickles them in every protocol, writes what they answer
    sk_interop.py check DIR   opens the pickles that espy wrote there and compares answers to 1e-6
    sk_interop.py npy DIR     opens and rewrites arrays, compares bytes
"""
import os
import pickle
import sys
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.svm import SVC

DIM = 16
TOLERANCE = 1e-6


def data(classes, seed):
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=(classes, DIM))
    x = np.concatenate([c + 0.6 * rng.normal(size=(12, DIM)) for c in centre])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    names = np.array(["STU%03d" % c for c in range(classes - 1)] + ["J\u00fcrgen \U0001f600"])
    return x.astype(np.float32), names[np.repeat(np.arange(classes), 12)]


def models():
    for classes in (2, 3, 7):
        yield "svc%d" % classes, classes, SVC(
            kernel="linear", probability=True, class_weight="balanced", random_state=42)
        yield "rest%d" % classes, classes, OneVsRestClassifier(
            LogisticRegression(max_iter=2000, random_state=42))
    yield "plain2", 2, LogisticRegression(max_iter=2000, random_state=42)
    yield "softmax4", 4, LogisticRegression(max_iter=2000, random_state=42)
    try:
        yield "ovr4", 4, LogisticRegression(multi_class="ovr", max_iter=2000, random_state=42)
    except TypeError:
        pass  # gone in newer releases


def dump(folder, name, what):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with open(os.path.join(folder, "%s.%d.pkl" % (name, protocol)), "wb") as f:
            pickle.dump(what, f, protocol=protocol)


def make(folder):
    for name, classes, model in models():
        x, names = data(classes, classes)
        encoder = LabelEncoder().fit(names)
        scaler = StandardScaler().fit(x.astype(np.float64))
        scaled = scaler.transform(x.astype(np.float64))
        model.fit(scaled, encoder.transform(names))
        queries = data(classes, 100 + classes)[0]
        answer = model.predict_proba(scaler.transform(queries.astype(np.float64)))
        metadata = {"threshold": 0.75, "classes": list(map(str, encoder.classes_)),
                    "accuracy": np.float64(0.98), "num_classes": classes, "tags": ("a", None, True)}
        dump(folder, name, {"classifier": model, "scaler": scaler, "label_encoder": encoder,
                            "metadata": metadata, "embedding_dim": DIM})
        np.save(os.path.join(folder, name + ".x.npy"), queries)
        np.save(os.path.join(folder, name + ".p.npy"), np.ascontiguousarray(answer))
    # Old format: the classifier alone, trained on the names themselves.
    x, names = data(3, 3)
    bare = SVC(kernel="linear", probability=True, random_state=42).fit(x.astype(np.float64), names)
    dump(folder, "bare3", bare)
    np.save(os.path.join(folder, "bare3.x.npy"), x)
    np.save(os.path.join(folder, "bare3.p.npy"), bare.predict_proba(x.astype(np.float64)))


def check(folder):
    count = 0
    for file in sorted(os.listdir(folder)):
        if not file.endswith(".ours.pkl"):
            continue
        name = file[:-len(".ours.pkl")]
        with open(os.path.join(folder, file), "rb") as f:
            model = pickle.load(f)
        x = np.load(os.path.join(folder, name + ".x.npy"))
        p = np.load(os.path.join(folder, name + ".p.npy"))
        got = model["classifier"].predict_proba(model["scaler"].transform(x.astype(np.float64)))
        worst = np.abs(got - p).max()
        # Also what S1's code does: single precision through the scaler.
        single = np.abs(model["classifier"].predict_proba(model["scaler"].transform(x)) - p).max()
        print("%-12s %s  worst difference %.2e (single precision %.2e)" % (
            name, type(model["classifier"]).__name__, worst, single))
        assert worst <= TOLERANCE, (name, worst)
        assert single <= 1e-4, (name, single)
        classes = model["label_encoder"].inverse_transform(
            model["classifier"].predict(model["scaler"].transform(x)))
        assert all(c in model["label_encoder"].classes_ for c in classes)
        assert str(model["classifier"]) and str(model["scaler"]) and str(model["label_encoder"])
        assert model["classifier"].get_params()
        assert isinstance(model["scaler"], StandardScaler)
        assert isinstance(model["label_encoder"], LabelEncoder)
        if "metadata" in model:
            assert model["metadata"]["threshold"] == 0.75
        else:
            assert model["embedding_dim"] == DIM
        count += 1
    assert count, "no pickle of ours"
    for file, kind in (("ours.scaler.pkl", StandardScaler), ("ours.encoder.pkl", LabelEncoder)):
        with open(os.path.join(folder, file), "rb") as f:
            assert isinstance(pickle.load(f), kind)


def npy(folder):
    for file in ("f32.npy", "i64.npy", "text.npy"):
        path = os.path.join(folder, file)
        array = np.load(path)
        np.save(os.path.join(folder, "again.npy"), array)
        with open(path, "rb") as a, open(os.path.join(folder, "again.npy"), "rb") as b:
            assert a.read() == b.read(), file
    text = np.load(os.path.join(folder, "text.npy"))
    assert text.dtype == np.dtype("<U8") and list(text) == ["STU001", "", "J\u00fcrgen \U0001f600"], text
    assert np.load(os.path.join(folder, "f32.npy")).shape == (2, 3)
    assert np.load(os.path.join(folder, "i64.npy")).dtype == np.int64


if __name__ == "__main__":
    import sklearn
    print("python %s, numpy %s, scikit-learn %s" % (
        sys.version.split()[0], np.__version__, sklearn.__version__))
    if sys.argv[1] != "make":
        # A difference of versions is announced; anything else must not be.
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=".*Trying to unpickle estimator.*")
    else:
        warnings.simplefilter("ignore")
    {"make": make, "check": check, "npy": npy}[sys.argv[1]](sys.argv[2])
