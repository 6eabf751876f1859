#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the converted face-api networks with the package's own JavaScript, tensor by tensor.

    check_face_api.py ONNX_DIR TENSORS_DIR

TENSORS_DIR comes from `tests/encode/face_api/make_golden.mjs --tensors`: one input per network and
what the package answered.  Needs numpy and onnxruntime (any machine with PyPI)."""

import os
import sys

import numpy as np
import onnxruntime

LIMIT = 1e-4
MEAN = np.array([122.782, 117.001, 104.298])
TINY_MEAN = np.array([117.001, 114.697, 97.404])
TINY_ANCHORS = np.array([[1.603231, 2.094468], [6.041143, 7.080126], [2.882459, 3.518061],
                         [4.266906, 5.178857], [9.041765, 10.66308]])


def tiny_from_grid(grid):
    """The package decodes the tiny detector's grid outside the network: the same, in double."""
    v = grid.astype(np.float64).reshape(13, 13, 5, 5)
    sigmoid = 1 / (1 + np.exp(-v))
    row, col = np.mgrid[0:13, 0:13]
    cx = (col[:, :, None] + sigmoid[..., 0]) / 13
    cy = (row[:, :, None] + sigmoid[..., 1]) / 13
    w = np.exp(v[..., 2]) * TINY_ANCHORS[:, 0] / 13
    h = np.exp(v[..., 3]) * TINY_ANCHORS[:, 1] / 13
    boxes = np.stack([cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2], axis=-1)
    return {"boxes": boxes.reshape(-1, 4), "scores": sigmoid[..., 4].reshape(-1)}


def main(onnx_dir, tensors_dir):
    worst = 0.0

    def read(name):
        return np.fromfile(os.path.join(tensors_dir, name + ".f32"), "<f4")

    cases = (
        ("ssd_mobilenetv1", 512, lambda p: p / 127.5 - 1, ("boxes", "scores")),
        ("tiny_face_detector", 416, lambda p: (p - TINY_MEAN) / 255, ("boxes", "scores")),
        ("face_landmark_68", 112, lambda p: (p - MEAN) / 255, ("points",)),
        ("face_recognition", 150, lambda p: (p - MEAN) / 255, ("embedding",)),
    )
    for name, size, normalise, ports in cases:
        session = onnxruntime.InferenceSession(os.path.join(onnx_dir, name + ".onnx"),
                                               providers=["CPUExecutionProvider"])
        pixels = read(name + ".input").reshape(size, size, 3)
        x = normalise(pixels.astype(np.float64)).astype(np.float32).transpose(2, 0, 1)[None]
        got = dict(zip(ports, session.run(list(ports), {"input": x})))
        if name == "tiny_face_detector":
            want = tiny_from_grid(read(name + ".grid"))
        else:
            want = {port: read(f"{name}.{port}") for port in ports}
        for port in ports:
            error = np.abs(got[port].reshape(-1) - want[port].reshape(-1)).max()
            size_of = np.abs(want[port]).max()
            print(f"{name}.{port}: {got[port].shape} max |difference| {error:.2e}, max |value| {size_of:.3g}")
            worst = max(worst, error)
        both = session.run(list(ports), {"input": np.concatenate([x, x[:, :, ::-1]])})
        alone = np.abs(both[0][0] - got[ports[0]][0]).max()
        print(f"{name}: batch of two, first row differs by {alone:.1e}")
        worst = max(worst, alone)
    print(f"worst {worst:.2e}, limit {LIMIT:g}")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: check_face_api.py ONNX_DIR TENSORS_DIR")
    sys.exit(main(sys.argv[1], sys.argv[2]))
