# SPDX-License-Identifier: Apache-2.0
"""Versions for other programs: each is opened by the program that it is for, where there is one."""
import json
import os
import subprocess
import zipfile

from support import Run, folder, main, shared_faces, some_people

FACES = shared_faces()
AT = folder()
PHOTOS = AT / "photos"
some_people(FACES / "lfw10", PHOTOS, people=3, photos=6, rename="STU{number:03d}_{name}")
W = ("--workspace", AT / "w")
DEBIAN = "/usr/bin/python3"  # with scikit-learn, onnx, h5py
PEERS = os.environ.get("ESPY_KERAS_PYTHON", "python3")  # with Keras, ONNX Runtime


def python(modules, program, python=DEBIAN):
    """Runs a program where the modules are; says so where they are not."""
    for backend in (None, "jax", "torch", "numpy"):  # what Keras computes with
        env = dict(os.environ, **({"KERAS_BACKEND": backend} if backend else {}))
        if subprocess.run([python, "-c", f"import {modules}"], env=env, capture_output=True, check=False).returncode == 0:
            break
    else:
        print(f"{python} has no {modules}: left out")
        return
    done = subprocess.run([python, "-W", "ignore", "-c", program], cwd=AT, env=env, capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout, end="")


def train(head):
    return Run("train", PHOTOS, "--encoder", "mobilefacenet", "--head", head, *W, "--json")


def trained_once_per_head():
    for number, head in enumerate(("svm", "logistic", "knn"), 1):
        assert train(head).expect(0).json[-1]["version"] == number


def arrays():
    said = Run("export", AT / "arrays", "--format", "npy", *W, "--json").expect(0).json[-1]
    assert said == {"path": str(AT / "arrays"), "format": "npy", "collection": "faces", "version": 3,
                    "head": "knn", "labels": 3}, said
    assert sorted(p.name for p in (AT / "arrays").iterdir()) == ["X.npy", "label_encoder_classes.npy", "y.npy"]
    python("numpy", "import numpy as np\n"
           "x, y, c = (np.load('arrays/' + n) for n in ('X.npy', 'y.npy', 'label_encoder_classes.npy'))\n"
           "assert x.shape == (14, 128), x.shape  # four of 18 were held out\n"
           "assert x.dtype == 'f4' and abs((x * x).sum(1) - 1).max() < 1e-5, x\n"
           "assert y.dtype == 'i8' and y.tolist() == sorted(y) and set(y) == {0, 1, 2}, y\n"
           "assert list(c) == ['STU001', 'STU002', 'STU003'], c\n")


def scikit_learn():
    for number, name in ((1, "svm"), (2, "logistic")):
        Run("export", AT / f"{name}.pkl", "--version", number, *W).expect(0, f"version {number} of")
        python("sklearn", "import pickle, numpy as np\n"
               f"m = pickle.load(open('{name}.pkl', 'rb'))\n"
               "x, y = np.load('arrays/X.npy'), np.load('arrays/y.npy')\n"
               "p = m['classifier'].predict_proba(m['scaler'].transform(x) if m['scaler'] else x)\n"
               "assert (p.argmax(1) == y).mean() > .8, p\n"
               "assert list(m['label_encoder'].classes_) == m['metadata']['classes']\n"
               "assert 0 < m['metadata']['threshold'] < 1 and m['metadata']['embedding_model'] == 'mobilefacenet'\n")


def onnx():
    for number, name in ((1, "svm"), (2, "logistic")):
        Run("export", AT / f"{name}.ONNX", "--version", number, *W).expect(0, "as onnx")
        python("onnx", "import json, onnx\n"
               f"m = onnx.load('{name}.ONNX')\n"
               "onnx.checker.check_model(m)\n"
               "said = {p.key: p.value for p in m.metadata_props}\n"
               "assert json.loads(said['labels']) == ['STU001', 'STU002', 'STU003']\n"
               f"assert said['head'] == '{name}' and said['encoder'] == 'mobilefacenet', said\n")
        python("onnxruntime", "import numpy as np, onnxruntime\n"
               f"s = onnxruntime.InferenceSession('{name}.ONNX', providers=['CPUExecutionProvider'])\n"
               "p, = s.run(None, {'embedding': np.load('arrays/X.npy')})\n"
               "assert (p.argmax(1) == np.load('arrays/y.npy')).mean() > .8, p\n", PEERS)


def keras():
    if train("mlp").code != 0:
        print("this build has no mlp head: left out")
        return
    Run("export", AT / "a.keras", *W).expect(0, "as keras")
    archive = zipfile.ZipFile(AT / "a.keras")
    notes = json.loads(archive.read("metadata.json"))["espy"]
    assert notes["labels"] == ["STU001", "STU002", "STU003"] and notes["encoder"] == "mobilefacenet", notes
    Run("export", AT / "again.keras", *W).expect(0)
    assert (AT / "a.keras").read_bytes() == (AT / "again.keras").read_bytes()
    Run("export", AT / "mlp.onnx", *W).expect(0, "as onnx")
    Run("export", AT / "mlp.pkl", *W).expect(1, "no form in scikit-learn")
    python("keras, onnxruntime", "import json, zipfile, keras, numpy as np, onnxruntime\n"
           "m = keras.saving.load_model('a.keras')\n"
           "n = json.loads(zipfile.ZipFile('a.keras').read('metadata.json'))['espy']\n"
           "x = np.load('arrays/X.npy')\n"
           "p = np.asarray(m(((x - n['mean']) / n['std']).astype('f4'), training=False))\n"
           "s = onnxruntime.InferenceSession('mlp.onnx', providers=['CPUExecutionProvider'])\n"
           "q, = s.run(None, {'embedding': x})\n"
           "print('Keras', keras.__version__, 'and ONNX Runtime differ by', abs(p - q).max())\n"
           "assert p.shape == (len(x), 3) and abs(p - q).max() < 1e-5\n"
           "assert (p.argmax(1) == np.load('arrays/y.npy')).mean() > .8, p\n", PEERS)


def what_does_not_fit_is_told():
    Run("export", AT / "x.keras", "--version", 1, *W).expect(1, "holds an mlp head, version 1 has svm")
    Run("export", AT / "x.onnx", "--version", 3, *W).expect(1, "knn head has no ONNX form")
    Run("export", AT / "x.pkl", "--version", 3, *W).expect(1, "knn head has no form in scikit-learn")
    Run("export", AT / "x.bin", *W).expect(2, "say --format")
    Run("export", AT / "x.bin", "--format", "joblib", *W).expect(2, "no format \"joblib\"")
    Run("export", AT / "x.onnx", "--version", 77, *W).expect(1)
    Run("export", AT / "x.onnx", "--workspace", AT / "none").expect(1)
    Run("export", AT / "absent" / "x.pkl", "--version", 1, *W).expect(1)
    assert not list(AT.glob("x.*")), "a file was left"


main([trained_once_per_head, arrays, scikit_learn, onnx, what_does_not_fit_is_told, keras])
