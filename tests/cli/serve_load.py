# SPDX-License-Identifier: Apache-2.0
"""Many clients at once, for a while: uploads, questions, labels, lists, streams, trainings, settings read anew, clients
that go away in the middle.  Every answer is a documented one, nothing that was acknowledged is lost, and the sanitizers
that the program may be built with have nothing to say."""
import http.client
import io
import os
import random
import signal
import socket
import struct
import threading
import time
import wave

from serve_support import Server, multipart
from support import folder, main

SECONDS = float(os.environ.get("ESPY_LOAD_SECONDS", 8))
AT = folder()


def tone(seed):
    """A second of some sound that no other seed makes."""
    rng = random.Random(seed)
    hertz, out = rng.choice((300, 1500)) + rng.random() * 100, io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(b"".join(struct.pack("<h", int(9000 * (1 if (i * hertz // 8000) % 2 else -1) + rng.randrange(500)))
                               for i in range(16000)))
    return out.getvalue()


class Load:
    """Clients until the time is over; .media counts acknowledged uploads, .wrong what should not have been."""

    def __init__(self, server, token):
        self.server, self.token = server, token
        self.end = time.monotonic() + SECONDS
        self.lock = threading.Lock()
        self.media, self.wrong, self.asked = set(), [], 0

    def ask(self, statuses, method, path, **more):
        answer = self.server.call(method, path, token=self.token, **more)
        with self.lock:
            self.asked += 1
            if answer.status not in statuses:
                self.wrong.append(f"{method} {path}: {answer.status} {answer.body[:200]!r}")
        return answer

    def upload(self, n):
        while time.monotonic() < self.end:
            n += 1000
            answer = self.ask({201, 503}, "POST", "/v1/collections/hall/media", form={"label": random.choice(("low", "high"))},
                              files=[("file", f"{n}.wav", tone(n))])
            if answer.status == 201:
                with self.lock:
                    self.media.add(answer.json["items"][0]["media"])

    def identify(self, n):
        sound = tone(n)
        while time.monotonic() < self.end:
            self.ask({200, 404, 503}, "POST", "/v1/collections/hall/identify", files=[("file", "x.wav", sound)])
            self.ask({200, 404, 503}, "POST", "/v1/collections/hall/live/mic/frames", files=[("file", "x.wav", sound)])

    def look(self, n):
        while time.monotonic() < self.end:
            for path in ("/healthz", "/metrics", "/v1/collections/hall/labels", "/v1/collections/hall/samples?limit=20",
                         "/v1/jobs", "/v1/events?limit=10", "/openapi.json"):
                self.ask({200, 503}, "GET", path)
            self.ask({404}, "GET", f"/v1/labels/{10**9 + n}")
            self.ask({400}, "POST", "/v1/collections", body={"nme": "x"})

    def change(self, n):
        while time.monotonic() < self.end:
            found = self.ask({200}, "GET", "/v1/collections/hall/labels").json["items"]
            if found:
                self.ask({200, 404, 409}, "PATCH", f"/v1/labels/{found[0]['id']}", body={"name": f"Name {n}"})
            self.ask({202, 409, 503}, "POST", "/v1/collections/hall/train", body={"reason": "load"})
            self.ask({200, 404, 422, 409}, "PUT", "/v1/collections/hall/aliases/live", body={})
            time.sleep(0.2)

    def leave(self, n):
        """Connects, says half of something, and goes away; and listens to streams for a moment."""
        rng = random.Random(n)
        while time.monotonic() < self.end:
            with socket.create_connection(("127.0.0.1", self.server.port), 20) as c:
                auth = f"Authorization: Bearer {self.token}\r\n"
                c.sendall(rng.choice((
                    b"POST /v1/collections/hall/identify HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc",
                    b"GET /healthz HTTP/1.1\r\nHo",
                    f"GET /v1/events/stream HTTP/1.1\r\nHost: x\r\n{auth}\r\n".encode(),
                    f"POST /v1/collections/hall/identify HTTP/1.1\r\nHost: x\r\n{auth}Content-Type: audio/wav\r\n"
                    f"Content-Length: {len(tone(1))}\r\n\r\n".encode() + tone(1))))
                time.sleep(rng.random() * 0.2)

    def run(self):
        work = [self.upload] * 3 + [self.identify] * 3 + [self.look] * 3 + [self.change] + [self.leave] * 4
        threads = [threading.Thread(target=what, args=(n,)) for n, what in enumerate(work)]
        for t in threads:
            t.start()
        time.sleep(SECONDS / 2)
        self.server.process.send_signal(signal.SIGHUP)
        for t in threads:
            t.join(SECONDS + 120)
            assert not t.is_alive(), "a client hangs"


def everything_counts():
    server = Server(AT / "w")
    try:
        token = server.login("admin", server.password)
        server.post("/v1/collections", {"name": "hall", "modality": "sound", "encoder": "melstats"}, token).expect(201)
        load = Load(server, token)
        load.run()
        assert not load.wrong, f"{len(load.wrong)} of {load.asked}: " + "\n".join(load.wrong[:10])
        kept, cursor = set(), None
        while True:
            page = server.get("/v1/collections/hall/media", token,
                              query={"limit": 500, **({"cursor": cursor} if cursor else {})}).expect(200).json
            kept |= {one["id"] for one in page["items"]}
            cursor = page["next_cursor"]
            if not cursor:
                break
        assert load.media and load.media <= kept, f"lost: {sorted(load.media - kept)[:10]}"
        print(f"{load.asked} requests, {len(load.media)} uploads, none lost")
    finally:
        server.stop()


class Asking(threading.Thread):
    """Asks on one connection without end; .last is what it heard last, .cut whether a request went unanswered."""

    def __init__(self, server, method, path, n):
        super().__init__()
        self.server, self.line, self.n, self.last, self.cut = server, (method, path), n, None, False

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)
        kind, body = None, None
        if self.line[0] == "POST":
            body, kind = multipart({}, [("file", "x.wav", tone(self.n))])
        try:
            while True:
                connection.request(*self.line, body, {"Content-Type": kind} if kind else {})
                answer = connection.getresponse()
                answer.read()
                self.last = answer.status
                if answer.headers.get("Connection") == "close":
                    return
        except (OSError, http.client.HTTPException):
            self.cut = True
        finally:
            connection.close()


def stops_with_requests_under_way():
    """Clients that go on asking get an answer that says it was the last; a training that runs is given back."""
    server = Server(AT / "w2", "--trust-loopback")
    server.post("/v1/collections", {"name": "hall", "modality": "sound", "encoder": "melstats"}).expect(201)
    for n in range(40):
        server.post("/v1/collections/hall/media", form={"label": ("low", "high")[n % 2]},
                    files=[("file", f"{n}.wav", tone(n))]).expect(201)
    clients = [Asking(server, "POST", "/v1/collections/hall/media", 1000 + n) for n in range(6)]
    clients += [Asking(server, "GET", path, n) for n in range(3) for path in ("/healthz", "/v1/collections/hall/labels")]
    for c in clients:
        c.start()
    time.sleep(0.5)
    job = server.post("/v1/collections/hall/train", {"head": "mlp", "epochs": 100000}).expect(202).json["id"]
    for _ in range(200):
        if server.get(f"/v1/jobs/{job}").json["state"] == "running":
            break
        time.sleep(0.05)
    begun = time.monotonic()
    server.stop()
    assert time.monotonic() - begun < 25, time.monotonic() - begun
    for c in clients:
        c.join(60)
        assert not c.is_alive() and not c.cut and c.last in (200, 201, 503), (c.line, c.last, c.cut)
    again = Server(AT / "w2", "--trust-loopback")
    state = again.get(f"/v1/jobs/{job}").json
    assert state["state"] in ("queued", "running") or state["attempt"] > 1, state
    again.post(f"/v1/jobs/{job}/cancel").expect(200)
    again.stop()


main([everything_counts, stops_with_requests_under_way])
