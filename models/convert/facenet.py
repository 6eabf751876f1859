#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Converts the networks of facenet-pytorch to ONNX, without PyTorch.

    facenet.py embedder WEIGHTS.pt OUT.onnx   InceptionResnetV1, 512-d (packs facenet)
    facenet.py mtcnn PT_DIR OUT_DIR           pnet.pt, rnet.pt, onet.pt (packs facenet,
                                              mobilefacenet-mtcnn)

The three MTCNN files are in the data/ folder of the PyPI package facenet-pytorch (MIT); the embedder's
weights (20180402-114759-vggface2.pt) are a release file of the same project.  Needs numpy and onnx
(Debian: python3-numpy, python3-onnx).

  embedder  input [N,3,160,160] RGB (p - 127.5) / 128 -> embedding [N,512], not normalised.
            Inception-ResNet v1 (Szegedy et al. 2016, "Inception-v4, Inception-ResNet and the Impact
            of Residual Connections on Learning") as facenet-pytorch builds it: batch normalisation
            (eps 0.001) goes into the convolutions, the factor of each residual block into its last
            one, the final normalisation into the linear layer.  Dropout and classifier are left out.
  mtcnn     input [N,3,H,W], [N,3,24,24], [N,3,48,48] RGB (p - 127.5) / 128 -> reg, prob and, from
            onet, landmarks.  The files equal, byte for byte, those that PyTorch 1.13 exports, so that
            a manifest's digest holds for either."""

import os
import sys

import numpy as np

from onnx_graph import ConversionError, Graph
from torch_file import read_state_dict

BN_EPSILON = 0.001
EMBEDDING = 512


class State:
    """Checked access to a state dict."""

    def __init__(self, path):
        self.path = path
        self.tensors = read_state_dict(path)

    def get(self, name, *shape):
        if name not in self.tensors:
            raise ConversionError(f"{self.path} has no {name}: not the network that is expected")
        a = self.tensors[name]
        if shape and a.shape != shape:
            raise ConversionError(f"{self.path}: {name} is {a.shape}, expected {shape}")
        if a.dtype.kind != "f":
            raise ConversionError(f"{self.path}: {name} holds no real numbers")
        return a.astype(np.float64)

    def normalisation(self, prefix, channels):
        """Batch normalisation as y = x * gain + shift."""
        weight, bias, mean, var = (self.get(f"{prefix}.{part}", channels)
                                   for part in ("weight", "bias", "running_mean", "running_var"))
        gain = weight / np.sqrt(var + BN_EPSILON)
        return gain, bias - mean * gain


class Inception:
    """Inception-ResNet v1, layer by layer under the names of the state dict."""

    def __init__(self, state):
        self.state = state
        self.g = Graph("InceptionResnetV1", "espy models/convert/facenet.py",
                       "facenet-pytorch InceptionResnetV1")

    def basic(self, x, name, c_in, c_out, kernel=1, stride=1, pad=0):
        """Convolution without bias, batch normalisation, ReLU; kernel and pad: number or (y, x)."""
        ky, kx = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        py, px = pad if isinstance(pad, tuple) else (pad, pad)
        filters = self.state.get(name + ".conv.weight", c_out, c_in, ky, kx)
        gain, shift = self.state.normalisation(name + ".bn", c_out)
        x = self.g.conv(x, filters * gain[:, None, None, None], shift, stride, (py, px, py, px))
        return self.g.add("Relu", [x])

    def chain(self, x, name, c_in, *layers):
        """Several basic() in a row: name.0, name.1, ...; layers are (c_out, kernel, stride, pad)."""
        for i, (c_out, kernel, stride, pad) in enumerate(layers):
            x = self.basic(x, f"{name}.{i}", c_in, c_out, kernel, stride, pad)
            c_in = c_out
        return x

    def join(self, x, name, branches, c_mid, c_out, scale, relu=True):
        """Residual block: branches side by side, 1 x 1 back to c_out, scaled, added to x."""
        y = self.g.add("Concat", branches, axis=1)
        filters = self.state.get(name + ".conv2d.weight", c_out, c_mid, 1, 1) * scale
        y = self.g.conv(y, filters, self.state.get(name + ".conv2d.bias", c_out) * scale)
        y = self.g.add("Add", [y, x])
        return self.g.add("Relu", [y]) if relu else y

    def block35(self, x, name):
        return self.join(x, name, [
            self.basic(x, name + ".branch0", 256, 32),
            self.chain(x, name + ".branch1", 256, (32, 1, 1, 0), (32, 3, 1, 1)),
            self.chain(x, name + ".branch2", 256, (32, 1, 1, 0), (32, 3, 1, 1), (32, 3, 1, 1)),
        ], 96, 256, 0.17)

    def block17(self, x, name):
        return self.join(x, name, [
            self.basic(x, name + ".branch0", 896, 128),
            self.chain(x, name + ".branch1", 896, (128, 1, 1, 0), (128, (1, 7), 1, (0, 3)),
                       (128, (7, 1), 1, (3, 0))),
        ], 256, 896, 0.10)

    def block8(self, x, name, scale, relu):
        return self.join(x, name, [
            self.basic(x, name + ".branch0", 1792, 192),
            self.chain(x, name + ".branch1", 1792, (192, 1, 1, 0), (192, (1, 3), 1, (0, 1)),
                       (192, (3, 1), 1, (1, 0))),
        ], 384, 1792, scale, relu)

    def mixed_6a(self, x, name):
        return self.g.add("Concat", [
            self.basic(x, name + ".branch0", 256, 384, 3, 2),
            self.chain(x, name + ".branch1", 256, (192, 1, 1, 0), (192, 3, 1, 1), (256, 3, 2, 0)),
            self.g.pool("MaxPool", x, 3, 2),
        ], axis=1)

    def mixed_7a(self, x, name):
        return self.g.add("Concat", [
            self.chain(x, name + ".branch0", 896, (256, 1, 1, 0), (384, 3, 2, 0)),
            self.chain(x, name + ".branch1", 896, (256, 1, 1, 0), (256, 3, 2, 0)),
            self.chain(x, name + ".branch2", 896, (256, 1, 1, 0), (256, 3, 1, 1), (256, 3, 2, 0)),
            self.g.pool("MaxPool", x, 3, 2),
        ], axis=1)

    def build(self):
        g = self.g
        x = g.input("input", ("N", 3, 160, 160))
        x = self.basic(x, "conv2d_1a", 3, 32, 3, 2)
        x = self.basic(x, "conv2d_2a", 32, 32, 3)
        x = self.basic(x, "conv2d_2b", 32, 64, 3, 1, 1)
        x = g.pool("MaxPool", x, 3, 2)
        x = self.basic(x, "conv2d_3b", 64, 80)
        x = self.basic(x, "conv2d_4a", 80, 192, 3)
        x = self.basic(x, "conv2d_4b", 192, 256, 3, 2)
        for i in range(5):
            x = self.block35(x, f"repeat_1.{i}")
        x = self.mixed_6a(x, "mixed_6a")
        for i in range(10):
            x = self.block17(x, f"repeat_2.{i}")
        x = self.mixed_7a(x, "mixed_7a")
        for i in range(5):
            x = self.block8(x, f"repeat_3.{i}", 0.20, True)
        x = self.block8(x, "block8", 1.0, False)
        x = g.add("Flatten", [g.add("GlobalAveragePool", [x])], axis=1)
        gain, shift = self.state.normalisation("last_bn", EMBEDDING)
        weight = self.state.get("last_linear.weight", EMBEDDING, 1792) * gain[:, None]
        g.add("Gemm", [x, g.constant(weight), g.constant(shift)], "embedding", transB=1)
        g.output("embedding", ("N", EMBEDDING))
        return g


# The three cascades of MTCNN (Zhang et al. 2016).  Convolutions: channels and kernel, then the
# pooling after it (kernel) if any.  Heads: layer, outputs, name of the output.
MTCNN = {
    "pnet": {
        "input": ("N", 3, "H", "W"),
        "convs": ((10, 3, 2), (16, 3, 0), (32, 3, 0)),
        "dense": None,
        "heads": (("conv4_2", 4, "reg"), ("conv4_1", 2, "prob")),
        "outputs": (("reg", ("N", 4, "h", "w")), ("prob", ("N", 2, "h", "w"))),
        "first_slope": 29,
    },
    "rnet": {
        "input": ("N", 3, 24, 24),
        "convs": ((28, 3, 3), (48, 3, 3), (64, 2, 0)),
        "dense": ("dense4", "prelu4", 128, 576),
        "heads": (("dense5_2", 4, "reg"), ("dense5_1", 2, "prob")),
        "outputs": (("reg", ("N", 4)), ("prob", ("N", 2))),
        "first_slope": 35,
    },
    "onet": {
        "input": ("N", 3, 48, 48),
        "convs": ((32, 3, 3), (64, 3, 3), (64, 3, 2), (128, 2, 0)),
        "dense": ("dense5", "prelu5", 256, 1152),
        "heads": (("dense6_2", 4, "reg"), ("dense6_3", 10, "landmarks"), ("dense6_1", 2, "prob")),
        "outputs": (("reg", ("N", 4)), ("landmarks", ("N", 10)), ("prob", ("N", 2))),
        "first_slope": 45,
    },
}


class Cascade:
    """One MTCNN network, under the names and in the order that PyTorch's exporter uses."""

    def __init__(self, state, form):
        self.state, self.form = state, form
        self.g = Graph("torch_jit", "pytorch", opset=11, ir=6)
        self.g.model.producer_version = "1.13.0"
        self.count = {}

    def call(self, op, layer, inputs, output=None, **attributes):
        """Node /layer/Op, or /Op, /Op_1, ... for what is no layer of the module."""
        if layer:
            name = f"/{layer}/{op}"
        else:
            k = self.count[op] = self.count.get(op, -1) + 1
            name = f"/{op}_{k}" if k else f"/{op}"
        return self.g.add(op, inputs, output or name + "_output_0", name, **attributes)

    def conv(self, x, layer, kernel, output=None):
        return self.call("Conv", layer, [x, layer + ".weight", layer + ".bias"], output, dilations=[1, 1],
                         group=1, kernel_shape=[kernel, kernel], pads=[0, 0, 0, 0], strides=[1, 1])

    def gemm(self, x, layer, output=None):
        return self.call("Gemm", layer, [x, layer + ".weight", layer + ".bias"], output, alpha=1.0,
                         beta=1.0, transB=1)

    def weights(self):
        """All initializers: layers in their order, then the slopes of the convolutions' PReLU."""
        c_in, slopes = 3, []
        for i, (c_out, kernel, _) in enumerate(self.form["convs"], 1):
            self.layer(f"conv{i}", c_out, c_in, kernel, kernel)
            slopes.append(self.state.get(f"prelu{i}.weight", c_out).reshape(c_out, 1, 1))
            c_in = c_out
        if self.form["dense"]:
            layer, slope, c_out, c_in = self.form["dense"]
            self.layer(layer, c_out, c_in)
            self.g.constant(self.state.get(slope + ".weight", c_out), name=slope + ".weight")
            c_in = c_out
        for layer, c_out, _ in sorted(self.form["heads"]):
            self.layer(layer, c_out, c_in, *(() if self.form["dense"] else (1, 1)))
        for i, slope in enumerate(slopes):
            self.g.constant(slope, name=f"onnx::PRelu_{self.form['first_slope'] + i}")

    def layer(self, name, *shape):
        self.g.constant(self.state.get(name + ".weight", *shape), name=name + ".weight")
        self.g.constant(self.state.get(name + ".bias", shape[0]), name=name + ".bias")

    def build(self):
        form = self.form
        x = self.g.input("input", form["input"])
        self.weights()
        for i, (_, kernel, pool) in enumerate(form["convs"], 1):
            x = self.conv(x, f"conv{i}", kernel)
            slope = f"onnx::PRelu_{form['first_slope'] + i - 1}"
            x = self.call("PRelu", f"prelu{i}", [x, slope])
            if pool:
                x = self.call("MaxPool", None, [x], ceil_mode=1, kernel_shape=[pool, pool],
                              pads=[0, 0, 0, 0], strides=[2, 2])
        if form["dense"]:
            # Width before height: the weights come from a column-major framework.
            layer, slope, _, _ = form["dense"]
            x = self.call("Transpose", None, [x], perm=[0, 3, 2, 1])
            x = self.call("Flatten", None, [x], axis=1)
            x = self.gemm(x, layer)
            x = self.call("PRelu", slope, [x, slope + ".weight"])
        for layer, _, output in form["heads"]:
            last = output == "prob"
            if form["dense"]:
                y = self.gemm(x, layer, None if last else output)
                if last:
                    self.call("Softmax", None, [y], output, axis=1)
            else:
                y = self.conv(x, layer, 1, None if last else output)
                if last:
                    y = self.call("Transpose", None, [y], perm=[0, 3, 2, 1])
                    y = self.call("Softmax", None, [y], axis=3)
                    self.call("Transpose", None, [y], output, perm=[0, 3, 2, 1])
        for name, shape in form["outputs"]:
            self.g.output(name, shape)
        return self.g


def main(argv):
    if len(argv) != 4 or argv[1] not in ("embedder", "mtcnn"):
        print("usage: facenet.py embedder WEIGHTS.pt OUT.onnx | facenet.py mtcnn PT_DIR OUT_DIR",
              file=sys.stderr)
        return 2
    try:
        if argv[1] == "embedder":
            print(f"{Inception(State(argv[2])).build().save(argv[3])}  {os.path.basename(argv[3])}")
            return 0
        os.makedirs(argv[3], exist_ok=True)
        for name, form in MTCNN.items():
            g = Cascade(State(os.path.join(argv[2], name + ".pt")), form).build()
            print(f"{g.save(os.path.join(argv[3], name + '.onnx'))}  {name}.onnx")
    except (ConversionError, OSError) as e:
        print(f"facenet.py: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
