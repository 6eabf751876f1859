# SPDX-License-Identifier: Apache-2.0
"""`espy retrain sounds`: the described sound system's folder of networks, on recordings made here.

The pack is melstats, so nothing but Python is needed; where h5py and numpy are there, the network in
the .keras file is computed again without us."""
import io
import json
import math
import pickle
import random
import re
import shutil
import struct
import time
import wave
import zipfile
from concurrent.futures import ThreadPoolExecutor

from support import Run, folder, main

ROOT = folder()
RATE = 16000
KINDS = ("buzz", "hiss", "knock", "sweep")


def sound(kind, take, seconds=2.0):
    """A recording of one kind; no two are alike."""
    r = random.Random(f"{kind}{take}")
    n, pitch = int(seconds * RATE), r.uniform(0.8, 1.25)
    values, state = [], 0.0
    for i in range(n):
        t = i / RATE
        noise = r.uniform(-1, 1)
        state = 0.9 * state + 0.1 * noise
        values.append({
            "buzz": lambda: 0.4 * math.copysign(1, math.sin(2 * math.pi * 110 * pitch * t)) + 0.02 * noise,
            "hiss": lambda: 0.25 * noise,
            "knock": lambda: 0.8 * math.exp(-40 * (t % (0.25 / pitch))) * state * 4,
            "sweep": lambda: 0.5 * math.sin(2 * math.pi * (400 * pitch * t + 900 * (t % 0.5) ** 2)) + 0.01 * noise,
        }[kind]())
    return values


def write(path, values, rate=RATE):
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(rate)
        w.writeframes(b"".join(struct.pack("<h", int(max(-1, min(1, v)) * 32767)) for v in values))


def place():
    """A folder with augmented_audio/, as the sound system has it."""
    here = folder()
    shutil.copytree(ROOT / "augmented_audio", here / "augmented_audio")
    return here


def retrain(here, *more):
    return Run("retrain", "sounds", "--encoder", "melstats", "--epochs", "30", *more, cwd=here)


def log(here):
    return json.loads((here / "models/retraining_log.json").read_text())


def prepare():
    for kind in KINDS:
        for take in range(14):
            write(ROOT / "augmented_audio" / kind / f"{kind}{take}.wav", sound(kind, take))
    write(ROOT / "augmented_audio/unknown/what.wav", sound("hiss", 99))


def a_training_leaves_its_files():
    here = place()
    first = Run("trigger", "augmented_audio", cwd=here).expect(0)
    assert first.out == "Retrain: True, New samples: 56\n", first.out
    run = retrain(here, "--reason", "Monthly", "--report").expect(0, "version 1: mlp, 4 labels, 56 samples")
    assert "unknown is not learned" in run.err, run.err
    epochs = re.findall(r"^Epoch (\d+)/30: loss: [\d.]+, acc: [\d.]+, val_loss: [\d.]+, val_acc: [\d.]+$", run.err, re.M)
    models = here / "models"
    entry, = log(here)["retraining_history"]
    assert entry["epochs_trained"] == len(epochs) > 0
    assert entry["sample_counts"] == {k: 14 for k in KINDS} and entry["total_samples"] == 56
    assert entry["classes"] == sorted(KINDS) == json.loads((models / "class_names.json").read_text())
    assert entry["trigger_reason"] == "Monthly" and entry["promoted"] is True and entry["previous_model"] is None
    assert re.fullmatch(r"\d{8}_\d{6}", entry["timestamp"]), entry
    time.strptime(entry["datetime"], "%Y-%m-%d %H:%M:%S")
    name = f"retrained_model_{entry['timestamp']}"
    assert entry["model_path"] == f"models/{name}.keras"
    assert (models / f"{name}.keras").read_bytes() == (models / "yamnet_classifier_v2.keras").read_bytes()
    metadata = json.loads((models / "model_metadata.json").read_text())
    for key in ("model_name", "model_type", "training_date", "num_classes", "classes", "input_shape", "test_accuracy",
                "test_loss", "sample_rate", "architecture", "training_config", "mean", "std"):
        assert key in metadata, key
    config = metadata["training_config"]
    parts = [config[k] for k in ("train_samples", "val_samples", "test_samples")]
    assert sum(parts) == 56 and parts[2] == math.ceil(.15 * 56) and parts[1] == math.ceil(.15 * (56 - parts[2])), config
    figures = json.loads((models / "performance_metrics.json").read_text())
    assert sum(map(sum, figures["confusion_matrix"])) == parts[2]
    right = sum(figures["confusion_matrix"][i][i] for i in range(4))
    assert abs(entry["test_accuracy"] - right / parts[2]) < 1e-6
    history = pickle.loads((models / "training_history.pkl").read_bytes())
    assert {len(history[k]) for k in ("accuracy", "loss", "val_accuracy", "val_loss", "learning_rate")} == {len(epochs)}
    after = Run("trigger", "augmented_audio", "--encoder", "melstats", cwd=here).expect(0)
    assert after.out == "Retrain: False, New samples: 0\n", after.out
    by_log = Run("trigger", "augmented_audio", "--log", "models/retraining_log.json", cwd=here).expect(0)
    assert by_log.out == after.out, by_log.out


