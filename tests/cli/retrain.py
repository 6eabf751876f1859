# SPDX-License-Identifier: Apache-2.0
"""The two described trainers and the tester: options, files, frames, failures (FEATURES 1-32, 39-62)."""
import csv
import hashlib
import json
import os
import re
import shutil
import struct
import subprocess

from support import PROGRAM, SOURCE, Run, folder, main, shared_faces, some_people

FACES = shared_faces()
AT = folder()
PACK = ("--encoder", "edgeface")
DATA = AT / "backend" / "dataset" / "processed"
NAMES = some_people(FACES / "lfw10", DATA, people=5, photos=6, rename="STU{number:03d}_{name}")
CLEAN = ["face_classifier_v1.pkl", "label_encoder.pkl", "label_encoder_classes.npy", "scaler.pkl"]
EMBEDS = ["X.npy", "y.npy", "labels.csv", "training_report.txt", "MODEL_README.md"]


def npy(path):
    """Type, shape and raw bytes of an npy file, read without numpy."""
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00", path
    size = struct.unpack("<H", data[8:10])[0]
    assert (10 + size) % 64 == 0
    head = eval(data[10:10 + size], {"__builtins__": {}})  # a literal dictionary
    return head["descr"], head["shape"], data[10 + size:]


def digests(where):
    return {p: hashlib.sha256(p.read_bytes()).hexdigest() for p in where.rglob("*") if p.is_file()}


def clean_retrains_with_defaults():
    before = digests(DATA)
    out = Run("retrain", "clean", *PACK, cwd=AT).expect(0).out
    for name in CLEAN:
        assert (AT / "backend/models/Classifier" / name).is_file(), name
    for name in EMBEDS:
        assert (AT / "models" / name).is_file(), name
    titles = ["SMARTATTENDANCE FACE RECOGNITION MODEL RETRAINING", "STEP 1: Cleaning up previous artifacts",
              "STEP 2: Building dataset index", "STEP 3: Extracting embeddings", "STEP 4: Training classifier",
              "STEP 5: Evaluating classifier", "STEP 6: Saving artifacts", "✔ TRAINING COMPLETED SUCCESSFULLY!"]
    rule = "=" * 70
    at = 0
    for title in titles:
        at = out.index(f"{rule}\n{title}\n{rule}\n", at)
    assert "✓ STU001: Ariel Sharon (6 images)" in out
    assert "✔ Found 5 students with 30 total images" in out
    assert "Processing 10/30...\n" in out and "Processing 30/30...\n" in out
    assert "✔ Extracted 30 embeddings (skipped 0)\n✔ Embedding shape: (30, 512)\n✔ Labels shape: (30,)" in out
    for line in ("Final Accuracy: ", "Recommended Threshold: ", "Total Students: 5", "Total Embeddings: 30", "Collection: clean, version 1",
                 "Artifacts saved to:\n  - Classifier: backend/models/Classifier\n  - Embeddings: models\n"):
        assert line in out, line
    assert digests(DATA) == before, "the dataset was touched"


def the_wrappers_do_the_same():
    for wrapper, more in (("retrain_clean", PACK), ("train_production", PACK), ("test_production", PACK)):
        where = AT if wrapper == "retrain_clean" else AT / "backend"
        done = subprocess.run([SOURCE.resolve() / "scripts" / wrapper, *more], cwd=where, capture_output=True, check=False,
                              env=dict(os.environ, ESPY=PROGRAM, ESPY_SOURCE_ROOT=str(SOURCE.resolve())))
        assert done.returncode == 0, (wrapper, done.stdout, done.stderr)


