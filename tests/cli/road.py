# SPDX-License-Identifier: Apache-2.0
"""The main job on real photos: train, identify, enroll, compare, versions; what goes wrong on the way."""
import json
import os
import shutil
import signal
import sqlite3
import struct
import subprocess
import time

from support import PROGRAM, SOURCE, Run, folder, main, shared_faces, some_people

FACES = shared_faces()
AT = folder()
PHOTOS = AT / "photos"
PACK = "mobilefacenet"
NAMES = some_people(FACES / "lfw10", PHOTOS, people=4, photos=8, rename="STU{number:03d}_{name}")
W = ("--workspace", AT / "w")


def train_learns():
    run = Run("train", PHOTOS, "--encoder", PACK, *W, "--json").expect(0, "New workspace")
    last = run.json[-1]
    assert last["version"] == 1 and last["labels"] == 4 and last["samples"] == 32, last
    assert last["head"] == "svm" and last["skipped"] == 0 and last["accuracy"] >= 0.85, last
    assert 0 < last["threshold"] < 1 and set(last["seconds"]) == {"encode", "fit", "total"}, last


def second_training_embeds_nothing():
    run = Run("train", PHOTOS, *W).expect(0, "(0 new of 32 pictures)")
    assert "version 2" in run.out
    first, second = (json.loads((AT / f"w/collections/1/versions/{n}/version.json").read_text()) for n in (1, 2))
    assert first["head_sha256"] == second["head_sha256"], "same samples and seed, other bytes"
    Run("train", PHOTOS, *W, "--threads", "1").expect(0)
    third = json.loads((AT / "w/collections/1/versions/3/version.json").read_text())
    assert first["head_sha256"] == third["head_sha256"], "another number of threads, other bytes"


def more_threads_than_places_for_files():
    many = AT / "many"
    some_people(FACES / "lfw10", many, people=6, photos=10)
    Run("train", many, "--workspace", AT / "w64", "--encoder", PACK, "--threads", "64", timeout=120).expect(
        0, "(60 new of 60 pictures)")


def identify_names_the_known():
    right = total = 0
    for number, person in enumerate(sorted(p for p in (FACES / "lfw10").iterdir() if p.is_dir())[:4], 1):
        for line in Run("identify", *sorted(person.iterdir())[8:], *W, "--json").expect(0).json:
            best = max(line["samples"], key=lambda s: s["box"][2] * s["box"][3])
            total += 1
            if best["decision"] == "known":
                assert best["label"] == f"STU{number:03d}", line
                assert best["name"] == person.name.replace("_", " "), line
                assert best["candidates"][0]["label"] == best["label"], line
                right += 1
    assert total == 8 and right >= 7, f"{right} of {total}"


def identify_refuses_strangers():
    lines = Run("identify", FACES / "unknown", *W, "--json").expect(0).json
    assert len(lines) == 40
    named = [line for line in lines for s in line["samples"] if s["decision"] == "known"]
    assert not named, named
    for line in lines:
        assert line["decision"] in ("faces", "no_face") and line["error"] is None
        for s in line["samples"]:
            assert s["label"] is None and s["name"] is None and len(s["box"]) == 4


def identify_keeps_order_and_goes_on():
    bad = AT / "bad.jpg"
    bad.write_bytes((FACES / "lfw10" / "Tony_Blair" / "Tony_Blair_0001.jpg").read_bytes()[:3000])
    good = sorted((PHOTOS / NAMES[0]).iterdir())[0]
    run = Run("identify", good, bad, AT / "absent.jpg", good, *W, "--json")
    lines = run.json
    assert run.code == 1, run.err
    assert [line["decision"] for line in lines] == ["faces", "error", "error", "faces"], lines
    assert [line["media"] for line in lines] == [str(good), str(bad), str(AT / "absent.jpg"), str(good)]
    assert lines[0]["samples"] == lines[3]["samples"]
    assert Run("identify", bad, *W).code == 1


def identify_reads_standard_input():
    good = sorted((PHOTOS / NAMES[0]).iterdir())[0]
    line = Run("identify", "-", *W, "--json", stdin=good.read_bytes()).expect(0).json[0]
    assert line["media"] == "-" and line["samples"][0]["label"] == "STU001", line


