#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains the mlp head, reads its saved file and answers with numpy: probabilities within 1e-5.

usage: check_numpy.py HEAD_RUN

Exit code 77 where numpy is absent.
"""
import json
import os
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    other = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(other) and os.path.exists(other) \
            and "CHECK_NUMPY_AGAIN" not in os.environ:
        os.environ["CHECK_NUMPY_AGAIN"] = "1"
        os.execv(other, [other] + sys.argv)
    print("SKIP: no numpy to compare with (Debian: python3-numpy)")
    sys.exit(77)


def tensors(path):
    """The float arrays of a safetensors file."""
    raw = open(path, "rb").read()
    size = int.from_bytes(raw[:8], "little")
    out = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name != "__metadata__":
            first, last = entry["data_offsets"]
            kind = {"F32": np.float32, "F64": np.float64}[entry["dtype"]]
            out[name] = np.frombuffer(raw[8 + size + first:8 + size + last], kind).reshape(entry["shape"])
    return out


def answer(t, q):
    mean, deviation = t["mlp.normalisation"]
    x, layers = (q.astype(float) - mean) / deviation, len(t["mlp.dropout"])
    for i in range(layers):
        at = {k.rsplit(".", 1)[1]: v.astype(float) for k, v in t.items() if k.startswith(f"mlp.{i}.")}
        x = x @ at["weights"] + at["bias"]
        if i + 1 < layers:
            x = (np.maximum(x, 0) - at["mean"]) / np.sqrt(at["variance"] + 1e-3) * at["gamma"] + at["beta"]
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def main():
    failed = False
    for classes, each, dim, noise in ((4, 60, 1024, 2.0), (30, 12, 128, 1.0), (2, 300, 17, 3.0)):
        rng = np.random.default_rng(7)
        y = np.repeat(np.arange(classes), each)
        x = (rng.normal(size=(classes, dim))[y] + noise * rng.normal(size=(len(y), dim))) * 3 + 0.7
        x = x.astype(np.float32)
        with tempfile.TemporaryDirectory() as where:
            np.save(where + "/x.npy", x)
            np.save(where + "/y.npy", y.astype(np.int64))
            np.save(where + "/q.npy", x[::3])
            subprocess.run([sys.argv[1], "mlp", "2", "1", "0", "0", where], check=True,
                           stdout=subprocess.DEVNULL)
            p = np.fromfile(where + "/p.f32", np.float32).reshape(-1, classes)
            apart = np.abs(p - answer(tensors(where + "/head"), x[::3])).max()
        print(f"{classes} x {each} x {dim}: {apart:.1e} apart, {100 * (p.argmax(1) == y[::3]).mean():.0f} % right")
        failed |= not apart < 1e-5
    sys.exit(failed)


main()
