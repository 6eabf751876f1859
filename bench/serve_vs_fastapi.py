#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`espy serve` beside FastAPI, uvicorn and ONNX Runtime with the same networks, by turns in one run.

Both answer who is in photos of 640 x 480 with one or two faces: decode, SCRFD-500M, align, MobileFaceNet, the
nearest of 20 people learned from 12 photos each.  wrk keeps 1, 2 and 8 connections busy.  The peer is the best,
for each number of connections, of
  processes   two processes, each answering in its event loop, one thread in ONNX Runtime
  threads     one process, two threads with one thread each in ONNX Runtime
  wide        one process, one request at a time with two threads in ONNX Runtime
and gives its network the photo in its own shape, as espy does, instead of the usual 640 x 640 (--usual).

Then espy alone: time until ready and memory with a face and a sound pack, 1,000 idle connections with 10 slow clients,
and answers while something is learned.

  bench/serve_vs_fastapi.py --espy build/espy [--only compare,start,idle,training] [--seconds 4] [--rounds 7]

A turn counts when the two-core probe passes before and after it and other programs took little.  Needs wrk, and
fastapi, uvicorn and onnxruntime from PyPI.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from common import (QUIET, ROOT, SHARED, Probe, altered_people, cpu_now, cv2, espy_environment, machine, np, singles,
                    spread, write_photos)

sys.path.append(str(ROOT / "tests" / "cli"))
from serve_wire import TICKS, Server, request  # noqa: E402

CONNECTIONS = (1, 2, 8)
PEOPLE, EACH = 20, 12
SETTINGS = {"processes": {"workers": 2, "FACES_THREADS": "1", "FACES_INLINE": "1"},
            "threads": {"workers": 1, "FACES_THREADS": "1", "FACES_INLINE": "0"},
            "wide": {"workers": 1, "FACES_THREADS": "2", "FACES_INLINE": "0"}}
IDENTIFY = "/v1/collections/faces/identify"
PORT = 18700


def family(pid):
    """A process and all below it."""
    out = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            for child in task.read_text().split():
                out += family(int(child))
        except OSError:
            pass
    return out


def cpu_of(pid):
    seconds = 0
    for one in family(pid):
        try:
            fields = pathlib.Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            seconds += (int(fields[11]) + int(fields[12])) / TICKS
        except OSError:
            pass
    return seconds


def resident_of(pid):
    return sum(int(re.search(r"VmRSS:\s*(\d+)", pathlib.Path(f"/proc/{p}/status").read_text())[1]) * 1024
               for p in family(pid))


# ---- load --------------------------------------------------------------------------------------

def load(port, path, connections, seconds, photos=(), kind="image/jpeg"):
    """What wrk measured: requests, seconds, p50, p99, refused, failed."""
    environment = dict(os.environ, POST_FILES=":".join(map(str, photos)), POST_TYPE=kind)
    run = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s",
                          str(ROOT / "bench" / "serve_post.lua"), f"http://127.0.0.1:{port}{path}"],
                         env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in run.stdout.splitlines() if line.startswith("{")]
    if run.returncode or not lines:
        raise SystemExit(f"wrk: {run.stdout}{run.stderr}")
    said = json.loads(lines[-1])
    if said["refused"] or said["failed"]:
        raise SystemExit(f"{path}: {said['refused']} answers that are not 2xx, {said['failed']} lost")
    said["rate"] = said["requests"] / said["seconds"]
    return said


class Turn:
    """One load on one server; whether it counts."""

    def __init__(self, probe, process, *args, **more):
        calm = probe.two()
        busy, own = cpu_now()
        used, start = cpu_of(process.pid), time.perf_counter()
        self.said = load(*args, **more)
        passed = time.perf_counter() - start
        now_busy, now_own = cpu_now()
        self.cpu = (cpu_of(process.pid) - used) / self.said["requests"]
        foreign = (now_busy - busy) - (now_own - own) - (cpu_of(process.pid) - used)
        self.foreign = max(0, foreign / (2 * passed))
        self.counts = probe.two() and calm and self.foreign < QUIET


# ---- the two servers ---------------------------------------------------------------------------

