# SPDX-License-Identifier: Apache-2.0
"""Grouping, naming and assigning through the program, on real photos: snapshots of ../shared, or where that is
absent the group photos of the face-api pack, the second session in copies that are turned and dimmed."""
import collections
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys

from support import SHARED, Run, folder, main, skip

AT = folder()
FIRST, LATER = AT / "first", AT / "later"
FACES = SHARED / "data" / "faces"
SNAPSHOTS = (FACES / "lfw10").is_dir() and (SHARED / "models" / "edgeface_xxs_deq.onnx").is_file()
PACK = "edgeface" if SNAPSHOTS else "face-api"
PHOTOS = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share") / \
    "espy/models/face-api/photos"
W = ("--workspace", AT / "w")


def pictures(kind, amount, source, target):
    subprocess.run([sys.argv[2], kind, str(amount), str(source), str(target)], check=True)


def photos():
    """People in the first session; in the later one the same and strangers, whose files begin with "stranger"."""
    FIRST.mkdir()
    LATER.mkdir()
    if SNAPSHOTS:
        for person in sorted(p for p in (FACES / "lfw10").iterdir())[:4]:
            files = sorted(person.iterdir())
            for k, file in enumerate(files[:8]):
                shutil.copy(file, FIRST if k < 5 else LATER)
        for k, file in enumerate(sorted((FACES / "unknown").iterdir())[:5]):
            shutil.copy(file, LATER / f"stranger{k}.jpg")
        return
    for n in (1, 3, 4, 5):
        shutil.copy(PHOTOS / f"sample{n}.jpg", FIRST)
        pictures("dim", 0.7, PHOTOS / f"sample{n}.jpg", FIRST / f"dim{n}.png")
        pictures("turn", 6, PHOTOS / f"sample{n}.jpg", LATER / f"turned{n}.png")
    shutil.copy(PHOTOS / "sample2.jpg", LATER / "stranger.jpg")


def labels(*args):
    return {one["label"]: one for one in Run("label", "list", *W, "--json", *args).expect(0).json}


def samples(*args):
    return Run("label", "list", *W, "--json", *args).expect(0).json


def history():
    return Run("label", "history", *W, "--json").expect(0).json


def cluster(*args):
    return Run("cluster", *args, *W, "--json").expect(0).json[-1]


def largest(n=1):
    """Codes of the groups with most samples."""
    groups = [one for one in labels().values() if one["group"]]
    return [one["label"] for one in sorted(groups, key=lambda one: -one["samples"])[:n]]


def one_to_a_photo():
    """No two samples of one photo have one label."""
    for code in labels():
        counts = collections.Counter(one["media"] for one in samples(code))
        assert not counts or max(counts.values()) == 1, (code, counts)


def decodes(sheet):
    """The program's own decoder takes the sheet."""
    assert Run("detect", sheet, "--json", "--encoder", PACK, "--workspace", AT / "elsewhere").expect(0).json[0]["error"] is None


def first_session_is_grouped():
    told = cluster(FIRST, "--session", "Session 1", "--date", "2026-09-07", "--encoder", PACK, "--collection",
                   "Math 101", "--sheet", AT / "sheet.jpg")
    assert set(told) == {"collection", "session", "threshold", "samples", "compared", "noise", "clusters",
                         "labels_created", "labelled", "groups"}, told
    assert told["collection"] == "Math 101" and told["session"] == "Session 1" and told["noise"] == 0, told
    assert told["clusters"] == len(told["groups"]) == told["labels_created"] == len(labels()), told
    assert told["samples"] == told["compared"] == told["labelled"] == sum(g["size"] for g in told["groups"]), told
    for group in told["groups"]:
        assert set(group) == {"label", "name", "new", "size", "samples"} and len(group["samples"]) == group["size"], group
        number = group["label"].rpartition("_")[2]
        assert group["label"] == f"cluster_1_{number}" and group["new"], group
        assert group["name"] == f"Unknown Class_Math_101_Session_1_Cluster_{number}", group
    if SNAPSHOTS:
        big = [g for g in told["groups"] if g["size"] > 1]
        assert [g["size"] for g in sorted(big, key=lambda g: g["label"])] == [5, 5, 5, 5], told
        for group in big:
            assert len({os.path.basename(one["media"])[:-9] for one in samples(group["label"])}) == 1, group
    else:
        assert sum(g["size"] > 1 for g in told["groups"]) >= 10, told
    one_to_a_photo()
    decodes(AT / "sheet.jpg")