def identify_draws():
    good = sorted((PHOTOS / NAMES[0]).iterdir())[0]
    Run("identify", good, *W, "--draw", AT / "one.png").expect(0)
    assert (AT / "one.png").read_bytes()[:4] == b"\x89PNG"
    Run("identify", PHOTOS / NAMES[0], *W, "--draw", AT / "drawn").expect(0)
    assert len(list((AT / "drawn").glob("*.jpg"))) == 8
    Run("identify", PHOTOS / NAMES[0], *W, "--draw", AT / "one.png").expect(2, "name a folder")


def drawing_spares_the_originals():
    own = AT / "originals"
    for name in ("a", "b"):
        (own / name).mkdir(parents=True)
        shutil.copy(sorted((PHOTOS / NAMES[0]).iterdir())[0], own / name / "same.jpg")
    before = (own / "a" / "same.jpg").read_bytes()
    Run("identify", own / "a", *W, "--draw", own / "a").expect(2, "write over")
    assert (own / "a" / "same.jpg").read_bytes() == before
    Run("identify", own, *W, "--draw", AT / "both").expect(0)
    assert sorted(p.name for p in (AT / "both").iterdir()) == ["same-2.jpg", "same.jpg"]
    Run("identify", own / "a" / "same.jpg", *W, "--draw", AT / "x.webp").expect(2, ".jpg or .png")


def output_that_cannot_be_written_is_an_error():
    with open("/dev/full", "wb") as full:
        done = subprocess.run([PROGRAM, "versions", "--json", *map(str, W)], stdout=full, stderr=subprocess.PIPE,
                              check=False)
    assert done.returncode == 1 and b"standard output" in done.stderr


def configuration_is_for_new_collections():
    good = sorted((PHOTOS / NAMES[0]).iterdir())[0]
    conf = AT / "w" / "espy.conf"
    conf.write_text("encoder = edgeface\nprecision = f32\nthreads = 1\n")
    Run("identify", good, *W).expect(0, "known")
    assert "1 used" in Run("doctor", *W).expect(0).out
    conf.write_text("treshold = 0.9\n")
    Run("identify", good, *W).expect(2, 'no setting "treshold"')
    conf.write_text("")


def every_command_speaks_json():
    for args in (("init", AT / "w9"), ("doctor", *W), ("version",), ("models", "list"), ("models", "verify", PACK),
                 ("versions", *W), ("enroll", "First", sorted((PHOTOS / NAMES[0]).iterdir())[0], "--workspace",
                                    AT / "w9", "--encoder", PACK)):
        lines = Run(*args, "--json").expect(0).out.splitlines()
        assert lines and all(isinstance(json.loads(line), dict) for line in lines), (args, lines)


def links_do_not_make_circles():
    around = AT / "around"
    around.mkdir()
    shutil.copy(sorted((PHOTOS / NAMES[0]).iterdir())[0], around / "x.jpg")
    (around / "one").symlink_to(".")
    (around / "two").symlink_to(".")
    assert len(Run("identify", around, *W, "--json").expect(0).json) == 1


def threshold_comes_from_option_environment_and_configuration():
    good = sorted((PHOTOS / NAMES[0]).iterdir())[0]

    def decision(*args, **kw):
        return Run("identify", good, *W, "--json", *args, **kw).expect(0).json[0]["samples"][0]["decision"]

    assert decision() == "known"
    assert decision("--threshold", "1") == "unknown"
    assert decision(env={"RECOGNITION_THRESHOLD": "1"}) == "unknown"
    (AT / "w" / "espy.conf").write_text("threshold = 1\n")
    assert decision() == "unknown"
    assert decision("--threshold", "0") == "known"
    (AT / "w" / "espy.conf").write_text("")


def enroll_adds_a_person_from_one_photo():
    person = sorted((FACES / "lfw10" / "Tony_Blair").iterdir())
    assert Run("enroll", "STU005_Tony_Blair", person[0], *W, "--json").expect(0).json[-1]["head"] == "knn"
    same = Run("identify", person[0], *W, "--json").expect(0).json[0]["samples"]
    assert any(s["label"] == "STU005" for s in same), same
    lines = Run("identify", *person[1:], *W, "--json").expect(0).json
    known = sum(any(s["label"] == "STU005" for s in line["samples"]) for line in lines)
    assert known >= 5, f"{known} of {len(lines)} known from one photo"
    named = [s for line in Run("identify", FACES / "unknown", *W, "--json").json for s in line["samples"]
             if s["decision"] == "known"]
    assert not named, named