def the_wrappers_find_the_program():
    """Without $ESPY and with no espy on PATH: the one built beside scripts/."""
    at = folder()
    (at / "build").mkdir()
    (at / "build" / "espy").symlink_to(PROGRAM)
    path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if not os.path.exists(os.path.join(p, "espy")))
    env = {name: value for name, value in os.environ.items() if name != "ESPY"}
    for name in ("retrain_clean", "train_production", "test_production"):
        (at / "scripts").mkdir(exist_ok=True)
        shutil.copy(SOURCE / "scripts" / name, at / "scripts")
        done = subprocess.run([at / "scripts" / name, "--help"], cwd=at, capture_output=True, check=False,
                              env=dict(env, PATH=path))
        assert done.returncode == 0 and b"usage: espy " in done.stdout, (name, done.stderr)
        batch = (SOURCE / "scripts" / (name + ".bat")).read_text().splitlines()
        run = next(i for i, line in enumerate(batch) if line.startswith('"%ESPY%"'))
        assert "pause" in batch[:run] and "pause" in batch[run:] and "build\\espy.exe" in "\n".join(batch[:run])


def threshold_table_adds_up():
    out = Run("retrain", "clean", *PACK, cwd=AT).expect(0).out
    rows = re.findall(r"Threshold (\S+): Acc=(\S+), Coverage=(\S+), Score=(\S+)", out)
    assert [r[0] for r in rows] == [f"{0.5 + 0.05 * i:.2f}" for i in range(10)] + ["0.98"], rows
    for _, acc, coverage, score in rows:
        assert abs(float(acc) * float(coverage) - float(score)) < 1e-4
    assert "Threshold Analysis:\n" + "-" * 50 in out


def files_hold_what_they_should():
    kind, shape, raw = npy(AT / "models/X.npy")
    assert kind == "<f4" and shape == (30, 512)
    values = struct.unpack(f"<{30 * 512}f", raw)
    for i in range(30):
        assert abs(sum(v * v for v in values[i * 512:(i + 1) * 512]) ** 0.5 - 1) < 1e-5
    kind, shape, raw = npy(AT / "models/y.npy")
    assert kind == "<U6" and shape == (30,) and raw.decode("utf-32-le").startswith("STU001STU001")
    kind, shape, raw = npy(AT / "backend/models/Classifier/label_encoder_classes.npy")
    assert shape == (5,) and raw.decode("utf-32-le") == "".join(f"STU{i:03d}" for i in range(1, 6))
    rows = list(csv.reader((AT / "models/labels.csv").open(newline="")))
    assert rows[0] == ["student_id", "student_name", "num_images"] and rows[1] == ["STU001", "Ariel Sharon", "6"]
    report = (AT / "models/training_report.txt").read_text()
    for part in ("Test Accuracy", "CLASSIFICATION REPORT", "CONFUSION MATRIX", "Recommended"):
        assert part.lower() in report.lower(), part
    assert "Recommended threshold" in (AT / "models/MODEL_README.md").read_text()


def cleanup_deletes_the_ten():
    temp = AT / "models" / "temp" / "deep"
    temp.mkdir(parents=True)
    (temp / "x").write_text("x")
    (AT / "models" / "mine.txt").write_text("keep me")
    out = Run("retrain", "clean", *PACK, cwd=AT).expect(0, "Deleted 10 files.").out
    assert out.count("✓ Deleted: ") == 10 and not temp.exists()
    assert (AT / "models" / "mine.txt").read_text() == "keep me"
    (AT / "models" / "X.npy").unlink()
    Run("retrain", "clean", *PACK, cwd=AT).expect(0, "Deleted 8 files.")


def outputs_in_the_dataset_are_refused():
    inside = DATA / NAMES[0]
    (inside / "X.npy").write_text("x")
    Run("retrain", "clean", *PACK, "--embeds-out", inside, cwd=AT).expect(1, "lies inside the dataset")
    assert (inside / "X.npy").exists()
    (inside / "X.npy").unlink()
    (inside / "training_error.log").unlink(missing_ok=True)