class Peer:
    def __init__(self, name, gallery, tight, port):
        setting = dict(SETTINGS[name])
        workers = setting.pop("workers")
        environment = dict(os.environ, FACES_GALLERY=str(gallery), FACES_TIGHT="1" if tight else "0",
                           OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", **setting)
        self.port = port
        self.process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "faces_service:app", "--host", "127.0.0.1", "--port", str(port), "--loop", "uvloop",
             "--http", "httptools", "--no-access-log", "--log-level", "warning", "--workers", str(workers)],
            cwd=ROOT / "bench", env=environment)
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.1)
        else:
            raise SystemExit("the FastAPI service did not start")
        time.sleep(3)  # the other process

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Bench:
    def __init__(self, options, home):
        self.options, self.home, self.probe = options, pathlib.Path(home), Probe()
        self.environment = espy_environment(self.home / "cache")
        self.photos = self.make_photos()
        altered_people(self.home / "people", PEOPLE, EACH)

    def make_photos(self):
        """Six of one person and two of two, who stand beside each other."""
        sources = singles(10)
        folder = write_photos(self.home / "photos", sources[:6], 640, 480, 3.0)
        for n in (6, 8):
            pair = np.hstack([cv2.resize(cv2.imread(str(s)), (320, 320)) for s in sources[n:n + 2]])
            cv2.imwrite(str(folder / f"{n:04d}.jpg"), cv2.copyMakeBorder(pair, 80, 80, 0, 0, cv2.BORDER_REPLICATE),
                        [cv2.IMWRITE_JPEG_QUALITY, 93])
        return sorted(folder.iterdir())

    def espy(self, *args):
        run = subprocess.run([self.options.espy, *map(str, args)], env=self.environment, capture_output=True, text=True,
                             check=False)
        if run.returncode:
            raise SystemExit(f"espy {' '.join(map(str, args))}: {run.stderr.strip()}")
        return run.stdout

    def workspace(self, precision):
        path = self.home / f"workspace-{precision}"
        if not path.is_dir():
            self.espy("train", self.home / "people", "--workspace", path, "--encoder", "mobilefacenet", "--precision",
                      precision, "--collection", "faces", "--quiet")
        return path

    def serve(self, precision):
        s = Server(self.options.espy, "--workspace", self.workspace(precision), "--trust-loopback", env=self.environment)
        s.ready()
        return s

    def gallery(self):
        """What espy learned from, as the peer's gallery."""
        vectors, labels = [], []
        for line in map(json.loads, self.espy("embed", self.home / "people", "--encoder", "mobilefacenet", "--precision", "f32",
                                              "--largest", "--quiet", "--json").splitlines()):
            for sample in line["samples"]:
                vectors.append(sample["embedding"])
                labels.append(pathlib.Path(line["media"]).parent.name)
        np.savez(self.home / "gallery.npz", vectors=np.float32(vectors), labels=np.array(labels))
        return self.home / "gallery.npz"

    # ---- beside the peer ----
    def same_faces(self, port, paths):
        """Faces in each photo, by both."""
        counts = []
        for at, path in ((port, IDENTIFY), paths):
            row = []
            for photo in self.photos:
                with socket.create_connection(("127.0.0.1", at)) as s:
                    s.sendall(request("POST", path, photo.read_bytes(), Content_Type="image/jpeg", Connection="close"))
                    data = b""
                    while more := s.recv(65536):
                        data += more
                row.append(len(json.loads(data.split(b"\r\n\r\n", 1)[1])["samples"]))
            counts.append(row)
        return counts

    def best_peer(self, peers, connections):
        """By requests per second: two short tries each, by turns."""
        tried = {name: [] for name in peers}
        for _ in range(2):
            for name, peer in peers.items():
                tried[name].append(load(peer.port, "/identify", connections, 2, self.photos)["rate"])
        return max(tried, key=lambda name: max(tried[name])), {name: round(max(v), 1) for name, v in tried.items()}

    def compare(self):
        gallery = self.gallery()
        precisions = self.options.precisions.split(",")
        servers = {p: self.serve(p) for p in precisions}
        peers = {name: Peer(name, gallery, not self.options.usual, PORT + n) for n, name in enumerate(SETTINGS)}
        ours, theirs = self.same_faces(servers[precisions[0]].port, (peers["threads"].port, "/identify"))
        print(f"photos of 640 x 480: {len(self.photos)}, {np.mean([p.stat().st_size for p in self.photos]) / 1e3:.0f} kB; faces "
              f"found by espy {ours}, by the peer {theirs}")
        for s in servers.values():
            load(s.port, IDENTIFY, 2, 1, self.photos)
        print(f"memory after load: espy {servers[precisions[0]].resident() / 2**20:.0f} MiB; peer "
              + ", ".join(f"{name} {resident_of(p.process.pid) / 2**20:.0f} MiB" for name, p in peers.items()))
        print(f"{'connections':11} {'':6} {'req/s':>7} {'p50 ms':>7} {'p99 ms':>7} {'CPU ms':>7}   "
              f"{'times as many':22} {'CPU per request':22} {'p50':6} {'p99':6} turns that count")
        for connections in CONNECTIONS:
            name, tried = self.best_peer(peers, connections)
            turns = {p: [] for p in (*precisions, "peer")}
            for _ in range(self.options.rounds):
                for p in precisions:
                    turns[p].append(Turn(self.probe, servers[p].process, servers[p].port, IDENTIFY, connections,
                                         self.options.seconds, self.photos))
                turns["peer"].append(Turn(self.probe, peers[name].process, peers[name].port, "/identify", connections,
                                          self.options.seconds, self.photos))
            self.report(connections, name, tried, turns)
        for s in servers.values():
            s.stop()
        for p in peers.values():
            p.stop()

    def report(self, connections, name, tried, turns):
        good = [i for i in range(len(turns["peer"])) if all(t[i].counts for t in turns.values())]
        use = good or range(len(turns["peer"]))
        value = lambda p, key: statistics.median(turns[p][i].said[key] for i in use)
        cpu = lambda p: statistics.median(t.cpu for t in turns[p])
        for p, t in turns.items():
            line = f"{connections:<11} {p:6} {value(p, 'rate'):7.1f} {1e3 * value(p, 'p50'):7.1f} {1e3 * value(p, 'p99'):7.1f} {1e3 * cpu(p):7.1f}   "
            if p == "peer":
                line += f"best of {tried}"
            else:
                other = turns["peer"]
                line += (f"{spread([t[i].said['rate'] / other[i].said['rate'] for i in use], digits=2):22} "
                         f"{spread([other[i].cpu / t[i].cpu for i in range(len(t))], digits=2):22} "
                         f"{value('peer', 'p50') / value(p, 'p50'):<6.2f} {value('peer', 'p99') / value(p, 'p99'):<6.2f} "
                         f"{len(good)} of {len(t)}{'' if good else '  NOT QUIET'}")
            print(line, flush=True)

    # ---- espy alone ----
    def with_sounds(self, precision="auto"):
        """A workspace with one face and one sound pack that answer."""
        path = self.workspace(precision)
        sounds = SHARED / "data" / "sounds"
        pack = "yamnet" if (SHARED / "models" / "yamnet_patch_f32.onnx").is_file() else "melstats"
        if not (self.home / "sounds").is_dir():
            for kind in ("dog_bark", "rain", "siren"):
                (self.home / "sounds" / kind).mkdir(parents=True)
                for file in sorted(p for p in (sounds / kind).iterdir() if p.suffix in (".wav", ".ogg"))[:12]:
                    shutil.copy(file, self.home / "sounds" / kind)
            self.espy("train", self.home / "sounds", "--workspace", path, "--encoder", pack, "--collection", "sounds", "--quiet")
        return path, pack

    def start(self):
        path, pack = self.with_sounds()
        times, sizes = [], []
        for _ in range(12):
            with Server(self.options.espy, "--workspace", path, "--trust-loopback", env=self.environment) as s:
                times.append(s.ready())
                time.sleep(0.2)
                sizes.append(s.resident())
        print(f"ready, mobilefacenet and {pack} open, after {spread(times[2:])} s; memory then "
              f"{spread(sizes[2:], 1 / 2**20, 0)} MiB")
        with Server(self.options.espy, "--workspace", path, "--trust-loopback", env=self.environment) as s:
            s.ready()
            load(s.port, IDENTIFY, 8, 3, self.photos)
            load(s.port, "/v1/collections/sounds/identify", 8, 2, sorted((self.home / "sounds" / "rain").iterdir())[:4], "audio/wav")
            time.sleep(1)
            print(f"idle after photos and recordings by 8 connections: {s.resident() / 2**20:.0f} MiB, {s.descriptors()} descriptors")

    def idle(self):
        """1,000 connections that only wait and 10 clients that send a byte now and then."""
        with self.serve("auto") as s:
            alone = self.watched(s, IDENTIFY, self.photos)
            health = self.watched(s, "/healthz")
            before = s.resident()
            waiting = [s.wire() for _ in range(1000)]
            for w in waiting:
                assert w.send(request("GET", "/healthz")).answer().status == 200
            whole = request("POST", IDENTIFY, self.photos[0].read_bytes(), Content_Type="image/jpeg")
            slow, stop = [s.wire() for _ in range(10)], threading.Event()

            def drip():
                at = 0
                while not stop.wait(0.02):
                    for w in slow:
                        w.send(whole[at:at + 40])
                    at += 40

            thread = threading.Thread(target=drip)
            thread.start()
            beside = self.watched(s, IDENTIFY, self.photos)
            health_beside = self.watched(s, "/healthz")
            after = s.resident()
            stop.set()
            thread.join()
            for w in waiting:
                assert w.send(request("GET", "/healthz")).answer().status == 200
            print(f"beside 1,000 idle connections and 10 slow clients every request was answered, the idle ones' afterwards too; memory "
                  f"{before / 2**20:.0f} -> {after / 2**20:.0f} MiB")
            print(f"a photo by 2 connections: {alone} alone, {beside} beside them")
            print(f"/healthz by 2 connections: {health} alone, {health_beside} beside them")

    def watched(self, server, path, photos=()):
        """Requests per second, p99 and CPU of a request: medians of three loads by 2 connections."""
        rows = []
        for _ in range(3):
            used = server.cpu()
            said = load(server.port, path, 2, self.options.seconds, photos)
            rows.append((said["rate"], 1e3 * said["p99"], 1e3 * (server.cpu() - used) / said["requests"]))
        rate, p99, cpu = (statistics.median(column) for column in zip(*rows))
        return f"{rate:.1f} req/s, p99 {p99:.2f} ms, {cpu:.3f} ms of CPU each"

    def training(self):
        """Answers while the collection's own job learns."""
        path, _ = self.with_sounds()
        clips = sorted((self.home / "sounds" / "rain").glob("*"))[:4]
        paths = {"/healthz": (), "/v1/collections/sounds/identify": clips, IDENTIFY: self.photos}
        with Server(self.options.espy, "--workspace", path, "--trust-loopback", env=self.environment) as s:
            s.ready()
            for where, files in paths.items():
                kind = "audio/wav" if files is clips else "image/jpeg"
                measure = lambda: load(s.port, where, 1, self.options.seconds, files, kind)
                measure()
                quiet = [measure() for _ in range(3)]
                with Learning(s) as learning:
                    busy = [measure() for _ in range(3)]
                p = lambda runs, key: 1e3 * statistics.median(r[key] for r in runs)
                print(f"{where:32} idle p50 {p(quiet, 'p50'):6.2f} p99 {p(quiet, 'p99'):6.2f} ms; while {learning.jobs} jobs learned p50 "
                      f"{p(busy, 'p50'):6.2f} p99 {p(busy, 'p99'):6.2f} ms: {p(busy, 'p99') / p(quiet, 'p99'):.2f} times", flush=True)


