#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Tests models/convert without PyTorch: checkpoints are written here by hand in both containers.
yamnet.py is tested on the upstream file where ../shared has it.

    test_convert.py SOURCE_ROOT

Exit code 77 (skipped) where numpy or onnx is missing."""

import collections
import contextlib
import io
import json
import os
import pickle
import struct
import sys
import tempfile
import types
import unittest
import zipfile

try:
    import numpy as np
    import onnx
    import onnx.shape_inference
except ImportError as e:
    print(f"skipped: {e}; install python3-numpy python3-onnx", file=sys.stderr)
    sys.exit(77)

ROOT = sys.argv.pop(1) if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", "..", "..")
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(ROOT, "models", "convert"))

import face_api  # noqa: E402
import facenet  # noqa: E402
import tflite_file  # noqa: E402
import yamnet  # noqa: E402
from onnx_graph import ConversionError  # noqa: E402
from torch_file import LEGACY_MAGIC, LEGACY_PROTOCOL, read_state_dict  # noqa: E402

SHARED = os.environ.get("ESPY_SHARED", os.path.join(ROOT, "..", "shared"))
TFLITE = os.path.join(SHARED, "models", "yamnet.tflite")


def fake_torch():
    """Modules with the names that a checkpoint refers to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name in ("FloatStorage", "LongStorage"):
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2(*_):
        raise AssertionError("only its name is written")
    _rebuild_tensor_v2.__module__, _rebuild_tensor_v2.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    return {"torch": torch, "torch._utils": utils}


class Stored:
    def __init__(self, key, array):
        self.key, self.array = key, array


