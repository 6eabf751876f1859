#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A server under everything at once for a while: recordings asked about, uploaded, named and deleted, trainings, groupings,
streams, broken requests, clients that leave.  Fails when memory or descriptors grow, when an answer is not one that is
documented, when a job fails, when something is logged as an error.

  tests/soak.py build/espy [SECONDS]

Memory: the median of the last quarter of the time against that of the second, when everything has been in use.
"""
import json
import os
import pathlib
import random
import statistics
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests" / "cli"))
from serve_wire import Server, clip, multipart, request  # noqa: E402

KINDS = ("tone", "pulse", "noise")
SOUNDS = "/v1/collections/sounds"
KEPT = 40            # uploads that stay; older ones are deleted
ROOM = 8 << 20       # bytes, and
SHARE = 0.05         # share by which memory may differ: pages that the allocator holds
EVERY = 1.0          # seconds between two looks


class Soak:
    def __init__(self, server, seconds):
        self.server, self.end = server, time.monotonic() + seconds
        self.lock, self.counts, self.wrong, self.uploads = threading.Lock(), {}, [], []
        self.clips = [(kind, clip(kind, seed, 1.0)) for kind in KINDS for seed in range(100, 108)]

    def going(self):
        return time.monotonic() < self.end and not self.wrong

    def expect(self, what, answer, *statuses):
        """Counts it; 503 (busy) is a documented answer to everything."""
        with self.lock:
            if answer is None or answer.status not in (*statuses, 503):
                self.wrong.append(f"{what}: {answer}")
            else:
                self.counts[what] = self.counts.get(what, 0) + 1
        return answer is not None and answer.status in statuses

    # ---- what clients do, each in a thread of its own ----
    def ask(self, r):
        with self.server.wire(60) as w:
            while self.going():
                kind, sound = r.choice(self.clips)
                w.send(request("POST", SOUNDS + "/identify", sound, Content_Type="audio/wav"))
                answer = w.answer()
                if self.expect("identify", answer, 200):
                    assert answer.json["decision"] == "sounds", (kind, answer)

    def upload(self, r):
        n = 0
        while self.going():
            n += 1
            kind = r.choice(KINDS)
            type_, body = multipart(("file", f"{kind}{n}.wav", clip(kind, r.random(), 0.5)))
            answer = self.server.call("POST", SOUNDS + "/media", body, Content_Type=type_)
            if not self.expect("upload", answer, 201):
                continue
            item = answer.json["items"][0]
            media, samples = item["media"], [sample["id"] for sample in item["samples"]]
            body = json.dumps({"samples": samples, "label": kind}).encode()
            if samples:
                self.expect("label", self.server.call("POST", SOUNDS + "/samples/label", body,
                                                      Content_Type="application/json"), 200)
            self.uploads.append(media)
            if len(self.uploads) > KEPT:
                self.expect("delete", self.server.call("DELETE", f"/v1/media/{self.uploads.pop(0)}"), 204)

    def learn(self, r):
        while self.going():
            what, body = r.choice((("train", b'{"force":true}'), ("cluster", b"{}"), ("train", b'{"head":"mlp","epochs":20,"force":true}')))
            answer = self.server.call("POST", f"{SOUNDS}/{what}", body, Content_Type="application/json")
            if not self.expect(what, answer, 202):
                continue
            job = answer.json["id"]
            while self.going():
                answer = self.server.call("GET", f"/v1/jobs/{job}")
                if self.expect("job", answer, 200) and answer.json["state"] not in ("queued", "running"):
                    if answer.json["state"] != "done":
                        self.wrong.append(f"{what}: {answer}")
                    break
                time.sleep(0.05)

    def listen(self, r):
        while self.going():
            with self.server.wire(60) as w:
                w.send(request("GET", "/v1/events/stream"))
                until = time.monotonic() + r.uniform(0.1, 3)
                w.socket.settimeout(0.2)
                while time.monotonic() < until:
                    try:
                        if not w.more():
                            self.wrong.append("the stream ended")
                            break
                    except TimeoutError:
                        pass
                    w.left = b""
                with self.lock:
                    self.counts["stream"] = self.counts.get("stream", 0) + 1

    def look(self, r):
        paths = ("/healthz", "/readyz", "/metrics", "/openapi.json", "/v1/collections", SOUNDS, SOUNDS + "/labels", SOUNDS + "/versions",
                 SOUNDS + "/media", "/v1/events", "/v1/jobs")
        with self.server.wire(60) as w:
            while self.going():
                path = r.choice(paths)
                self.expect("look", w.send(request("GET", path)).answer(), 200)
                time.sleep(0.02)

    def break_(self, r):
        broken = (("GET", "/nothing", None, {}, 404), ("DELETE", "/healthz", None, {}, 405),
                  ("POST", SOUNDS + "/identify", b"{", {"Content_Type": "application/json"}, 400),
                  ("POST", SOUNDS + "/identify", b"x" * 3000, {"Content_Type": "audio/wav"}, 400),
                  ("POST", SOUNDS + "/identify?version=-1", b"x", {"Content_Type": "audio/wav"}, 400),
                  ("POST", SOUNDS + "/media", b"--b\r\n", {"Content_Type": "multipart/form-data; boundary=b"}, 400),
                  ("GET", "/v1/media/999999999", None, {}, 404), ("GET", "/healthz", None, {"Authorization": "Bearer x"}, 200),
                  ("GET", "/v1/jobs", None, {"Authorization": "Bearer x"}, 401))
        while self.going():
            method, path, body, headers, status = r.choice(broken)
            self.expect("broken", self.server.call(method, path, body, **headers), status, 415)
            time.sleep(0.02)

    def leave(self, r):
        whole = request("POST", SOUNDS + "/identify", self.clips[0][1], Content_Type="audio/wav")
        while self.going():
            with self.server.wire() as w:
                w.send(whole[:r.randrange(len(whole))] if r.random() < 0.7 else whole)
            with self.lock:
                self.counts["left"] = self.counts.get("left", 0) + 1
            time.sleep(0.02)

    def guarded(self, client, seed):
        try:
            client(random.Random(seed))
        except BaseException as e:  # noqa: BLE001 - whatever it is, it ends the soak
            self.wrong.append(f"{client.__name__}: {e!r}")

    def run(self):
        clients = (self.ask, self.ask, self.upload, self.learn, self.listen, self.listen, self.look, self.break_, self.leave)
        threads = [threading.Thread(target=self.guarded, args=(c, n)) for n, c in enumerate(clients)]
        for t in threads:
            t.start()
        seen = []
        while self.going():
            time.sleep(EVERY)
            seen.append((self.server.resident(), self.server.descriptors()))
        for t in threads:
            t.join()
        return seen


def verdict(seen, wrong):
    if wrong:
        return
    quarter = max(1, len(seen) // 4)
    early, late = seen[quarter:2 * quarter], seen[-quarter:]
    memory = [statistics.median(m for m, _ in part) for part in (early, late)]
    files = [max(d for _, d in part) for part in (early, late)]
    print(f"memory {memory[0] / 2**20:.1f} -> {memory[1] / 2**20:.1f} MiB, most {max(m for m, _ in seen) / 2**20:.1f}; descriptors "
          f"{files[0]} -> {files[1]}")
    if memory[1] > memory[0] * (1 + SHARE) + ROOM:
        wrong.append("memory grows")
    if files[1] > files[0] + 8:
        wrong.append("descriptors grow")


def main():
    program, seconds = pathlib.Path(sys.argv[1]).resolve(), float(sys.argv[2]) if len(sys.argv) > 2 else 600
    with tempfile.TemporaryDirectory(prefix="espy-soak-") as home:
        home = pathlib.Path(home)
        for kind in KINDS:
            (home / "sounds" / kind).mkdir(parents=True)
            for n in range(8):
                (home / "sounds" / kind / f"{n}.wav").write_bytes(clip(kind, n))
        if os.spawnl(os.P_WAIT, program, "espy", "train", str(home / "sounds"), "--workspace", str(home / "w"), "--encoder", "melstats",
                     "--collection", "sounds", "--quiet"):
            raise SystemExit("training failed")
        with Server(program, "--workspace", home / "w", "--trust-loopback") as server:
            server.ready()
            soak = Soak(server, seconds)
            seen = soak.run()
            wrong = soak.wrong
            print(f"{seconds:.0f} s:", ", ".join(f"{n} {what}" for what, n in sorted(soak.counts.items())))
            verdict(seen, wrong)
            code = server.stop()
            wrong += [f"exit status {code}"] if code else []
            wrong += [line.strip() for line in server.said if "error" in line or "anitizer" in line]
    for line in wrong[:20]:
        print("FAIL", line[:500])
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
