# SPDX-License-Identifier: Apache-2.0
"""The character system from the outside: pictures and ready embeddings, its three files, what
scikit-learn says to them, models that scikit-learn wrote; and the prototypes head on the usual road."""
import json
import os
import pathlib
import shutil
import subprocess

from support import Run, folder, main, shared_faces, some_people

FACES = shared_faces()
AT = folder()
PHOTOS = AT / "photos"
DEBIAN = "/usr/bin/python3"  # with numpy and scikit-learn
PYTHON = subprocess.run([DEBIAN, "-c", "import numpy, sklearn"], capture_output=True, check=False).returncode == 0
PEOPLE = some_people(FACES / "lfw10", PHOTOS, people=4, photos=8)
HELD = [sorted((FACES / "lfw10" / p).iterdir())[9] for p in PEOPLE]
STRANGERS = sorted((FACES / "unknown").iterdir())[:6]


def python(program, *args):
    if not PYTHON:
        print(f"{DEBIAN} has no scikit-learn: left out")
        return None
    done = subprocess.run([DEBIAN, "-W", "ignore", "-c", program, *map(str, args)], cwd=AT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def retrain(*args):
    return Run("retrain", "characters", *args, "--json", cwd=AT)


def ask(*args, code=0):
    return Run("test", "characters", *args, "--json", cwd=AT).expect(code).json


def largest(line):
    return max(line["samples"], key=lambda s: s["box"][2] * s["box"][3])


def pictures():
    (PHOTOS / PEOPLE[0] / "0_torn.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn")
    (PHOTOS / "Empty").mkdir()
    done = retrain(PHOTOS, "--encoder", "mobilefacenet", "--max-images", 6).expect(0, "0_torn.jpg")
    said = done.json[-1]
    assert said["characters"] == 4 and said["encoder"] == "mobilefacenet", said
    # the torn one is one of the six; a picture may show more faces than one
    assert 23 <= said["embeddings"] <= 40, said
    assert [pathlib.Path(s["path"]).name for s in said["skipped"]] == ["0_torn.jpg"], said
    assert "Empty" in done.err
    m = said["training_metrics"]
    assert m["separation"] > 0.3 and m["leave_one_out_accuracy"] > 0.5 and m["leave_one_out_wrong"] == 0, m
    assert sorted(p.name for p in (AT / "cache").iterdir()) == [
        "face_recognition_embeddings.safetensors", "face_recognition_model.pkl",
        "face_recognition_model_metadata.json"]
    for path, name in zip(HELD, PEOPLE):
        line, = ask(path)
        best = largest(line)
        assert line["path"] == "model" and line["decision"] == "faces", line
        assert best["decision"] == "known" and best["label"] == name and best["similarity"] >= 0.6, line
    for line in ask(*STRANGERS):
        assert all(s["decision"] == "unknown" and s["label"] is None for s in line["samples"]), line
    assert "nearest" in Run("test", "characters", STRANGERS[0], cwd=AT).expect(0).out


def qualities():
    said = retrain(PHOTOS, "--encoder", "mobilefacenet", "--cache", "strict", "--min-quality", "0.99")
    said.expect(1, "at least two embeddings")
    assert "no face is good enough" in said.err and not (AT / "strict").exists()
    said = retrain(PHOTOS, "--encoder", "mobilefacenet", "--cache", "all", "--min-quality", 0, "--clusters", 5,
                   "--threshold", "0.5").expect(0).json[-1]
    assert said["max_clusters"] == 5 and said["similarity_threshold"] == 0.5, said
    before = (AT / "all/face_recognition_model.pkl").read_bytes()
    retrain(PHOTOS, "--encoder", "mobilefacenet", "--cache", "all", "--min-quality", "0.99").expect(1)
    assert (AT / "all/face_recognition_model.pkl").read_bytes() == before, "the earlier model is gone"


def wrong_use():
    retrain(AT / "nowhere").expect(1, "there is no folder")
    (AT / "bare").mkdir()
    retrain(AT / "bare").expect(1, "holds no characters")
    retrain(PHOTOS, "--encoder", "nonsense").expect(1, "nonsense")
    none = {"ESPY_MODELS": str(AT / "bare"), "XDG_DATA_HOME": str(AT / "bare"), "ESPY_ENCODER": "facenet"}
    Run("retrain", "characters", PHOTOS, "--cache", "noencoder", cwd=AT, env=none).expect(1, "facenet")
    assert not (AT / "noencoder").exists(), "something was learned without an encoder"
    ask(HELD[0], "--encoder", "edgeface", code=2)
    ask(HELD[0], "--cache", "nowhere", code=1)
    torn = Run("test", "characters", PHOTOS / PEOPLE[0] / "0_torn.jpg", "--json", cwd=AT)
    line, = torn.json
    assert torn.code == 1
    assert line["decision"] == "error" and line["error"] and line["samples"] == [], line


def fallback():
    shutil.copytree(AT / "cache", AT / "damaged")
    model = AT / "damaged/face_recognition_model.pkl"
    model.write_bytes(model.read_bytes()[:4000])
    for there in (True, False):
        done = Run("test", "characters", HELD[1], "--cache", "damaged", "--json", cwd=AT).expect(0, "fallback")
        assert done.json[0]["path"] == "fallback" and largest(done.json[0])["label"] == PEOPLE[1], done.json
        if there:
            model.unlink()
    shutil.copytree(AT / "cache", AT / "later")
    notes = AT / "later/face_recognition_model_metadata.json"
    notes.write_text(json.dumps(dict(json.loads(notes.read_text()), model_version="2.1")))
    Run("test", "characters", HELD[1], "--cache", "later", cwd=AT).expect(0, "model_version 2.1")


def scikit_learn():
    """It opens the pickle, and its own scaler and centres give the answers that espy gives."""
    if python("import numpy as np, pickle\n"
              "m = pickle.load(open('cache/face_recognition_model.pkl', 'rb'))\n"
              "x = np.vstack(list(m['raw_embeddings'].values())).astype('f8')\n"
              "r = np.random.default_rng(3)\n"
              "q = np.vstack([x, x + .05 * r.normal(size=x.shape), r.normal(size=(9, x.shape[1]))])\n"
              "np.save('q.npy', q)\n"
              "from sklearn.cluster import KMeans\n"
              "from sklearn.preprocessing import StandardScaler\n"
              "z = StandardScaler().fit_transform(x)\n"
              "assert np.abs(z - m['scaler'].transform(x)).max() < 1e-6, 'another scaler'\n"
              "for name, c in m['character_clusters'].items():\n"
              "    own = m['scaler'].transform(m['raw_embeddings'][name].astype('f8'))\n"
              "    k = c['kmeans']\n"
              "    assert isinstance(k, KMeans) and c['n_clusters'] == len(c['cluster_centers']) == min(3, len(own))\n"
              "    assert (k.predict(own) == k.labels_).all() and abs(k.score(own) + k.inertia_) < 1e-3 * k.inertia_\n"
              "    peer = KMeans(c['n_clusters'], n_init=10, random_state=42).fit(own)\n"
              "    assert k.inertia_ <= peer.inertia_ * (1 + 1e-5), (name, k.inertia_, peer.inertia_)\n"
              "u = lambda v: v / np.linalg.norm(v, axis=1, keepdims=True)\n"
              "z, lines = u(m['scaler'].transform(q)), []\n"
              "best = np.stack([(z @ u(c['cluster_centers']).T).max(1) for c in m['character_clusters'].values()], 1)\n"
              "np.save('best.npy', best)\n"
              "g = [u(m['scaler'].transform(v.astype('f8'))) for v in m['raw_embeddings'].values()]\n"
              "intra = np.mean([(v @ v.T).mean() for v in g])\n"
              "inter = np.mean([(v @ np.vstack([w for w in g if w is not v]).T).mean() for v in g])\n"
              "t = m['training_metrics']\n"
              "assert abs(t['intra_character_similarity'] - intra) < 1e-6, (t, intra)\n"
              "assert abs(t['inter_character_similarity'] - inter) < 1e-6, (t, inter)\n"
              "assert abs(t['discrimination_ratio'] - intra / (inter + 1e-8)) < 1e-4, t\n") is None:
        return
    line, = ask("q.npy")
    wanted = json.loads(python("import json, numpy as np; print(json.dumps(np.load('best.npy').tolist()))"))
    assert len(wanted) == len(line["samples"])
    names = list(json.loads(python(
        "import json, pickle; print(json.dumps(list(pickle.load(open('cache/face_recognition_model.pkl', 'rb'))"
        "['character_clusters'])))")))
    for sample, row in zip(line["samples"], wanted):
        top = max(row)
        assert abs(sample["similarity"] - max(top, 0)) < 1e-5, (sample, row)
        if top > 0:
            assert abs(row[names.index(sample["nearest"])] - top) < 1e-5, (sample, row)
        assert (sample["decision"] == "known") == (top >= 0.6), (sample, row)


def models_of_the_described_system():
    """A pickle as the original writes it: no version, no embeddings, None where one vector is the centre."""
    if python("import numpy as np, pickle\n"
              "from sklearn.cluster import KMeans\n"
              "from sklearn.preprocessing import StandardScaler\n"
              "r = np.random.default_rng(5)\n"
              "x = {n: r.normal(size=16) + .3 * r.normal(size=(k, 16)) for n, k in (('Ann', 1), ('Bob', 2), ('J\\u00fc', 7))}\n"
              "s = StandardScaler().fit(np.vstack(list(x.values())).astype('f4'))\n"
              "m = {'scaler': s, 'character_clusters': {}, 'training_metrics': {'n_characters': 3}, 'n_characters': 3,\n"
              "     'n_embeddings': 10}\n"
              "for n, v in x.items():\n"
              "    z = s.transform(v.astype('f4'))\n"
              "    k = KMeans(min(3, len(v)), random_state=42, n_init=10).fit(z) if len(v) > 1 else None\n"
              "    c = k.cluster_centers_ if k else z\n"
              "    m['character_clusters'][n] = {'kmeans': k, 'cluster_centers': c, 'n_clusters': len(c)}\n"
              "import os; os.makedirs('theirs', exist_ok=True)\n"
              "for p in range(2, 6):\n"
              "    pickle.dump(m, open(f'theirs/{p}.pkl', 'wb'), protocol=p)\n"
              "np.save('theirs.npy', np.vstack([v[:1] for v in x.values()]))\n") is None:
        return
    for protocol in range(2, 6):
        shutil.copy(AT / f"theirs/{protocol}.pkl", AT / "theirs/face_recognition_model.pkl")
        line, = ask("theirs.npy", "--cache", "theirs")
        assert line["path"] == "model" and [s["label"] for s in line["samples"]] == ["Ann", "Bob", "J\u00fc"], line
    python("import pickle, os\n"
           "class Evil:\n"
           "    def __reduce__(self):\n"
           "        return (os.system, ('touch executed',))\n"
           "pickle.dump({'scaler': Evil(), 'character_clusters': {}}, open('theirs/face_recognition_model.pkl', 'wb'))\n")
    Run("test", "characters", "theirs.npy", "--cache", "theirs", cwd=AT).expect(1, "posix.system")
    assert not (AT / "executed").exists()


def ready_embeddings():
    if python("import numpy as np, os, pickle\n"
              "m = pickle.load(open('cache/face_recognition_model.pkl', 'rb'))['raw_embeddings']\n"
              "for n, v in m.items():\n"
              "    os.makedirs(f'ready/{n}')\n"
              "    np.save(f'ready/{n}/most.npy', v[1:].astype('f8'))\n"
              "    np.save(f'ready/{n}/one.npy', v[0])\n"
              "os.makedirs('ready/Broken'); open('ready/Broken/a.npy', 'w').write('no array')\n") is None:
        return
    empty = {"ESPY_MODELS": str(AT / "bare"), "XDG_DATA_HOME": str(AT / "bare")}  # no encoder is needed
    done = Run("retrain", "characters", "ready", "--cache", "again", "--json", cwd=AT, env=empty).expect(0, "Broken")
    said = done.json[-1]
    assert said["encoder"] is None and said["characters"] == 4 and len(said["skipped"]) == 1, said
    first = json.loads((AT / "cache/face_recognition_model_metadata.json").read_text())["training_metrics"]
    for key in ("intra_raw", "separation", "n_embeddings"):
        assert abs(said["training_metrics"][key] - first[key]) < 1e-6, key
    line, = ask("q.npy", "--cache", "again")
    assert line["path"] == "model", line
    other = Run("test", "characters", "q.npy", "theirs.npy", "--json", cwd=AT)
    assert other.code == 1 and [o["decision"] for o in other.json] == ["embeddings", "error"], other.out
    ask(HELD[0], "--cache", "again", "--encoder", "edgeface", code=2)  # 512 values, not 128
    answer, = ask(HELD[0], "--cache", "again", "--encoder", "mobilefacenet")
    assert largest(answer)["label"] == PEOPLE[0], answer


def prototypes_head():
    w = ("--workspace", AT / "w")
    (PHOTOS / PEOPLE[0] / "0_torn.jpg").unlink()
    first = Run("train", PHOTOS, "--encoder", "mobilefacenet", *w, "--json").expect(0).json[-1]
    said = Run("train", PHOTOS, "--head", "prototypes", "--clusters", 2, *w, "--json").expect(0).json[-1]
    assert said["head"] == "prototypes" and said["promoted"] and said["version"] == first["version"] + 1, said
    for path, name in zip(HELD, PEOPLE):
        line, = Run("identify", path, *w, "--json").expect(0).json
        assert largest(line)["label"] == name and largest(line)["probability"] > 0.5, line
    for line in Run("identify", *STRANGERS, *w, "--json").expect(0).json:
        assert not any(s["decision"] == "known" for s in line["samples"]), line
    said = Run("evaluate", PHOTOS, "--head", "prototypes", *w, "--json").expect(0).json[-1]
    assert said["accuracy"] > 0.9, said
    Run("rollback", first["version"], *w).expect(0)
    Run("export", AT / "p.onnx", "--version", first["version"] + 1, *w).expect(0, "as onnx")
    Run("export", AT / "p.pkl", "--version", first["version"] + 1, *w).expect(1, "retrain characters")
    Run("export", AT / "p.keras", "--version", first["version"] + 1, *w).expect(1, "export it as onnx")
    one = some_people(FACES / "lfw10", AT / "single", people=3, photos=1)
    said = Run("train", AT / "single", "--head", "prototypes", "--encoder", "mobilefacenet", "--collection", "single",
               *w, "--json", "--force").json[-1]
    assert said["labels"] == len(one) and said["head"] == "prototypes", said


def prototypes_of_sounds():
    sounds = FACES.parent / "sounds"
    for label in ("dog_bark", "rain", "siren"):
        (AT / "sounds" / label).mkdir(parents=True)
        for path in sorted((sounds / label).iterdir())[:12]:
            shutil.copy(path, AT / "sounds" / label)
    w = ("--workspace", AT / "ws")
    said = Run("train", AT / "sounds", "--head", "prototypes", "--encoder", "melstats", *w, "--json", "--force").json[-1]
    assert said["head"] == "prototypes" and said["labels"] == 3, said
    lines = Run("identify", AT / "sounds/rain", *w, "--json", "--no-floor", "--threshold", 0).expect(0).json
    named = [s["label"] for line in lines for s in line["samples"]]
    assert named.count("rain") >= len(named) / 2, named


os.environ.setdefault("ESPY_MODELS", str(FACES.parent.parent / "models"))
main([pictures, qualities, wrong_use, fallback, scikit_learn, models_of_the_described_system, ready_embeddings,
      prototypes_head, prototypes_of_sounds])
