# SPDX-License-Identifier: Apache-2.0
"""Zip archives of a folder per label, good ones and hostile ones."""
import io
import math
import random
import struct
import wave
import zipfile

from serve_support import Server
from support import folder, main

AT = folder()


def tone(hertz, seed):
    rng, out = random.Random(seed), io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(2 * math.pi * hertz * i / 16000)) + rng.randrange(300))
                               for i in range(12000)))
    return out.getvalue()


def archive(*members, how=zipfile.ZIP_DEFLATED):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", how) as z:
        for name, content in members:
            z.writestr(name, content)
    return out.getvalue()


def send(data, status):
    return SERVER.call("POST", "/v1/collections/yard/import", token=TOKEN, files=[("file", "x.zip", data)]).expect(status).json


def labels():
    return {one["code"]: one["samples"] for one in SERVER.get("/v1/collections/yard/labels", TOKEN).expect(200).json["items"]}


def comes_in():
    """Folders become labels; what is no recording is told; twice the same adds nothing."""
    good = [(f"set/S1_Low_Hum/{n}.wav", tone(200 + n, n)) for n in range(3)] + \
        [(f"set/whistle/{n}.wav", tone(3000 + n, n)) for n in range(3)]
    mixed = archive(("set/", b""), *good, ("set/whistle/note.txt", b"hello"), ("set/whistle/broken.wav", b"RIFF\0\0\0\0WAVE"),
                    ("__MACOSX/set/whistle/._0.wav", b"x"), ("set/whistle/.hidden.wav", b"x"), ("top.wav", tone(500, 9)),
                    ("set/unknown/1.wav", tone(700, 1)))
    got = send(mixed, 207)
    assert (got["added"], got["known"], got["refused"]) == (6, 0, 3), got
    assert {one["file"] for one in got["items"]} == {"set/whistle/note.txt", "set/whistle/broken.wav", "top.wav"}, got
    SERVER.call("POST", "/v1/collections/yard/import", mixed, TOKEN, headers={"Content-Type": "application/zip"}).expect(207)
    assert labels() == {"S1": 3, "whistle": 3}, labels()
    assert SERVER.get("/v1/collections/yard/labels?search=S1", TOKEN).json["items"][0]["name"] == "Low Hum"
    got = send(archive(*good), 201)
    assert (got["added"], got["known"], got["refused"]) == (0, 6, 0), got
    assert labels() == {"S1": 3, "whistle": 3}, labels()


def hostile():
    """No archive, an empty one, ways out of it, more than it declares, bombs: refused, and the server goes on."""
    send(b"PK\x03\x04 not really", 400)
    send(archive(), 422)
    send(archive(("a.wav", tone(200, 1))), 422)
    got = send(archive(("../../../../etc/evil/x.wav", tone(250, 40)), ("/root/abs/y.wav", tone(260, 41))), 201)
    assert got["added"] == 2 and {"evil", "abs"} <= set(labels()), got  # names of labels, nothing more
    assert not (AT.parent / "evil").exists()
    bomb = archive(("b/zeros.wav", b"\0" * (300 << 20)))
    assert len(bomb) < 1 << 20
    got = send(bomb, 207)
    assert got["refused"] == 1 and got["added"] == 0, got
    lying = bytearray(archive(("b/x.wav", tone(270, 5))))
    for signature, at in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):  # declares to be shorter than it is
        where = lying.find(signature)
        lying[where + at:where + at + 4] = struct.pack("<I", 100)
    got = send(bytes(lying), 207)
    assert got["refused"] == 1, got
    whole = archive(*((f"w/{n}.wav", tone(300 + n, n)) for n in range(4)))
    for cut in (10, len(whole) // 2, len(whole) - 5):
        send(whole[:cut], 400)
    rng = random.Random(1)
    for _ in range(60):
        damaged = bytearray(whole)
        for _ in range(rng.randrange(1, 20)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        status = SERVER.call("POST", "/v1/collections/yard/import", token=TOKEN, files=[("file", "x", bytes(damaged))]).status
        assert status in (201, 207, 400, 413, 415, 422), status
    many = archive(*((f"m/{n}.txt", b"") for n in range(20001)), how=zipfile.ZIP_STORED)
    send(many, 413)
    SERVER.get("/readyz").expect(200)


SERVER = Server(AT / "w")
try:
    TOKEN = SERVER.login("admin", SERVER.password)
    SERVER.post("/v1/collections", {"name": "yard", "modality": "sound", "encoder": "melstats"}, TOKEN).expect(201)
    main([comes_in, hostile])
finally:
    SERVER.stop()
