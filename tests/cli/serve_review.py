# SPDX-License-Identifier: Apache-2.0
"""/v1 as a page asks it that people look at: photos and faces as small as they are shown, samples that are none."""
import io
import os
import pathlib
import random
import struct
import threading
import time
import wave

from serve_support import Server
from support import SHARED, SOURCE, folder, main

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


def sounds_have_none():
    sound = upload("yard", ("a.wav", tone(300, 1)))[0]
    SERVER.get(f"/v1/media/{sound['media']}/picture", TOKEN).expect(404, "no picture")
    SERVER.get(f"/v1/samples/{sound['samples'][0]['id']}/picture?size=50", TOKEN).expect(404, "no picture")


def none_at_all():
    """A sample that is none goes, its media stays; one that a version learned from does not."""
    sound = upload("yard", ("noise.wav", tone(777, 5)))[0]
    sample = sound["samples"][0]["id"]
    SERVER.delete(f"/v1/samples/{sample}", TOKEN).expect(204)
    SERVER.get(f"/v1/samples/{sample}", TOKEN).expect(404)
    SERVER.delete(f"/v1/samples/{sample}", TOKEN).expect(404)
    assert SERVER.get(f"/v1/media/{sound['media']}", TOKEN).expect(200).json["samples"] == 0
    key = SERVER.post("/v1/keys", {"name": "look", "scopes": ["read"]}, TOKEN).expect(201).json["key"]
    ids = [one["id"] for one in SERVER.get("/v1/collections/yard/samples", TOKEN, query={"labelled": "true"}).json["items"]]
    SERVER.delete(f"/v1/samples/{ids[0]}", key).expect(403, "enroll")
    learned = next(one for one in ids if SERVER.delete(f"/v1/samples/{one}", TOKEN).status != 204)  # some were held out
    SERVER.delete(f"/v1/samples/{learned}", TOKEN).expect(409, "learned")
    SERVER.get(f"/v1/samples/{learned}", TOKEN).expect(200)


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


SERVER = Server(AT / "w")
try:
    TOKEN = SERVER.login("admin", SERVER.password)
    SERVER.post("/v1/collections", {"name": "yard", "modality": "sound", "encoder": "melstats"}, TOKEN).expect(201)
    CASES = [sounds_have_none, three_sounds, none_at_all]
    if GROUPS.is_dir() or PACKAGE.is_dir():
        more = {} if GROUPS.is_dir() else {"encoder": "face-api"}
        SERVER.post("/v1/collections", {"name": "faces", "modality": "face", **more}, TOKEN).expect(201)
        CASES = [photos, *CASES]
    main(CASES)
finally:
    SERVER.stop()