class Learning:
    """Trains the sounds' collection again and again, by jobs of the server."""

    def __init__(self, server):
        self.server, self.stop, self.jobs = server, threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.stop.is_set():
            answer = self.server.call("POST", "/v1/collections/sounds/train", b'{"head":"mlp","epochs":400,"force":true}',
                                      Content_Type="application/json")
            if answer.status != 202:
                raise SystemExit(f"train: {answer}")
            job = answer.json["id"]
            while (state := self.server.call("GET", f"/v1/jobs/{job}").json["state"]) in ("queued", "running"):
                time.sleep(0.1)
            if state != "done":
                raise SystemExit(f"train: the job is {state}")
            self.jobs += 1

    def __enter__(self):
        self.thread.start()
        time.sleep(0.5)
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--espy", required=True, help="the program")
    parser.add_argument("--only", default="compare,start,idle,training")
    parser.add_argument("--precisions", default="f32,mixed,bf16")
    parser.add_argument("--seconds", type=int, default=4, help="of one turn")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--usual", action="store_true", help="the peer takes 640 x 640 for every photo")
    options = parser.parse_args()
    options.espy = str(pathlib.Path(options.espy).resolve())
    if not shutil.which("wrk"):
        raise SystemExit("this benchmark needs wrk; nothing was measured")
    with tempfile.TemporaryDirectory() as home:
        bench = Bench(options, home)
        print(machine())
        for part in options.only.split(","):
            getattr(bench, part)()


if __name__ == "__main__":
    main()
