# SPDX-License-Identifier: Apache-2.0
"""The life of a model on real photos: versions, going back, the gate, the trigger, the schedule, and
that nothing that fails or is interrupted changes what answers."""
import datetime
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
import zoneinfo

from support import PROGRAM, SHARED, SOURCE, Run, folder, main, shared_faces, some_people

FACES = shared_faces()
AT = folder()
PHOTOS = AT / "photos"
PACK = "mobilefacenet"
NAMES = some_people(FACES / "lfw10", PHOTOS, people=4, photos=8, rename="STU{number:03d}_{name}")
W = ("--workspace", AT / "w")
ASKED = [p for name in NAMES for p in sorted((PHOTOS / name).iterdir())[:2]] + sorted(
    (FACES / "unknown").iterdir())[:4]


def versions(*args):
    return Run("versions", *W, "--json", *args).expect(0).json


def live():
    return next(v["version"] for v in versions() if v["alias"] == "live")


def answers():
    return Run("identify", *ASKED, *W, "--json").expect(0).out


def a_version_records_what_it_learned_from():
    Run("train", PHOTOS, *W, "--encoder", PACK).expect(0, "version 1")
    one = versions()[0]
    assert one["sample_counts"] == {f"STU{n:03d}": 8 for n in range(1, 5)}, one
    assert one["reason"] == "train", one


def rollback_gives_the_old_answers():
    first = answers()
    (PHOTOS / "STU005_Tony_Blair").mkdir()
    for p in sorted((FACES / "lfw10" / "Tony_Blair").iterdir())[:5]:
        (PHOTOS / "STU005_Tony_Blair" / p.name).write_bytes(p.read_bytes())
    Run("train", PHOTOS, *W).expect(0, "version 2")
    second = answers()
    assert first != second
    started = time.monotonic()
    Run("rollback", *W, "--reason", "too eager").expect(0, "version 1 answers now; version 2 is kept")
    assert time.monotonic() - started < 1.0
    assert answers() == first
    assert [v["alias"] for v in versions()] == ["previous", "live"]
    assert Run("rollback", *W, "--json").expect(0).json == [{"collection": "faces", "live": 2, "from": 1, "moved": True}]
    assert answers() == second
    assert Run("rollback", "2", *W, "--json").expect(0).json == [{"collection": "faces", "live": 2, "from": 2, "moved": False}]
    Run("rollback", "9", *W).expect(1, "no version 9")
    Run("rollback", "last", *W).expect(2, "is no version")
    with sqlite3.connect(AT / "w" / "store.db") as db:
        told = [json.loads(d) for (d,) in db.execute("select detail from events where action = 'version.promote'")]
    assert {"from": 2, "reason": "rollback: too eager"} in told, told


def rollback_refuses_a_damaged_version():
    db = sqlite3.connect(AT / "w" / "store.db")
    good = db.execute("select bytes from versions where number = 1").fetchone()[0]
    trigger = db.execute("select sql from sqlite_master where name = 'versions_fixed'").fetchone()[0]

    def write(value):
        db.execute("drop trigger versions_fixed")
        db.execute("update versions set bytes = ? where number = 1", (value,))
        db.execute(trigger)
        db.commit()

    write(good[:-1] + bytes([good[-1] ^ 1]))
    Run("rollback", *W).expect(1, "version 1 cannot answer, nothing was changed")
    assert live() == 2
    write(good)
    db.close()
    Run("rollback", *W).expect(0)
    Run("rollback", *W).expect(0)
    assert live() == 2


def history_is_printed():
    text = Run("versions", *W, "--history").expect(0).out
    entry = (r"Date: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d\nAccuracy: [01]\.\d{4}\nSamples: \d+\nEpochs: (\d+|-)\n"
             + "-" * 40 + "\n")
    assert re.fullmatch(f"({entry})+", text), text
    assert [int(n) for n in re.findall(r"Samples: (\d+)", text)] == [32, 37], text
    assert [v["version"] for v in versions("--history")] == [1, 2]


def mixed(target):
    """The same photos, each person's dealt over all labels: nobody can learn that."""
    for number, name in enumerate(NAMES):
        (target / name).mkdir(parents=True)
        for at, source in enumerate(NAMES):
            for p in sorted((PHOTOS / source).iterdir())[number * 2:number * 2 + 2]:
                (target / name / p.name).write_bytes(p.read_bytes())
    return target