class View:
    """Pickles as a tensor: a view of a storage with strides in elements."""

    def __init__(self, stored, offset, size, stride):
        self.arguments = (stored, offset, size, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


class Writer(pickle.Pickler):
    def persistent_id(self, obj):
        if not isinstance(obj, Stored):
            return None
        torch = sys.modules["torch"]
        kind = torch.LongStorage if obj.array.dtype.kind == "i" else torch.FloatStorage
        return ("storage", kind, obj.key, "cpu", obj.array.size) + ((None,) if self.legacy else ())


def dump(obj, legacy):
    out = io.BytesIO()
    writer = Writer(out, 2)
    writer.legacy = legacy
    writer.dump(obj)
    return out.getvalue()


def checkpoint(state, stores, legacy):
    """Bytes of a checkpoint: state is a dict of View, stores the Stored that they look at."""
    before = {k: sys.modules.get(k) for k in ("torch", "torch._utils")}
    sys.modules.update(fake_torch())
    try:
        body = dump(collections.OrderedDict(state), legacy)
    finally:
        for key, module in before.items():
            if module is None:
                del sys.modules[key]
            else:
                sys.modules[key] = module
    out = io.BytesIO()
    if legacy:
        out.write(pickle.dumps(LEGACY_MAGIC, 2) + pickle.dumps(LEGACY_PROTOCOL, 2))
        out.write(pickle.dumps({"protocol_version": 1001, "little_endian": True}, 2) + body)
        out.write(pickle.dumps([s.key for s in stores], 2))
        for s in stores:
            out.write(struct.pack("<q", s.array.size) + s.array.tobytes())
    else:
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("model/data.pkl", body)
            for s in stores:
                archive.writestr(f"model/data/{s.key}", s.array.tobytes())
    return out.getvalue()


def plain(arrays, legacy):
    """A checkpoint of ordinary contiguous tensors."""
    state, stores = {}, []
    for i, (name, a) in enumerate(arrays.items()):
        stride, step = [], 1
        for n in reversed(a.shape):
            stride.insert(0, step)
            step *= n
        stores.append(Stored(str(i), np.ascontiguousarray(a)))
        state[name] = View(stores[-1], 0, a.shape, tuple(stride))
    return checkpoint(state, stores, legacy)


class Files(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, data, name="a.pt"):
        path = os.path.join(self.folder.name, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def refused(self, data, words=""):
        with self.assertRaisesRegex(ConversionError, words):
            read_state_dict(self.write(data))


class Checkpoints(Files):
    def test_round_trip(self):
        rng = np.random.default_rng(1)
        arrays = {"w": rng.standard_normal((4, 3, 2, 2)).astype(np.float32),
                  "n": np.array(7, np.int64), "empty": np.zeros((0, 5), np.float32)}
        for legacy in (True, False):
            got = read_state_dict(self.write(plain(arrays, legacy)))
            self.assertEqual(list(got), list(arrays))
            for name, a in arrays.items():
                self.assertEqual(got[name].shape, a.shape)
                self.assertTrue((got[name] == a).all())

    def test_views(self):
        store = Stored("s", np.arange(24, dtype=np.float32))
        state = {"transposed": View(store, 0, (6, 4), (1, 6)), "tail": View(store, 20, (4,), (1,)),
                 "repeated": View(store, 3, (5,), (0,))}
        for legacy in (True, False):
            got = read_state_dict(self.write(checkpoint(state, [store], legacy)))
            self.assertTrue((got["transposed"] == np.arange(24).reshape(4, 6).T).all())
            self.assertTrue((got["tail"] == [20, 21, 22, 23]).all())
            self.assertTrue((got["repeated"] == 3).all())

    def test_beyond_storage(self):
        store = Stored("s", np.arange(24, dtype=np.float32))
        for offset, size, stride in ((0, (25,), (1,)), (24, (1,), (1,)), (0, (2, 2), (23, 1)),
                                     (-1, (2,), (1,)), (0, (2,), (-1,)), (0, (2, 2), (1,)),
                                     (0, (1 << 40, 1 << 40), (1 << 40, 1)), (0, (2,), (1.5,))):
            for legacy in (True, False):
                self.refused(checkpoint({"a": View(store, offset, size, stride)}, [store], legacy))

    def test_nothing_runs(self):
        class Call:
            def __init__(self, function, *arguments):
                self.what = function, arguments

            def __reduce__(self):
                return self.what
        mark = os.path.join(self.folder.name, "ran")
        for call in (Call(os.system, f"touch {mark}"), Call(eval, f"open({mark!r}, 'w')"),
                     Call(getattr, "", "join"), Call(np.zeros, 1)):
            evil = pickle.dumps(call, 2)
            self.refused(evil, "refused|no PyTorch")
            self.refused(pickle.dumps(LEGACY_MAGIC, 2) + pickle.dumps(LEGACY_PROTOCOL, 2) + evil, "refused")
            out = io.BytesIO()
            with zipfile.ZipFile(out, "w") as archive:
                archive.writestr("m/data.pkl", evil)
            self.refused(out.getvalue(), "refused")
        self.assertFalse(os.path.exists(mark))

    def test_truncated_and_flipped(self):
        arrays = {"w": np.arange(6, dtype=np.float32), "v": np.ones((2, 2), np.float32)}
        for legacy in (True, False):
            data = plain(arrays, legacy)
            for n in range(len(data)):
                with self.assertRaises(ConversionError):
                    read_state_dict(self.write(data[:n]))
            for n in range(len(data)):
                flipped = bytearray(data)
                flipped[n] ^= 1 << (n % 8)
                with contextlib.suppress(ConversionError):  # nothing else may escape
                    read_state_dict(self.write(bytes(flipped)))

    def test_no_tensors(self):
        self.refused(b"", "no PyTorch checkpoint")
        self.refused(plain({}, False), "no tensors")
        with self.assertRaisesRegex(ConversionError, "cannot read"):
            read_state_dict(os.path.join(self.folder.name, "absent.pt"))


class Networks(Files):
    def run_main(self, module, *arguments):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = module.main([module.__name__ + ".py", *arguments])
        return code, out.getvalue(), err.getvalue()

    def random_state(self, want):
        """Random tensors of the shapes that a network asks for, learnt by asking it."""
        class Asked(facenet.State):
            def __init__(self):
                self.path, self.tensors, self.rng = "random", {}, np.random.default_rng(2)

            def get(self, name, *shape):
                self.tensors[name] = self.rng.uniform(0.5, 1.0, shape).astype(np.float32)
                return super().get(name, *shape)
        asked = Asked()
        want(asked)
        return asked.tensors

    def test_inception(self):
        state = self.random_state(lambda s: facenet.Inception(s).build())
        # The published network without its classifier: 23,482,624 weights; running means and
        # variances of batch normalisation are counted here, so twice as many of those.
        weights = sum(a.size for k, a in state.items() if "running" not in k)
        self.assertEqual(weights, 23482624)
        state["bn.num_batches_tracked"] = np.array(3, np.int64)
        digests = set()
        for legacy in (True, False):
            pt = self.write(plain(state, legacy))
            out = os.path.join(self.folder.name, "out.onnx")
            code, text, err = self.run_main(facenet, "embedder", pt, out)
            self.assertEqual((code, err), (0, ""))
            digests.add(text.split()[0])
        self.assertEqual(len(digests), 1)
        inferred = onnx.shape_inference.infer_shapes(onnx.load(out), strict_mode=True)
        shapes = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim]
                  for v in inferred.graph.value_info}
        sizes = [shapes[n.output[0]][1:] for n in inferred.graph.node if n.op_type == "Concat"]
        self.assertEqual(sizes[:5], [[96, 17, 17]] * 5)
        self.assertEqual(sizes[5:6], [[896, 8, 8]])
        self.assertEqual(sizes[16:17], [[1792, 3, 3]])

    def test_mtcnn(self):
        for name, form in facenet.MTCNN.items():
            state = self.random_state(lambda s, form=form: facenet.Cascade(s, form).build())
            self.write(plain(state, name != "rnet"), name + ".pt")
        code, text, err = self.run_main(facenet, "mtcnn", self.folder.name, self.folder.name)
        self.assertEqual((code, err, len(text.splitlines())), (0, "", 3))
        for name in facenet.MTCNN:
            onnx.shape_inference.infer_shapes(onnx.load(os.path.join(self.folder.name, name + ".onnx")),
                                              strict_mode=True)

    def test_errors_are_one_line(self):
        pt = self.write(plain({"conv1.weight": np.ones((1, 1), np.float32)}, False))
        for module, arguments in ((facenet, ("embedder", pt, "x.onnx")), (facenet, ("mtcnn", "absent", "x")),
                                  (face_api, (self.folder.name, self.folder.name)),
                                  (yamnet, ("absent.tflite", self.folder.name)), (yamnet, (pt, self.folder.name))):
            if arguments[0] == "mtcnn":
                arguments = ("mtcnn", "absent", self.folder.name)
            code, text, err = self.run_main(module, *arguments)
            self.assertEqual((code, text, err.count("\n")), (1, "", 1))
        for module in (facenet, face_api, yamnet):
            self.assertEqual(self.run_main(module)[0], 2)

    def test_wrong_weights_are_refused(self):
        os.mkdir(os.path.join(self.folder.name, "model"))
        for name in face_api.DIGESTS:
            self.write(b"[]", os.path.join("model", name))
        code, _, err = self.run_main(face_api, self.folder.name, self.folder.name)
        self.assertEqual(code, 1)
        self.assertIn("wrong SHA-256", err)