def every_head_answers():
    good = sorted((PHOTOS / NAMES[1]).iterdir())[2]
    for head in ("svm", "logistic", "knn", "mlp", "prototypes"):
        assert Run("train", PHOTOS, *W, "--head", head, "--json").expect(0).json[-1]["head"] == head
        answer = Run("identify", good, *W, "--json").expect(0).json[0]["samples"][0]
        assert answer["label"] == "STU002", (head, answer)
    Run("train", PHOTOS, *W, "--head", "forest").expect(2, "choose svm, logistic, knn, mlp or prototypes")


def versions_are_listed():
    lines = Run("versions", *W, "--json").expect(0).json
    assert [v["version"] for v in lines] == list(range(len(lines), 0, -1))
    assert [v["alias"] for v in lines[:3]] == ["live", "previous", None]


def compare_tells_same_from_different():
    person = sorted((FACES / "lfw10" / "Tony_Blair").iterdir())
    other = sorted((FACES / "lfw10" / "Hugo_Chavez").iterdir())[0]
    assert Run("compare", person[0], person[1], "--encoder", PACK, "--json").expect(0).json[0]["same"] is True
    assert Run("compare", person[0], other, "--encoder", PACK, "--json").expect(0).json[0]["same"] is False
    Run("compare", person[0], AT / "absent.jpg", "--encoder", PACK).expect(1, "absent.jpg")


def detect_and_embed():
    person = sorted((FACES / "lfw10" / "Tony_Blair").iterdir())[0]
    found = Run("detect", person, "--encoder", PACK, "--json").expect(0).json[0]["samples"][0]
    assert len(found["points"]) == 5 and "label" not in found and "embedding" not in found
    vector = Run("embed", person, "--encoder", PACK).expect(0).json[0]["samples"][0]["embedding"]
    assert len(vector) == 128 and abs(sum(v * v for v in vector) - 1) < 1e-4


def crops_show_what_the_embedder_sees():
    person = sorted((FACES / "lfw10" / "Tony_Blair").iterdir())[0]
    Run("detect", person, "--encoder", PACK, "--largest", "--crops", AT / "crops").expect(0)
    assert Run("detect", AT / "absent.jpg", person, "--encoder", PACK, "--crops", AT / "crops").code == 1
    png = (AT / "crops" / (person.stem + "-1.png")).read_bytes()
    assert struct.unpack(">II", png[16:24]) == (112, 112)


def bad_folders():
    empty = AT / "empty"
    empty.mkdir()
    Run("train", AT / "absent", *W).expect(1, "there is no folder")
    nothing = f"no photos and no recordings found in {empty}; make one folder per label"
    Run("train", empty, *W).expect(1, nothing)
    Run("train", empty, *W, "--encoder", PACK).expect(1, "No student directories found")
    (empty / "STU001_A").mkdir()
    Run("train", empty, *W).expect(1, nothing)
    Run("evaluate", empty, *W).expect(1, nothing)
    Run("train", empty, *W, "--encoder", PACK).expect(1, "No images found")
    twice = AT / "twice"
    some_people(FACES / "lfw10", twice, people=2, photos=2, rename="STU001_{name}")
    Run("train", twice, *W).expect(1, "both carry the id STU001")
    single = AT / "single"
    some_people(FACES / "lfw10", single, people=1, photos=3)
    Run("train", single, "--workspace", AT / "w1", "--encoder", PACK).expect(1, "label")
    noface = AT / "noface"
    (noface / "a").mkdir(parents=True)
    (noface / "b").mkdir(parents=True)
    for name in ("a", "b"):
        (noface / name / "x.pgm").write_bytes(b"P5 64 64 255\n" + bytes(64 * 64))
    Run("train", noface, "--workspace", AT / "w2", "--encoder", PACK).expect(1, "no face was found")


def one_photo_each_works():
    one = AT / "one_each"
    some_people(FACES / "lfw10", one, people=6, photos=1)
    last = Run("train", one, "--workspace", AT / "w3", "--encoder", PACK, "--json").expect(0).json[-1]
    assert last["head"] == "knn" and last["accuracy"] is None, last


def two_photos_each_work():
    two = AT / "two_each"
    some_people(FACES / "lfw10", two, people=6, photos=2)
    last = Run("train", two, "--workspace", AT / "w6", "--encoder", PACK, "--json").expect(0, "too few samples").json[-1]
    assert last["head"] == "svm" and last["accuracy"] is None and last["samples"] == 12, last