def the_keras_file_answers_alike():
    try:
        import h5py
        import numpy as np
    except ImportError:
        print("   not computed again: numpy and h5py are absent")
        return
    here = place()
    retrain(here).expect(0)
    z = zipfile.ZipFile(here / "models/yamnet_classifier_v2.keras")
    weights = h5py.File(io.BytesIO(z.read("model.weights.h5")), "r")
    facts = json.loads((here / "models/model_metadata.json").read_text())
    files = sorted((here / "augmented_audio").glob("[bks]*/*3.wav"))
    vectors = [v["samples"][0]["embedding"] for v in Run("embed", "--encoder", "melstats", "--json", *files, cwd=here).expect(0).json]
    x = (np.array(vectors) - facts["mean"]) / facts["std"]
    for i in range(5):
        tail = f"_{i}" if i else ""
        dense = weights[f"layers/dense{tail}/vars"]
        x = x @ dense["0"][:] + dense["1"][:]
        if i == 4:
            break
        x = np.maximum(x, 0)
        norm = weights[f"layers/batch_normalization{tail}/vars"]
        gamma, beta, mean, variance = (norm[str(k)][:] for k in range(4))
        x = (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    p = np.exp(x - x.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    lines = Run("identify", "--clip", "--json", *files, cwd=here).expect(0).json
    for row, line in zip(p, lines):
        told = {c["label"]: c["probability"] for c in line["samples"][0]["candidates"]}
        assert all(abs(told[label] - row[i]) < 1e-4 for i, label in enumerate(sorted(KINDS))), (told, row)


def a_refused_network_is_not_in_production():
    here = place()
    retrain(here).expect(0)
    models = here / "models"
    before = {p.name: p.read_bytes() for p in models.iterdir() if p.is_file() and p.name != "retraining_log.json"}
    for kind in KINDS[:2]:  # sounds of one kind under two names cannot be told apart
        for take in range(14):
            write(here / "augmented_audio" / ("a" + kind) / f"{take}.wav", sound("sweep", 100 + take))
    run = retrain(here, "--min-accuracy", "0.999", "--json").expect(1, "version 2 is kept but does not answer")
    assert run.json[-1]["promoted"] is False
    entries = log(here)["retraining_history"]
    assert len(entries) == 2 and entries[1]["promoted"] is False and entries[1]["min_accuracy"] == 0.999
    assert entries[1]["previous_model"] == entries[0]["model_path"]
    assert (here / entries[1]["model_path"]).is_file()
    for name, content in before.items():
        assert (models / name).read_bytes() == content, name


def rollback_puts_the_network_back():
    here = place()
    retrain(here).expect(0)
    models = here / "models"
    first = (models / "yamnet_classifier_v2.keras").read_bytes()
    names = (models / "model_metadata.json").read_bytes()
    probe = sorted((here / "augmented_audio/buzz").iterdir())[0]
    told = Run("identify", probe, "--json", cwd=here).expect(0).out
    retrain(here, "--seed", "7", "--force").expect(0)
    assert (models / "yamnet_classifier_v2.keras").read_bytes() != first
    assert (models / "yamnet_classifier_v2.previous.keras").read_bytes() == first
    Run("rollback", "1", "--models", "models", "--reason", "too eager", cwd=here).expect(0, "version 1 answers now")
    assert (models / "yamnet_classifier_v2.keras").read_bytes() == first
    assert (models / "model_metadata.json").read_bytes() == names
    assert Run("identify", probe, "--json", cwd=here).expect(0).out == told
    noted, = log(here)["rollback_history"]
    assert noted["version"] == 1 and noted["reason"] == "too eager", noted
    assert len(log(here)["retraining_history"]) == 2
    assert not list(models.glob(".*.next"))
    plain = Run("rollback", "2", cwd=here).expect(0, "version 2 answers now; version 1 is kept as previous")
    assert "models/ still holds version 1: espy rollback 2 --models models" in plain.err, plain.err
    after = Run("rollback", "2", "--models", "models", cwd=here).expect(0)
    assert "still holds" not in after.err, after.err
    assert (models / "yamnet_classifier_v2.keras").read_bytes() != first


def live(here):
    return [v["version"] for v in Run("versions", "--json", cwd=here).expect(0).json if v["alias"] == "live"][0]


def nothing_moves_without_the_network():
    here = place()
    retrain(here, "--epochs", "5").expect(0)
    retrain(here, "--epochs", "5", "--seed", "7", "--force").expect(0)
    models = here / "models"
    kept = {p.name: p.read_bytes() for p in models.iterdir() if p.is_file()}
    network = here / log(here)["retraining_history"][0]["model_path"]
    content = network.read_bytes()

    def refused(text, where="models"):
        Run("rollback", "1", "--models", where, cwd=here).expect(1, text)
        assert live(here) == 2
        assert {p.name: p.read_bytes() for p in models.iterdir() if p.is_file() and p != network} == \
            {name: b for name, b in kept.items() if name != network.name}

    refused("nothing", where="nothing")
    (here / "empty").mkdir()
    refused("knows no network of version 1", where="empty")
    network.unlink()
    refused("No such file")
    network.write_bytes(content[:len(content) // 2])
    refused(network.name)
    network.write_bytes(content)
    beside = network.with_suffix("")
    beside.rename(here / "away")
    refused("No such file")
    (here / "away").rename(beside)
    (models / "yamnet_classifier_v2.keras").unlink()
    (models / "yamnet_classifier_v2.keras").mkdir()  # the last step but one fails
    Run("rollback", "1", "--models", "models", cwd=here).expect(1)
    assert live(here) == 2
    (models / "yamnet_classifier_v2.keras").rmdir()
    Run("rollback", "1", "--models", "models", cwd=here).expect(0, "version 1 answers now")
    assert live(here) == 1
    assert (models / "yamnet_classifier_v2.keras").read_bytes() == content


def what_is_in_production_is_known():
    here = place()

    def train(seed):
        retrain(here, "--epochs", "5", "--seed", seed, "--force").expect(0)
        return log(here)["retraining_history"][-1]

    one, two = train(1), train(2)
    assert one["previous_model"] is None and two["previous_model"] == one["model_path"]
    Run("rollback", "1", "--models", "models", cwd=here).expect(0)
    three = train(3)
    assert three["previous_model"] == one["model_path"], three
    four = train(4)
    assert four["previous_model"] == three["model_path"], four
    Run("rollback", "1", "--models", "models", cwd=here).expect(0)
    assert train(5)["previous_model"] == one["model_path"]


def two_at_a_time_lose_nothing():
    here = place()
    retrain(here, "--epochs", "5").expect(0)
    for turn in range(3):
        with ThreadPoolExecutor(2) as pool:
            for run in pool.map(lambda seed: retrain(here, "--epochs", "5", "--seed", seed, "--force"),
                                (2 * turn + 1, 2 * turn + 2)):
                run.expect(0)
    entries = log(here)["retraining_history"]
    assert [e["version"] for e in entries] == list(range(1, 8)), entries
    assert len({e["model_path"] for e in entries}) == 7
    assert [e["previous_model"] for e in entries[1:]] == [e["model_path"] for e in entries[:-1]]
    assert len({(here / e["model_path"]).read_bytes() for e in entries}) == 7
    assert live(here) == 7
    production = here / "models/yamnet_classifier_v2.keras"
    assert production.read_bytes() == (here / entries[-1]["model_path"]).read_bytes()
    with ThreadPoolExecutor(2) as pool:  # a rollback waits, too
        both = [pool.submit(retrain, here, "--epochs", "5", "--seed", "99", "--force"),
                pool.submit(Run, "rollback", "4", "--models", "models", cwd=here)]
        for run in both:
            run.result().expect(0)
    entries = log(here)["retraining_history"]
    answering = [e for e in entries if e["version"] == live(here)]
    assert len(entries) == 8 and len(log(here)["rollback_history"]) == 1
    assert production.read_bytes() == (here / answering[0]["model_path"]).read_bytes()


def what_is_not_measured_is_not_kept():
    here = place()
    Run("trigger", "augmented_audio", "--encoder", "melstats", "--head", "mlp", "--models", "models",
        "--test-share", "0", "--schedule", "sun 02:00", cwd=here).expect(2, "--test-share")
    train = ("train", "augmented_audio", "--encoder", "melstats", "--head", "mlp", "--epochs", "5", "--models", "models")
    Run(*train, "--test-share", "0", cwd=here).expect(2, "--test-share")
    retrain(here, "--test-share", "0").expect(2, "test-share")
    assert not (here / "models").exists()
    retrain(here, "--epochs", "5").expect(0)
    # when the files cannot be written: rc 1 is "live did not move"
    (here / "models/yamnet_classifier_v2.keras").unlink()
    (here / "models/yamnet_classifier_v2.keras").mkdir()
    retrain(here, "--epochs", "5", "--seed", "7", "--force").expect(1, "into production")
    assert live(here) == 1 and len(Run("versions", "--json", cwd=here).expect(0).json) == 1
    # one recording of a fifth class cannot be held back, the others are
    here = place()
    write(here / "augmented_audio/whistle/one.wav", sound("sweep", 200))
    assert "held-out samples" in retrain(here, "--epochs", "5").expect(0).out
    # two of each are too few
    here = place()
    for folder in (here / "augmented_audio").iterdir():
        for path in sorted(folder.iterdir())[2:]:
            path.unlink()
    for more in ((), ("--force",)):
        retrain(here, "--epochs", "5", *more).expect(1, "no label has samples from three sources")
    assert not Run("versions", "--json", cwd=here).expect(0).json
    assert not [p for p in (here / "models").iterdir() if p.suffix == ".keras"]


def copies_are_learned_from_but_not_measured():
    here = place()
    plain = retrain(here, "--json").expect(0).json[-1]
    more = retrain(here, "--json", "--augment", "3", "--force").expect(0).json[-1]
    assert plain["samples"] == more["samples"] == 56
    line = Run("versions", "--json", cwd=here).expect(0).json
    assert line[0]["altered_copies"] == 3 and "altered_copies" not in line[1], line[0].keys()
    config = json.loads((here / "models/model_metadata.json").read_text())["training_config"]
    assert config["test_samples"] == math.ceil(.15 * 56)
    assert config["train_samples"] + config["val_samples"] == (56 - config["test_samples"]) * 4, config
    Run("train", "augmented_audio", "--encoder", "melstats", "--head", "knn", "--augment", "2", cwd=here).expect(2, "knn")
    Run("train", "augmented_audio", "--encoder", "melstats", "--models", "models", cwd=here).expect(2, "--head mlp")


def only_the_first_four_seconds_count():
    here = place()
    retrain(here).expect(0)
    write(here / "long.wav", sound("buzz", 50, 4.0) + sound("hiss", 50, 6.0))
    write(here / "short.wav", sound("buzz", 50, 4.0))
    long, short = Run("embed", "long.wav", "short.wav", "--encoder", "melstats", "--json", cwd=here).expect(0).json
    assert long["samples"] == short["samples"]
    a, b = Run("identify", "--clip", "long.wav", "short.wav", "--json", cwd=here).expect(0).json
    assert a["samples"] == b["samples"] and a["samples"][0]["end"] == 4


def a_damaged_log_is_left_alone():
    here = place()
    retrain(here).expect(0)
    path = here / "models/retraining_log.json"
    path.write_text('{"retraining_history": [')
    before = (here / "models/yamnet_classifier_v2.keras").read_bytes()
    retrain(here, "--seed", "3", "--force").expect(1, "retraining_log.json")
    assert path.read_text() == '{"retraining_history": ['
    assert len(Run("versions", "--json", cwd=here).expect(0).json) == 1
    assert (here / "models/yamnet_classifier_v2.keras").read_bytes() == before


def what_cannot_be_learned_is_told():
    here = folder()
    Run("retrain", "sounds", cwd=here).expect(1, "there is no folder augmented_audio")
    (here / "augmented_audio/empty").mkdir(parents=True)
    Run("retrain", "sounds", cwd=here).expect(1, "No recordings found")
    write(here / "augmented_audio/one/a.wav", sound("buzz", 1))
    retrain(here).expect(1, "label")
    (here / "augmented_audio/two").mkdir()
    (here / "augmented_audio/two/empty.wav").write_bytes(b"")
    write(here / "augmented_audio/two/silent.wav", [0] * RATE)
    (here / "augmented_audio/two/lies.wav").write_bytes((here / "augmented_audio/one/a.wav").read_bytes()[:60])
    run = retrain(here).expect(1)
    for text in ("empty.wav: the file is empty", "silent.wav: silent"):
        assert text in run.err, run.err
    assert not list((here / "models").glob("*"))


prepare()
main([a_training_leaves_its_files, the_keras_file_answers_alike, a_refused_network_is_not_in_production,
      rollback_puts_the_network_back, nothing_moves_without_the_network, what_is_in_production_is_known,
      two_at_a_time_lose_nothing, what_is_not_measured_is_not_kept, copies_are_learned_from_but_not_measured, only_the_first_four_seconds_count,
      a_damaged_log_is_left_alone, what_cannot_be_learned_is_told])