def the_dataset_in_temp_survives():
    """A dataset in one of the items to delete, by name or by link: refused, and nothing is deleted."""
    at = folder()
    (at / "models").mkdir()
    shutil.copytree(DATA, at / "models" / "temp" / "processed")
    (at / "models" / "X.npy").write_text("x")
    before = digests(at / "models")
    run = ("retrain", "clean", *PACK, "--data-dir", "models/temp/processed")
    Run(*run, cwd=at).expect(1, "holds the dataset")
    (at / "models" / "training_error.log").unlink()
    assert digests(at / "models") == before
    (at / "models" / "temp").rename(at / "elsewhere")
    (at / "models" / "temp").symlink_to(at / "elsewhere")
    Run(*run, cwd=at).expect(1, "holds the dataset")
    assert (at / "models" / "X.npy").exists() and (at / "models" / "temp").is_symlink()
    assert len(digests(at / "elsewhere")) == 30


def a_linked_temp_is_taken_away():
    at = folder()
    (at / "other").mkdir()
    (at / "other" / "mine").write_text("x")
    (at / "models").mkdir()
    (at / "models" / "temp").symlink_to(at / "other")
    (at / "models" / "X.npy").symlink_to(at / "nowhere")
    Run("retrain", "clean", *PACK, "--data-dir", DATA, cwd=at).expect(0, "Deleted 2 files.")
    assert (at / "other" / "mine").exists() and not (at / "models" / "temp").is_symlink()


def options_are_honoured():
    Run("retrain", "clean", *PACK, "--data-dir", DATA, "--out-dir", AT / "o", "--embeds-out", AT / "e", cwd=AT).expect(0)
    assert sorted(p.name for p in (AT / "o").iterdir()) == sorted(CLEAN)
    assert sorted(p.name for p in (AT / "e").iterdir()) == sorted(EMBEDS)


def works_from_inside_backend():
    shutil.rmtree(AT / "models")
    Run("retrain", "clean", *PACK, cwd=AT / "backend").expect(0)
    assert (AT / "models" / "X.npy").is_file() and (AT / "backend/models/Classifier/scaler.pkl").is_file()


def pictures_without_a_face_are_skipped():
    wall = DATA / NAMES[0] / "wall.bmp"
    wall.write_bytes(b"BM" + struct.pack("<IHHIIiiHHIIiiII", 54 + 64 * 64 * 3, 0, 0, 54, 40, 64, 64, 1, 24, 0, 0, 0, 0, 0, 0)
                     + b"\x80" * (64 * 64 * 3))
    (DATA / NAMES[1] / "broken.JPG").write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    (DATA / NAMES[1] / "notes.gif").write_bytes(b"GIF89a")
    Run("retrain", "clean", *PACK, cwd=AT).expect(0, "(skipped 2)")
    report = (AT / "models/training_report.txt").read_text()
    assert "wall.bmp" in report and "No face detected" in report and "broken.JPG" in report
    wall.unlink()
    (DATA / NAMES[1] / "broken.JPG").unlink()


def a_new_student_joins():
    extra = some_people(FACES / "lfw10", AT / "more", people=6, photos=6, rename="STU{number:03d}_{name}")[-1]
    shutil.copytree(AT / "more" / extra, DATA / extra)
    Run("retrain", "clean", *PACK, cwd=AT).expect(0, "Total Students: 6")
    shutil.rmtree(DATA / extra)
    Run("retrain", "clean", *PACK, cwd=AT).expect(0, "Total Students: 5")
    assert npy(AT / "models/X.npy")[1] == (30, 512)


def failures_are_logged():
    empty = AT / "none"
    empty.mkdir()
    Run("retrain", "clean", *PACK, "--data-dir", empty, "--embeds-out", AT / "log", cwd=AT).expect(
        1, "No student directories found")
    (empty / "STU001_A").mkdir()
    Run("retrain", "clean", *PACK, "--data-dir", empty, "--embeds-out", AT / "log", cwd=AT).expect(
        1, "No images found in dataset")
    log = (AT / "log" / "training_error.log").read_text()
    assert log.count("ERROR") == 2 and "No images found in dataset" in log
    Run("retrain", "clean", *PACK, "--data-dir", AT / "absent", cwd=AT).expect(1, "there is no folder")
    blocked = AT / "a file"
    blocked.write_text("")
    before = Run("versions", "--collection", "clean", "--json", cwd=AT).json[0]
    Run("retrain", "clean", *PACK, "--out-dir", blocked, cwd=AT).expect(1)
    assert Run("versions", "--collection", "clean", "--json", cwd=AT).json[0] == before


