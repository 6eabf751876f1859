# SPDX-License-Identifier: Apache-2.0
"""Two servers on one PostgreSQL, as on two machines: they take the same tokens, share jobs, see each other's models at once,
finish what the other left when it was killed, and outlive a database that is gone for a while."""
import io
import os
import random
import signal
import struct
import subprocess
import time
import wave

import pg_server
from serve_support import Server
from support import Run, folder, main

AT = folder()
URL = pg_server.schema(pg_server.server(), f"machines_{os.getpid()}")


def tone(seed, hertz):
    rng, out = random.Random(seed), io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(b"".join(struct.pack("<h", int(9000 * (1 if (i * hertz // 8000) % 2 else -1) + rng.randrange(900)))
                               for i in range(8000)))
    return out.getvalue()


def wait(server, token, job, seconds=120):
    """The job when it is over."""
    for _ in range(seconds * 10):
        got = server.get(f"/v1/jobs/{job}", token).expect(200).json
        if got["state"] in ("done", "failed", "cancelled"):
            return got
        time.sleep(0.1)
    raise AssertionError(f"job {job} is not over: {got}")


def live(server, token):
    return server.get("/v1/collections/hall", token).expect(200).json["live"]


def shared():
    """What one does, the other has."""
    one, two = SERVERS
    token = one.login("admin", ADMIN)
    two.get("/v1/auth/me", token).expect(200)
    one.post("/v1/collections", {"name": "hall", "modality": "sound", "encoder": "melstats"}, token).expect(201)
    for label, hertz in (("low", 300), ("high", 1700)):
        one.call("POST", "/v1/collections/hall/media", token=token, form={"label": label},
                 files=[("file", f"{i}.wav", tone(i, hertz + 9 * i)) for i in range(12)]).expect(201)
    assert {x["code"] for x in two.get("/v1/collections/hall/labels", token).expect(200).json["items"]} == {"low", "high"}
    job = two.post("/v1/collections/hall/train", {"reason": "first"}, token).expect(202).json["id"]
    got = wait(one, token, job)
    assert got["state"] == "done", got
    sound = tone(99, 330)
    for server in SERVERS:
        answer = server.call("POST", "/v1/collections/hall/identify", token=token, files=[("file", "x.wav", sound)]).expect(200)
        assert answer.json["samples"][0]["candidates"][0]["label"] == "low", answer.json


def models_change_everywhere():
    """A promotion, a rollback and a new name count on the other machine from its next answer on (2 s are allowed)."""
    one, two = SERVERS
    token = one.login("admin", ADMIN)
    before = live(two, token)
    wait(one, token, one.post("/v1/collections/hall/train", {"reason": "again", "force": True}, token).expect(202).json["id"])
    after = live(one, token)
    assert after > before and live(two, token) == after
    two.put("/v1/collections/hall/aliases/live", {"version": before, "reason": "back"}, token).expect(200)
    assert live(one, token) == before
    label = one.get("/v1/collections/hall/labels?search=low", token).expect(200).json["items"][0]
    one.patch(f"/v1/labels/{label['id']}", {"code": "deep"}, token).expect(200)
    told = two.call("POST", "/v1/collections/hall/identify", token=token, files=[("file", "x.wav", tone(98, 340))]).expect(200)
    assert told.json["samples"][0]["candidates"][0]["label"] == "deep", told.json


def killed_in_mid_job():
    """The one that has the job is killed (-9): the other begins it anew when the lease has run out, and there is one version."""
    one, two = SERVERS
    token = one.login("admin", ADMIN)
    versions = len(one.get("/v1/collections/hall/versions", token).expect(200).json["items"])
    job = one.post("/v1/collections/hall/train", {"head": "mlp", "epochs": 20000, "reason": "long", "force": True}, token).expect(202).json["id"]
    worker = ""
    for _ in range(200):
        worker = pg_server.ask(URL, f"SELECT COALESCE(worker, '') FROM jobs WHERE id = {job} AND state = 'running'")
        if worker:
            break
        time.sleep(0.05)
    assert worker, one.get(f"/v1/jobs/{job}", token).json
    victim = next(s for s in SERVERS if f":{s.process.pid}:" in worker)
    other = two if victim is one else one
    os.kill(victim.process.pid, signal.SIGKILL)
    victim.process.wait(30)
    got = wait(other, token, job, 200)
    assert got["state"] == "done" and got["attempt"] == 2, got
    assert pg_server.ask(URL, f"SELECT worker FROM jobs WHERE id = {job}") != worker
    now = other.get("/v1/collections/hall/versions", token).expect(200).json["items"]
    assert len(now) == versions + 1, now
    SERVERS.remove(victim)


def database_gone():
    """While the database refuses: 503, never a 500 and never a lie.  Afterwards: as before."""
    server = SERVERS[0]
    token = server.login("admin", ADMIN)
    name = URL.rsplit("/", 1)[1].split("?")[0]
    base = URL.split("?")[0]
    admin = base.rsplit("/", 1)[0] + "/template1"
    gone = f"ALTER DATABASE {name} ALLOW_CONNECTIONS false"
    kill = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    subprocess.run(["psql", "-qAt", admin, "-c", gone, "-c", kill], check=True, capture_output=True)
    try:
        statuses = {server.get("/v1/collections", token).status for _ in range(12)}
        assert statuses == {503}, statuses
        assert server.get("/healthz").status == 200 and server.get("/readyz").status == 503
        told = server.get("/v1/collections", token)
        assert b"postgres" not in told.body.lower() and b"SELECT" not in told.body, told.body
    finally:
        subprocess.run(["psql", "-qAt", admin, "-c", gone.replace("false", "true")], check=True, capture_output=True)
    for _ in range(100):
        if server.get("/v1/collections", token).status == 200:
            break
        time.sleep(0.1)
    server.get("/v1/collections/hall", token).expect(200)
    server.get("/readyz").expect(200)


Run("init", AT / "one", "--store", URL).expect(0)
Run("init", AT / "two", "--store", URL).expect(0)
SERVERS = [Server(AT / "one"), Server(AT / "two")]
ADMIN = SERVERS[0].password
try:
    main([shared, models_change_everywhere, killed_in_mid_job, database_gone])
finally:
    for left in SERVERS:
        left.stop()