def second_run_changes_nothing():
    before, events = labels(), history()
    told = cluster(FIRST, "--session", "Session 1", "--date", "2026-09-07")
    assert told["labels_created"] == 0 and told["labelled"] == 0, told
    assert labels() == before and history() == events
    told = cluster("--no-labels", "--threshold", "1", "--sheet", AT / "sheet.png")
    assert told["labels_created"] == 0 and told["clusters"] == told["samples"], told
    assert labels() == before and history() == events
    decodes(AT / "sheet.png")
    assert cluster("--no-labels", "--max-clusters", "200", "--session", "Session 1")["clusters"] == len(before)


def the_text_tells_the_same():
    run = Run("cluster", "--no-labels", *W).expect(0, "groups;")
    assert f"{labels()[largest()[0]]['samples']:>6}  {largest()[0]}" in run.out, run.out
    assert "name a group" not in run.err, run.err


def groups_get_names():
    code = largest()[0]
    Run("label", "rename", code, "STU001_Ada_Lovelace", *W).expect(0, f"{code} is STU001 (Ada Lovelace) now")
    second = largest()[0]
    Run("label", "rename", second, "STU002", "Bob", *W).expect(0, "STU002 (Bob)")
    assert labels()["STU001"]["name"] == "Ada Lovelace" and not labels()["STU001"]["group"]
    Run("label", "rename", "STU002", "STU001", *W).expect(1, "merge")
    Run("label", "rename", "STU003", "STU004", *W).expect(1, "STU003")
    Run("label", "rename", "STU002", "unknown", *W).expect(2, "nobody can be called")


def later_session_is_assigned():
    run = Run("assign", LATER, "--session", "Session 2", *W, "--json", "--dry-run").expect(0)
    assert not samples("STU001", "--session", "Session 2")
    matched = [one for one in run.json[:-1] if one["status"] == "match_found"]
    assert run.json[-1]["matched"] == len(matched) > 0 and run.json[-1]["assigned"] == 0, run.json[-1]
    run = Run("assign", LATER, "--session", "Session 2", *W, "--json").expect(0)
    last = run.json[-1]
    assert set(last) == {"collection", "session", "threshold", "total", "assigned", "matched", "no_match", "ambiguous",
                         "skipped", "references"}, last
    assert last["total"] == len(run.json) - 1 and last["assigned"] == len(matched), last
    for one in run.json[:-1]:
        assert set(one) == {"sample", "media", "status", "label", "name", "confidence", "k_nearest"}, one
        assert len(one["k_nearest"]) <= 5 and (one["status"] == "assigned") == (one["label"] is not None), one
        assert not os.path.basename(one["media"]).startswith("stranger") or one["status"] == "no_match", one
        if SNAPSHOTS and one["status"] == "assigned":
            whose = os.path.basename(one["media"])[:-9]
            earlier = samples(one["label"], "--session", "Session 1")
            assert {os.path.basename(e["media"])[:-9] for e in earlier} == {whose}, one
    assert last["assigned"] >= 10, last
    assert labels("--session", "Session 2")["STU001"]["samples"] >= 1
    one_to_a_photo()
    assert Run("assign", "--session", "Session 2", "--threshold", "0.999", "--no-voting", "--average", "--k", "1", *W,
               "--json").expect(0).json[-1]["assigned"] == 0
    mine = samples("STU001")[0]["sample"]
    one = Run("assign", "--sample", mine, *W, "--json").expect(0).json[0]
    assert one["status"] == "already_identified" and one["label"] == "STU001", one


