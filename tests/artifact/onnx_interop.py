# SPDX-License-Identifier: Apache-2.0
"""The other side of test_onnx.

    onnx_interop.py check DIR    onnx.checker finds nothing wrong with the models in DIR
    onnx_interop.py run DIR      ONNX Runtime answers as ours: NAME.onnx, NAME.x.npy, NAME.p.npy
"""
import glob
import json
import os
import sys

import numpy as np

TOLERANCE = 1e-5


def names(folder):
    found = sorted(os.path.splitext(p)[0] for p in glob.glob(os.path.join(folder, "*.onnx")))
    assert found, "no model"
    return found


def check(folder):
    import onnx
    for name in names(folder):
        model = onnx.load(name + ".onnx")
        onnx.checker.check_model(model, full_check=True)
        said = {p.key: p.value for p in model.metadata_props}
        p = np.load(name + ".p.npy")
        assert json.loads(said["labels"])[:2] == ["A0", "J\u00fcrgen"], said
        assert len(json.loads(said["labels"])) == p.shape[1]
        assert os.path.basename(name).startswith(said["head"]) and said["encoder"] == "yamnet", said
        print("%-14s %6d bytes: %s" % (os.path.basename(name), os.path.getsize(name + ".onnx"),
                                       " ".join(n.op_type for n in model.graph.node)))


def run(folder):
    import onnxruntime
    print("ONNX Runtime", onnxruntime.__version__)
    for name in names(folder):
        session = onnxruntime.InferenceSession(name + ".onnx", providers=["CPUExecutionProvider"])
        x, p = np.load(name + ".x.npy"), np.load(name + ".p.npy")
        got, = session.run(["probabilities"], {"embedding": x})
        worst = np.abs(got - p).max()
        print("%-14s worst difference %.2e" % (os.path.basename(name), worst))
        assert got.shape == p.shape and worst <= TOLERANCE, worst
        one, = session.run(None, {"embedding": x[:1]})
        assert np.abs(one - p[:1]).max() <= TOLERANCE


if __name__ == "__main__":
    {"check": check, "run": run}[sys.argv[1]](sys.argv[2])
