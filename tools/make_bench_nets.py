#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the two large face networks of the benchmark with random weights.

  iresnet50.onnx  IResNet-50 as ArcFace uses it: Deng et al. 2019, "ArcFace", section 3 (improved
                  residual unit of Han et al. 2017: BN-Conv-BN-PReLU-Conv-BN, stride in the second
                  convolution; head BN-FC-BN to 512 values), 112 x 112 input
  facenet.onnx    Inception-ResNet-v1 as FaceNet implementations use it: Szegedy et al. 2016,
                  "Inception-v4, Inception-ResNet and the impact of residual connections", figures
                  9-16 (scales 0.17, 0.10, 0.20), 512 values, 160 x 160 input

Speed does not depend on the values; they are drawn so that activations keep a variance near one
through the whole network, which lets outputs be compared between programs.  Needs numpy and onnx.

usage: make_bench_nets.py DIRECTORY [--seed N]
"""
import argparse
import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    """Collects nodes and initialisers; every method returns the name of its result."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.weights, self.count = [], [], 0

    def name(self, kind):
        self.count += 1
        return f"{kind}_{self.count}"

    def constant(self, values, kind="w"):
        name = self.name(kind)
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32), name))
        return name

    def node(self, op, inputs, **attributes):
        name = self.name(op.lower())
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def conv(self, x, c, o, kernel, stride=1, pad=(0, 0), bias=False, gain=2.0):
        kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        scale = np.sqrt(gain / (c * kh * kw))
        inputs = [x, self.constant(self.random.standard_normal((o, c, kh, kw)) * scale)]
        if bias:
            inputs.append(self.constant(self.random.standard_normal(o) * 0.05))
        return self.node("Conv", inputs, kernel_shape=[kh, kw], strides=[stride, stride],
                         pads=[pad[0], pad[1], pad[0], pad[1]])

    def norm(self, x, c, eps):
        r = self.random
        values = [r.uniform(0.9, 1.1, c), r.uniform(-0.1, 0.1, c), r.uniform(-0.1, 0.1, c),
                  r.uniform(0.9, 1.1, c)]
        return self.node("BatchNormalization", [x] + [self.constant(v) for v in values], epsilon=eps)

    def prelu(self, x, c):
        return self.node("PRelu", [x, self.constant(self.random.uniform(0.1, 0.3, (c, 1, 1)))])

    def dense(self, x, n, o, bias):
        w = self.random.standard_normal((o, n)) / np.sqrt(n)
        inputs = [x, self.constant(w)]
        if bias:
            inputs.append(self.constant(self.random.standard_normal(o) * 0.05))
        return self.node("Gemm", inputs, transB=1)

    def save(self, path, output, side, values):
        shape = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, path.stem, [shape("input", TensorProto.FLOAT, ["N", 3, side, side])],
            [shape(output, TensorProto.FLOAT, ["N", values])], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, str(path))
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB, {len(self.nodes)} nodes")


def iresnet50(path, seed):
    net, eps = Net(seed), 1e-5
    x = net.prelu(net.norm(net.conv("input", 3, 64, 3, pad=(1, 1)), 64, eps), 64)
    c = 64
    for o, blocks in ((64, 3), (128, 4), (256, 14), (512, 3)):
        for block in range(blocks):
            stride = 2 if block == 0 else 1
            y = net.conv(net.norm(x, c, eps), c, o, 3, pad=(1, 1))
            y = net.prelu(net.norm(y, o, eps), o)
            y = net.norm(net.conv(y, o, o, 3, stride, (1, 1), gain=0.2), o, eps)
            if stride != 1 or c != o:
                x = net.norm(net.conv(x, c, o, 1, stride, gain=1.0), o, eps)
            x, c = net.node("Add", [y, x]), o
    x = net.node("Flatten", [net.norm(x, c, eps)], axis=1)
    x = net.dense(x, 512 * 7 * 7, 512, bias=True)
    net.save(path, net.norm(x, 512, eps), 112, 512)


def facenet(path, seed):
    net, eps = Net(seed), 1e-3

    def unit(x, c, o, kernel, stride=1, pad=(0, 0)):
        return net.node("Relu", [net.norm(net.conv(x, c, o, kernel, stride, pad), o, eps)])

    def pool(x):
        return net.node("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2])

    def residual(x, branches, c, between, scale, relu=True):
        y = net.node("Concat", branches, axis=1) if len(branches) > 1 else branches[0]
        y = net.conv(y, between, c, 1, bias=True, gain=1.0)
        y = net.node("Mul", [y, net.constant(scale)])
        y = net.node("Add", [y, x])
        return net.node("Relu", [y]) if relu else y

    x = unit("input", 3, 32, 3, 2)
    x = unit(x, 32, 32, 3)
    x = pool(unit(x, 32, 64, 3, pad=(1, 1)))
    x = unit(x, 64, 80, 1)
    x = unit(x, 80, 192, 3)
    x = unit(x, 192, 256, 3, 2)
    for _ in range(5):  # Inception-ResNet-A
        a = unit(x, 256, 32, 1)
        b = unit(unit(x, 256, 32, 1), 32, 32, 3, pad=(1, 1))
        d = unit(unit(unit(x, 256, 32, 1), 32, 32, 3, pad=(1, 1)), 32, 32, 3, pad=(1, 1))
        x = residual(x, [a, b, d], 256, 96, 0.17)
    a = unit(x, 256, 384, 3, 2)  # Reduction-A
    b = unit(unit(unit(x, 256, 192, 1), 192, 192, 3, pad=(1, 1)), 192, 256, 3, 2)
    x = net.node("Concat", [a, b, pool(x)], axis=1)
    for _ in range(10):  # Inception-ResNet-B
        a = unit(x, 896, 128, 1)
        b = unit(unit(unit(x, 896, 128, 1), 128, 128, (1, 7), pad=(0, 3)), 128, 128, (7, 1), pad=(3, 0))
        x = residual(x, [a, b], 896, 256, 0.10)
    a = unit(unit(x, 896, 256, 1), 256, 384, 3, 2)  # Reduction-B
    b = unit(unit(x, 896, 256, 1), 256, 256, 3, 2)
    d = unit(unit(unit(x, 896, 256, 1), 256, 256, 3, pad=(1, 1)), 256, 256, 3, 2)
    x = net.node("Concat", [a, b, d, pool(x)], axis=1)
    for block in range(6):  # Inception-ResNet-C; the last one without scale and ReLU
        last = block == 5
        a = unit(x, 1792, 192, 1)
        b = unit(unit(unit(x, 1792, 192, 1), 192, 192, (1, 3), pad=(0, 1)), 192, 192, (3, 1), pad=(1, 0))
        x = residual(x, [a, b], 1792, 384, 1.0 if last else 0.20, relu=not last)
    x = net.node("Flatten", [net.node("GlobalAveragePool", [x])], axis=1)
    x = net.norm(net.dense(x, 1792, 512, bias=False), 512, eps)
    net.save(path, net.node("LpNormalization", [x], axis=1, p=2), 160, 512)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    iresnet50(options.directory / "iresnet50.onnx", options.seed)
    facenet(options.directory / "facenet.onnx", options.seed)


if __name__ == "__main__":
    main()
