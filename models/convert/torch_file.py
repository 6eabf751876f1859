# SPDX-License-Identifier: Apache-2.0
"""Reads the tensors of a PyTorch checkpoint without PyTorch and without running anything in it.

Both containers are understood: the plain one of releases before 1.6 (pickles, then storages one after
the other) and the zip archive since.  A checkpoint is a pickle; of the names a pickle can call only
those that describe tensors are honoured, by stand-ins of ours, and everything else is refused."""

import collections
import io
import pickle
import struct
import zipfile

import numpy as np

from onnx_graph import ConversionError

LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_PROTOCOL = 1001
STORAGES = {
    "FloatStorage": np.dtype("<f4"),
    "DoubleStorage": np.dtype("<f8"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}


class StorageType:
    """What stands for torch.FloatStorage and its like."""

    def __init__(self, dtype):
        self.dtype = dtype


class Storage:
    """A run of values that the pickle names; its bytes lie elsewhere in the file."""

    def __init__(self, key, dtype, count):
        self.key, self.dtype, self.count = key, dtype, count
        self.values = None


class Tensor:
    """A strided view of a storage, not yet cut out of it."""

    def __init__(self, storage, offset, size, stride):
        if not isinstance(storage, Storage):
            raise ConversionError("a tensor of the checkpoint has no storage")
        numbers = [offset, *size, *stride]
        if len(size) != len(stride) or any(not isinstance(n, int) or n < 0 for n in numbers):
            raise ConversionError("a tensor of the checkpoint has an impossible shape")
        last = offset + sum((n - 1) * s for n, s in zip(size, stride))
        if 0 not in size and last >= storage.count:
            raise ConversionError("a tensor of the checkpoint reaches beyond its storage")
        self.storage, self.offset, self.size, self.stride = storage, offset, size, stride

    def array(self):
        step = self.storage.dtype.itemsize
        if 0 in self.size:
            return np.zeros(self.size, self.storage.dtype)
        view = np.lib.stride_tricks.as_strided(
            self.storage.values[self.offset:], self.size, [step * s for s in self.stride])
        return view.copy()


def _rebuild_tensor(storage, offset, size, stride, *_):
    return Tensor(storage, offset, tuple(size), tuple(stride))


def _rebuild_parameter(data, *_):
    return data


class _Reader(pickle.Unpickler):
    def __init__(self, file, storages):
        super().__init__(file)
        self.storages = storages

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if module == "torch" and name in STORAGES:
            return StorageType(STORAGES[name])
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _rebuild_parameter
        raise ConversionError(f"the checkpoint wants to call {module}.{name}, which is refused; "
                              "save the model's state_dict() alone")

    def persistent_load(self, pid):
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise ConversionError("the checkpoint refers to something that is not a storage")
        _, kind, key, _, count = pid[:5]
        if not isinstance(kind, StorageType) or not isinstance(key, str):
            raise ConversionError("the checkpoint has a storage of an unknown type")
        if not isinstance(count, int) or count < 0:
            raise ConversionError("the checkpoint has a storage of impossible length")
        if len(pid) > 5 and pid[5] is not None:
            raise ConversionError("the checkpoint has a storage that is part of another; save it anew")
        if key not in self.storages:
            self.storages[key] = Storage(key, kind.dtype, count)
        return self.storages[key]


def _fill(storage, data):
    size = storage.count * storage.dtype.itemsize
    if len(data) < size:
        raise ConversionError(f"the checkpoint ends inside storage {storage.key}")
    storage.values = np.frombuffer(data[:size], storage.dtype)


def _read_zip(file):
    storages = {}
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        roots = [n[:-len("data.pkl")] for n in names if n.endswith("/data.pkl")]
        if len(roots) != 1:
            raise ConversionError("the archive is not a PyTorch checkpoint: it has no data.pkl")
        order = roots[0] + "byteorder"
        if order in names and archive.read(order) != b"little":
            raise ConversionError("the checkpoint was written on a big-endian machine")
        found = _Reader(io.BytesIO(archive.read(roots[0] + "data.pkl")), storages).load()
        for storage in storages.values():
            name = f"{roots[0]}data/{storage.key}"
            if name not in names:
                raise ConversionError(f"the checkpoint lacks storage {storage.key}")
            _fill(storage, archive.read(name))
    return found


def _read_legacy(file):
    storages = {}
    if _Reader(file, {}).load() != LEGACY_MAGIC or _Reader(file, {}).load() != LEGACY_PROTOCOL:
        raise ConversionError("not a PyTorch checkpoint")
    system = _Reader(file, {}).load()
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise ConversionError("the checkpoint was written on a big-endian machine")
    found = _Reader(file, storages).load()
    for key in _Reader(file, {}).load():
        head = file.read(8)
        if key not in storages or len(head) != 8:
            raise ConversionError("the checkpoint's list of storages is damaged")
        if struct.unpack("<q", head)[0] != storages[key].count:
            raise ConversionError(f"storage {key} of the checkpoint has two lengths")
        _fill(storages[key], file.read(storages[key].count * storages[key].dtype.itemsize))
    return found


def read_state_dict(path):
    """Name -> array, of a checkpoint that holds a state dict (or one under "state_dict")."""
    try:
        with open(path, "rb") as file:
            zipped = file.read(4) == b"PK\x03\x04"
            file.seek(0)
            found = _read_zip(file) if zipped else _read_legacy(file)
        if isinstance(found, dict) and isinstance(found.get("state_dict"), dict):
            found = found["state_dict"]
        tensors = found.items() if isinstance(found, dict) else ()
        state = {k: v.array() for k, v in tensors if isinstance(k, str) and isinstance(v, Tensor)}
    except ConversionError:
        raise
    except OSError as e:
        raise ConversionError(f"cannot read {path}: {e.strerror or e}")
    except Exception as e:  # a damaged pickle or archive can raise nearly anything
        raise ConversionError(f"{path} is damaged or no PyTorch checkpoint ({type(e).__name__})")
    if not state:
        raise ConversionError(f"{path} holds no tensors; save the model's state_dict()")
    return state
