# SPDX-License-Identifier: Apache-2.0
"""Live streams: frames of a camera in a row (photos of ../shared), chunks of a microphone (sounds made here), the attendance
list that fills, and the same answers as server-sent events."""
import http.client
import io
import json
import math
import random
import struct
import threading
import wave

from serve_support import Server
from support import SHARED, Run, folder, main

AT = folder()
FACES = SHARED / "data" / "faces"
PHOTOS = (FACES / "lfw10").is_dir() and (SHARED / "models" / "edgeface_xxs_deq.onnx").is_file()
RATE = 16000


def pcm(kind, seconds, seed=0):
    """A siren, rain, or nearly nothing."""
    rng = random.Random(seed)
    out = []
    for i in range(int(seconds * RATE)):
        t = i / RATE
        if kind == "siren":
            v = 0.5 * math.sin(2 * math.pi * 900 * t - 100 * math.cos(2 * math.pi * 3 * t))
        elif kind == "rain":
            v = 0.5 * rng.uniform(-1, 1)
        else:
            v = 0
        out.append(int(20000 * v + rng.randrange(-20, 20)))
    return out


def wav(samples):
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(RATE)
        w.writeframes(struct.pack(f"<{len(samples)}h", *samples))
    return out.getvalue()


class Listener(threading.Thread):
    """Collects (event, data) of a stream until `most` came or it ends."""

    def __init__(self, path, token, most):
        super().__init__(daemon=True)
        self.path, self.token, self.most, self.got = path, token, most, []
        self.ready = threading.Event()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", SERVER.port, timeout=60)
        connection.request("GET", self.path, headers={"Authorization": f"Bearer {self.token}"})
        answer = connection.getresponse()
        assert answer.status == 200 and answer.getheader("Content-Type") == "text/event-stream"
        event = None
        while len(self.got) < self.most:
            line = answer.readline().decode()
            if not line:
                return
            line = line.rstrip("\n")
            self.ready.set()
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                self.got.append((event, json.loads(line[6:])))
        connection.close()


def wait(job):
    for _ in range(600):
        got = SERVER.get(f"/v1/jobs/{job}", TOKEN).expect(200).json
        if got["state"] in ("done", "failed", "cancelled"):
            assert got["state"] == "done", got
            return
        threading.Event().wait(0.1)
    raise AssertionError("the training does not end")


def frame(collection, stream, data, **query):
    return SERVER.call("POST", f"/v1/collections/{collection}/live/{stream}/frames", token=TOKEN, query=query,
                       files=[("file", "f", data)])