def a_failure_leaves_the_earlier_files():
    def kept():
        found = {**digests(AT / "models"), **digests(AT / "backend/models/Classifier")}
        found.pop(AT / "models" / "training_error.log", None)
        return found

    Run("retrain", "clean", *PACK, cwd=AT).expect(0)
    before, empty, twice, alone = kept(), AT / "no photos", AT / "twice", AT / "alone"
    (empty / "STU001_A").mkdir(parents=True)
    for name in ("STU001_A", "STU001_B", "STU002_C"):
        shutil.copytree(DATA / NAMES[0], twice / name)
    shutil.copytree(DATA / NAMES[0], alone / "STU001_A")
    blocked = AT / "blocked"
    blocked.write_text("")
    for options, text in (((*PACK, "--precision", "f64"), "precision"), (("--encoder", "nonesuch"), "nonesuch"),
                          ((*PACK, "--data-dir", empty), "No images found in dataset"),
                          ((*PACK, "--data-dir", twice), "both carry the id STU001"),
                          ((*PACK, "--data-dir", alone), "one student"), ((*PACK, "--out-dir", blocked), "blocked")):
        run = Run("retrain", "clean", *options, cwd=AT).expect(1, text)
        assert "STEP 1" not in run.out and kept() == before, options


def another_encoder_retrains_too():
    second = ("--encoder", "mobilefacenet")
    for trainer, ending in (("clean", "Collection: {}, version"), ("production", "PHOTO --collection {}")):
        where = ("--data-dir" if trainer == "clean" else "--dataset", DATA)
        at = folder()
        run = Run("retrain", trainer, *PACK, *where, cwd=at).expect(0, ending.format(trainer))
        run = Run("retrain", trainer, *second, *where, cwd=at).expect(0)
        name = re.search(ending.format(rf"({trainer}-mobilefacenet-[0-9a-f]{{8}})"), run.out).group(1)
        Run("versions", "--collection", name, cwd=at).expect(0, "5 labels")
        Run("retrain", trainer, *PACK, *where, "--collection", "mine", cwd=at).expect(0, ending.format("mine"))
        Run("retrain", trainer, *second, *where, "--collection", "mine", cwd=at).expect(1, "was made with encoder")


def json_is_one_object():
    at = folder()
    for trainer, where in (("clean", "--data-dir"), ("production", "--dataset")):
        run = Run("retrain", trainer, *PACK, where, DATA, "--json", cwd=at).expect(0)
        assert run.out.count("\n") == 1 and "Accuracy: " in run.err, run.out
        told = run.json[0]
        assert told["version"] == 1 and told["labels"] == 5 and told["samples"] == 30 and told["skipped"] == 0
        assert told["collection"] == trainer and 0.5 < told["accuracy"] <= 1 and 0 < told["threshold"] < 1


def long_reports_are_whole():
    at = folder()
    people = some_people(FACES / "lfw10", at / "dataset/processed", people=5, photos=3, rename="S{number}" + "x" * 120)
    out = Run("retrain", "production", *PACK, cwd=at).expect(0).out
    log = (at / "models/Classifier/training.log").read_text()
    for text in (out, log):
        report = text[text.index("Classification Report:"):text.index("Confidence threshold")]
        assert "weighted avg" in report and len(report) > 1500
        matrix = report[report.index("Confusion Matrix:"):].split("\n")
        assert [row.split()[0] for row in matrix[2:7]] == sorted(people) and len(matrix[2].split()) == 6


def default_folders_follow_what_is_there():
    at = folder()
    Run("retrain", "production", *PACK, "--dataset", DATA, cwd=at).expect(0)
    assert (at / "models/Classifier/X.npy").is_file()
    Run("test", *PACK, cwd=at).expect(0, "models/Classifier")
    shutil.copytree(DATA, at / "backend/dataset/processed")
    Run("retrain", "production", *PACK, cwd=at).expect(0)
    assert (at / "backend/models/Classifier/X.npy").is_file()
    Run("test", *PACK, cwd=at).expect(0, "backend/models/Classifier")


