# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the pickle, characters, npy, tensors, tar, zip, hdf5, keras, sound, csv, form, multipart and
token targets, the perceptrons and prototypes of the head target and the packs of sounds: python3 fuzz/seeds.py

Real pickles are made by the scikit-learn that runs this ("old" with numpy 1, "new" with numpy 2) from
random numbers with a fixed seed; the rest is made by hand.  Run it once with each."""
import builtins
import io
import json
import os
import pickle
import struct
import tarfile
import warnings
import zipfile

import h5py
import numpy as np
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import LabelEncoder, StandardScaler
from sklearn.svm import SVC

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")
TAG = "new" if np.__version__[0] == "2" else "old"


def write(path, content):
    path = os.path.join(ROOT, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(content)


class Call:
    """Pickles as a call of a function, which a reader that runs pickles would make."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def svc(**more):
    return SVC(kernel="linear", probability=True, random_state=42, **more)


def models():
    rng = np.random.default_rng(5)
    for classes, model, name in (
            (2, svc(), "svc2"), (3, svc(class_weight="balanced"), "svc3"),
            (3, OneVsRestClassifier(LogisticRegression(random_state=42)), "rest3"),
            (3, LogisticRegression(random_state=42), "soft3")):
        x = np.concatenate([rng.normal(size=(1, 3)) + .5 * rng.normal(size=(5, 3))
                            for _ in range(classes)])
        names = np.repeat(["A%d" % i for i in range(classes)], 5)
        encoder, scaler = LabelEncoder().fit(names), StandardScaler().fit(x)
        model.fit(scaler.transform(x), encoder.transform(names))
        whole = {"classifier": model, "scaler": scaler, "label_encoder": encoder,
                 "metadata": {"threshold": .7, "classes": list(map(str, encoder.classes_)),
                              "acc": np.float64(.5)},
                 "detector": "x"}
        for protocol in (0, 2, 5) if name == "svc2" else (4,):
            write("pickle/%s-%s-%d.pkl" % (name, TAG, protocol), pickle.dumps(whole, protocol))
        if name == "svc3":
            write("pickle/bare-%s.pkl" % TAG, pickle.dumps(svc().fit(x, names), protocol=4))


def characters():
    """As the described character system pickles them, and with what ours adds."""
    rng = np.random.default_rng(8)
    x = {name: rng.normal(size=(n, 3)).astype("f4") for name, n in (("Ann", 1), ("Bob", 2), ("J\u00fc", 4))}
    scaler = StandardScaler().fit(np.vstack(list(x.values())))
    model = {"scaler": scaler, "character_clusters": {}, "training_metrics": {"n_characters": 3},
             "n_characters": 3, "n_embeddings": 7}
    for name, v in x.items():
        z = scaler.transform(v)
        kmeans = KMeans(min(2, len(v)), random_state=42, n_init=10).fit(z) if len(v) > 1 else None
        centers = kmeans.cluster_centers_ if kmeans else z
        model["character_clusters"][name] = {"kmeans": kmeans, "cluster_centers": centers, "n_clusters": len(centers)}
    for protocol in (0, 2, 4, 5):
        write("characters/theirs-%s-%d.pkl" % (TAG, protocol), pickle.dumps(model, protocol))
    if TAG == "old":
        whole = dict(model, model_version="1.0", raw_embeddings=x, similarity_threshold=.6)
        write("characters/whole.pkl", pickle.dumps(whole, 4))
        write("characters/hostile-version.pkl", pickle.dumps(dict(whole, model_version="2.0"), 4))
        write("characters/hostile-name.pkl", pickle.dumps(dict(whole, character_clusters={
            "a\x1b[2J\n": model["character_clusters"]["Ann"]}), 4))
        write("characters/hostile-size.pkl", pickle.dumps(dict(whole, raw_embeddings={"Ann": np.zeros((2, 4))}), 4))
        write("characters/hostile-call.pkl", pickle.dumps(dict(whole, scaler=Call(os.system, "true")), 4))


