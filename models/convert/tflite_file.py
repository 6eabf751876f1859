# SPDX-License-Identifier: Apache-2.0
"""Reads TensorFlow Lite files: the tensors and operators of the first subgraph.

A file is a FlatBuffer (google/flatbuffers) of the schema tensorflow/lite/schema/schema.fbs; only the
fields that the converters beside this file need are read.  Every offset is checked."""

import struct

import numpy as np

from onnx_graph import ConversionError

TYPES = {0: np.dtype("<f4"), 2: np.dtype("<i4"), 3: np.dtype("u1"), 9: np.dtype("i1"), 17: np.dtype("<i4")}


class Table:
    """A FlatBuffers table: field i lies where its vtable says, or is absent."""

    def __init__(self, data, at):
        self.data, self.at = data, at
        self.vtable = at - self.read("<i", at)
        self.fields = (self.read("<H", self.vtable) - 4) // 2

    def read(self, form, at):
        if at < 0 or at + struct.calcsize(form) > len(self.data):
            raise ConversionError("the TensorFlow Lite file is damaged: an offset leads out of it")
        return struct.unpack_from(form, self.data, at)[0]

    def place(self, i):
        offset = self.read("<H", self.vtable + 4 + 2 * i) if i < self.fields else 0
        return self.at + offset if offset else None

    def number(self, i, form, otherwise=0):
        at = self.place(i)
        return otherwise if at is None else self.read(form, at)

    def follow(self, at):
        return at + self.read("<I", at)

    def table(self, i):
        at = self.place(i)
        return None if at is None else Table(self.data, self.follow(at))

    def tables(self, i):
        at = self.place(i)
        if at is None:
            return []
        at = self.follow(at)
        count = self.read("<I", at)
        if count > len(self.data) // 4:
            raise ConversionError("the TensorFlow Lite file is damaged: a list is longer than it")
        return [Table(self.data, self.follow(at + 4 + 4 * k)) for k in range(count)]

    def array(self, i, dtype):
        """A vector of numbers; empty when absent."""
        dtype, at = np.dtype(dtype), self.place(i)
        if at is None:
            return np.zeros(0, dtype)
        at = self.follow(at)
        count = self.read("<I", at)
        if at + 4 + count * dtype.itemsize > len(self.data):
            raise ConversionError("the TensorFlow Lite file is damaged: a list is longer than it")
        return np.frombuffer(self.data, dtype, count, at + 4)

    def text(self, i):
        return self.array(i, "u1").tobytes().decode("utf-8", "replace")


class Tensor:
    """name; shape; values, None where the graph computes them; scale, zero, axis of what is quantised."""

    def __init__(self, table, buffers):
        self.name, self.shape = table.text(3), tuple(int(n) for n in table.array(0, "<i4"))
        kind, buffer = table.number(1, "<b"), table.number(2, "<I")
        raw = buffers[buffer].array(0, "u1") if buffer < len(buffers) else np.zeros(0, "u1")
        self.values = None
        if raw.size and kind in TYPES:
            if raw.size != TYPES[kind].itemsize * int(np.prod(self.shape, dtype=np.int64)):
                raise ConversionError(f"the TensorFlow Lite file is damaged: {self.name} has another size than its shape")
            self.values = raw.view(TYPES[kind]).reshape(self.shape)
        quantised = table.table(4)
        self.scale = quantised.array(2, "<f4") if quantised else np.zeros(0, "<f4")
        self.zero = quantised.array(3, "<i8") if quantised else np.zeros(0, "<i8")
        self.axis = quantised.number(6, "<i") if quantised else 0


class Operator:
    """code: the builtin operator's number; inputs, outputs: tensors; options: its table or None."""

    def __init__(self, table, codes, tensors):
        self.code = codes[table.number(0, "<I")]
        pick = lambda i: [tensors[k] if k >= 0 else None for k in table.array(i, "<i4")]
        self.inputs, self.outputs, self.options = pick(1), pick(2), table.table(4)


def read_operators(data):
    """The operators of a file's first subgraph, in order."""
    if len(data) < 8 or data[4:8] != b"TFL3":
        raise ConversionError("this is no TensorFlow Lite file")
    try:
        model = Table(data, struct.unpack_from("<I", data)[0])
        # The code moved from a byte to an int when there were more than 127; older files have the byte.
        codes = [max(c.number(0, "<b"), c.number(3, "<i")) for c in model.tables(1)]
        buffers, graph = model.tables(4), model.tables(2)[0]
        tensors = [Tensor(t, buffers) for t in graph.tables(0)]
        return [Operator(o, codes, tensors) for o in graph.tables(3)]
    except (IndexError, ValueError, struct.error):
        raise ConversionError("the TensorFlow Lite file is damaged")
