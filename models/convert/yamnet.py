#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts YAMNet (Apache-2.0) from TensorFlow Lite to ONNX.

    yamnet.py YAMNET.TFLITE OUT_DIR

The file is checked by SHA-256 before anything is made of it.  Needs numpy and onnx (Debian:
python3-numpy, python3-onnx) and nothing else.  Prints the SHA-256 and name of what it writes; the
files are the same bytes with every version of either.

  yamnet_patch_f32.onnx  weights as float32, opset 11
  yamnet_patch_dq8.onnx  weights as the 8-bit values that the file has, with DequantizeLinear, opset 13

Both: patch [N,1,96,64] log-mel spectrogram -> scores [N,521] after the sigmoid, embedding [N,1024].
The front end, which the file computes too (16 kHz, 25 ms frames every 10 ms, 64 bands of 125 to
7500 Hz, log(x + 0.001)), stays with espy.  A weight means (value - 0) * scale, a scale per filter, and
the first three layers with a depthwise or dense window are floats in the file already.  TensorFlow
Lite itself also rounds activations to 8 bits on the fly; these networks do not, so they differ from it
by 0.1 and more in single scores and equal the original float network in all but the weights' rounding."""

import hashlib
import os
import sys

import numpy as np

from onnx_graph import ConversionError, Graph
from tflite_file import read_operators

DIGEST = "687f226c147a2caab4706fbbab5e9cecb14b9a368264bf61108078b1fddf68f5"
CONV, DEPTHWISE, DENSE = 3, 4, 9  # numbers of TensorFlow Lite's operators
SAME, RELU = 0, 1                 # its padding and activation


def read_layers(path):
    """The convolutions and the dense layer, in order; what the front end multiplies lies before them."""
    try:
        with open(path, "rb") as f:
            data = f.read()
    except OSError as e:
        raise ConversionError(f"cannot read {path}: {e.strerror}")
    if hashlib.sha256(data).hexdigest() != DIGEST:
        raise ConversionError(f"{path} is not the yamnet.tflite that this converts: wrong SHA-256")
    layers = [o for o in read_operators(data) if o.code in (CONV, DEPTHWISE, DENSE)]
    return layers[[o.code for o in layers].index(CONV):]


class Network:
    def __init__(self, name, producer, quantised):
        self.g = Graph(name, producer, opset=13 if quantised else 11, ir=7 if quantised else 6)
        self.g.model.opset_import[0].domain = ""  # written out, as the files that the packs name have it
        self.quantised, self.layers = quantised, []
        self.g.input("patch", ("N", 1, 96, 64))
        self.g.output("scores", ("N", 521))
        self.g.output("embedding", ("N", 1024))

    def weight(self, tensor, name, order):
        """order: of the axes, for filters that lie otherwise in ONNX."""
        values, scale = tensor.values.transpose(order), tensor.scale
        if values.dtype != np.int8:
            return self.g.constant(values, name=name)
        if tensor.zero.any():
            raise ConversionError(f"{tensor.name} has a zero point")
        if not self.quantised:
            each = scale.reshape([-1] + [1] * (values.ndim - 1)) if scale.size > 1 else scale[0]
            return self.g.constant(values.astype(np.float32) * each, name=name)
        per_filter = scale.size > 1
        inputs = [self.g.constant(values, np.int8, name + "_i8"),
                  self.g.constant(scale if per_filter else scale[0], name=name + "_s"),
                  self.g.constant(np.zeros(scale.size if per_filter else (), np.int8), np.int8, name + "_z")]
        return self.g.add("DequantizeLinear", inputs, name, name + "_dq", **({"axis": 0} if per_filter else {}))

    def convolution(self, x, op):
        if op.options.number(0, "<b") != SAME:
            raise ConversionError(f"{op.outputs[0].name} has another padding than SAME")
        depthwise = op.code == DEPTHWISE
        stride = op.options.number(1, "<i", 1)
        if stride != op.options.number(2, "<i", 1) or op.options.number(4 if depthwise else 3, "<b") != RELU:
            raise ConversionError(f"{op.outputs[0].name} is no layer of YAMNet")
        # Depthwise filters are 1 x height x width x channel, others out x height x width x in.
        filters, bias = op.inputs[1], op.inputs[2]
        kernel = filters.shape[1:3]
        # The part of the name that the layer's own operator gave: TensorFlow joins many.
        name = op.outputs[0].name.split("yamnet_frames/")[1].replace("/", "_")
        pads = [0, 0, 1, 1] if stride == 2 else [kernel[0] // 2, kernel[1] // 2] * 2  # even inputs
        inputs = [x, self.weight(filters, name + "_w", (3, 0, 1, 2) if depthwise else (0, 3, 1, 2)),
                  self.g.constant(bias.values, name=name + "_b")]
        self.layers.append(("Conv", inputs, name, name,
                            dict(dilations=[1, 1], group=filters.shape[3] if depthwise else 1, kernel_shape=list(kernel),
                                 pads=pads, strides=[stride, stride])))
        self.layers.append(("Relu", [name], name + "_relu", name + "_relu", {}))
        return name + "_relu"

    def build(self, layers):
        """Weights first, then what uses them."""
        x = "patch"
        for op in layers[:-1]:
            x = self.convolution(x, op)
        dense = layers[-1]
        inputs = ["embedding", self.weight(dense.inputs[1], "dense_w", (0, 1)),
                  self.g.constant(dense.inputs[2].values, name="dense_b")]
        for kind, taken, made, name, attributes in self.layers:
            self.g.add(kind, taken, made, name, **attributes)
        self.g.add("GlobalAveragePool", [x], "gap", "gap")
        self.g.add("Flatten", ["gap"], "embedding", "flat", axis=1)
        self.g.add("Gemm", inputs, "logits", "dense", alpha=1.0, beta=1.0, transB=1)
        self.g.add("Sigmoid", ["logits"], "scores", "sig")
        return self.g


def main(argv):
    if len(argv) != 3:
        print("usage: yamnet.py YAMNET.TFLITE OUT_DIR", file=sys.stderr)
        return 2
    try:
        layers = read_layers(argv[1])
        os.makedirs(argv[2], exist_ok=True)
        for file, name, producer, quantised in (
                ("yamnet_patch_f32.onnx", "yamnet_patch", "yamnet.tflite dequantised", False),
                ("yamnet_patch_dq8.onnx", "yamnet_patch_dq8", "yamnet.tflite int8 weights", True)):
            digest = Network(name, producer, quantised).build(layers).save(os.path.join(argv[2], file))
            print(f"{digest}  {file}")
    except (ConversionError, OSError) as e:
        print(f"yamnet.py: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