def corrections_stay():
    nobody = [one["sample"] for one in samples("--nobody")]
    stranger, other = nobody[:2]
    Run("label", "set", "STU009_Zoe", stranger, *W).expect(0)
    assert labels()["STU009"]["samples"] == 1
    Run("label", "set", "-", other, *W).expect(0, "nobody that is known")
    ada = [one["sample"] for one in samples("STU001")]
    Run("label", "reject", "STU001", ada[0], *W).expect(0, "not STU001")
    Run("cluster", *W).expect(0)
    Run("assign", *W).expect(0)
    Run("cluster", "--include-identified", *W).expect(0)
    assert [one["sample"] for one in samples("STU009")][0] == stranger
    assert other in [one["sample"] for one in samples("--nobody")]
    assert ada[0] not in [one["sample"] for one in samples("STU001")]
    near = Run("assign", "--sample", ada[0], "--k", "20", *W, "--json").expect(0).json[0]
    assert "STU001" not in [n["label"] for n in near["k_nearest"]], near
    one_to_a_photo()


def labels_merge_split_and_go():
    before = labels()
    ada, bob = before["STU001"]["samples"], before["STU002"]["samples"]
    one = samples("STU002")[0]["sample"]
    Run("label", "split", "STU002", "STU010_Eve", one, *W).expect(0)
    assert labels()["STU002"]["samples"] == bob - 1 and labels()["STU010"]["samples"] == 1
    Run("label", "undo", *W).expect(0, "label.split")
    assert labels() == before
    Run("label", "merge", "STU002", "STU001", *W, "--json").expect(0)
    assert labels()["STU001"]["samples"] == ada + bob and "STU002" not in labels()
    Run("label", "undo", *W).expect(0, "label.merge")
    Run("label", "delete", "STU001", *W).expect(0, "espy label undo")
    assert "STU001" not in labels() and len(samples("--nobody")) >= ada
    Run("label", "undo", *W).expect(0)
    assert labels() == before
    Run("label", "undo", "999", *W).expect(1)
    number = next(e["event"] for e in reversed(history()) if e["action"] == "assign")
    Run("label", "undo", number, *W, "--json").expect(0)
    Run("label", "undo", number, *W).expect(1)
    for event in history():
        assert set(event) == {"event", "time", "actor", "action", "label", "sample", "undoable", "detail"}, event
        assert not (event["undoable"] and event["event"] == number), event
    assert any(event["undoable"] for event in history())


def tables_of_attendansee_show_it():
    with sqlite3.connect(AT / "w" / "store.db") as db:
        present = dict(db.execute(
            "select s.name, count(distinct f.student) from attendansee_face_crops f join attendansee_images i on"
            " i.id = f.image join attendansee_sessions s on s.id = i.session where f.is_identified group by s.name"))
    for session, count in present.items():
        assert count == len(labels("--session", session)), (session, count)
    assert set(present) == {"Session 1", "Session 2"}, present


def folders_do_not_undo_people():
    """`espy train DIR` after people have renamed, merged, deleted and rejected; `espy train` learns from what is
    there."""
    if not SNAPSHOTS:
        return  # the group photos have no folder per person
    own = ("--workspace", AT / "trained")
    said = lambda: {one["label"]: one for one in Run("label", "list", *own, "--json").expect(0).json}
    people = [p.name for p in sorted((FACES / "lfw10").iterdir())[:5]]
    for name in people:
        (AT / "train" / name).mkdir(parents=True)
        for file in sorted((FACES / "lfw10" / name).iterdir())[:5]:
            shutil.copy(file, AT / "train" / name)
    Run("train", AT / "train", *own, "--encoder", PACK, "--head", "knn", "--json").expect(0)
    a, b, c, d, e = people
    rejected = Run("label", "list", e, *own, "--json").expect(0).json[0]["sample"]
    Run("label", "rename", a, "ONE", "Number One", *own).expect(0)
    Run("label", "merge", b, c, *own).expect(0)
    Run("label", "delete", d, *own).expect(0)
    Run("label", "reject", e, rejected, *own).expect(0)
    before = said()
    assert {k: v["samples"] for k, v in before.items()} == {"ONE": 5, c: 10, e: 4}, before
    told = Run("train", AT / "train", *own, "--json").expect(0).json[-1]
    assert said() == before, said()
    assert told["labels"] == 3 and told["samples"] == 19 and told["skipped"] == 6, told
    told = Run("train", *own, "--json").expect(0).json[-1]
    assert told["labels"] == 3 and told["samples"] == 19, told
    photo = sorted((FACES / "lfw10" / a).iterdir())[0]
    answer = Run("identify", photo, *own, "--json").expect(0).json[0]["samples"]
    assert [s["name"] for s in answer if s["decision"] == "known"] == ["Number One"], answer


