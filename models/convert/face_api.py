#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts the networks of the npm package @vladmandic/face-api (MIT) to ONNX.

    face_api.py PACKAGE_DIR OUT_DIR

PACKAGE_DIR is the unpacked package; its weight files are checked by SHA-256 before anything is
made of them.  Needs numpy and onnx (Debian: python3-numpy, python3-onnx) and nothing else.  The
files are the same bytes with every version of either, so that pack.json can name their digests.

Networks (all NCHW float32, RGB, free batch dimension N, opset 13)

  ssd_mobilenetv1.onnx     input [N,3,512,512]  (p - 127.5) / 127.5
                           boxes [N,5118,4] ymin, xmin, ymax, xmax; scores [N,5118]
  tiny_face_detector.onnx  input [N,3,416,416]  (p - mean) / 255, mean 117.001, 114.697, 97.404
                           boxes [N,845,4], scores [N,845], as above
  face_landmark_68.onnx    input [N,3,112,112]  (p - mean) / 255, mean 122.782, 117.001, 104.298
                           points [N,136] x0, y0, x1, y1, ..., relative to the padded square
  face_recognition.onnx    input [N,3,150,150]  (p - mean) / 255, mean as for the landmarks
                           embedding [N,128], not normalised

p is a pixel value 0..255.  Boxes are decoded inside the networks and relative to the square input;
they may reach outside 0..1.  Scores are after the sigmoid.  What remains for the caller follows:
how the package gets from a picture to these inputs and from these outputs to faces, as its own
sources have it (version 1.7.15, tensors as input).  W x H is the picture.

Picture -> input of S x S
  1. Pad the shorter side with zeros (black pixels, before the mean is subtracted) to M x M, M =
     max(W, H), d = |W - H|.  Detectors pad at the right or bottom only.  Landmarks and recognition
     centre the picture: ceil(d / 2) zeros at the right or bottom, floor(d / 2) at the left or top.
  2. If M != S: bilinear, corners not aligned, no half-pixel offset.  Output i samples the source
     at f = i * M / S; i0 = floor(f), i1 = min(M - 1, ceil(f)), weight f - i0; top and bottom are
     interpolated along x first, then along y.  No smoothing when shrinking: most source pixels
     of a large picture take no part.  In float, not rounded to bytes.  The SSD feels a change of
     this: on the package's six pictures (shrunk 3.75 times) half-pixel centres move box edges by
     up to 1.6 times max(1.5 px, 2 % of the face), averaging over the source area by up to 2.4
     times; no face is lost either way.
  3. Mean and scale.

