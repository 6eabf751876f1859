# SPDX-License-Identifier: Apache-2.0
"""/v1 as a page asks it that people look at: photos and faces as small as they are shown, samples
that are none, what was measured, what another version changes, and the queue of what waits for somebody's word."""
import io
import json
import os
import pathlib
import random
import struct
import subprocess
import threading
import time
import wave

from serve_support import Server
from support import SHARED, SOURCE, Run, folder, main

AT = folder()
GROUPS = SHARED / "data" / "faces" / "groups"
PACKAGE = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share") / \
    "espy/models/face-api/photos"
DATA = SOURCE / "tests" / "media" / "data"


def tone(hertz, seed):
    rng, out = random.Random(seed), io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(b"".join(struct.pack("<h", int(9000 * (1 if (i * hertz // 8000) % 2 else -1) + rng.randrange(900)))
                               for i in range(10000)))
    return out.getvalue()


def upload(collection, *files, status=201, **form):
    return SERVER.call("POST", f"/v1/collections/{collection}/media", token=TOKEN, form=form,
                       files=[("file", name, data) for name, data in files]).expect(status).json["items"]


def size_of(jpeg):
    """Width and height that a JPEG's frame header tells."""
    at = 2
    while jpeg[at + 1] not in (0xC0, 0xC1, 0xC2):
        at += 2 + struct.unpack(">H", jpeg[at + 2:at + 4])[0]
    height, width = struct.unpack(">HH", jpeg[at + 5:at + 9])
    return width, height


def picture(path, **query):
    got = SERVER.get(path, TOKEN, query=query).expect(200)
    assert got.headers["content-type"] == "image/jpeg", got.headers
    return size_of(got.body)


def photos():
    """Upright, at most as large as asked for, and the same face however small."""
    for orientation in (1, 6):
        name = f"orient{orientation}.jpg"
        media = upload("faces", (name, (DATA / name).read_bytes()))[0]["media"]
        told = SERVER.get(f"/v1/media/{media}", TOKEN).json
        assert picture(f"/v1/media/{media}/picture") == (told["width"], told["height"]), (told, orientation)
        assert max(picture(f"/v1/media/{media}/picture", size=16)) == 16
        SERVER.get(f"/v1/media/{media}/picture?size=9", TOKEN).expect(400, "size")
    bytes_ = (GROUPS / "davisking_bald_guys.jpg" if GROUPS.is_dir() else PACKAGE / "sample1.jpg").read_bytes()
    group = upload("faces", ("group.jpg", bytes_))[0]
    assert max(picture(f"/v1/media/{group['media']}/picture", size=300)) == 300
    faces = [one["id"] for one in group["samples"]]
    assert faces, group
    for face in faces:
        width, height = picture(f"/v1/samples/{face}/picture")
        small = picture(f"/v1/samples/{face}/picture", size=24)
        assert max(small) == min(24, max(width, height)), (small, width, height)
        assert abs(small[0] / small[1] - width / height) < 0.15, (small, width, height)
        assert picture(f"/v1/samples/{face}/picture", size=2048) == (width, height)
    many = [threading.Thread(target=picture, args=(f"/v1/samples/{face}/picture",), kwargs={"size": size})
            for face in faces for size in (32, 64, 500)]
    for one in many:
        one.start()
    for one in many:
        one.join()


def pictures_are_known():
    """A picture that the browser has is not drawn again; another box, size or state of the photo is another picture."""
    item = upload("faces", ("known.jpg", (GROUPS / "davisking_bald_guys.jpg" if GROUPS.is_dir() else
                                          PACKAGE / "sample2.jpg").read_bytes()))[0]
    faces = [one["id"] for one in item["samples"]]
    paths = [f"/v1/media/{item['media']}/picture", f"/v1/media/{item['media']}/picture?size=64",
             *(f"/v1/samples/{face}/picture{size}" for face in faces for size in ("", "?size=64", "?size=65"))]
    tags = {}
    for path in paths:
        first = SERVER.get(path, TOKEN).expect(200)
        tags[path] = tag = first.headers["etag"]
        assert first.headers["cache-control"] == "private, no-cache", first.headers
        again = SERVER.get(path, TOKEN, headers={"If-None-Match": tag}).expect(304)
        assert (again.body, again.headers["etag"], again.headers["cache-control"]) == (b"", tag, "private, no-cache"), again.headers
        SERVER.get(path, TOKEN, headers={"If-None-Match": '"other"'}).expect(200)
        SERVER.get(path, headers={"If-None-Match": tag}).expect(401)
    assert len(set(tags.values())) == len(paths), tags
    label = SERVER.post("/v1/collections/faces/labels", {"code": "gone"}, TOKEN).expect(201).json["id"]
    SERVER.post("/v1/collections/faces/samples/label", {"samples": faces[:1], "label": "gone"}, TOKEN).expect(200)
    SERVER.post(f"/v1/labels/{label}/erase", {"confirm": "gone"}, TOKEN).expect(200)
    for path, tag in tags.items():  # a photo with others stays, blanked; whoever was erased is not known any more
        got = SERVER.get(path, TOKEN, headers={"If-None-Match": tag})
        assert got.status == (404 if f"/samples/{faces[0]}/" in path or len(faces) == 1 else 200), (path, got)


def sounds_have_none():
    sound = upload("yard", ("a.wav", tone(300, 1)))[0]
    SERVER.get(f"/v1/media/{sound['media']}/picture", TOKEN).expect(404, "no picture")
    SERVER.get(f"/v1/samples/{sound['samples'][0]['id']}/picture?size=50", TOKEN).expect(404, "no picture")


def none_at_all():
    """A sample that is none goes, its media stays, a version that learned from it answers on; all can be undone."""
    sound = upload("yard", ("noise.wav", tone(777, 5)))[0]
    sample = sound["samples"][0]["id"]
    SERVER.delete(f"/v1/samples/{sample}", TOKEN).expect(204)
    SERVER.get(f"/v1/samples/{sample}", TOKEN).expect(404)
    SERVER.delete(f"/v1/samples/{sample}", TOKEN).expect(404)
    assert SERVER.get(f"/v1/media/{sound['media']}", TOKEN).expect(200).json["samples"] == 0
    assert upload("yard", ("noise.wav", tone(777, 5)))[0]["samples"] == []  # no scan finds it again
    assert upload("yard", ("noise.wav", tone(777, 5)), label="hiss")[0]["samples"][0]["id"] == sample  # a newer word
    SERVER.delete(f"/v1/samples/{sample}", TOKEN).expect(204)
    key = SERVER.post("/v1/keys", {"name": "look", "scopes": ["read"]}, TOKEN).expect(201).json["key"]
    ids = [one["id"] for one in SERVER.get("/v1/collections/yard/samples", TOKEN, query={"labelled": "true"}).json["items"]]
    SERVER.delete(f"/v1/samples/{ids[0]}", key).expect(403, "enroll")
    before = [SERVER.get(f"/v1/samples/{one}", TOKEN).expect(200).json for one in ids]
    events = [SERVER.delete(f"/v1/samples/{one}", TOKEN).expect(204).headers["x-espy-event"] for one in ids]
    assert SERVER.get("/v1/collections/yard/samples", TOKEN, query={"labelled": "true"}).json["total"] == 0
    SERVER.call("POST", "/v1/collections/yard/identify", token=TOKEN,
                files=[("file", "a.wav", tone(300, 1))]).expect(200, "known")
    for event in reversed(events):
        SERVER.post("/v1/collections/yard/undo", {"event": int(event)}, TOKEN).expect(200)
        SERVER.post("/v1/collections/yard/undo", {"event": int(event)}, TOKEN).expect(404)
    assert [SERVER.get(f"/v1/samples/{one}", TOKEN).json for one in ids] == before


def wait(job):
    for _ in range(600):
        got = SERVER.get(f"/v1/jobs/{job}", TOKEN).expect(200).json
        if got["state"] not in ("queued", "running"):
            return got
        time.sleep(0.1)
    raise AssertionError(got)


def train(**how):
    job = SERVER.post("/v1/collections/yard/train", {"force": True, **how}, TOKEN).expect(202).json["id"]
    got = wait(job)
    assert got["state"] == "done", got
    return got["result"]


def three_sounds():
    """What the rest stands on: a version of three labels."""
    for label, base in (("low", 300), ("mid", 900), ("high", 2600)):
        upload("yard", *[(f"{label}{n}.wav", tone(base + n, base + n)) for n in range(8)], label=label)
    assert train()["version"] == 1


def version(number):
    return SERVER.get(f"/v1/collections/yard/versions/{number}", TOKEN).expect(200).json["detail"]


def figures():
    """What was measured is kept: as scikit-learn computes it, and the same for the same seed."""
    detail = version(1)
    told, names = detail["evaluation"], detail["classes"]
    pairs = [(t, a) for t, a, n in told["confusion"] for _ in range(n)]
    assert len(pairs) == detail["metrics"]["held_out"], told
    assert sum(t == a for t, a in pairs) / len(pairs) == detail["metrics"]["accuracy"]
    assert [row["label"] for row in told["per_class"]] == names, told
    for number, row in enumerate(told["per_class"]):
        hits = sum(t == a == number for t, a in pairs)
        assert row["support"] == sum(t == number for t, _ in pairs), row
        assert abs(row["recall"] - hits / max(1, row["support"])) < 1e-12, row
        assert abs(row["precision"] - hits / max(1, sum(a == number for _, a in pairs))) < 1e-12, row
    code = ("import json, sys\nfrom sklearn.metrics import precision_recall_fscore_support as f\n"
            "p = json.load(sys.stdin)\nprint(json.dumps([list(map(float, c)) for c in "
            "f([t for t, _ in p], [a for _, a in p], labels=range(3), zero_division=0)]))")
    other = subprocess.run(["/usr/bin/python3", "-c", code], input=json.dumps(pairs), capture_output=True, text=True,
                           check=False)
    if other.returncode == 0:
        for key, values in zip(("precision", "recall", "f1", "support"), json.loads(other.stdout)):
            for row, value in zip(told["per_class"], values):
                assert abs(row[key] - value) < 1e-9, (key, row, value)
    rows = told["thresholds"]
    own = detail["threshold"]
    assert [row["threshold"] for row in rows] == sorted({n / 100 for n in range(5, 100, 5)} | {0.98, own}), rows
    for row, after in zip(rows, rows[1:]):
        assert row["total"] == len(pairs) and row["accepted"] >= after["accepted"], rows
        assert row["strangers"] == 24 and row["named"] >= after["named"], rows
        assert abs(row["coverage"] - row["accepted"] / row["total"]) < 1e-12, row
    gate = next(check for check in detail["gate"]["checks"] if check["name"] == "left_out")
    named = next(row["named"] for row in rows if row["threshold"] == own)
    assert abs(gate["value"] * 24 - named) < 1e-9, (gate, rows)
    assert version(train()["version"])["evaluation"] == told


def a_chosen_threshold_stays():
    """Until another one is given, or null: then it is found anew."""
    found = version(2)["threshold"]
    assert version(train(threshold=0.61)["version"])["threshold_rule"] == "fixed"
    job = SERVER.post("/v1/collections/yard/train", {"force": True}, TOKEN).expect(202).json["id"]
    kept = version(wait(job)["result"]["version"])
    assert (kept["threshold"], kept["threshold_rule"]) == (0.61, "fixed"), kept
    assert "threshold 0.61, as chosen for version 3" in SERVER.get(f"/v1/jobs/{job}/log", TOKEN).body.decode()
    assert version(train(threshold=0.7)["version"])["threshold"] == 0.7
    anew = version(train(threshold=None)["version"])
    assert (anew["threshold"], anew["threshold_rule"]) == (found, "folds"), anew


def changes():
    """A version that knows less: what turned wrong comes first, and nobody finds himself."""
    yard = "/v1/collections/yard"
    for n in range(3):  # heard, and nobody has said anything
        upload("yard", (f"new{n}.wav", tone(305 + n, 70 + n)))
    same = SERVER.get(f"{yard}/versions/2/changes?with=2", TOKEN).expect(200).json
    assert (same["version"], same["with"], same["changed"], same["items"]) == (2, 2, 0, []), same
    assert same["labelled"] == 24 and same["asked"] == 28 and same["right_before"] == same["right_after"], same
    mid = next(one for one in SERVER.get(f"{yard}/labels", TOKEN).json["items"] if one["code"] == "mid")["id"]
    for head in ("knn", "svm"):
        full = train(head=head, threshold=0.5)["version"]
        SERVER.delete(f"/v1/labels/{mid}", TOKEN).expect(204)
        less = train(head=head, threshold=0.5)["version"]
        SERVER.post(f"{yard}/undo", {}, TOKEN).expect(200)
        told = SERVER.get(f"{yard}/versions/{less}/changes?with={full}", TOKEN).expect(200).json
        assert (told["version"], told["with"], told["labelled"]) == (less, full, 24), told
        assert told["changed"] == len(told["items"]), told
        wrong = [one for one in told["items"] if one["code"] == "mid" and one["before"]["label"] == "mid"]
        assert wrong and told["items"][0] in wrong, told
        right = {side: sum(one[side]["label"] == one["code"] for one in told["items"] if one["code"])
                 for side in ("before", "after")}
        assert right["after"] - right["before"] == told["right_after"] - told["right_before"], told
        turned = ["other" if not one["code"] else "wrong" if one["before"]["label"] == one["code"] else
                  "right" if one["after"]["label"] == one["code"] else "other" for one in told["items"]]
        assert turned == sorted(turned, key=["wrong", "right", "other"].index), turned
        for one in told["items"]:
            assert (one["after"]["decision"] == "known") == (one["after"]["label"] is not None), one
            assert one["after"]["label"] != "mid", one
            assert one["after"]["similarity"] < 0.99999, one
        back = SERVER.get(f"{yard}/versions/{full}/changes?limit=1", TOKEN).expect(200).json
        assert back["with"] == less and back["changed"] == told["changed"] and len(back["items"]) == 1, back
    SERVER.get(f"{yard}/versions/99/changes", TOKEN).expect(404)
    SERVER.get(f"{yard}/versions/1/changes?with=99", TOKEN).expect(404)


ORDER = ("ambiguous", "border", "confirm", "unknown", "poor_quality")


def reviewed(**query):
    return SERVER.get("/v1/collections/queue/review", TOKEN, query=query).expect(200).json


def said(what, samples, label):
    SERVER.post(f"/v1/collections/queue/samples/{what}", {"samples": samples, "label": label}, TOKEN).expect(200)


def in_order(got):
    """Reasons in their order, and each reason's items in its own."""
    keys = {"ambiguous": lambda one: one["margin"], "confirm": lambda one: -one["candidates"][0]["probability"],
            "unknown": lambda one: -one["candidates"][0]["similarity"],
            "poor_quality": lambda one: -one["candidates"][0]["similarity"]}
    reasons = [ORDER.index(one["reason"]) for one in got["items"]]
    assert reasons == sorted(reasons), got
    for reason, key in keys.items():
        values = [key(one) for one in got["items"] if one["reason"] == reason]
        assert values == sorted(values), (reason, values)


def the_present_first(before, after):
    """What a job said of the samples is the first candidate, the others follow, and the queue is as it was."""
    told = ("decision", "reason", "margin")
    assert [[one["sample"]["id"], *map(one.get, told)] for one in after["items"]] == \
        [[one["sample"]["id"], *map(one.get, told)] for one in before["items"]], (before, after)
    for old, new in zip(before["items"], after["items"]):
        first, *others = new["candidates"]
        assert (first["id"], first["label"], first["name"]) == tuple(new["sample"][key] for key in ("label", "code", "name")), new
        kept = [one for one in old["candidates"] if one["label"] != first["label"]]
        assert others == kept[:2], (old, new)
        assert [first] == [one for one in old["candidates"] if one["label"] == first["label"]] or first["probability"] is None, (old, new)


def the_queue():
    """What waits: nothing is lost, nothing comes twice, and what a person said leaves it."""
    queue = "/v1/collections/queue"
    SERVER.post("/v1/collections", {"name": "queue", "modality": "sound", "encoder": "melstats"}, TOKEN).expect(201)
    assert reviewed() == {"items": [], "total": 0, "threshold": None, "floor": reviewed()["floor"], "version": None}
    session = SERVER.post(f"{queue}/sessions", {"name": "Monday"}, TOKEN).expect(201).json["id"]
    waiting = [upload("queue", (f"w{hertz}.wav", tone(hertz, 7000 + hertz)))[0]["samples"][0]["id"] for hertz in (305, 905, 2605, 1500)]
    late = upload("queue", ("late.wav", tone(310, 99)), session=session)[0]["samples"][0]["id"]
    got = reviewed()
    assert got["total"] == 5 and all(one["candidates"] == [] and one["reason"] == "unknown" for one in got["items"]), got
    known = {}
    for label, base in (("low", 300), ("mid", 900), ("high", 2600)):
        for one in upload("queue", *[(f"{label}{n}.wav", tone(base + n, base + n)) for n in range(8)], label=label):
            known[one["samples"][0]["id"]] = label
    for learned in (False, True):  # by the nearest samples alone, and by a version
        if learned:
            job = SERVER.post(f"{queue}/train", {"force": True}, TOKEN).expect(202).json["id"]
            assert wait(job)["state"] == "done"
        got = reviewed()
        assert (got["version"], got["threshold"] is not None) == ((1, True) if learned else (None, False)), got
        assert sorted(one["sample"]["id"] for one in got["items"]) == sorted([*waiting, late]) and got["total"] == 5, got
        for one in got["items"]:
            assert one["sample"] == SERVER.get(f"/v1/samples/{one['sample']['id']}", TOKEN).json
            assert len(one["candidates"]) == 3 and one["decision"] in ORDER + ("known",), one
            for candidate in one["candidates"]:
                assert known[candidate["reference"]] == candidate["label"], candidate
                assert (candidate["probability"] is None) == (not learned), candidate
            if learned:
                p = [candidate["probability"] for candidate in one["candidates"]]
                assert p == sorted(p, reverse=True) and abs(one["margin"] - (p[0] - p[1])) < 1e-5, one
        best = {one["sample"]["id"]: one["candidates"][0]["label"] for one in got["items"]}
        assert [best[one] for one in waiting[:3]] == ["low", "mid", "high"], got
        if learned:
            in_order(got)
            nearest = SERVER.get(f"/v1/samples/{waiting[0]}/similar", TOKEN, query={"k": 1}).json["items"][0]
            item = next(one for one in got["items"] if one["sample"]["id"] == waiting[0])
            assert item["candidates"][0]["reference"] == nearest["sample"], (item, nearest)
    assert [one["sample"]["id"] for one in reviewed(session=session)["items"]] == [late]
    short = reviewed(limit=2)
    assert short["items"] == got["items"][:2] and short["total"] == 5, short
    said("reject", waiting[:1], "low")
    item = next(one for one in reviewed()["items"] if one["sample"]["id"] == waiting[0])
    assert "low" not in {candidate["label"] for candidate in item["candidates"]} and item["decision"] == "unknown", item
    assert len(item["candidates"]) == 2 and item["margin"] is not None, item
    said("reject", waiting[:1], "mid")
    item = next(one for one in reviewed()["items"] if one["sample"]["id"] == waiting[0])
    assert len(item["candidates"]) == 1 and item["margin"] is None, item
    said("reject", waiting[:1], "high")
    assert reviewed()["total"] == 4, "all that was shown of it was refused"
    said("label", waiting[1:2], "mid")
    SERVER.post(f"{queue}/samples/label", {"samples": waiting[3:]}, TOKEN).expect(200)  # nobody's that is known
    assert sorted(one["sample"]["id"] for one in reviewed()["items"]) == sorted([waiting[2], late])
    new = {one["samples"][0]["id"] for one in upload("queue", *[(f"new{n}.wav", tone(6000 + n, 40 + n)) for n in range(3)], label="new")}
    like = upload("queue", ("like.wav", tone(6004, 44)))[0]["samples"][0]["id"]
    before = reviewed()
    job = SERVER.post(f"{queue}/assign", {"threshold": 0.1}, TOKEN).expect(202).json["id"]
    assert wait(job)["state"] == "done"
    got = reviewed()
    assert {one["sample"]["labelled_by"] for one in got["items"]} == {"job"} and got["total"] == 3, got
    the_present_first(before, got)
    item = next(one for one in got["items"] if one["sample"]["id"] == like)
    first = item["candidates"][0]  # the version has not learned it
    assert (first["label"], first["probability"], first["similarity"]) == ("new", None, None) and first["reference"] in new, item
    said("label", [like], "new")
    said("label", [waiting[2]], "high")
    said("label", [late], "low")
    assert reviewed()["total"] == 0
    ben = SERVER.post("/v1/users", {"name": "ben", "password": "ben-has-a-word", "role": "instructor"}, TOKEN).expect(201)
    assert ben.json["id"]
    SERVER.get(f"{queue}/review", SERVER.login("ben", "ben-has-a-word")).expect(404)


def the_server():
    """Settings, limits and packs, as the program tells them; nothing of where they are."""
    told = SERVER.get("/v1/system", TOKEN).expect(200)
    got = told.json
    assert (got["store"], got["trust_loopback"], got["listen"]) == ("sqlite", False, f"http://127.0.0.1:{SERVER.port}"), got
    assert (got["trigger"], got["schedule"], got["schedule_trigger"], got["min_accuracy"]) == (12345, "sun 02:00", 50, 0.25), got
    assert got["memory_bytes"] > 1 << 20 and got["workers"] >= 1 and got["limits"]["side"] >= 4000, got
    listed = {one["pack"]: one for one in Run("models", "list", "--workspace", AT / "w", "--json").expect(0).json}
    assert [one["name"] for one in got["packs"]] == list(listed), (got, listed)
    for one in got["packs"]:
        other = listed[one["name"]]
        assert one["usable"] == other["installed"] == (one["why"] is None), (one, other)
        assert all(one[key] == other[key] for key in ("modality", "dimension", "licence", "commercial", "summary")), one
    assert str(AT).encode() not in told.body and str(pathlib.Path.home()).encode() + b"/" not in told.body, told.body
    SERVER.get("/v1/system").expect(401)


Run("init", AT / "w").expect(0)
with (AT / "w" / "espy.conf").open("a") as conf:
    conf.write("trigger = 12345\nschedule = sun 02:00\nschedule_trigger = 50\nmin_accuracy = 0.25\n"
               "sound_classes = rain, wind\nfacenet = sface\narcface = edgeface\n")
SERVER = Server(AT / "w")
try:
    TOKEN = SERVER.login("admin", SERVER.password)
    SERVER.post("/v1/collections", {"name": "yard", "modality": "sound", "encoder": "melstats"}, TOKEN).expect(201)
    CASES = [the_server, sounds_have_none, three_sounds, figures, a_chosen_threshold_stays, changes, the_queue, none_at_all]
    if GROUPS.is_dir() or PACKAGE.is_dir():
        more = {} if GROUPS.is_dir() else {"encoder": "face-api"}
        SERVER.post("/v1/collections", {"name": "faces", "modality": "face", **more}, TOKEN).expect(201)
        CASES = [photos, pictures_are_known, *CASES]
    main(CASES)
finally:
    SERVER.stop()
