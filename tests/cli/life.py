# SPDX-License-Identifier: Apache-2.0
"""The life of a model on real photos: versions, going back, the gate, the trigger, the schedule, and
that nothing that fails or is interrupted changes what answers."""
import json
import re
import sqlite3
import time

from support import Run, folder, main, shared_faces, some_people

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
    assert Run("rollback", *W, "--json").expect(0).json == [{"live": 2, "from": 1, "moved": True}]
    assert answers() == second
    assert Run("rollback", "2", *W, "--json").expect(0).json == [{"live": 2, "from": 2, "moved": False}]
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
    last = Run("train", bad, *w, "--min-accuracy", "0.9", "--force", "--json").expect(0, "by force").json[-1]
    assert last["promoted"] is True and last["gate"]["forced"] is True, last
    Run("versions", "--workspace", AT / "w2").expect(0, "forced  live")


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


main([a_version_records_what_it_learned_from, rollback_gives_the_old_answers, rollback_refuses_a_damaged_version,
      history_is_printed, a_first_training_may_be_refused, a_worse_version_does_not_answer])