SSD boxes -> faces
  1. Candidates have score > 0.5 (strictly; the package's default minConfidence), best first.
  2. A candidate goes when its intersection over union with one already kept is > 0.5.  Areas are
     of the boxes as the network gives them.  At most 100 are kept.
  3. top = max(0, ymin), bottom = min(1, ymax), both times S / round(H * S / M); left, right the same
     with W.  These are relative to the picture: multiply by H and W.  A box is clipped to
     the padded square, so it may still end in the padding, beyond the picture.

Tiny detector -> faces: score > 0.5; suppression at > 0.4 on the same greedy rule; the same factors
  S / round(...), but no clipping at all.

Box -> landmarks
  1. Clip to the picture: x = max(x, 0), y = max(y, 0), width = min(right - x, W - x), height =
     min(bottom - y, H - y); then floor all four.  Cut that rectangle of w x h; a rectangle without
     area has no landmarks.
  2. Pad centred, resize to 112, run.
  3. s = 112 / max(w, h).  Point k in the cut-out, relative: ((x * 112 - px) / (w * s),
     (y * 112 - py) / (h * s)) with px = (h - w) * s / 2 when w < h, else 0; py = (w - h) * s / 2
     when h < w, else 0.  Here neither w * s nor the padding is rounded.
  4. In the picture: relative * (w, h) + (box x, box y), with x and y of the box of the detector,
     not floored.  Point k of the usual 68: jaw 0-16, brows 17-26, nose 27-35, the eye on the
     left of the picture 36-41, on its right 42-47, mouth 48-67 (corners 48 and 54).

Landmarks -> embedding (upright square, no rotation; the package's own "dlib" alignment)
  1. e1, e2, m: means of points 36-41, 42-47 and 48-67.  size = floor((|m - e1| + |m - e2|) / 2 /
     0.45); c = (e1 + e2 + m) / 3; x = floor(max(0, cx - 0.5 * size)), y = floor(max(0, cy - 0.43 *
     size)); width = min(size, w + x), height = min(size, h + y), w x h being the cut-out of the
     landmarks.
  2. Clip and floor as above, cut, pad centred, resize to 150, run.
  3. The package compares Euclidean distances between the outputs as they are (1.40 to 1.51 long on the samples) and
     takes 0.6 as the limit of "same person".
"""

import hashlib
import json
import os
import sys

import numpy as np

from onnx_graph import ConversionError, Graph

PACKAGE = "@vladmandic/face-api"
VERSION = "1.7.15"

# SHA-256 of the weights (.bin) and of the manifests that say how to read them, version 1.7.15.
DIGESTS = {
    "ssd_mobilenetv1_model.bin": "2835640602d53718aa6ae9a42896327eaa21beefed056c218d32ca7d79e1e2f8",
    "ssd_mobilenetv1_model-weights_manifest.json": "888f744dffbc84f5f060d1f8427d9742341943a2dfaaf9205d10029b7e7a2955",
    "tiny_face_detector_model.bin": "b7503ce7df31039b1c43316a9b865cab6a70dd748cc602d3fa28b551503c3871",
    "tiny_face_detector_model-weights_manifest.json": "5d1af4849ac48d5b985f4a9b16010c512353ddd6fcc63d50fd0bc9e9e64296e5",
    "face_landmark_68_model.bin": "4611ef65c87d836d03d684b30eec4d195d8b219fa1dd58fc58945831c6b9299b",
    "face_landmark_68_model-weights_manifest.json": "ca4886639f86e99b39fed0c155f81b63317225773bd9616716e887b0153389c9",
    "face_recognition_model.bin": "b413e420d6840b2775fba32008db6f3cddb07d485967fb42cfcf379c16a8c589",
    "face_recognition_model-weights_manifest.json": "cbaffa501b0b9275a12b63357a6843e7e30c054e1c9151e1a5f879b26e32986b",
}

BN_EPSILON = 0.0010000000474974513  # the package's constant: 0.001 as a float
LEAKY_SLOPE = 0.10000000149011612  # likewise 0.1
# Anchor sizes of the tiny detector in cells of its 13 x 13 grid: width, height.
TINY_ANCHORS = (
    (1.603231, 2.094468),
    (6.041143, 7.080126),
    (2.882459, 3.518061),
    (4.266906, 5.178857),
    (9.041765, 10.66308),
)
TINY_GRID = 13


def read_checked(directory, name):
    path = os.path.join(directory, "model", name)
    try:
        with open(path, "rb") as f:
            data = f.read()
    except OSError as e:
        raise ConversionError(f"cannot read {path}: {e.strerror}; is this {PACKAGE} {VERSION}?")
    if hashlib.sha256(data).hexdigest() != DIGESTS[name]:
        raise ConversionError(f"{path} is not the file of {PACKAGE} {VERSION}: wrong SHA-256")
    return data


class Weights:
    """The tensors of one TensorFlow.js weight file, dequantised to float32.

    A quantised tensor holds one byte per value v and means v * scale + min, computed in double
    and rounded once, as TensorFlow.js does."""

    def __init__(self, directory, model):
        groups = json.loads(read_checked(directory, model + "-weights_manifest.json"))
        data = read_checked(directory, model + ".bin")
        self.tensors = {}
        at = 0
        for entry in (w for group in groups for w in group["weights"]):
            count = 1
            for n in entry["shape"]:
                count *= n
            quantised = entry.get("quantization")
            if quantised:
                if quantised["dtype"] != "uint8":
                    raise ConversionError(f"{entry['name']}: unknown quantisation {quantised['dtype']}")
                raw = np.frombuffer(data, np.uint8, count, at).astype(np.float64)
                values = raw * quantised["scale"] + quantised["min"]
                at += count
            else:
                if entry["dtype"] != "float32":
                    raise ConversionError(f"{entry['name']}: unknown type {entry['dtype']}")
                values = np.frombuffer(data, "<f4", count, at)
                at += 4 * count
            self.tensors[entry["name"]] = values.astype(np.float32).reshape(entry["shape"])
        if at != len(data):
            raise ConversionError(f"{model}.bin has {len(data)} bytes, its manifest describes {at}")

    def __getitem__(self, name):
        return self.tensors[name]

    def conv(self, name):
        """Dense filters, height x width x in x out -> out x in x height x width."""
        return self[name].transpose(3, 2, 0, 1)

    def depthwise(self, name):
        """Depthwise filters, height x width x channel x 1 -> channel x 1 x height x width."""
        return self[name].transpose(2, 3, 0, 1)


def new_graph(name, size):
    g = Graph(name, "espy models/convert/face_api.py", f"{PACKAGE} {VERSION} (MIT), {name}")
    g.input("input", ("N", 3, size, size))
    return g


def same_pads(stride):
    """TensorFlow's SAME for a 3 x 3 window: one row and column more at the end for stride 2.

    Holds for even inputs, which all strided layers of these networks have."""
    return (1, 1, 1, 1) if stride == 1 else (0, 0, 1, 1)


def decode_boxes(g, centre, half, scores):
    """Centre and half size, both [N,n,2] (y, x), and scores [N,n,1] -> outputs boxes, scores."""
    g.add("Concat", [g.add("Sub", [centre, half]), g.add("Add", [centre, half])], "boxes", axis=2)
    g.reshape(scores, [0, -1], "scores")


def ssd_mobilenetv1(package):
    w = Weights(package, "ssd_mobilenetv1_model")
    g = new_graph("ssd_mobilenetv1", 512)

    def pointwise(x, prefix, stride=1):
        filters = w.conv(prefix + "/weights")
        pads = same_pads(stride) if filters.shape[2] == 3 else (0, 0, 0, 0)
        return g.relu6(g.conv(x, filters, w[prefix + "/convolution_bn_offset"], stride, pads))

    def depthwise(x, prefix, stride):
        # Batch normalisation y = (x - mean) * gamma / sqrt(var + eps) + beta goes into the filters.
        gain = w[prefix + "/BatchNorm/gamma"].astype(np.float64)
        gain = gain / np.sqrt(w[prefix + "/BatchNorm/moving_variance"].astype(np.float64) + BN_EPSILON)
        bias = w[prefix + "/BatchNorm/beta"] - w[prefix + "/BatchNorm/moving_mean"] * gain
        filters = w.depthwise(prefix + "/depthwise_weights") * gain[:, None, None, None]
        return g.relu6(g.conv(x, filters, bias, stride, same_pads(stride), filters.shape[0]))

    x = pointwise("input", "MobilenetV1/Conv2d_0_pointwise", 2)
    for i in range(1, 14):
        x = depthwise(x, f"MobilenetV1/Conv2d_{i}_depthwise", 2 if i in (2, 4, 6, 12) else 1)
        x = pointwise(x, f"MobilenetV1/Conv2d_{i}_pointwise")
        if i == 11:
            features = [x]
    features.append(x)
    for i in range(0, 8, 2):
        x = pointwise(x, f"Prediction/Conv2d_{i}_pointwise")
        x = pointwise(x, f"Prediction/Conv2d_{i + 1}_pointwise", 2)
        features.append(x)

    # One convolution per scale gives y, x, log height, log width and the logit of "face" of every
    # anchor.  The class head has three outputs per anchor; only the second one is used upstream.
    rows = []
    for i, feature in enumerate(features):
        prefix = f"Prediction/BoxPredictor_{i}/"
        box = w.conv(prefix + "BoxEncodingPredictor/weights")
        box_bias = w[prefix + "BoxEncodingPredictor/biases"]
        face = w.conv(prefix + "ClassPredictor/weights")[1::3]
        face_bias = w[prefix + "ClassPredictor/biases"][1::3]
        anchors = face.shape[0]
        filters = np.concatenate([box.reshape(anchors, 4, -1, 1, 1), face[:, None]], axis=1)
        bias = np.concatenate([box_bias.reshape(anchors, 4), face_bias[:, None]], axis=1)
        head = g.conv(feature, filters.reshape(anchors * 5, -1, 1, 1), bias.reshape(-1))
        head = g.add("Transpose", [head], perm=[0, 2, 3, 1])
        rows.append(g.reshape(head, [0, -1, 5]))
    x = g.add("Concat", rows, axis=1)

    # Priors are ymin, xmin, ymax, xmax: centre = t / 10 * size + prior centre, size = exp(t / 5) *
    # prior size.
    priors = w["Output/extra_dim"].astype(np.float64)[0]
    n = priors.shape[0]
    size = priors[:, 2:] - priors[:, :2]
    middle = priors[:, :2] + size / 2
    centre = g.add("Mul", [g.slice(x, 2, 0, 2), g.constant((size / 10)[None])])
    centre = g.add("Add", [centre, g.constant(middle[None])])
    half = g.add("Exp", [g.add("Mul", [g.slice(x, 2, 2, 4), g.constant(0.2)])])
    half = g.add("Mul", [half, g.constant((size / 2)[None])])
    decode_boxes(g, centre, half, g.add("Sigmoid", [g.slice(x, 2, 4, 5)]))
    g.output("boxes", ("N", n, 4))
    g.output("scores", ("N", n))
    return g


def tiny_face_detector(package):
    w = Weights(package, "tiny_face_detector_model")
    g = new_graph("tiny_face_detector", 416)

    def leaky(x):
        return g.add("LeakyRelu", [x], alpha=LEAKY_SLOPE)

    x = leaky(g.conv("input", w.conv("conv0/filters"), w["conv0/bias"]))
    # Sizes: 414, 207, 104 (207 is odd: one more column at the end), 52, 26, 13; the last pooling
    # has stride 1 and keeps 13.
    odd = {2}
    for i in range(1, 6):
        x = g.pool("MaxPool", x, 2, 2, (0, 0, 1, 1) if i in odd else (0, 0, 0, 0))
        filters = w.depthwise(f"conv{i}/depthwise_filter")
        x = g.conv(x, filters, None, 1, (1, 1, 1, 1), filters.shape[0])
        x = leaky(g.conv(x, w.conv(f"conv{i}/pointwise_filter"), w[f"conv{i}/bias"]))
    x = g.pool("MaxPool", x, 2, 1, (0, 0, 1, 1))

    # Per cell and anchor upstream has x, y, log width, log height, logit: turned to y, x here, so
    # that both detectors have the same outputs.
    order = np.arange(25).reshape(5, 5)[:, [1, 0, 3, 2, 4]].reshape(-1)
    x = g.conv(x, w.conv("conv8/filters")[order], w["conv8/bias"][order])
    x = g.reshape(g.add("Transpose", [x], perm=[0, 2, 3, 1]), [0, -1, 5])
    row, col, _ = np.meshgrid(np.arange(TINY_GRID), np.arange(TINY_GRID), np.arange(5), indexing="ij")
    cells = np.stack([row.reshape(-1), col.reshape(-1)], axis=1)
    anchors = np.array(TINY_ANCHORS)[:, ::-1] / TINY_GRID
    anchors = np.broadcast_to(anchors, (TINY_GRID * TINY_GRID, 5, 2)).reshape(-1, 2)
    n = anchors.shape[0]
    raw = g.add("Sigmoid", [x])
    centre = g.add("Add", [g.slice(raw, 2, 0, 2), g.constant(cells[None])])
    centre = g.add("Mul", [centre, g.constant(1.0 / TINY_GRID)])
    half = g.add("Mul", [g.add("Exp", [g.slice(x, 2, 2, 4)]), g.constant((anchors / 2)[None])])
    decode_boxes(g, centre, half, g.slice(raw, 2, 4, 5))
    g.output("boxes", ("N", n, 4))
    g.output("scores", ("N", n))
    return g


def face_landmark_68(package):
    w = Weights(package, "face_landmark_68_model")
    g = new_graph("face_landmark_68", 112)

    def separable(x, prefix, stride):
        filters = w.depthwise(prefix + "/depthwise_filter")
        x = g.conv(x, filters, None, stride, same_pads(stride), filters.shape[0])
        return g.conv(x, w.conv(prefix + "/pointwise_filter"), w[prefix + "/bias"])

    x = "input"
    for i in range(4):
        block = f"dense{i}/conv"
        if i == 0:
            x = g.conv(x, w.conv(block + "0/filters"), w[block + "0/bias"], 2, same_pads(2))
        else:
            x = separable(x, block + "0", 2)
        # Every further layer sees the rectified sum of all before it.
        total = x = g.add("Relu", [x])
        for k in range(1, 4):
            total = g.add("Add", [total, separable(x, block + str(k), 1)])
            x = g.add("Relu", [total])
    x = g.pool("AveragePool", x, 7, 2)
    x = g.add("Flatten", [x], axis=1)
    g.add("Gemm", [x, g.constant(w["fc/weights"].T), g.constant(w["fc/bias"])], "points", transB=1)
    g.output("points", ("N", 136))
    return g


def face_recognition(package):
    w = Weights(package, "face_recognition_model")
    g = new_graph("face_recognition", 150)

    def conv(x, prefix, stride=1, pad=1):
        # A convolution with bias, then a scale and a shift per channel: one convolution.
        gain = w[prefix + "/scale/weights"].astype(np.float64)
        filters = w.conv(prefix + "/conv/filters") * gain[:, None, None, None]
        bias = w[prefix + "/conv/bias"] * gain + w[prefix + "/scale/biases"]
        return g.conv(x, filters, bias, stride, (pad,) * 4)

    def residual(x, prefix):
        y = g.add("Relu", [conv(x, prefix + "/conv1")])
        y = conv(y, prefix + "/conv2")
        return g.add("Relu", [g.add("Add", [y, x])])

    def residual_down(x, prefix, grow, short):
        """grow: channels the shortcut lacks; short: the strided convolution (no padding) gives a
        row and a column less than the pooling."""
        y = g.add("Relu", [conv(x, prefix + "/conv1", 2, 0)])
        y = conv(y, prefix + "/conv2")
        if short:
            y = g.add("Pad", [y, g.constant([0, 0, 0, 0, 0, 0, 1, 1], np.int64)])
        x = g.pool("AveragePool", x, 2, 2)
        if grow:
            x = g.add("Pad", [x, g.constant([0, 0, 0, 0, 0, grow, 0, 0], np.int64)])
        return g.add("Relu", [g.add("Add", [y, x])])

    x = g.add("Relu", [conv("input", "conv32_down", 2, 0)])  # 72 x 72
    x = g.pool("MaxPool", x, 3, 2)  # 35 x 35
    for i in (1, 2, 3):
        x = residual(x, f"conv32_{i}")
    x = residual_down(x, "conv64_down", 32, False)  # 17 x 17
    for i in (1, 2, 3):
        x = residual(x, f"conv64_{i}")
    x = residual_down(x, "conv128_down", 64, False)  # 8 x 8
    for i in (1, 2):
        x = residual(x, f"conv128_{i}")
    x = residual_down(x, "conv256_down", 128, True)  # 4 x 4
    for i in (1, 2):
        x = residual(x, f"conv256_{i}")
    x = residual_down(x, "conv256_down_out", 0, True)  # 2 x 2
    x = g.add("Flatten", [g.add("GlobalAveragePool", [x])], axis=1)
    g.add("Gemm", [x, g.constant(w["fc"].T)], "embedding", transB=1)
    g.output("embedding", ("N", 128))
    return g


NETWORKS = (ssd_mobilenetv1, tiny_face_detector, face_landmark_68, face_recognition)


def main(argv):
    if len(argv) != 3:
        print("usage: face_api.py PACKAGE_DIR OUT_DIR", file=sys.stderr)
        return 2
    try:
        os.makedirs(argv[2], exist_ok=True)
        for build in NETWORKS:
            g = build(argv[1])
            name = g.graph.name + ".onnx"
            print(f"{g.save(os.path.join(argv[2], name))}  {name}")
    except (ConversionError, OSError) as e:
        print(f"face_api.py: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