def hostile_pickles():
    for name, content in (
            ("system", pickle.dumps(Call(os.system, "true"), protocol=4)),
            ("eval", pickle.dumps({"classifier": Call(builtins.eval, "1")}, protocol=0)),
            ("nest", b"\x80\x04" + b"(" * 50 + b"]" * 50 + b"."),
            ("double", b"\x80\x02]q\x00" + b"(h\x00h\x00h\x00h\x00e" * 40 + b"."),
            ("memo", b"\x80\x02Nr\xff\xff\xff\xff."),
            ("length", b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f."),
            ("self", b"\x80\x02}q\x00X\x08\x00\x00\x00metadatah\x00s"
                     b"X\x0a\x00\x00\x00classifierh\x00s.")):
        write("pickle/hostile-%s.pkl" % name, content)


def arrays():
    for name, array in (
            ("f4", np.arange(6, dtype="<f4").reshape(2, 3)), ("f8", np.arange(2.)),
            ("i8", np.arange(3)), ("i4", np.arange(3, dtype="<i4")),
            ("u1", np.arange(3, dtype="u1")), ("zero", np.zeros((0, 4), "<f4")),
            ("text", np.array(["STU001", "", "J\u00fcrgen \U0001f600"])),
            ("scalar", np.float32(1)),
            ("fortran", np.asfortranarray(np.arange(6, dtype="<f4").reshape(2, 3)))):
        f = io.BytesIO()
        np.save(f, array)
        write("npy/%s.npy" % name, f.getvalue())
    f = io.BytesIO()
    np.lib.format.write_array(f, np.arange(3, dtype="<f4"), version=(3, 0))
    write("npy/version3.npy", f.getvalue())
    huge = b"{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }" % (2**63 - 1, 2**63 - 1)
    huge = huge.ljust(117) + b"\n"
    write("npy/hostile-shape.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(huge)) + huge)
    empty = huge.replace(b"%d, %d" % (2**63 - 1, 2**63 - 1), b"2337203680, 2337203680, 0")
    empty = empty.strip().ljust(117) + b"\n"
    write("npy/huge-empty.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(empty)) + empty)
    write("npy/hostile-header.npy", b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**32 - 1) + huge)


def entry(dtype, shape, begin, end):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def tensors():
    for name, header, size in (
            ("two", {"__metadata__": {"head": "svm"}, "a": entry("F32", [2, 2], 0, 16),
                     "b": entry("I64", [1], 16, 24)}, 24),
            ("odd", {"u": entry("U8", [3], 0, 3), "d": entry("F64", [], 3, 11),
                     "z": entry("F32", [0, 7], 11, 11)}, 11),
            ("empty", {}, 0),
            ("hostile-overlap", {"u": entry("U8", [3], 0, 3), "v": entry("U8", [3], 1, 4)}, 4),
            ("hostile-shape", {"u": entry("F32", [2**62, 4], 0, 0)}, 0)):
        text = json.dumps(header).encode()
        write("tensors/%s.safetensors" % name,
              struct.pack("<Q", len(text)) + text + bytes(range(size)))
    write("tensors/hostile-length.safetensors", b"\xff" * 8 + b"{}")


def perceptrons():
    rng = np.random.default_rng(6)
    for name, widths, normalised in (("mlp", (2, 3, 2), True), ("mlp_plain", (2, 2, 3, 2), False),
                                     ("mlp_linear", (2, 2), True)):
        arrays = [("mlp.normalisation", np.array([.1, .5])),
                  ("mlp.dropout", np.array([.5] * (len(widths) - 2) + [0], "<f4"))]
        for i, (a, b) in enumerate(zip(widths, widths[1:])):
            arrays.append(("mlp.%d.weights" % i, rng.normal(size=(a, b)).astype("<f4")))
            for part in ("bias", "gamma", "beta", "mean", "variance"):
                if part == "bias" or (normalised and i + 2 < len(widths)):
                    arrays.append(("mlp.%d.%s" % (i, part), rng.uniform(size=b).astype("<f4")))
        header, data = {"__metadata__": {"format": "espy-head", "revision": "1", "head": "mlp"}}, b""
        for key, value in arrays:
            header[key] = entry({"f": "F32", "d": "F64"}[value.dtype.char], list(value.shape),
                                len(data), len(data) + value.nbytes)
            data += value.tobytes()
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        write("head/" + name, struct.pack("<Q", len(text)) + text + data)


def prototypes():
    for name, count in (("prototypes", [2, 1]), ("prototypes_hostile", [2, 2**62])):
        arrays = [("scaler.mean", "F64", np.array([.1, -.2])), ("scaler.scale", "F64", np.array([.5, 2.])),
                  ("scaler.n", "I64", np.array([3])),
                  ("prototypes.centers", "F32", np.array([[1, 0], [.5, .5], [-1, 1]], "<f4")),
                  ("prototypes.count", "I64", np.array(count)),
                  ("prototypes.temperature", "F64", np.array([.1]))]
        header, data = {"__metadata__": {"format": "espy-head", "revision": "1", "head": "prototypes"}}, b""
        for key, kind, value in arrays:
            header[key] = entry(kind, list(value.shape), len(data), len(data) + value.nbytes)
            data += value.tobytes()
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        write("head/" + name, struct.pack("<Q", len(text)) + text + data)


class Pipe(io.BytesIO):
    """Cannot seek, as when an archive is made on the fly: sizes come behind the contents."""

    def seekable(self):
        return False

    def tell(self):
        raise OSError

    def seek(self, *_):
        raise OSError


def archive(members, method=zipfile.ZIP_STORED, out=io.BytesIO):
    out = out()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, content in members:
            z.writestr(zipfile.ZipInfo(name), content, method)
    return out.getvalue()


def sizes(content, declared):
    """Declares another unpacked size, in both places."""
    for mark, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at += content.index(mark)
        content = content[:at] + struct.pack("<I", declared) + content[at + 4:]
    return content


def flags(content, bits):
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at += content.index(mark)
        content = content[:at] + struct.pack("<H", bits) + content[at + 2:]
    return content


def zips():
    both = [("a", b"one"), ("dir/b", b" ".join([b"two"] * 8))]
    write("zip/stored.zip", archive(both))
    write("zip/deflated.zip", archive(both, zipfile.ZIP_DEFLATED))
    write("zip/streamed.zip", archive(both, zipfile.ZIP_DEFLATED, Pipe))
    packed = archive([("a", b"a" * 5000)], zipfile.ZIP_DEFLATED)
    write("zip/hostile-bomb.zip", archive([("a", b"\0" * (1 << 22))], zipfile.ZIP_DEFLATED))
    write("zip/hostile-short.zip", sizes(packed, 100))
    write("zip/hostile-long.zip", sizes(archive([("a", b"one")], zipfile.ZIP_DEFLATED), 4000))
    write("zip/hostile-crc.zip", archive([("a", b"one")]).replace(b"one", b"two"))
    write("zip/encrypted.zip", flags(archive(both[:1]), 1))
    write("zip/no.zip", b"<html>no archive</html>")


def tape(members, **more):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        for name, content in members:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in more.items():
                setattr(info, key, value)
            t.addfile(info, io.BytesIO(content))
    return out.getvalue()


def tars():
    whole = tape([("store.json", b'{"format": 1}'), ("media/ab", bytes(range(256)) * 3), ("empty", b"")])
    write("tar/plain.tar", whole)
    write("tar/cut.tar", whole[:1300])
    write("tar/no-end.tar", whole[:2560])
    write("tar/hostile-path.tar", tape([("../../etc/passwd", b"x")]))
    write("tar/hostile-link.tar", tape([("a", b"")], type=tarfile.SYMTYPE, linkname="/etc/passwd"))
    write("tar/hostile-size.tar", whole.replace(b"%011o" % 768, b"7" * 11))
    write("tar/hostile-sum.tar", whole.replace(b"store", b"STORE", 1))
    write("tar/no.tar", b"<html>no archive</html>" * 40)


def hdf5(fill, **more):
    out = io.BytesIO()
    with h5py.File(out, "w", **more) as f:
        fill(f)
    return out.getvalue()


def hdf5_numbers(f):
    f["vars/0"] = np.arange(6, dtype="<f4").reshape(2, 3)
    f["vars/1"] = np.arange(3, dtype="<f8") / 4
    f["vars/2"] = np.int64(-5)
    f["vars/3"] = np.float32(0.5)
    f.create_dataset("vars/4", data=np.zeros((0, 4), "<f4"))
    f["vars"].attrs["name"] = "of the layer"
    f["vars/0"].attrs["dtype"] = "float32"
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.COMPACT)
    numbers = np.array([1.5, 2.5], "<f4")
    h5py.h5d.create(f.id, b"compact", h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple((2,)),
                    dcpl=properties).write(h5py.h5s.ALL, h5py.h5s.ALL, numbers)


def hdf5_deep_tree(f):
    f["0"] = np.array([7], "<f4")
    for i in range(300):
        f["%d" % (i + 1)] = f["0"]  # another name of the same


def hdf5_many_attributes(f):
    f["0"] = np.array([7], "<f4")
    for i in range(12):
        f["0"].attrs["number %d" % i] = np.arange(i)


def hdf5_unread(f):
    f["big"] = np.arange(3, dtype=">f4")
    f["half"] = np.arange(3, dtype="<f2")
    f["text"] = "text"
    f["rank5"] = np.zeros((1, 1, 1, 1, 1), "<f4")
    f.create_dataset("pieces", data=np.arange(64, dtype="<f4"), chunks=(8,), compression="gzip")
    f.create_dataset("outside", (2,), "<f4", external=[("/dev/null", 0, 8)])
    f.create_dataset("nothing", (2,), "<f4")
    f["soft"] = h5py.SoftLink("/big")


def hdf5s():
    write("hdf5/numbers.h5", hdf5(hdf5_numbers))
    write("hdf5/deep_tree.h5", hdf5(hdf5_deep_tree))
    write("hdf5/many_attributes.h5", hdf5(hdf5_many_attributes))
    write("hdf5/unread.h5", hdf5(hdf5_unread))
    write("hdf5/latest.h5", hdf5(hdf5_numbers, libver="latest"))
    write("hdf5/no.h5", b"\x89HDF\r\n\x1a\n")


def layer(kind, name, **config):
    return {"module": "keras.layers", "class_name": kind, "registered_name": None,
            "config": dict(config, name=name)}


def keras(name, layers, groups):
    """groups: name of the group to the shapes of its arrays.  As an archive and as its two parts."""
    rng = np.random.default_rng(3)

    def fill(f):
        for group, shapes in groups.items():
            for i, shape in enumerate(shapes):
                f["layers/%s/vars/%d" % (group, i)] = np.abs(rng.normal(size=shape)).astype("<f4")
        f["layers/dropout/vars/0"] = np.uint32([1, 2])  # state of its generator
        f.create_group("optimizer/vars")

    config = json.dumps({"module": "keras", "class_name": "Sequential",
                         "config": {"name": "sequential", "layers": layers}}).encode()
    weights = hdf5(fill)
    write("keras/%s.keras" % name, archive([
        ("metadata.json", b'{"keras_version": "3.0.0"}'), ("config.json", config),
        ("model.weights.h5", weights)]))
    write("keras/%s.parts" % name, config + b"\0" + weights)


def kerases():
    enter = layer("InputLayer", "in", batch_shape=[None, 2])
    leave = layer("Dense", "out", units=2, activation="softmax")
    last = [(3, 2), (2,)]
    keras("small", [enter, layer("Dense", "d", units=3, activation="relu"),
                    layer("BatchNormalization", "b", epsilon=1e-3, axis=-1),
                    layer("Dropout", "o", rate=.5), leave],
          {"dense": [(2, 3), (3,)], "batch_normalization": [(3,)] * 4, "dense_1": last})
    keras("before", [enter, layer("Dense", "d", units=3, use_bias=False),
                     layer("BatchNormalization", "b", epsilon=1e-2, axis=[1], center=False),
                     layer("Activation", "a", activation="relu"), leave],
          {"dense": [(2, 3)], "batch_normalization": [(3,)] * 3, "dense_1": last})
    keras("named", [layer("Dense", "d", units=3), layer("ReLU", "r", max_value=None),
                    layer("BatchNormalization", "b", epsilon=.1, scale=False), leave],
          {"d": [(2, 3), (3,)], "b": [(3,)] * 3, "out": last})
    keras("lambda", [enter, layer("Lambda", "l", function={"config": {"code": "4wEA"}}), leave],
          {"dense": [(2, 2), (2,)]})


def wav(rate, channels, bits, data, size=None, kind=1, magic=b"RIFF"):
    size = len(data) if size is None else size
    return (magic + struct.pack("<I", min(size + 36, 2**32 - 1)) + b"WAVEfmt " +
            struct.pack("<IHHIIHH", 16, kind, channels, rate, rate * channels * bits // 8 & 2**32 - 1,
                        channels * bits // 8 & 65535, bits) + b"data" + struct.pack("<I", size) + data)


def sounds():
    import soundfile
    t = np.arange(900) / 8000
    x = .5 * np.sin(2 * np.pi * 440 * t) + .05 * np.random.default_rng(3).normal(size=900)
    for name, kind, subtype, channels, rate in (
            ("u8", "WAV", "PCM_U8", 1, 8000), ("s16", "WAV", "PCM_16", 2, 8000), ("s24", "WAV", "PCM_24", 1, 8000),
            ("s32", "WAV", "PCM_32", 1, 8000), ("float", "WAV", "FLOAT", 1, 8000), ("double", "WAV", "DOUBLE", 1, 8000),
            ("ulaw", "WAV", "ULAW", 1, 8000), ("alaw", "WAV", "ALAW", 1, 8000), ("ima", "WAV", "IMA_ADPCM", 1, 8000),
            ("ms", "WAV", "MS_ADPCM", 2, 8000), ("gsm", "WAV", "GSM610", 1, 8000), ("g721", "WAV", "G721_32", 1, 8000),
            ("nms", "WAV", "NMS_ADPCM_24", 1, 8000), ("mpeg", "WAV", "MPEG_LAYER_III", 1, 8000),
            ("wavex", "WAVEX", "PCM_16", 6, 8000), ("rf64", "RF64", "PCM_16", 1, 8000),
            ("flac", "FLAC", "PCM_16", 1, 8000), ("flac24", "FLAC", "PCM_24", 2, 8000),
            ("vorbis", "OGG", "VORBIS", 1, 8000), ("opus", "OGG", "OPUS", 1, 8000),
            ("mp3", "MP3", "MPEG_LAYER_III", 1, 8000), ("aiff", "AIFF", "PCM_16", 1, 8000),
            ("aifc", "AIFF", "FLOAT", 1, 8000), ("aiff-ima", "AIFF", "IMA_ADPCM", 1, 8000),
            ("aiff-gsm", "AIFF", "GSM610", 1, 8000), ("aiff-dwvw", "AIFF", "DWVW_16", 1, 8000)):
        f = io.BytesIO()
        try:
            soundfile.write(f, np.repeat(x[:, None], channels, 1), rate, subtype, format=kind)
        except (soundfile.LibsndfileError, ValueError) as why:
            print("no seed for", name, why)
            continue
        write("sound/%s.%s" % (name, kind.lower()), f.getvalue())
    data = (x * 32767).astype("<i2").tobytes()
    for name, content in (
            ("size-0", wav(8000, 1, 16, data, 0)), ("size-all", wav(8000, 1, 16, data, 2**32 - 1)),
            ("size-more", wav(8000, 1, 16, data, 10**6)), ("channels-0", wav(8000, 0, 16, data)),
            ("channels-1000", wav(8000, 1000, 16, data)), ("rate-0", wav(0, 1, 16, data)),
            ("rate-huge", wav(10**9, 1, 16, data)), ("rifx", wav(8000, 1, 16, data, magic=b"RIFX")),
            ("nan", wav(8000, 1, 32, np.array([0, np.nan, np.inf, 1e30], "<f4").tobytes(), kind=3)),
            ("empty", b""), ("text", b"Dear file, I am a letter.\n")):
        write("sound/hostile-%s.wav" % name, content)


def sound_packs():
    base = {"format": 1, "name": "melstats", "summary": "s", "modality": "sound", "licence": "MIT",
            "commercial": True, "dim": 92, "floor": .8, "files": []}
    spectrogram = {"rate": 22050, "window": 500, "hop": 200, "fft": 512, "bands": 40, "low": 50, "high": 11000,
                   "offset": .01, "frames": 50, "step": 25}
    for name, more in (("plain", {}), ("clip", {"clip": 2}), ("spectrogram", {"spectrogram": spectrogram}),
                       ("large", {"spectrogram": {"hop": 8192, "frames": 1024}}),
                       ("many", {"spectrogram": {"hop": 1, "step": 1}, "clip": 60}),
                       ("network", {"name": "n", "files": [{"role": "embedder", "name": "a.onnx"},
                                                           {"role": "names", "name": "a.csv"}],
                                    "embedder": {"output": "embedding", "scores": "scores"}})):
        write("pack/sound-%s.json" % name, json.dumps({**base, **more}).encode())


def csvs():
    for name, text in (("plain", b"file,source\na.wav,1\n"), ("quotes", b'"a,b","say ""hi""","x"y\r\n""\n'),
                       ("marked", b"\xef\xbb\xbf\xef\xbb\xbfa,b\r\r\nc"), ("open", b'a,"b\nc'), ("many", b"," * 300),
                       ("blanks", b" a , b\t,=1+1\n\n,\n")):
        write("csv/" + name, text)


def http():
    for name, text in (("plain", b"a=1&b=two+words&&c=%C3%A4%26&flag&=x&a=2"), ("broken", b"a=%4&b=%00"),
                       ("utf8", b"a=%ED%A0%80&b=\xc3\xa4"), ("empty", b""), ("ends", b"&&==&")):
        write("form/" + name, text)
    part = b"--X\r\nContent-Disposition: form-data; name=\"a\"%s\r\n%s\r\n%s\r\n"
    for name, body in (
            ("values", part % (b"", b"", b"1") + part % (b"", b"", b"") + b"--X--\r\n"),
            ("file", part % (b"; filename=\"C:\\d\\p.jpg\"", b"Content-Type: image/jpeg\r\n", b"\xff\xd8\r\n--Y") + b"--X--"),
            ("star", part % (b"; filename*=UTF-8''%e2%82%ac.png", b"X: y\r\n", b"x") + b"--X--"),
            ("around", b"before\r\n" + part % (b"", b"", b"1") + b"--X-- after"), ("none", b"--X--"),
            ("cut", part % (b"", b"", b"1")), ("encoded", part % (b"", b"Content-Transfer-Encoding: base64\r\n", b"eA=="))):
        write("multipart/" + name, b"multipart/form-data; boundary=X\n" + body)
    write("multipart/quoted", b"multipart/form-data; charset=utf-8; boundary=\"a b\"\n--a b--")
    for name, text in (("claims", b'{"exp":2000,"nbf":1,"sub":"7"}'), ("array", b"[1]"), ("standard", b"Zm9v/+8="),
                       ("url", b"_-8"), ("data", b"data:image/png;base64,Zm9v"), ("blanks", b" Zm 9v\r\n"),
                       ("none", b"eyJhbGciOiJub25lIn0.eyJleHAiOjIwMDB9."), ("short", b"Z"),
                       ("signed", b"eyJhbGciOiJIUzI1NiJ9.eyJleHAiOjIwMDB9.AAAA")):
        write("token/" + name, text)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    models()
    characters()
    if TAG == "old":
        hostile_pickles()
        arrays()
        tensors()
        perceptrons()
        prototypes()
        zips()
        tars()
        hdf5s()
        kerases()
        sounds()
        sound_packs()
        csvs()
        http()