def production_trains():
    run = Run("retrain", "production", *PACK, cwd=AT / "backend").expect(0, "MODEL TRAINING COMPLETE")
    at = AT / "backend/models/Classifier"
    meta = json.loads((at / "training_metadata.json").read_text())
    keys = {"embedding_model", "pretrained_on", "embedding_dim", "num_classes", "classes", "threshold",
            "classifier_type", "accuracy", "training_date", "python_version", "torch_version", "num_training_samples",
            "software_version"}
    assert set(meta) == keys and meta["classifier_type"] == "SVC" and meta["num_training_samples"] == 30
    assert f"Confidence threshold (percentile=95): {meta['threshold']:.4f}" in run.out
    assert npy(at / "y.npy")[0] == "<i8" and npy(at / "X.npy")[1] == (30, 512)
    log = (at / "training.log").read_text()
    assert "STU001: 6 images" in log and log.count("✓ Saved:") == 6
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - INFO - ", log)
    assert "STU005" in (at / "training_summary.txt").read_text()


def percentile_90_is_stricter_than_98():
    at = AT / "backend/models/Classifier/training_metadata.json"
    found = {}
    for percent in (90, 95, 98):
        Run("retrain", "production", *PACK, "--threshold-percentile", percent, cwd=AT / "backend").expect(0)
        found[percent] = json.loads(at.read_text())["threshold"]
    assert found[90] >= found[95] >= found[98], found
    Run("retrain", "production", *PACK, "--threshold-percentile", 0, cwd=AT).expect(2)
    literal = Run("retrain", "production", *PACK, "--threshold-mode", "literal", cwd=AT / "backend").expect(0)
    assert json.loads(at.read_text())["threshold"] > found[90], literal.out


def two_runs_agree_apart_from_the_date():
    at = AT / "backend/models/Classifier/training_metadata.json"
    seen = []
    for _ in range(2):
        Run("retrain", "production", *PACK, cwd=AT / "backend").expect(0)
        meta = json.loads(at.read_text())
        meta.pop("training_date")
        seen.append(meta)
    assert seen[0] == seen[1]


def logistic_too():
    Run("retrain", "production", *PACK, "--classifier", "logistic", cwd=AT / "backend").expect(0)
    meta = json.loads((AT / "backend/models/Classifier/training_metadata.json").read_text())
    assert meta["classifier_type"] == "LogisticRegression"
    Run("retrain", "production", *PACK, "--classifier", "forest", cwd=AT).expect(2, "choose svm or logistic")
    Run("test", *PACK, "--test-all", cwd=AT / "backend").expect(0, "Overall accuracy: ")


def the_tester_tests():
    Run("retrain", "production", *PACK, cwd=AT / "backend").expect(0)
    out = Run("test", *PACK, "--test-all", "--unknown-dir", FACES / "unknown", cwd=AT / "backend").expect(0).out
    right, total = map(int, re.search(r"Overall accuracy: (\d+)/(\d+)", out).groups())
    assert total == 25 and right >= 23, out
    assert re.search(r"^STU003: \d/5 \(\d+\.0%\)$", out, re.M), out
    assert ("✓ No errors" in out) == (right == 25), out
    assert len(re.findall(r"^  true STU\d+, predicted \S+ \(confidence: 0\.\d{4}\): ", out, re.M)) == 25 - right, out
    assert "Strangers refused: 40/40" in out, out
    for line in ("Embedding model: edgeface", "Pretrained on: ", "Embedding dimension: 512", "Classifier: SVC",
                 "Accuracy: ", "Confidence threshold: ", "Training date: 2", "Students: 5"):
        assert f"\n{line}" in out, line
    picture = sorted((DATA / NAMES[2]).iterdir())[0]
    out = Run("test", *PACK, "--image", picture, cwd=AT / "backend").expect(0).out
    assert re.search(r"^Prediction: STU003 \(confidence: 0\.\d{4}\)\nTop 3 predictions:\n  1\. STU003: ", out, re.M), out
    stranger = sorted((FACES / "unknown").iterdir())[0]
    Run("test", *PACK, "--image", stranger, "--threshold", 0, cwd=AT / "backend").expect(
        0, "Unknown (nearest training photo similarity 0.")
    out = Run("test", *PACK, "--image", picture, "--threshold", 1, cwd=AT / "backend").expect(0).out
    assert re.search(r"^Unknown \(confidence 0\.\d{4} < threshold 1\.0000\)$", out, re.M), out
    Run("test", *PACK, "--model", AT / "nowhere").expect(1)


