#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes data/ops.safetensors: small ONNX networks, random inputs, and the outputs of ONNX Runtime.

Each case NAME has the entries NAME.onnx (U8, the file), NAME.in0 ... and NAME.out0 ... (F32, flat)
and the metadata NAME = "in DIMS;... out DIMS;...".  Cases whose name starts with "bad." have only
the file and the metadata "CODE|part of the message"; ONNX Runtime does not see those.

Needs numpy, onnx and onnxruntime (1.31 was used).  Deterministic for one version of numpy.

usage: make_golden_ops.py [--out FILE]
"""
import argparse
import json
import pathlib
import struct

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

F, I64, I32, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.INT32, TensorProto.BOOL


class Net:
    """A network under construction.  Results of methods are value names."""

    def __init__(self, seed, opset=13):
        self.random = np.random.default_rng(seed)
        self.opset, self.nodes, self.weights, self.inputs, self.outputs = opset, [], [], [], []
        self.feeds, self.count = [], 0

    def name(self, kind):
        self.count += 1
        return f"{kind}{self.count}"

    def input(self, *dims, free=(), low=None):
        name = f"x{len(self.inputs)}"
        shape = [f"d{i}" if i in free else d for i, d in enumerate(dims)]
        self.inputs.append(helper.make_tensor_value_info(name, F, shape))
        data = self.random.standard_normal(dims).astype(np.float32)
        self.feeds.append(data if low is None else np.abs(data) + np.float32(low))
        return name

    def const(self, values, dtype=np.float32):
        name = self.name("c")
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def ints(self, *values):
        return self.const(values, np.int64)

    def weight(self, *dims, scale=1.0):
        return self.const(self.random.standard_normal(dims) * scale)

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [self.name(kind.lower()) for _ in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, name=self.name("node_"),
                                           **attributes))
        return names[0] if outputs == 1 else names

    def conv(self, x, o, c, k, group=1, bias=True, **attributes):
        kh, kw = k if isinstance(k, tuple) else (k, k)
        inputs = [x, self.weight(o, c // group, kh, kw, scale=(c // group * kh * kw) ** -0.5)]
        if bias:
            inputs.append(self.weight(o))
        return self.op("Conv", *inputs, kernel_shape=[kh, kw], group=group, **attributes)

    def norm(self, x, c, epsilon=1e-3):
        r = self.random
        return self.op("BatchNormalization", x, self.const(r.uniform(.5, 1.5, c)), self.weight(c),
                       self.weight(c), self.const(r.uniform(.5, 2, c)), epsilon=epsilon)

    def output(self, *names):
        self.outputs += [helper.make_tensor_value_info(n, F, None) for n in names]

    def model(self):
        graph = helper.make_graph(self.nodes, "g", self.inputs, self.outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)])
        model.ir_version = 6
        model.producer_name = ""
        return model


CASES = {}


def case(function):
    """Registers a function that fills a net; its default arguments may name opset and variants."""
    CASES[function.__name__] = function
    return function


# --- convolution and pooling ----------------------------------------------------------------------

@case
def conv_shapes(n, i):
    r = n.random
    group = int(r.choice([1, 1, 2, 4]))
    c, o = group * int(r.integers(1, 5)), group * int(r.integers(1, 5))
    k = (int(r.integers(1, 5)), int(r.integers(1, 5)))
    x = n.input(int(r.integers(1, 3)), c, int(r.integers(9, 16)), int(r.integers(9, 16)))
    n.output(n.conv(x, o, c, k, group=group, bias=bool(r.integers(2)),
                    strides=[int(v) for v in r.integers(1, 4, 2)],
                    dilations=[int(v) for v in r.integers(1, 3, 2)],
                    pads=[int(v) for v in r.integers(0, 3, 4)]))


@case
def conv_depthwise(n, i):
    x = n.input(1, 8, 11 + i, 10)
    n.output(n.op("Relu", n.conv(x, 8, 8, 3, group=8, pads=[1, 1, 1, 1], strides=[1 + i, 1 + i])))


@case
def conv_same(n, i):
    mode = ["SAME_UPPER", "SAME_LOWER", "VALID"][i % 3]
    x = n.input(1, 3, 10 + i, 13)
    n.output(n.op("Clip", n.conv(x, 6, 3, 3, auto_pad=mode, strides=[2, 2]), n.const(0.), n.const(6.)))


@case
def pool_max(n, i):
    x = n.input(2, 3, 11 + i, 14)
    n.output(n.op("MaxPool", x, kernel_shape=[3, 2 + i % 2], strides=[2, 2], ceil_mode=i % 2,
                  pads=[i % 3, 0, 1, i % 2]))


@case
def pool_average(n, i):
    x = n.input(1, 4, 12, 9 + i)
    n.output(n.op("AveragePool", x, kernel_shape=[3, 2], strides=[2, 1 + i % 2], ceil_mode=i // 2 % 2,
                  count_include_pad=i % 2, pads=[1, 0, 1, 1]))


@case
def pool_global(n, i):
    x = n.input(2, 5, 4, 6, free=(0,))
    n.output(n.op("GlobalAveragePool", x), n.op("GlobalMaxPool", x))


# --- products -------------------------------------------------------------------------------------

@case
def gemm_all(n, i):
    ta, tb = i & 1, i >> 1 & 1
    x = n.input(*((5, 3) if ta else (3, 5)))
    b = n.weight(*((4, 5) if tb else (5, 4)))
    c = [n.weight(4), n.weight(1, 4), n.weight(3, 4), n.weight(3, 1), n.const(.5)][i % 5]
    n.output(n.op("Gemm", x, b, c, transA=ta, transB=tb, alpha=[1., .5][i % 2], beta=[1., 2.][i // 3 % 2]))


@case
def matmul_ranks(n, i):
    a, b = [((2, 3, 4), (4, 5)), ((2, 1, 3, 4), (3, 4, 2)), ((4,), (4, 3)), ((2, 3, 4), (4,)),
            ((3, 4), (2, 4, 3)), ((4,), (4,))][i]
    y = n.op("MatMul", n.input(*a), n.input(*b))
    n.output(n.op("Unsqueeze", y, n.ints(0)))


@case
def matmul_bias(n, i):
    x = n.input(2, 7, 6, free=(0,))
    y = n.op("Add", n.weight(9), n.op("MatMul", x, n.weight(6, 9)))
    y = n.op("Mul", y, n.weight(9)) if i else n.op("Relu", y)
    n.output(n.op("Add", y, n.input(2, 7, 9, free=(0,))))


@case
def matmul_transposed(n, i):
    q, k = n.input(2, 3, 5, 4), n.input(2, 3, 6, 4)
    s = n.op("Softmax", n.op("MatMul", q, n.op("Transpose", k, perm=[0, 1, 3, 2])), axis=-1)
    n.output(n.op("Transpose", n.op("MatMul", s, k), perm=[0, 2, 1, 3]))


# --- element-wise ---------------------------------------------------------------------------------

@case
def unary(n, i):
    x = n.input(2, 3, 4)
    positive = n.input(2, 5, low=.1)
    names = ["Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSigmoid", "Elu", "Softplus", "Exp", "Abs",
             "Neg", "Erf", "Floor", "Ceil"]
    n.output(*[n.op(k, x) for k in names], n.op("LeakyRelu", x, alpha=.3), n.op("Elu", x, alpha=.5),
             n.op("HardSigmoid", x, alpha=.4, beta=.3),
             *[n.op(k, positive) for k in ["Log", "Sqrt", "Reciprocal"]])


@case
def unary_late(n, i):
    n.opset = 20
    x = n.input(3, 7)
    n.output(n.op("HardSwish", x), n.op("Gelu", x))


@case
def binary_broadcast(n, i):
    a, b = [((2, 3, 4), (4,)), ((2, 1, 4), (3, 1)), ((1,), (2, 2)), ((2, 3, 1, 2), (2, 3, 5, 1))][i]
    x, y = n.input(*a), n.input(*b, low=.5)
    n.output(*[n.op(k, x, y) for k in ["Add", "Sub", "Mul", "Div", "Min", "Max"]], n.op("Pow", y, x))


@case
def binary_numbers(n, i):
    x = n.input(2, 5, low=.5)
    c = n.const(1.7)
    n.output(*[n.op(k, x, c) for k in ["Add", "Sub", "Mul", "Div", "Pow", "Min", "Max"]],
             *[n.op(k, c, x) for k in ["Sub", "Div", "Mul"]], n.op("Pow", x, n.const(2.)),
             n.op("Pow", x, n.const([.5])), n.op("Add", x, n.const([[[1.]]])))


@case
def variadic(n, i):
    x, y, z = n.input(2, 3), n.input(3), n.input(2, 1)
    n.output(n.op("Sum", x, y, z), n.op("Max", x, y, z), n.op("Min", x))


@case
def prelu(n, i):
    x = n.input(2, 4, 3, 5)
    slope = [n.weight(4, 1, 1), n.const([.2]), n.weight(1, 4, 1, 1), n.weight(4, 3, 5)][i]
    y = n.conv(x, 4, 4, 3, pads=[1, 1, 1, 1])
    n.output(n.op("PRelu", y, slope), n.op("PRelu", x, slope))


@case
def prelu_product(n, i):
    x = n.input(3, 6, free=(0,))
    n.output(n.op("PRelu", n.op("Gemm", x, n.weight(6, 5), n.weight(5)), n.weight(5)))


@case
def clip_old(n, i):
    n.opset = 9
    x = n.input(3, 4)
    n.output(n.op("Clip", x, min=-.5, max=.5), n.op("Clip", x, min=0.))


# --- along axes -----------------------------------------------------------------------------------

@case
def reduce(n, i):
    x = n.input(2, 3, 4, 5)
    kinds = ["ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare"]
    axes = [[1], [2, 3], [-1], None][i]
    n.opset = 12
    more = {} if axes is None else {"axes": axes}
    n.output(*[n.op(k, x, keepdims=i % 2, **more) for k in kinds])


@case
def reduce_late(n, i):
    n.opset = 18
    x = n.input(2, 3, 4)
    n.output(n.op("ReduceMean", x, n.ints(1), keepdims=0), n.op("ReduceSum", x, noop_with_empty_axes=1),
             n.op("ReduceMax", x, n.ints(-1, 0)))


@case
def softmax(n, i):
    n.opset = [9, 11, 13, 13][i]
    x = n.input(2, 3, 4, 5)
    axis = [1, 2, 1, -1][i]
    n.output(n.op("Softmax", x, axis=axis), n.op("LogSoftmax", x, axis=axis))


@case
def layer_norm(n, i):
    x = n.input(2, 5, 8, free=(0,))
    mean = n.op("ReduceMean", x, axes=[-1])
    d = n.op("Sub", x, mean)
    square = n.op("Mul", d, d) if i == 1 else n.op("Pow", d, n.const(2.))
    var = n.op("ReduceMean", square, axes=[-1])
    y = n.op("Div", d, n.op("Sqrt", n.op("Add", var, n.const(1e-5))))
    if i < 2:
        y = n.op("Mul", y, n.weight(8) if i else n.weight(1, 8))
        y = n.op("Add", y, n.weight(8))
    n.output(n.op("MatMul", y, n.weight(8, 3)))


@case
def layer_norm_operator(n, i):
    n.opset = 17
    x = n.input(3, 6)
    more = [n.weight(6)] if i else []
    n.output(n.op("LayerNormalization", x, n.weight(6), *more, epsilon=1e-3))


@case
def l2_norm(n, i):
    x = n.input(3, 6, 4)
    if i == 0:
        y = n.op("LpNormalization", x, axis=1, p=2)
    else:
        norm = n.op("ReduceL2", x, axes=[i - 2 if i == 1 else 1], keepdims=1)
        norm = n.op("Clip", norm, n.const(1e-12), "") if i < 3 else n.op("Max", norm, n.const(1e-6))
        y = n.op("Div", x, n.op("Expand", norm, n.op("Shape", x)) if i < 3 else norm)
    n.output(y)


@case
def gelu(n, i):
    x = n.input(2, 9)
    y = n.op("Gemm", x, n.weight(9, 7), n.weight(7))
    part = n.op("Erf", n.op("Div", y, n.const(2 ** .5)) if i == 0 else n.op("Mul", y, n.const(.5 ** .5)))
    part = n.op("Add", part, n.const(1.))
    if i == 0:
        n.output(n.op("Mul", n.op("Mul", y, part), n.const(.5)))
    else:
        n.output(n.op("Mul", n.op("Mul", y, n.const(.5)), part))


@case
def swish(n, i):
    x = n.input(1, 4, 6, 6)
    y = n.conv(x, 4, 4, 1)
    if i == 0:
        y = n.op("Mul", y, n.op("Sigmoid", y))
    elif i == 1:
        y = n.op("Mul", n.op("HardSigmoid", y, alpha=1 / 6, beta=.5), y)
    else:
        c = n.op("Clip", n.op("Add", y, n.const(3.)), n.const(0.), n.const(6.))
        y = n.op("Div", n.op("Mul", y, c), n.const(6.))
    n.output(y)


# --- moving ---------------------------------------------------------------------------------------

@case
def moves(n, i):
    x = n.input(2, 3, 4, 5)
    n.output(n.op("Transpose", x), n.op("Transpose", x, perm=[0, 2, 3, 1]),
             n.op("Transpose", n.op("Transpose", x, perm=[1, 0, 2, 3]), perm=[1, 0, 2, 3]),
             n.op("Reshape", x, n.ints(0, -1, 5)), n.op("Flatten", x, axis=2), n.op("Flatten", x, axis=0),
             n.op("Squeeze", n.op("Unsqueeze", x, n.ints(0, 3)), n.ints(0)),
             n.op("Concat", x, n.op("Neg", x), x, axis=-2), n.op("Expand", x, n.ints(1, 1, 1, 1)),
             n.op("Gather", x, n.const([[0, 2], [-1, 1]], np.int64), axis=1),
             n.op("Gather", x, n.const(1, np.int64), axis=2),
             n.op("Reshape", n.op("Reshape", x, n.ints(6, 20)), n.ints(-1)))


@case
def slices(n, i):
    x = n.input(5, 6, 7)
    n.output(n.op("Slice", x, n.ints(1), n.ints(4)), n.op("Slice", x, n.ints(-3, 1), n.ints(100, -1), n.ints(2, 0)),
             n.op("Slice", x, n.ints(-1), n.ints(-1000), n.ints(1), n.ints(-2)),
             n.op("Slice", x, n.ints(0, 5), n.ints(7, 0), n.ints(2, 1), n.ints(3, -1)))


@case
def split(n, i):
    x = n.input(2, 7, 3)
    if i == 0:
        parts = n.op("Split", x, n.ints(2, 4, 1), axis=1, outputs=3)
    else:
        n.opset = 11
        parts = n.op("Split", x, axis=2, outputs=3) if i == 1 else \
            n.op("Split", x, axis=1, split=[3, 4], outputs=2)
    n.output(*parts)


@case
def pads(n, i):
    x = n.input(1, 2, 4, 5)
    mode = ["constant", "reflect", "edge"][i % 3]
    if i < 3:
        more = [n.const(.7)] if i == 0 else []
        n.output(n.op("Pad", x, n.ints(0, 0, 1, 2, 0, 0, 3, 1), *more, mode=mode))
    else:
        n.opset = 10
        n.output(n.op("Pad", x, pads=[0, 1, 0, 0, 0, 2, 0, 1], value=-1.))


@case
def resize(n, i):
    n.opset = 11 if i < 4 else 13
    x = n.input(1, 2, 5, 4)
    modes = [("nearest", "asymmetric", "floor"), ("nearest", "half_pixel", "round_prefer_floor"),
             ("linear", "half_pixel", "floor"), ("linear", "align_corners", "floor"),
             ("nearest", "asymmetric", "ceil"), ("linear", "asymmetric", "floor"),
             ("linear", "pytorch_half_pixel", "floor"), ("nearest", "half_pixel", "round_prefer_ceil")]
    mode, coord, rounding = modes[i]
    at = dict(mode=mode, coordinate_transformation_mode=coord, nearest_mode=rounding)
    roi = n.const(np.zeros(0))
    n.output(n.op("Resize", x, roi, n.const([1., 1., 2., 2.]), **at),
             n.op("Resize", x, roi, n.const([1., 1., 1.5, 2.5]), **at),
             n.op("Resize", x, roi, n.const(np.zeros(0)), n.ints(1, 2, 3, 7), **at))


@case
def resize_old(n, i):
    n.opset = 9 if i == 0 else 10
    x = n.input(1, 2, 3, 4)
    n.output(n.op("Upsample" if i == 0 else "Resize", x, n.const([1., 1., 2., 3.]), mode=["nearest", "nearest", "linear"][i]))


# --- shapes computed by the network ---------------------------------------------------------------

@case
def shapes(n, i):
    x = n.input(2, 3, 8, 6, free=(0, 2, 3))
    s = n.op("Shape", x)
    batch = n.op("Unsqueeze", n.op("Gather", s, n.const(0, np.int64)), n.ints(0))
    height = n.op("Gather", s, n.const(2, np.int64))
    half = n.op("Unsqueeze", n.op("Div", height, n.const(2, np.int64)), n.ints(0))
    a = n.op("Reshape", x, n.op("Concat", batch, n.ints(-1), axis=0))
    sizes = n.op("Concat", n.op("Slice", s, n.ints(0), n.ints(2)), n.op("Cast", half, to=I64), n.ints(9), axis=0)
    b = n.op("Resize", x, "", "", sizes, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    zeros = n.op("ConstantOfShape", s, value=helper.make_tensor("v", F, [1], [2.5]))
    want = n.op("Where", n.op("Equal", s, n.ints(2, 3, 8, 7)), s, n.ints(2, 3, 8, 6))
    ramp = n.op("Cast", n.op("Range", n.const(0, np.int64), n.op("Gather", s, n.const(3, np.int64)), n.const(1, np.int64)), to=F)
    total = n.op("Cast", n.op("Size", x), to=F)
    n.output(a, b, n.op("Add", x, zeros), n.op("Expand", n.op("Slice", x, n.ints(0), n.ints(1), n.ints(3)), want),
             n.op("Mul", x, ramp), n.op("Div", x, total),
             n.op("Reshape", x, n.op("Unsqueeze", n.op("ReduceProd", s, keepdims=0), n.ints(0))))


@case
def shapes_late(n, i):
    n.opset = 15
    x = n.input(2, 3, 4, 5, free=(0,))
    n.output(n.op("Reshape", x, n.op("Concat", n.op("Shape", x, start=-1), n.ints(-1),
                                     n.op("Shape", x, start=1, end=2), axis=0)),
             n.op("Dropout", x, "", n.const(False, np.bool_)))


@case
def dequantize(n, i):
    x = n.input(1, 4, 6, 6)
    r = n.random
    kind, low, high = [(np.int8, -127, 128), (np.uint8, 0, 256)][i]
    w = n.const(r.integers(low, high, (5, 4, 3, 3)), kind)
    zero = n.const(r.integers(0, 9, 5), kind)
    w = n.op("DequantizeLinear", w, n.const(r.uniform(.001, .01, 5)), zero, axis=0)
    fc = n.op("DequantizeLinear", n.const(r.integers(low, high, (5, 3)), kind), n.const(.02))
    y = n.op("GlobalAveragePool", n.op("Conv", x, w, n.weight(5)))
    n.output(n.op("MatMul", n.op("Flatten", y), fc))


# --- pieces of the networks espy is for ------------------------------------------------------------

@case
def piece_batch_norm(n, i):
    x = n.input(2, 6, 7, 7, free=(0,))
    y = n.norm(x, 6)                       # before a padded convolution: stays
    y = n.norm(n.conv(y, 8, 6, 3, pads=[1, 1, 1, 1], bias=False), 8)
    y = n.op("PRelu", y, n.weight(8, 1, 1))
    y = n.norm(n.conv(y, 8, 8, 3, pads=[1, 1, 1, 1], strides=[2, 2], bias=bool(i)), 8)
    short = n.norm(n.conv(x, 8, 6, 1, strides=[2, 2], bias=False), 8)
    y = n.op("Add", y, short) if i else n.op("Add", short, y)
    y = n.op("Flatten", n.norm(y, 8))
    n.output(n.norm(n.op("Gemm", y, n.weight(5, 128, scale=.1), n.weight(5), transB=1), 5))


@case
def piece_inception(n, i):
    x = n.input(1, 8, 9, 9)

    def unit(v, o, c, k, **more):
        return n.op("Relu", n.norm(n.conv(v, o, c, k, bias=False, **more), o))
    a = unit(x, 4, 8, 1)
    b = unit(unit(x, 4, 8, 1), 6, 4, (1, 7), pads=[0, 3, 0, 3])
    up = n.conv(n.op("Concat", a, b, axis=1), 8, 10, 1)
    y = n.op("Add", n.op("Mul", up, n.const(.17)), x)
    y = n.op("Relu", y) if i == 0 else y
    m = n.op("Concat", unit(y, 5, 8, 3, strides=[2, 2]), n.op("MaxPool", y, kernel_shape=[3, 3], strides=[2, 2]), axis=1)
    g = n.op("Flatten", n.op("Dropout", n.op("GlobalAveragePool", m)))
    z = n.norm(n.op("MatMul", g, n.weight(13, 6)), 6)
    n.output(n.op("Div", z, n.op("ReduceL2", z, axes=[1], keepdims=1)))


@case
def piece_ssd(n, i):
    x = n.input(1, 3, 21, 21)

    def relu6(v):
        return n.op("Clip", v, n.const(0.), n.const(6.))
    y = relu6(n.norm(n.conv(x, 8, 3, 3, strides=[2, 2], pads=[0, 0, 1, 1], bias=False), 8))
    y = relu6(n.norm(n.conv(y, 8, 8, 3, group=8, pads=[1, 1, 1, 1], bias=False), 8))
    y = relu6(n.norm(n.conv(y, 12, 8, 1, bias=False), 12))
    z = relu6(n.conv(y, 12, 12, 3, auto_pad="SAME_UPPER", strides=[2, 2]))
    rows = []
    for v, c in ((y, 12), (z, 12)):
        t = n.op("Transpose", n.conv(v, 8, c, 1), perm=[0, 2, 3, 1])
        rows.append(n.op("Reshape", t, n.ints(1, -1, 4)))
    n.output(n.op("Sigmoid", n.op("Concat", *rows, axis=1)))


@case
def piece_dlib(n, i):
    x = n.input(1, 6, 10, 10)
    y = n.op("Relu", n.conv(x, 8, 6, 3, strides=[2, 2], pads=[0, 0, 1, 1]))
    y = n.conv(y, 8, 8, 3, pads=[1, 1, 1, 1])
    short = n.op("AveragePool", x, kernel_shape=[2, 2], strides=[2, 2])
    if i == 0:
        short = n.op("Pad", short, n.ints(0, 0, 0, 0, 0, 2, 0, 0))
    else:
        short = n.op("Concat", short, n.const(np.zeros((1, 2, 5, 5))), axis=1)
    n.output(n.op("Relu", n.op("Add", y, short)))


@case
def piece_residual(n, i):
    # the shortcut is made after the convolution, both are convolutions, the same value twice
    x = n.input(1, 4, 6, 6)
    a = n.conv(x, 4, 4, 3, pads=[1, 1, 1, 1])
    b = n.op("Sigmoid", n.conv(x, 4, 4, 1))
    y = n.op("Relu", n.op("Add", a, b) if i else n.op("Add", b, a))
    z = n.conv(y, 4, 4, 1)
    n.output(n.op("Add", z, z), n.op("Add", n.conv(y, 4, 4, 1), n.conv(y, 4, 4, 1)), x, y)


VARIANTS = {"conv_shapes": 12, "conv_depthwise": 2, "conv_same": 4, "pool_max": 4, "pool_average": 4,
            "gemm_all": 10, "matmul_ranks": 6, "matmul_bias": 2, "binary_broadcast": 4, "prelu": 4,
            "reduce": 4, "softmax": 4, "layer_norm": 3, "layer_norm_operator": 2, "l2_norm": 4, "gelu": 2,
            "swish": 3, "split": 3, "pads": 4, "resize": 8, "resize_old": 3, "dequantize": 2,
            "piece_batch_norm": 2, "piece_inception": 2, "piece_dlib": 2, "piece_residual": 2}


# --- files that must be refused ----------------------------------------------------------------------

def bad_cases():
    def simple(seed=1, **more):
        n = Net(seed, **more)
        return n, n.input(1, 2, 4, 4)

    n, x = simple()
    n.output(n.op("Einsum", x, equation="ijkl->ijkl"))
    yield "operator", "UNSUPPORTED|operator Einsum (domain \"ai.onnx\") of node \"node_2\"", n.model()
    n, x = simple()
    n.output(n.op("Gelu", x, domain="com.microsoft"))
    yield "domain", "UNSUPPORTED|domain \"com.microsoft\"", n.model()
    n, x = simple()
    n.output(n.op("Conv", x, "nowhere"))
    yield "undefined", "FORMAT|\"nowhere\"", n.model()
    n, x = simple()
    n.nodes.append(helper.make_node("Relu", [x], ["y"], name="a"))
    n.nodes.append(helper.make_node("Relu", [x], ["y"], name="b"))
    n.output("y")
    yield "twice", "FORMAT|\"y\" twice", n.model()
    n, x = simple(opset=6)
    n.output(n.op("Relu", x))
    yield "opset", "UNSUPPORTED|opset 6", n.model()
    n, x = simple()
    n.output(n.conv(x, 4, 4, 3))
    yield "channels", "FORMAT|do not fit the input", n.model()
    n, x = simple()
    n.output(n.conv(x, 4, 2, 7))
    yield "kernel", "FORMAT|kernel is larger", n.model()
    n, x = simple()
    n.output(n.op("Add", x, n.weight(3)))
    yield "broadcast", "FORMAT|do not fit together", n.model()
    n, x = simple()
    n.output(n.op("Reshape", x, n.ints(5, -1)))
    yield "reshape", "FORMAT|does not divide", n.model()
    n, x = simple()
    n.output(n.op("Expand", x, n.ints(1 << 20, 2, 1 << 20, 1 << 20)))
    yield "huge", "FORMAT|", n.model()
    n, x = simple()
    y = n.op("ConstantOfShape", n.ints(1 << 14, 1 << 14))
    n.output(n.op("Add", x, y))
    yield "bomb", "LIMIT|too large", n.model()
    n, x = simple()
    n.output(n.op("Max", x, "", x))
    yield "gap", "FORMAT|lacks an input", n.model()
    n, x = simple()
    n.output(n.op("Dropout", x, "", n.const(True, np.bool_)))
    yield "training", "UNSUPPORTED|export for inference", n.model()
    n, x = simple()
    y = n.op("ConstantOfShape", n.ints(1, 1, 2048, 2048))
    n.output(n.op("Add", n.op("Conv", y, n.weight(1, 1, 64, 64)), n.op("ReduceMean", x, keepdims=1)))
    yield "work", "LIMIT|too much work", n.model()
    n, x = simple()
    n.output(n.op("Reshape", x, n.op("Cast", n.op("Flatten", x), to=I64)))
    yield "dynamic", "UNSUPPORTED|", n.model()
    n, x = simple()
    n.output(n.op("Relu", x))
    model = n.model()
    t = model.graph.initializer.add()
    t.name, t.data_type, t.data_location = "w", F, TensorProto.EXTERNAL
    t.dims.append(4)
    e = t.external_data.add()
    e.key, e.value = "location", "weights.bin"
    yield "external", "UNSUPPORTED|in another file", model
    n, x = simple()
    n.output(n.op("Add", x, n.weight(4)))
    model = n.model()
    model.graph.initializer[0].dims[0] = 40
    yield "short", "FORMAT|not as many numbers", model
    n, x = simple()
    inner = helper.make_graph([helper.make_node("Relu", ["x0"], ["r"])], "inner", [],
                              [helper.make_tensor_value_info("r", F, None)])
    c = n.const(True, np.bool_)
    n.output(n.op("If", c, then_branch=inner, else_branch=inner))
    yield "subgraph", "UNSUPPORTED|operator If", n.model()
    model = onnx.ModelProto()
    model.ir_version = 6
    yield "empty", "FORMAT|holds no graph", model
    deep = helper.make_graph([], "g", [], [])
    for _ in range(20):
        deep = helper.make_graph([helper.make_node("If", ["c"], ["y"], then_branch=deep)], "g", [], [])
    yield "deep", "FORMAT|damaged", helper.make_model(deep, opset_imports=[helper.make_opsetid("", 13)])


def pack(entries, metadata):
    """The container: data without gaps, so bytes come last."""
    entries = sorted(entries, key=lambda e: e[1].dtype.name != "float32")
    header, data = {"__metadata__": metadata}, b""
    for name, array in entries:
        raw = array.tobytes()
        header[name] = {"dtype": "F32" if array.dtype == np.float32 else "U8", "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def dims_text(arrays):
    return ";".join(",".join(str(d) for d in a.shape) for a in arrays)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default=str(pathlib.Path(__file__).parent / "data" / "ops.safetensors"))
    args = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    entries, metadata = [], {}
    for number, (name, fill) in enumerate(CASES.items()):
        for i in range(VARIANTS.get(name, 1)):
            net = Net(1000 * number + i)
            fill(net, i)
            raw = net.model().SerializeToString()
            session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
            feeds = {v.name: a for v, a in zip(net.inputs, net.feeds)}
            outputs = [np.ascontiguousarray(o, np.float32) for o in session.run(None, feeds)]
            key = f"{name}.{i}"
            entries.append((key + ".onnx", np.frombuffer(raw, np.uint8)))
            entries += [(f"{key}.in{k}", a.ravel()) for k, a in enumerate(net.feeds)]
            entries += [(f"{key}.out{k}", a.ravel()) for k, a in enumerate(outputs)]
            metadata[key] = f"in {dims_text(net.feeds)} out {dims_text(outputs)}"
    for name, expected, model in bad_cases():
        entries.append((f"bad.{name}.onnx", np.frombuffer(model.SerializeToString(), np.uint8)))
        metadata["bad." + name] = expected
    pathlib.Path(args.out).write_bytes(pack(entries, metadata))
    print(f"{args.out}: {len(metadata)} cases, {pathlib.Path(args.out).stat().st_size} bytes")


if __name__ == "__main__":
    main()