def odd_faces_are_noise():
    told = cluster("--method", "dbscan", "--no-labels", "--include-identified", "--threshold", "0.4" if SNAPSHOTS else "0.96")
    assert told["noise"] > 0 and told["noise"] + sum(g["size"] for g in told["groups"]) == told["compared"], told
    assert all(g["size"] > 1 for g in told["groups"]), told


def bad_arguments():
    for wrong in (["--threshold", "1.1"], ["--threshold", "nan"], ["--max-clusters", "0"], ["--max-clusters", "201"],
                  ["--method", "kmeans"], ["--min-samples", "1"], ["--date", "2026-09-07"]):
        Run("cluster", *wrong, *W).expect(2)
    for wrong in (["--k", "0"], ["--k", "21"], ["--threshold", "-0.1"], ["--margin", "2"], ["--sample", "x"]):
        Run("assign", *wrong, *W).expect(2)
    Run("cluster", "--sheet", AT / "sheet.gif", "--no-labels", *W).expect(2, ".jpg or .png")
    Run("cluster", FIRST, "--session", "S", "--date", "7.9.2026", *W).expect(2, "YYYY-MM-DD")
    Run("cluster", "--session", "Session 9", *W).expect(1, "there is no session 'Session 9'")
    Run("assign", "--session", "Session 1", "--date", "2026-01-01", *W).expect(1, "there is no session")
    Run("assign", "--sample", "99999", *W).expect(1, "no sample 99999")
    Run("label", "list", "STU404", *W).expect(1, "STU404")
    Run("label", "list", "--session", "Session 9", *W).expect(1, "there is no session")
    Run("label", "set", "STU001", "99999", *W).expect(1)
    Run("label", "set", "STU001", "first", *W).expect(2, "is no sample")
    Run("label", "reject", "STU404", "1", *W).expect(1, "STU404")
    Run("label", "undo", "x", *W).expect(2, "is no event")
    Run("label", "merge", "STU001", *W).expect(2)
    Run("label", "merge", "STU001", "STU001", *W).expect(2, "itself")


def bad_files():
    bad = AT / "bad"
    bad.mkdir()
    w = ("--workspace", AT / "wb", "--encoder", PACK)
    Run("cluster", bad, *w).expect(1)
    (bad / "text.jpg").write_text("no picture")
    Run("cluster", bad, *w).expect(1, "none of the files could be used")
    good = sorted(FIRST.iterdir())[0]
    shutil.copy(good, bad)
    (bad / "cut.jpg").write_bytes(good.read_bytes()[:500])
    run = Run("cluster", bad, *w).expect(0, "skipped")
    assert "text.jpg" in run.err and "cut.jpg" in run.err, run.err
    Run("cluster", AT / "absent", *w).expect(1, "absent")


def nobody_is_known_yet():
    w = ("--workspace", AT / "wn")
    Run("assign", *w).expect(1)
    Run("label", "list", *w).expect(1)
    one = sorted(FIRST.iterdir())[0]
    run = Run("assign", one, *w, "--encoder", PACK, "--json").expect(0)
    assert all(s["status"] == "no_reference_data" for s in run.json[:-1]) and run.json[-1]["skipped"] > 0, run.out
    Run("assign", *w).expect(0, "nobody has a label yet")
    Run("label", "list", *w).expect(0, "no label yet")
    Run("label", "undo", *w).expect(1)
    Run("cluster", "--no-assign", *w).expect(0)
    Run("cluster", "--no-assign", *w).expect(0)
    made = Run("label", "list", *w, "--json").expect(0).json
    assert len(made) == len(run.json) - 1 and not any(label["samples"] for label in made), made


if not SNAPSHOTS and not PHOTOS.is_dir():
    skip("needs ../shared/data/faces with the pack edgeface, or the face-api pack (scripts/get-face-api.sh)")
photos()
main([first_session_is_grouped, second_run_changes_nothing, the_text_tells_the_same, groups_get_names,
      later_session_is_assigned, corrections_stay, labels_merge_split_and_go, tables_of_attendansee_show_it,
      folders_do_not_undo_people, odd_faces_are_noise, bad_arguments, bad_files, nobody_is_known_yet])