def the_tester_takes_the_encoder_of_the_model():
    at = folder()
    Run("retrain", "production", "--encoder", "mobilefacenet", "--dataset", DATA, cwd=at).expect(0)
    run = ("test", "--test-all", "--dataset", DATA)
    for env in (None, {"ESPY_ENCODER": "edgeface"}):
        Run(*run, cwd=at, env=env).expect(0, "Embedding model: mobilefacenet")
    Run(*run, "--model", at / "models/Classifier", cwd=folder()).expect(0, "Embedding model: mobilefacenet")
    Run(*run, *PACK, cwd=at).expect(2, "was trained with encoder mobilefacenet, not with edgeface")
    changed = at / "models/Classifier/face_classifier_v1.pkl"
    changed.write_bytes(changed.read_bytes().replace(b"mobilefacenet", b"mobilefakenet"))
    Run(*run, cwd=at).expect(1, "was trained with encoder mobilefakenet")


def the_tester_speaks_json():
    picture, stranger = sorted((DATA / NAMES[2]).iterdir())[0], sorted((FACES / "unknown").iterdir())[0]
    for image, status, student in ((picture, "recognized", "STU003"), (stranger, "unknown", None)):
        run = Run("test", "--image", image, "--json", cwd=AT / "backend").expect(0)
        assert run.out.count("\n") == 1 and run.json[0]["status"] == status and run.json[0]["student_id"] == student
        assert run.json[0]["model"]["embedding_model"] == "edgeface" and "Classifier: SVC" in run.err
    broken = AT / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 not a picture")
    assert Run("test", "--image", broken, "--json", cwd=AT / "backend").expect(1).json[0]["status"] == "error"
    told = Run("test", "--test-all", "--unknown-dir", FACES / "unknown", "--json", cwd=AT / "backend").expect(0).json
    assert len(told) == 1 and told[0]["tested"] == 25 and told[0]["strangers"] == told[0]["strangers_refused"] == 40
    assert told[0]["correct"] + len(told[0]["misclassified"]) == 25 and len(told[0]["students"]) == 5


def a_hostile_classifier_is_refused():
    bad = AT / "hostile"
    shutil.copytree(AT / "backend/models/Classifier", bad)
    (bad / "face_classifier_v1.pkl").write_bytes(b"cos\nsystem\n(S'touch " + str(AT / "owned").encode() + b"'\ntR.")
    Run("test", *PACK, "--model", bad).expect(1, "os.system")
    assert not (AT / "owned").exists()


main([clean_retrains_with_defaults, threshold_table_adds_up, files_hold_what_they_should, cleanup_deletes_the_ten,
      outputs_in_the_dataset_are_refused, the_dataset_in_temp_survives, a_linked_temp_is_taken_away, options_are_honoured, works_from_inside_backend,
      pictures_without_a_face_are_skipped, a_new_student_joins, failures_are_logged, a_failure_leaves_the_earlier_files,
      another_encoder_retrains_too, json_is_one_object, long_reports_are_whole,
      default_folders_follow_what_is_there, production_trains,
      percentile_90_is_stricter_than_98, two_runs_agree_apart_from_the_date, logistic_too, the_tester_tests, the_tester_takes_the_encoder_of_the_model,
      the_tester_speaks_json,
      the_wrappers_do_the_same, the_wrappers_find_the_program, a_hostile_classifier_is_refused])
