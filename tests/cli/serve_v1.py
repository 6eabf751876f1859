# SPDX-License-Identifier: Apache-2.0
"""/v1 where the client's tests do not look: the last word about a sample, closed sessions, sessions by id and name, owners,
versions by number, states told once, what was deleted, and who may not."""
import http.client
import io
import json
import random
import struct
import threading
import time
import wave

from serve_support import Server
from support import folder, main

AT = folder()


def tone(hertz, seed):
    rng, out = random.Random(seed), io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(b"".join(struct.pack("<h", int(9000 * (1 if (i * hertz // 8000) % 2 else -1) + rng.randrange(900)))
                               for i in range(10000)))
    return out.getvalue()


def upload(*files, status=201, **form):
    return SERVER.call("POST", "/v1/collections/yard/media", token=TOKEN, form=form,
                       files=[("file", name, data) for name, data in files]).expect(status).json


def wait(job):
    for _ in range(600):
        got = SERVER.get(f"/v1/jobs/{job}", TOKEN).expect(200).json
        if got["state"] not in ("queued", "running"):
            return got
        time.sleep(0.1)
    raise AssertionError(got)


def the_last_word():
    """The same recording under another label: told, and taken back by undo."""
    sound = ("a.wav", tone(300, 1))
    first = upload(sound, label="low")["items"][0]
    assert first["status"] == "added", first
    assert upload(sound, label="low")["items"][0]["status"] == "known"
    again = upload(sound, label="high")["items"][0]
    assert again["status"] == "relabelled" and again["samples"][0]["id"] == first["samples"][0]["id"], again
    sample = f"/v1/samples/{first['samples'][0]['id']}"
    assert SERVER.get(sample, TOKEN).json["code"] == "high"
    SERVER.post("/v1/collections/yard/undo", {}, TOKEN).expect(200)
    assert SERVER.get(sample, TOKEN).json["code"] == "low"
    SERVER.post("/v1/collections/yard/samples/reject", {"samples": [first["samples"][0]["id"]], "label": "lwo"}, TOKEN).expect(404)
    assert "lwo" not in {x["code"] for x in SERVER.get("/v1/collections/yard/labels", TOKEN).json["items"]}
    none = upload(("x.wav", b"no sound"), ("y.wav", b""), status=422)
    assert none["added"] == 0 and none["refused"] == len(none["items"]) >= 1, none
    some = upload(("x.wav", b"no sound"), ("b.wav", tone(310, 2)), status=207, label="low")
    assert (some["added"], some["refused"]) == (1, 1), some


def sessions():
    """Uploads into a closed one are refused; jobs take a session by id or name."""
    made = SERVER.post("/v1/collections/yard/sessions", {"name": "Night 1", "date": "2026-11-20"}, TOKEN).expect(201).json
    upload(("n.wav", tone(900, 9)), session=made["id"])
    for name in (made["id"], str(made["id"]), "Night 1"):
        job = SERVER.post("/v1/collections/yard/assign", {"session": name, "commit": False}, TOKEN).expect(202).json["id"]
        got = wait(job)
        assert got["state"] == "done" and got["result"]["samples"] == 1, got
    SERVER.post("/v1/collections/yard/cluster", {"session": "Night 9"}, TOKEN).expect(404, "id or its name")
    SERVER.post("/v1/collections/yard/cluster", {"session": 4711}, TOKEN).expect(404)
    SERVER.patch(f"/v1/sessions/{made['id']}", {"state": "closed"}, TOKEN).expect(200)
    SERVER.call("POST", "/v1/collections/yard/media", token=TOKEN, form={"session": made["id"]},
                files=[("file", "m.wav", tone(901, 3))]).expect(409, "closed")
    SERVER.get("/v1/collections/yard/sessions?from=2026-99-99", TOKEN).expect(400, "YYYY-MM-DD")


def owners():
    """An owner brings a deleted collection back; another instructor does not know that it exists."""
    names = {}
    for name in ("ann", "ben"):
        SERVER.post("/v1/users", {"name": name, "password": f"{name}-has-a-word", "role": "instructor"}, TOKEN).expect(201)
        names[name] = SERVER.login(name, f"{name}-has-a-word")
    made = SERVER.post("/v1/collections", {"name": "anns", "modality": "sound", "encoder": "melstats"}, names["ann"]).expect(201).json
    SERVER.delete(f"/v1/collections/{made['id']}", names["ann"]).expect(204)
    SERVER.get(f"/v1/collections/{made['id']}", names["ann"]).expect(404)
    for who, seen in (("ann", ["anns"]), ("ben", [])):
        got = SERVER.get("/v1/deleted-collections", names[who]).expect(200).json
        assert [c["name"] for c in got["items"]] == seen and got["total"] == len(seen), got
    SERVER.post(f"/v1/deleted-collections/{made['id']}/restore", None, names["ben"]).expect(404)
    SERVER.get(f"/v1/collections/{made['id']}", names["ann"]).expect(404)
    SERVER.post(f"/v1/deleted-collections/{made['id']}/restore", None, names["ann"]).expect(200)
    SERVER.get(f"/v1/collections/{made['id']}", names["ann"]).expect(200)
    assert SERVER.get("/v1/deleted-collections", TOKEN).expect(200).json["items"] == []
    key = SERVER.post("/v1/keys", {"name": "look", "scopes": ["read"], "collection": made["id"]}, names["ann"]).expect(201).json["key"]
    assert [c["name"] for c in SERVER.get("/v1/collections", key).expect(200).json["items"]] == ["anns"]
    assert SERVER.get("/v1/collections?modality=face", key).expect(200).json["items"] == []
    SERVER.post("/v1/collections/anns/labels", {"code": "x"}, key).expect(403, "enroll")
    SERVER.patch(f"/v1/collections/{made['id']}", {"owner": 0}, TOKEN).expect(200)
    assert SERVER.get("/v1/collections", key).expect(200).json["items"] == []


def once_is_a_keys_own():
    """What one key of a user may see, another does not get by the same Idempotency-Key."""
    SERVER.post("/v1/collections", {"name": "other", "modality": "sound", "encoder": "melstats"}, TOKEN).expect(201)
    wide = SERVER.post("/v1/keys", {"name": "wide", "scopes": ["read", "enroll"]}, TOKEN).expect(201).json["key"]
    narrow = SERVER.post("/v1/keys", {"name": "narrow", "scopes": ["read", "enroll"], "collection": "other"}, TOKEN).expect(201).json["key"]
    ask = lambda key: SERVER.post("/v1/collections/yard/labels", {"code": "once"}, key, headers={"Idempotency-Key": "k1"})
    assert ask(wide).expect(201).json["code"] == "once"
    assert ask(wide).expect(201).headers["idempotent-replay"] == "true"
    ask(narrow).expect(409, "key_reused")
    job = SERVER.post("/v1/collections/yard/assign", {"commit": False}, wide, headers={"Idempotency-Key": "j1"}).expect(202).json["id"]
    again = SERVER.post("/v1/collections/yard/assign", {"commit": False}, wide, headers={"Idempotency-Key": "j1"}).expect(202)
    assert again.json["id"] == job and again.headers["idempotent-replay"] == "true"
    wait(job)


def versions_and_states():
    """Many versions asked for by number; a job's stream tells each state once, and ends with the job."""
    for n in range(6):
        upload((f"l{n}.wav", tone(300 + n, 10 + n)), label="low")
        upload((f"h{n}.wav", tone(1700 + n, 20 + n)), label="high")
    for n in range(10):
        got = wait(SERVER.post("/v1/collections/yard/train", {"force": True, "seed": n}, TOKEN).expect(202).json["id"])
        assert got["state"] == "done", got
    for version in list(range(1, 11)) * 2:
        answer = SERVER.call("POST", f"/v1/collections/yard/identify?version={version}", token=TOKEN,
                             files=[("file", "x.wav", tone(303, 99))]).expect(200).json
        assert answer["samples"][0]["candidates"][0]["label"] == "low", answer
    job = SERVER.post("/v1/collections/yard/train", {"head": "mlp", "epochs": 3000, "force": True}, TOKEN).expect(202).json["id"]
    states = []

    def listen():
        connection = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
        connection.request("GET", f"/v1/jobs/{job}/stream", headers={"Authorization": f"Bearer {TOKEN}"})
        stream, event = connection.getresponse(), None
        for line in stream:
            text = line.decode().rstrip("\n")
            event = text[7:] if text.startswith("event: ") else event
            if text.startswith("data: ") and event in ("state", "end"):
                states.append((event, json.loads(text[6:])))

    listener = threading.Thread(target=listen)
    listener.start()
    wait(job)
    listener.join(30)
    assert not listener.is_alive(), "the stream does not end with the job"
    told = [data for event, data in states if event == "state"]
    assert all(a != b for a, b in zip(told, told[1:])), "a state was told twice"
    assert states, "nothing was told"


def media_go():
    """What was taken away goes for good when it is old enough; a pack that a collection has adds nothing."""
    gone = upload(("gone.wav", tone(1234, 77)))["items"][0]["media"]
    SERVER.delete(f"/v1/media/{gone}", TOKEN).expect(204)
    SERVER.post("/v1/expire", {}, TOKEN).expect(400, "days")
    time.sleep(0.2)
    got = wait(SERVER.post("/v1/expire", {"deleted": 0.001}, TOKEN).expect(202).json["id"])
    assert got["state"] == "done" and got["result"]["removed"] == 0, got  # it is not a minute and a half old
    SERVER.post("/v1/collections/yard/embed", {"pack": "no-such-pack"}, TOKEN).expect(404)
    got = wait(SERVER.post("/v1/collections/yard/embed", {"pack": "melstats"}, TOKEN).expect(202).json["id"])
    assert got["state"] == "done" and got["result"]["samples"] == 0, got  # all have its vectors


def events_both_ways():
    """Newest first is oldest first from behind, page by page; what happens meanwhile is not told twice."""
    made = SERVER.post("/v1/collections", {"name": "told", "modality": "sound", "encoder": "melstats"}, TOKEN).expect(201).json["id"]
    for n in range(5):
        SERVER.post("/v1/collections/told/labels", {"code": f"l{n}"}, TOKEN).expect(201)

    def pages(order):
        cursor, ids = "", []
        while cursor is not None:
            got = SERVER.get(f"/v1/events?collection={made}&limit=2{order}{cursor and '&cursor=' + cursor}", TOKEN).expect(200).json
            ids += [event["id"] for event in got["items"]]
            cursor = got["next_cursor"]
            if order == "&order=newest" and len(ids) == 2:
                SERVER.post("/v1/collections/told/labels", {"code": "meanwhile"}, TOKEN).expect(201)
        return ids

    oldest = pages("")
    assert oldest == pages("&order=oldest") == sorted(oldest) and len(oldest) == 6, oldest
    assert pages("&order=newest") == oldest[::-1]
    assert SERVER.get("/v1/events?order=newest&limit=1", TOKEN).expect(200).json["items"][0]["id"] == oldest[-1] + 1
    SERVER.get("/v1/events?order=random", TOKEN).expect(400, "oldest")


def an_undo_of_ones_own():
    """Each change tells the event that takes back just that, whatever others did since."""
    at = "/v1/collections/undo"
    SERVER.post("/v1/collections", {"name": "undo", "modality": "sound", "encoder": "melstats"}, TOKEN).expect(201)
    session = SERVER.post(f"{at}/sessions", {"name": "s"}, TOKEN).expect(201).json["id"]
    some = [SERVER.call("POST", f"{at}/media", token=TOKEN, form={"session": session}, files=[("file", f"{n}.wav", tone(500 + n, 40 + n))])
            .expect(201).json["items"][0] for n in range(4)]
    ids = [one["samples"][0]["id"] for one in some]

    def codes():
        return [SERVER.get(f"/v1/samples/{i}", TOKEN).expect(200).json["code"] for i in ids]

    def say(samples, label, verb="label"):
        return SERVER.post(f"{at}/samples/{verb}", {"samples": samples, "label": label}, TOKEN).expect(200).json

    def last():
        return SERVER.get("/v1/events?order=newest&limit=1", TOKEN).expect(200).json["items"][0]

    def undoable():
        """Asked for alone, and told of each in the whole list."""
        whose = SERVER.get(at, TOKEN).expect(200).json["id"]
        got = [SERVER.get(f"/v1/events?collection={whose}&order=newest&limit=1000{only}", TOKEN).expect(200).json["items"]
               for only in ("&undoable=true", "")]
        ids = [[e["id"] for e in items if e["undoable"]] for items in got]
        assert ids[0] == ids[1] and len(ids[0]) == len(got[0]) < len(got[1]), ids
        return ids[0]

    def take_back(event, action, before):
        assert event in undoable(), event
        got = SERVER.post(f"{at}/undo", {"event": event}, TOKEN).expect(200).json
        assert event not in undoable(), event
        SERVER.post(f"{at}/undo", {"event": event}, TOKEN).expect(404)
        assert (got["event"], got["action"]) == (event, action) and codes() == before, (got, codes(), before)

    mine = say(ids[:2], "a")
    assert mine["event"] == last()["id"] and say(ids[:2], "a")["event"] is None, mine
    theirs = say(ids[2:], "b")
    take_back(mine["event"], "sample.label", [None, None, "b", "b"])
    for kind, action in (("assign", "assign"), ("cluster", "group")):
        job = wait(SERVER.post(f"{at}/{kind}", {"threshold": 0.0}, TOKEN).expect(202).json["id"])
        assert None not in codes() and job["result"]["event"] == max(
            e["id"] for e in SERVER.get("/v1/events?order=newest", TOKEN).json["items"] if e["action"] == action), job
        say(ids[2:], "else")
        say(ids[2:], "b")
        take_back(job["result"]["event"], action, [None, None, "b", "b"])
    job = wait(SERVER.post(f"{at}/assign", {"commit": False}, TOKEN).expect(202).json["id"])
    assert job["result"]["event"] is None, job
    label = f"/v1/labels/{say(ids[:2], 'a')['label']}"
    was = codes()
    got = SERVER.patch(label, {"code": "c", "email": "c@example.org"}, TOKEN).expect(200).json
    assert got["code"] == "c" and codes() == ["c", "c", "b", "b"], got
    take_back(got["event"], "label.rename", was)
    assert SERVER.patch(label, {"email": "a@example.org"}, TOKEN).expect(200).json["event"] is None
    assert SERVER.patch(label, {"code": "a"}, TOKEN).expect(200).json["event"] is None
    assert "event" not in SERVER.get(label, TOKEN).json
    take_back(say(ids[:1], "a", "reject")["event"], "label.reject", was)
    got = SERVER.post(f"{label}/split", {"samples": ids[:1], "code": "d"}, TOKEN).expect(201).json
    assert codes() == ["d", "a", "b", "b"], codes()
    take_back(got["event"], "label.split", was)
    got = SERVER.post(f"{label}/merge", {"into": theirs["label"]}, TOKEN).expect(200).json
    assert codes() == ["b"] * 4, codes()
    take_back(got["event"], "label.merge", was)
    for path, action in ((label, "label.delete"), (f"/v1/media/{some[0]['media']}", "media.delete"),
                         (f"/v1/sessions/{session}", "session.delete")):
        event = SERVER.delete(path, TOKEN).expect(204).headers["x-espy-event"]
        assert int(event) == last()["id"] and last()["action"] == action, event
        take_back(int(event), action, was)

def parts():
    """A player asks for the place where the sound is."""
    data = tone(640, 55)
    media, size = upload(("long.wav", data))["items"][0]["media"], len(data)
    path = f"/v1/media/{media}/content"
    whole = SERVER.get(path, TOKEN).expect(200)
    tag = whole.headers["etag"]
    assert whole.body == data and whole.headers["accept-ranges"] == "bytes" and "content-range" not in whole.headers
    ask = lambda text, method="GET", **more: SERVER.call(method, path, token=TOKEN, headers={"Range": text, **more})
    for text, first, end in (("0-0", 0, 1), ("0-", 0, size), ("100-199", 100, 200), ("19990-", 19990, size), ("-44", size - 44, size),
                             ("-999999", 0, size), (f"100-{10 ** 30}", 100, size), (f"{size - 1}-{size - 1}", size - 1, size)):
        got = ask("bytes=" + text).expect(206)
        assert got.body == data[first:end] and got.headers["content-range"] == f"bytes {first}-{end - 1}/{size}", got.headers
        assert (got.headers["content-length"], got.headers["content-type"]) == (str(end - first), "audio/wav"), got.headers
    for text in (f"{size}-", f"{size}-{size + 9}", f"{10 ** 30}-", "-0"):
        got = ask("bytes=" + text).expect(416, "no_such_part")
        assert got.headers["content-range"] == f"bytes */{size}" and got.headers["cache-control"] == "no-store", got.headers
    for text in ("bytes=0-1,4-5", "bytes=9-3", "bytes=-", "bytes=", "bytes=a-b", "bytes=1-2x", "bytes=--1", "seconds=1-2", "0-5"):
        assert ask(text).expect(200).body == data, text
    got = ask("bytes=0-9", "HEAD").expect(200)
    assert (got.headers["content-length"], got.headers["accept-ranges"], got.body) == (str(size), "bytes", b""), got.headers
    for state, status in ((tag, 206), ("W/" + tag, 200), ('"other"', 200), ("Thu, 26 Nov 2026 09:00:00 GMT", 200)):
        assert ask("bytes=0-9", **{"If-Range": state}).expect(status).headers["etag"] == tag
    ask("bytes=0-9", **{"If-None-Match": tag}).expect(304)
    SERVER.get(path, headers={"Range": "bytes=0-9"}).expect(401)


def what_is_known():
    """Bytes are kept by the browser of who may see them, and asked for each time."""
    made = upload(("known.wav", tone(660, 56)))["items"][0]
    path, other = f"/v1/media/{made['media']}/content", SERVER.login("ben", "ben-has-a-word")
    first = SERVER.get(path, TOKEN).expect(200)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache" and tag[0] == tag[-1] == '"', first.headers
    for known in (tag, "W/" + tag, f'"other", {tag}', "*"):
        for method in ("GET", "HEAD"):
            again = SERVER.call(method, path, token=TOKEN, headers={"If-None-Match": known}).expect(304)
            assert (again.body, again.headers["etag"], again.headers["cache-control"]) == (b"", tag, "private, no-cache"), again.headers
            assert again.headers.get("content-length", "0") in ("0", str(len(first.body))), again.headers
    assert SERVER.get(path, TOKEN, headers={"If-None-Match": '"other"'}).expect(200).body == first.body
    SERVER.get(path, headers={"If-None-Match": tag}).expect(401)
    SERVER.get(path, other, headers={"If-None-Match": tag}).expect(404)
    SERVER.delete(f"/v1/media/{made['media']}", TOKEN).expect(204)
    gone = SERVER.get(path, TOKEN, headers={"If-None-Match": tag}).expect(404)
    assert "etag" not in gone.headers and gone.headers["cache-control"] == "no-store", gone.headers


SERVER = Server(AT / "w")
try:
    TOKEN = SERVER.login("admin", SERVER.password)
    SERVER.post("/v1/collections", {"name": "yard", "modality": "sound", "encoder": "melstats"}, TOKEN).expect(201)
    main([the_last_word, sessions, owners, once_is_a_keys_own, versions_and_states, media_go, events_both_ways,
          an_undo_of_ones_own, parts, what_is_known])
finally:
    SERVER.stop()