def a_first_training_may_be_refused():
    w = ("--workspace", AT / "w2", "--encoder", PACK)
    bad = mixed(AT / "mixed")
    run = Run("train", bad, *w, "--min-accuracy", "0.9", "--json").expect(1, "nothing answers yet")
    last = run.json[-1]
    assert last["version"] == 1 and last["promoted"] is False and last["gate"]["passed"] is False, last
    assert last["gate"]["checks"][0]["name"] == "min_accuracy" and last["gate"]["checks"][0]["limit"] == 0.9, last
    assert run.err.strip().splitlines()[-1].startswith("espy: version 1 is kept but does not answer: accuracy 0."), run.err
    Run("identify", ASKED[0], *w).expect(1, "learned nothing yet")
    Run("versions", "--workspace", AT / "w2").expect(0, "gate failed: min_accuracy")
    shutil.copytree(AT / "w2", AT / "w2back")
    said = Run("rollback", "1", "--workspace", AT / "w2back").expect(0).out
    assert said == "faces: version 1 answers now\n", said
    Run("versions", "--workspace", AT / "w2back").expect(0, "gate failed: min_accuracy  [live]")
    last = Run("train", bad, *w, "--min-accuracy", "0.9", "--force", "--json").expect(0, "by force").json[-1]
    assert last["promoted"] is True and last["gate"]["forced"] is True, last
    Run("versions", "--workspace", AT / "w2").expect(0, "forced  [live]")


def a_worse_version_does_not_answer():
    before, number, said = versions(), live(), answers()
    run = Run("train", AT / "mixed", *W, "--reason", "a bad day").expect(1, f"version {number} goes on answering")
    assert "accuracy" in run.err or "held-out" in run.err, run.err
    after = versions()
    assert after[0]["reason"] == "a bad day" and after[0]["alias"] is None, after[0]
    assert after[0]["gate"]["passed"] is False and "forced" not in after[0]["gate"], after[0]
    assert {k["name"] for k in after[0]["gate"]["checks"]} == {"live", "left_out"}, after[0]["gate"]
    assert after[1:] == before and live() == number and answers() == said
    Run("rollback", after[0]["version"], *W).expect(0)  # all the same
    Run("rollback", *W).expect(0)
    assert live() == number and answers() == said
    Run("train", PHOTOS, *W).expect(0)  # the labels as they should be


def files(at, **counts):
    """A folder per label with so many files that are named like pictures and are none."""
    for label, n in counts.items():
        (at / label).mkdir(parents=True, exist_ok=True)
        for i in range(n):
            (at / label / f"{i}.jpg").write_bytes(b"x")
    return at


def trigger_counts_a_folder():
    at = files(AT / "count", dog_bark=12, gun_shot=9, engine_idling=11, clips=8, unknown=30)
    (at / "clips" / "notes.txt").write_text("no picture")
    # nothing was trained: no workspace is needed, and none is made
    assert Run("trigger", at, cwd=AT).expect(0).out == "Retrain: True, New samples: 40\n"
    assert not (AT / ".espy").exists()
    log = AT / "retraining_log.json"
    entry = {"sample_counts": {"dog_bark": 10, "gun_shot": 8, "engine_idling": 10, "clips": 7, "gone": 99}}
    log.write_text(json.dumps({"retraining_history": [{"sample_counts": {}}, entry]}))
    assert Run("trigger", at, "--log", log, cwd=AT).expect(0).out == "Retrain: False, New samples: 5\n"
    assert Run("trigger", at, "--log", log, "--min-new-samples", 5, cwd=AT).out == "Retrain: True, New samples: 5\n"
    (at / "dog_bark" / "0.jpg").unlink()
    answer = Run("trigger", at, "--log", log, "--json", cwd=AT).expect(0).json
    assert answer == [{"retrain": False, "new_samples": 4, "min_new_samples": 100, "counts": {
        "clips": 8, "dog_bark": 11, "engine_idling": 11, "gun_shot": 9}}], answer
    assert Run("trigger", at, "--log", AT / "absent.json", cwd=AT).out == "Retrain: True, New samples: 39\n"
    log.write_text("{}")
    Run("trigger", at, "--log", log, cwd=AT).expect(1, "retraining_history")
    Run("trigger", AT / "absent", cwd=AT).expect(1, "there is no folder")
    Run("trigger", cwd=AT).expect(1, "there is no workspace")