class Flat(Files):
    """A TensorFlow Lite file with one dense layer, written by hand."""

    @staticmethod
    def table(fields):
        """A FlatBuffers table with its vtable before it: (fields' bytes, places of its references)."""
        at, vtable, body, where = 4, [], b"", {}
        for i, value in enumerate(fields):
            if value is None:
                vtable.append(0)
                continue
            reference = not isinstance(value, bytes)
            data = bytes(4) if reference else value
            vtable.append(at)
            if reference:
                where[at] = value
            body += data
            at += len(data)
        head = struct.pack(f"<HH{len(vtable)}H", 4 + 2 * len(vtable), at, *vtable)
        return head, struct.pack("<i", len(head)) + body, where

    def build(self, root):
        """Tables are lists of fields, vectors of tables tuples, vectors of numbers arrays."""
        out = bytearray(8)
        out[4:8] = b"TFL3"

        def put(thing):
            if isinstance(thing, list):
                head, body, where = self.table(thing)
                at = len(out) + len(head)
                out.extend(head + body)
                for place, child in where.items():
                    struct.pack_into("<I", out, at + place, put(child) - at - place)
                return at
            at = len(out)
            if isinstance(thing, np.ndarray):
                out.extend(struct.pack("<I", thing.size) + thing.tobytes())
                return at
            out.extend(struct.pack("<I", len(thing)) + bytes(4 * len(thing)))
            for i, child in enumerate(thing):
                place = at + 4 + 4 * i
                struct.pack_into("<I", out, place, put(child) - place)
            return at
        struct.pack_into("<I", out, 0, put(root))
        return bytes(out)

    def example(self):
        integer = lambda n: struct.pack("<i", n)
        numbers = lambda *v: np.array(v, np.int32)
        name = lambda text: np.frombuffer(text.encode(), np.uint8)
        weights = np.arange(6, dtype=np.int8)
        quantised = [None, None, np.array([0.5], np.float32), np.array([0], np.int64)]
        tensors = ([numbers(1, 3), b"\0", integer(0), name("in")],
                   [numbers(2, 3), b"\x09", integer(1), name("weights"), quantised],
                   [numbers(1, 2), b"\0", integer(0), name("out")])
        graph = [tensors, numbers(0), numbers(2), ([integer(0), numbers(0, 1, -1), numbers(2)],)]
        return self.build([integer(3), ([b"\x09"],), (graph,), None, ([], [weights.view(np.uint8)])])

    def test_reads(self):
        (op,) = tflite_file.read_operators(self.example())
        self.assertEqual((op.code, op.inputs[2], op.options), (9, None, None))
        self.assertEqual([t.name for t in op.inputs[:2] + op.outputs], ["in", "weights", "out"])
        self.assertIsNone(op.inputs[0].values)
        self.assertEqual(op.inputs[1].values.tolist(), [[0, 1, 2], [3, 4, 5]])
        self.assertEqual(op.inputs[1].scale.tolist(), [0.5])

    def test_truncated_and_flipped(self):
        data = self.example()
        for n in range(len(data)):
            for damaged in (data[:n], data[:n] + bytes([data[n] ^ 0x81]) + data[n + 1:]):
                with contextlib.suppress(ConversionError):  # nothing else may escape
                    tflite_file.read_operators(damaged)
        with self.assertRaisesRegex(ConversionError, "no TensorFlow Lite"):
            tflite_file.read_operators(b"")

    @unittest.skipUnless(os.path.exists(TFLITE), "needs ../shared/models/yamnet.tflite")
    def test_yamnet(self):
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = yamnet.main(["yamnet.py", TFLITE, self.folder.name])
        self.assertEqual((code, err.getvalue()), (0, ""))
        made = dict(reversed(line.split()) for line in out.getvalue().splitlines())
        for pack, name in (("yamnet", "yamnet_patch_f32.onnx"), ("yamnet-int8", "yamnet_patch_dq8.onnx")):
            with open(os.path.join(ROOT, "models", "packs", pack, "pack.json")) as f:
                (entry,) = [e for e in json.load(f)["files"] if e["name"] == name]
            path = os.path.join(self.folder.name, name)
            self.assertEqual((made[name], os.path.getsize(path)), (entry["sha256"], entry["bytes"]))
            onnx.shape_inference.infer_shapes(onnx.load(path), strict_mode=True)


if __name__ == "__main__":
    unittest.main()