def camera():
    """One wrong frame names nobody; three right ones do, and mark the session once; strangers stay unknown."""
    if not PHOTOS:
        print("no photos of ../shared: the camera is not tried")
        return
    people = sorted(p for p in (FACES / "lfw10").iterdir())[:4]
    for person in people:
        files = [("file", f.name, f.read_bytes()) for f in sorted(person.iterdir())[:6]]
        SERVER.call("POST", "/v1/collections/school/media", token=TOKEN, form={"label": person.name}, files=files).expect(201)
    wait(SERVER.post("/v1/collections/school/train", {"force": True}, TOKEN).expect(202).json["id"])
    session = SERVER.post("/v1/collections/school/sessions", {"name": "Monday"}, TOKEN).expect(201).json["id"]
    shots = [f.read_bytes() for f in sorted(people[0].iterdir())[6:]]
    assert len(shots) >= 4
    listener = Listener("/v1/collections/school/live/door/stream", TOKEN, len(shots))
    listener.start()
    assert listener.ready.wait(20)
    marks, told = [], []
    for shot in shots:
        answer = frame("school", "door", shot, session=session).expect(200).json
        face = max(answer["samples"], key=lambda s: s["box"][2] * s["box"][3])
        told.append((face["track"]["consensus"], face["track"]["label"]))
        marks.append(face["track"]["marked"])
    assert told[0] == ("undecided", None), told
    assert told[-1] == ("known", people[0].name), told
    assert marks.count("new") == 1 and marks.count("already") == 0, marks
    listener.join(30)
    assert [event for event, _ in listener.got] == ["frame"] * len(shots), listener.got
    assert [f["frame"] for _, f in listener.got] == list(range(1, len(shots) + 1))
    listed = SERVER.get(f"/v1/collections/school/attendance?session={session}", TOKEN).expect(200).json["items"]
    assert [one["code"] for one in listed] == [people[0].name] and not listed[0]["manual"], listed
    # another camera sees the same person: the list has them already
    again = [frame("school", "window", shot, session=session).expect(200).json for shot in shots]
    assert [s["track"]["marked"] for a in again for s in a["samples"] if s["track"]["marked"]] == ["already"], again
    # the same camera in another session, of another day: marked in that one, on its day
    later = SERVER.post("/v1/collections/school/sessions", {"name": "Tuesday", "date": "2026-01-06"}, TOKEN).expect(201).json["id"]
    again = [frame("school", "window", shot, session=later).expect(200).json for shot in shots[:2]]
    assert [s["track"]["marked"] for a in again for s in a["samples"] if s["track"]["marked"]] == ["new"], again
    listed = SERVER.get(f"/v1/collections/school/attendance?session={later}", TOKEN).expect(200).json["items"]
    assert [(one["code"], one["day"]) for one in listed] == [(people[0].name, "2026-01-06")], listed
    for path, body in (("labels", {"code": "long"}), ("sessions", {"name": "long"})):  # one answer everywhere
        SERVER.post(f"/v1/collections/school/{path}", dict(body, detail={"x": "y" * 70000}), TOKEN).expect(400, "detail")
    # another person at the same place of the picture (LFW's faces are all in the middle) goes on with the track, and is
    # marked for all that
    other = [f.read_bytes() for f in sorted(people[1].iterdir())[6:]] * 2
    swapped = SERVER.post("/v1/collections/school/sessions", {"name": "Swap"}, TOKEN).expect(201).json["id"]
    for shot in shots + other:
        frame("school", "swap", shot, session=swapped).expect(200)
    listed = SERVER.get(f"/v1/collections/school/attendance?session={swapped}", TOKEN).expect(200).json["items"]
    assert sorted(one["code"] for one in listed) == sorted(p.name for p in people[:2]), listed
    # one who is switched off is marked no more
    label = next(one["label"] for one in listed if one["code"] == people[0].name)
    SERVER.patch(f"/v1/labels/{label}", {"detail": {"enabled": False}}, TOKEN).expect(200)
    off = SERVER.post("/v1/collections/school/sessions", {"name": "Wednesday"}, TOKEN).expect(201).json["id"]
    frame("school", "window", shots[0], session=off).expect(200)
    assert SERVER.get(f"/v1/collections/school/attendance?session={off}", TOKEN).expect(200).json["items"] == []
    SERVER.patch(f"/v1/labels/{label}", {"detail": {"enabled": True}}, TOKEN).expect(200)
    # a stranger in frame after frame
    stranger = sorted((FACES / "unknown").iterdir())[0].read_bytes()
    for _ in range(4):
        last = frame("school", "gate", stranger, session=session).expect(200).json
    assert [s["track"]["consensus"] for s in last["samples"]] == ["unknown"] * len(last["samples"]) != [], last
    SERVER.patch(f"/v1/sessions/{session}", {"state": "closed"}, TOKEN).expect(200)
    frame("school", "door", shots[0], session=session).expect(409, "closed")
    frame("school", "door", b"no picture").expect(400)
    frame("school", "door", shots[0], session=10**6).expect(404)


def microphone():
    """A siren over three chunks is one event that keeps its id; what comes before and after is none."""
    for label in ("siren", "rain"):
        files = [("file", f"{n}.wav", wav(pcm(label, 2.5, n))) for n in range(12)]
        SERVER.call("POST", "/v1/collections/yard/media", token=TOKEN, form={"label": label}, files=files).expect(201)
    wait(SERVER.post("/v1/collections/yard/train", {"force": True}, TOKEN).expect(202).json["id"])
    sound = pcm("quiet", 3, 1) + pcm("siren", 6, 77) + pcm("quiet", 4, 2)
    ids, open_at = set(), []
    for n in range(0, len(sound), RATE):
        answer = frame("yard", "mic", wav(sound[n:n + RATE])).expect(200).json
        assert abs(answer["heard"] - min(n + RATE, len(sound)) / RATE) < 0.01, answer
        for event in answer["events"]:
            assert event["label"] == "siren", event
            ids.add(event["id"])
            last = event
            if event["open"]:
                open_at.append(answer["heard"])
    assert len(ids) == 1, ids
    assert 1.5 < last["start"] < 4.5 and 7.5 < last["end"] < 11, last
    assert open_at and max(open_at) < 12, open_at
    frame("yard", "mic", b"RIFFxxxxWAVE").expect(400)


Run("init", AT / "w").expect(0)
SERVER = Server(AT / "w")
try:
    TOKEN = SERVER.login("admin", SERVER.password)
    SERVER.post("/v1/collections", {"name": "yard", "modality": "sound", "encoder": "melstats"}, TOKEN).expect(201)
    if PHOTOS:
        SERVER.post("/v1/collections", {"name": "school", "encoder": "edgeface"}, TOKEN).expect(201)
    main([camera, microphone])
finally:
    SERVER.stop()