def trigger_trains():
    own, w = AT / "own", ("--workspace", AT / "w3")
    some_people(FACES / "lfw10", own, people=3, photos=6)
    run = Run("trigger", own, *w, "--train", "--encoder", PACK, "--json").expect(0)
    assert run.json[0]["retrain"] is True and run.json[0]["new_samples"] == 18, run.out
    assert run.json[1]["version"] == 1 and run.json[1]["promoted"] is True, run.out
    assert Run("versions", *w, "--json").json[0]["reason"] == "trigger: 18 new samples"
    assert Run("trigger", own, *w).expect(0).out == "Retrain: False, New samples: 0\n"
    assert Run("trigger", *w).expect(0).out == "Retrain: False, New samples: 0\n"
    # a file that nothing can be learned from is new once, not for ever
    person = sorted(own.iterdir())[0]
    (person / "broken.jpg").write_bytes(b"x")
    for n, name in enumerate(sorted((FACES / "lfw10" / person.name).iterdir())[6:8]):
        (person / f"more{n}.jpg").write_bytes(name.read_bytes())
    assert Run("trigger", own, *w).out == "Retrain: False, New samples: 3\n"
    run = Run("trigger", own, *w, "--train", "--min-new-samples", 3, "--head", "logistic").expect(0, "version 2")
    assert run.out.startswith("Retrain: True, New samples: 3\n"), run.out
    assert Run("trigger", own, *w).out == "Retrain: False, New samples: 0\n"
    assert Run("trigger", *w).out == "Retrain: False, New samples: 0\n"
    run = Run("trigger", *w, "--train", "--min-new-samples", 0, "--reason", "by hand").expect(0, "version 3")
    newest = Run("versions", *w, "--json").json[0]
    assert newest["reason"] == "by hand" and newest["head"] == "logistic", newest  # the kind stays


def enroll_learns_when_there_is_enough():
    w = ("--workspace", AT / "w3")
    photos = sorted((FACES / "lfw10" / "Tony_Blair").iterdir())
    last = Run("versions", *w, "--json").json[0]["version"]
    run = Run("enroll", "Tony_Blair", *photos[:2], *w, "--no-train", "--trigger", 4).expect(0, "2 pictures added")
    assert "version" not in run.out, run.out
    (AT / "w3" / "espy.conf").write_text("trigger = 4\n")
    assert Run("enroll", "Tony_Blair", photos[2], *w, "--no-train", "--json").json[-1]["version"] is None
    fired = Run("enroll", "Tony_Blair", photos[3], *w, "--no-train", "--json").expect(0).json[-1]
    assert fired["version"] == last + 1 and "gate" in fired, fired
    assert Run("versions", *w, "--json").json[0]["reason"] == "trigger: 4 new samples"
    assert Run("trigger", *w).out == "Retrain: False, New samples: 0\n"
    once = Run("enroll", "Tony_Blair", photos[4], *w, "--json").expect(0).json[-1]
    assert once["version"] == last + 2 and once["promoted"] is True and "gate" not in once, once  # at once, as ever
    (AT / "w3" / "espy.conf").write_text("trigger = 1\nmin_accuracy = 1.5\n")
    Run("enroll", "Tony_Blair", photos[5], *w, "--no-train").expect(2, "not a number from 0 to 1")
    (AT / "w3" / "espy.conf").write_text("")