def a_moved_folder_can_unlearn():
    here, there = AT / "here", AT / "there"
    names = some_people(FACES / "lfw10", here, people=3, photos=3)
    w = ("--workspace", AT / "w7")
    Run("train", here, *w, "--encoder", PACK).expect(0)
    here.rename(there)
    Run("train", there, *w).expect(0, "(0 new of 9 pictures)")
    shutil.rmtree(there / names[0])
    assert Run("train", there, *w, "--json").expect(0, "no longer in").json[-1]["labels"] == 2


def one_picture_under_two_labels_is_told():
    two = AT / "two_labels"
    names = some_people(FACES / "lfw10", two, people=2, photos=3)
    shutil.copy(sorted((two / names[0]).iterdir())[0], two / names[1] / "copy.jpg")
    Run("train", two, "--workspace", AT / "w4", "--encoder", PACK).expect(0, "which has another label")


def a_photo_taken_out_is_forgotten():
    own = AT / "own"
    names = some_people(FACES / "lfw10", own, people=3, photos=4)
    w = ("--workspace", AT / "w5")
    assert Run("train", own, *w, "--encoder", PACK, "--json").expect(0).json[-1]["samples"] == 12
    sorted((own / names[0]).iterdir())[0].unlink()
    shutil.rmtree(own / names[2])
    last = Run("train", own, *w, "--json").expect(0, "5 pictures are no longer in").json[-1]
    assert last["samples"] == 7 and last["labels"] == 2, last
    Run("enroll", "Third", sorted((FACES / "lfw10" / names[2]).iterdir())[0], *w).expect(0)
    assert Run("train", own, *w, "--json").expect(0).json[-1]["labels"] == 3, "a person's label was taken off"


def another_encoder_is_refused():
    Run("train", PHOTOS, *W, "--encoder", "edgeface").expect(2, "was made with encoder mobilefacenet")


def live_version_survives_a_failed_training():
    before = Run("versions", *W, "--collection", "faces", "--json").json[0]
    Run("train", AT / "single", *W, "--head", "svm", "--collection", "other").expect(1)
    broken = AT / "broken"
    (broken / "x").mkdir(parents=True)
    (broken / "x" / "x.jpg").write_bytes(b"\xff\xd8\xff\xe0" + b"x" * 100)
    Run("train", broken, *W).expect(1)
    assert Run("versions", *W, "--collection", "faces", "--json").json[0] == before


def interruption_leaves_the_live_version():
    before = Run("versions", *W, "--collection", "faces", "--json").json
    env = dict(os.environ, ESPY_SOURCE_ROOT=str(SOURCE.resolve()))
    child = subprocess.Popen([PROGRAM, "train", str(FACES / "orl"), *map(str, W)], env=env,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(1.0)
    child.send_signal(signal.SIGINT)
    assert child.wait(timeout=60) in (130, 0)
    after = Run("versions", *W, "--collection", "faces", "--json").json
    assert after[-len(before):] == before or child.returncode == 0
    Run("doctor", *W).expect(0, "store       whole")


def store_is_an_ordinary_database():
    with sqlite3.connect(AT / "w" / "store.db") as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
        assert db.execute("select count(*) from versions").fetchone()[0] >= 5
        assert db.execute("select count(*) from events").fetchone()[0] > 0


main([train_learns, second_training_embeds_nothing, more_threads_than_places_for_files,
      identify_names_the_known, identify_refuses_strangers,
      identify_keeps_order_and_goes_on, identify_reads_standard_input, identify_draws,
      drawing_spares_the_originals, output_that_cannot_be_written_is_an_error,
      configuration_is_for_new_collections, every_command_speaks_json, links_do_not_make_circles,
      threshold_comes_from_option_environment_and_configuration, enroll_adds_a_person_from_one_photo,
      every_head_answers, versions_are_listed, compare_tells_same_from_different, detect_and_embed, crops_show_what_the_embedder_sees,
      bad_folders,
      one_photo_each_works, two_photos_each_work, a_moved_folder_can_unlearn, one_picture_under_two_labels_is_told, a_photo_taken_out_is_forgotten, another_encoder_is_refused,
      live_version_survives_a_failed_training, interruption_leaves_the_live_version,
      store_is_an_ordinary_database])
