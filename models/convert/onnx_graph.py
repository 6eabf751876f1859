# SPDX-License-Identifier: Apache-2.0
"""Builds an ONNX file node by node, for the converters beside this file.

Messages are filled field by field: what onnx.helper writes differs between releases, and a pack's
digest must not."""

import hashlib
import os

import numpy as np
import onnx
from onnx import TensorProto


class ConversionError(Exception):
    """One line for the user."""


def _dims(info, name, shape):
    info.name = name
    tensor = info.type.tensor_type
    tensor.elem_type = TensorProto.FLOAT
    for n in shape:
        dim = tensor.shape.dim.add()
        if isinstance(n, str):
            dim.dim_param = n
        else:
            dim.dim_value = n


class Graph:
    """Methods that add a node return the name of its (first) result."""

    def __init__(self, name, producer, doc="", opset=13, ir=7):
        self.model = onnx.ModelProto()
        self.model.ir_version = ir
        self.model.producer_name = producer
        if doc:
            self.model.doc_string = doc
        self.model.opset_import.add().version = opset
        self.graph = self.model.graph
        self.graph.name = name

    def input(self, name, shape):
        """A str in shape is a free dimension."""
        _dims(self.graph.input.add(), name, shape)
        return name

    def output(self, name, shape):
        _dims(self.graph.output.add(), name, shape)

    def constant(self, values, dtype=np.float32, name=None):
        a = np.ascontiguousarray(values, dtype=dtype)
        t = self.graph.initializer.add()
        t.name = name or f"c{len(self.graph.initializer) - 1}"
        t.data_type = {np.int64: TensorProto.INT64, np.int8: TensorProto.INT8}.get(dtype, TensorProto.FLOAT)
        # ascontiguousarray gives a scalar one dimension; the Clip bounds of opset 13 have none
        t.dims.extend(np.shape(values))
        t.raw_data = a.astype(a.dtype.newbyteorder("<")).tobytes()
        return t.name

    def add(self, op, inputs, output=None, name=None, **attributes):
        index = len(self.graph.node)
        node = self.graph.node.add()
        node.op_type = op
        node.name = name or f"{op}_{index}"
        node.input.extend(inputs)
        node.output.append(output or f"t{index}")
        for key in sorted(attributes):
            a = node.attribute.add()
            a.name = key
            value = attributes[key]
            if isinstance(value, float):
                a.type, a.f = onnx.AttributeProto.FLOAT, value
            elif isinstance(value, int):
                a.type, a.i = onnx.AttributeProto.INT, value
            else:
                a.type = onnx.AttributeProto.INTS
                a.ints.extend(value)
        return node.output[0]

    def conv(self, x, filters, bias, stride=1, pads=(0, 0, 0, 0), groups=1):
        """pads: top, left, bottom, right."""
        inputs = [x, self.constant(filters)]
        if bias is not None:
            inputs.append(self.constant(bias))
        return self.add("Conv", inputs, kernel_shape=list(filters.shape[2:]), strides=[stride, stride],
                        pads=list(pads), dilations=[1, 1], group=groups)

    def pool(self, op, x, kernel, stride, pads=(0, 0, 0, 0)):
        return self.add(op, [x], kernel_shape=[kernel, kernel], strides=[stride, stride], pads=list(pads))

    def relu6(self, x):
        return self.add("Clip", [x, self.constant(0.0), self.constant(6.0)])

    def reshape(self, x, shape, output=None):
        return self.add("Reshape", [x, self.constant(shape, np.int64)], output)

    def slice(self, x, axis, start, end):
        bounds = [self.constant([v], np.int64) for v in (start, end, axis)]
        return self.add("Slice", [x] + bounds)

    def save(self, path):
        """Writes the file, whole or not at all; returns its SHA-256."""
        onnx.checker.check_model(self.model)
        data = self.model.SerializeToString(deterministic=True)
        with open(path + ".part", "wb") as f:
            f.write(data)
        os.replace(path + ".part", path)
        return hashlib.sha256(data).hexdigest()