def start(*args):
    env = dict(os.environ, ESPY_SOURCE_ROOT=str(SOURCE.resolve()))
    return subprocess.Popen([PROGRAM, *map(str, args)], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def a_schedule_runs_in_the_zone_of_the_workspace():
    own = AT / "own"
    some_people(FACES / "lfw10", AT / "two", people=2, photos=3)
    for name in ("w4", "w5"):
        Run("init", AT / name).expect(0)
        (AT / name / "espy.conf").write_text("timezone = Asia/Kathmandu\n")
    Run("trigger", own, "--workspace", AT / "w4", "--schedule", "someday 02:00").expect(2, "is no schedule")
    nothing = files(AT / "nothing", a=60, b=60)  # a training of this fails
    at = datetime.datetime.now(zoneinfo.ZoneInfo("Asia/Kathmandu")) + datetime.timedelta(seconds=65)
    when = f"daily {at:%H:%M}"
    good = start("trigger", own, "--workspace", AT / "w4", "--encoder", PACK, "--schedule", when,
                 "--min-new-samples", 10)
    bad = start("trigger", nothing, "--workspace", AT / "w5", "--encoder", PACK, "--schedule", when)
    idle = start("trigger", AT / "two", "--workspace", AT / "w5", "--schedule", "sun 02:00")
    time.sleep(1)
    idle.send_signal(signal.SIGINT)
    out, err = idle.communicate(timeout=20)
    assert idle.returncode == 130 and b"next look at" in err and out == b"", (out, err)
    seen = (AT / "w4" / "collections" / "1" / "versions" / "1" / "version.json")
    deadline = time.monotonic() + 120
    while not seen.exists() and time.monotonic() < deadline:
        time.sleep(0.5)
    time.sleep(2)
    good.send_signal(signal.SIGINT)
    bad.send_signal(signal.SIGINT)
    out, err = (t.decode() for t in good.communicate(timeout=60))
    assert good.returncode == 130, (out, err)
    assert out.startswith("Retrain: True, New samples: 21\nversion 1: svm"), (out, err)
    looks = re.findall(r"next look at (\S+ \S+)", err)
    assert len(looks) == 2 and looks[0] == f"{at:%Y-%m-%d %H:%M}:00" and looks[1][11:] == looks[0][11:], (looks, at)
    out, err = (t.decode() for t in bad.communicate(timeout=60))
    assert bad.returncode == 130 and out == "Retrain: True, New samples: 120\n", (out, err)
    assert "error: no face was found" in err and err.count("next look at") == 2, err
    (AT / "w4" / "espy.conf").write_text("timezone = Mars/Olympus\n")
    Run("versions", "--workspace", AT / "w4").expect(2, "no time zone")


def nothing_that_is_cut_short_changes_what_answers():
    number, said, before = live(), answers(), versions()
    grown = AT / "grown"
    shutil.copytree(PHOTOS, grown)
    for person in sorted((FACES / "lfw10").iterdir())[4:8]:
        shutil.copytree(person, grown / person.name)
    cut = 0
    for i in range(12):
        child = start("train", grown, *W)
        time.sleep(0.05 + 0.11 * i)
        child.send_signal(signal.SIGKILL if i % 2 else signal.SIGINT)
        _, err = child.communicate(timeout=60)
        if child.returncode in (0, 1):
            break  # it was quicker: published, or refused
        cut += 1
        assert child.returncode == (-signal.SIGKILL if i % 2 else 130), err
        assert versions() == before and live() == number
        assert answers() == said
    assert cut >= 3, cut
    Run("doctor", *W).expect(0, "store       whole")
    Run("train", AT / "count", *W).expect(1, "no face was found")
    assert live() in (number, versions()[0]["version"])


def sounds_live_the_same_life():
    source, own, w = SHARED / "data" / "sounds", AT / "sounds", ("--workspace", AT / "w6")
    if not source.is_dir():
        print("SKIP: needs ../shared/data/sounds")
        return
    names = some_people(source, own, people=3, photos=10)
    (own / "unknown").mkdir()
    shutil.copy(sorted((own / names[0]).iterdir())[0], own / "unknown" / "what.ogg")
    first = Run("trigger", own, *w, "--train", "--json").expect(0).json
    assert first[0] == {"retrain": True, "new_samples": 30, "min_new_samples": 100,
                        "counts": dict.fromkeys(names, 10)}, first
    assert first[1]["promoted"] is True and first[1]["samples"] == 30, first
    assert [k["name"] for k in first[1]["gate"]["checks"]] == ["silence", "hiss", "noise", "left_out"], first
    assert first[1]["gate"]["checks"][0]["passed"] is True, first
    for name in names:
        for p in sorted((source / name).iterdir())[10:15]:
            shutil.copy(p, own / name)
    assert Run("trigger", own, *w).expect(0).out == "Retrain: False, New samples: 15\n"
    said = Run("identify", sorted((own / names[1]).iterdir())[0], *w, "--json").expect(0).out
    run = Run("trigger", own, *w, "--train", "--min-new-samples", 15, "--json", "--force").expect(0)
    assert run.json[1]["version"] == 2 and "live" in [k["name"] for k in run.json[1]["gate"]["checks"]], run.out
    Run("rollback", *w).expect(0, "version 1 answers now")
    assert Run("identify", sorted((own / names[1]).iterdir())[0], *w, "--json").out == said
    assert Run("trigger", *w).out == "Retrain: False, New samples: 0\n"


main([a_version_records_what_it_learned_from, rollback_gives_the_old_answers, rollback_refuses_a_damaged_version,
      history_is_printed, a_first_training_may_be_refused, a_worse_version_does_not_answer, trigger_counts_a_folder,
      trigger_trains, enroll_learns_when_there_is_enough, nothing_that_is_cut_short_changes_what_answers,
      sounds_live_the_same_life, a_schedule_runs_in_the_zone_of_the_workspace])
