# SPDX-License-Identifier: Apache-2.0
"""Fetching packs from a server of our own: whole, resumed, refused, out of an archive.  PROGRAM is
tests/flow/fetch_run.c."""
import hashlib
import http.server
import io
import json
import random
import re
import shutil
import threading
import zipfile

from support import Run, folder, main

AT = folder()
SMALL = random.Random(1).randbytes(5000)
LARGE = random.Random(2).randbytes(700_000)
HITS = []  # (path, range) of every request
RANGES = True  # whether the server can go on in the middle
ZIP = io.BytesIO()
with zipfile.ZipFile(ZIP, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("inner.onnx", SMALL)
    archive.writestr("other.onnx", LARGE)
FILES = {"/small.onnx": SMALL, "/large.onnx": LARGE, "/pack.zip": ZIP.getvalue(), "/page.zip": b"<html>sorry</html>"}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers.get("Range")
        HITS.append((self.path, asked))
        if self.path == "/moved.onnx":
            self.send_response(302)
            self.send_header("Location", "/small.onnx")
            self.end_headers()
            return
        if self.path == "/trap.onnx":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.end_headers()
            return
        body = FILES.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start = int(re.match(r"bytes=(\d+)-", asked).group(1)) if asked and RANGES else 0
        if start >= len(body) and start:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.end_headers()
        self.wfile.write(body[start:])

    def log_message(self, *args):
        pass


SERVER = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=SERVER.serve_forever, daemon=True).start()
URL = f"https://127.0.0.1:{SERVER.server_port}"  # fetch_run asks by http
ENV = {"ESPY_MODELS": str(AT / "models"), "no_proxy": "127.0.0.1", "HOME": str(AT)}


def manifest(name, *files):
    """A pack of these files; returns the folder that holds its manifest."""
    home = AT / "models" / name
    home.mkdir(parents=True)
    names = ("detector", "embedder")
    pack = {"format": 1, "name": name, "summary": "for the test", "modality": "face", "licence": "MIT",
            "commercial": True, "dim": 8, "floor": 0.5, "files": [],
            "detector": {"type": "scrfd", "input": [64, 64], "mean": 127.5, "std": 128, "min_score": 0.5, "nms": 0.4},
            "align": "arcface", "embedder": {"input": [112, 112], "mean": 127.5, "std": 128}}
    for role, (url, content, member) in zip(names, files):
        entry = {"role": role, "name": f"{name}-{role}.onnx", "sha256": hashlib.sha256(content).hexdigest(),
                 "bytes": len(content), "url": url if ":" in url else URL + url}
        if member:
            entry["member"] = member
        pack["files"].append(entry)
    (home / "pack.json").write_text(json.dumps(pack))
    return home


def fetch(name):
    HITS.clear()
    return Run(name, target(name), env=ENV, timeout=120)


def target(name):
    return AT / "fetched" / name


def part(name, url):
    """Where an interrupted download of the url lies."""
    asked = (URL + url).replace("https:", "http:")
    return target(name) / f".{hashlib.sha256(asked.encode()).hexdigest()[:16]}.part"


def holds(name, role, content):
    assert (target(name) / f"{name}-{role}.onnx").read_bytes() == content, (name, role)


def nothing_left(name):
    left = [p.name for p in target(name).iterdir() if p.name.startswith(".") or ".tmp" in p.name]
    assert not left, left


def whole():
    manifest("whole", ("/small.onnx", SMALL, None), ("/large.onnx", LARGE, None))
    fetch("whole").expect(0)
    holds("whole", "detector", SMALL)
    holds("whole", "embedder", LARGE)
    assert json.loads((target("whole") / "pack.json").read_text())["name"] == "whole"
    nothing_left("whole")
    for got in list(target("whole").glob("*.onnx")):
        got.rename(AT / "models" / "whole" / got.name)  # where packs are looked for
    fetch("whole").expect(0)
    assert not HITS, HITS  # everything is there: nothing is asked for
    shutil.rmtree(AT / "models" / "whole")


def resumed():
    manifest("resumed", ("/large.onnx", LARGE, None), ("/small.onnx", SMALL, None))
    target("resumed").mkdir(parents=True)
    part("resumed", "/large.onnx").write_bytes(LARGE[:300_000])
    fetch("resumed").expect(0)
    assert ("/large.onnx", "bytes=300000-") in HITS, HITS
    holds("resumed", "detector", LARGE)
    nothing_left("resumed")


def complete_but_not_filed():
    manifest("complete", ("/large.onnx", LARGE, None), ("/small.onnx", SMALL, None))
    target("complete").mkdir(parents=True)
    part("complete", "/large.onnx").write_bytes(LARGE)
    fetch("complete").expect(0)
    holds("complete", "detector", LARGE)


def server_without_ranges():
    global RANGES
    manifest("plain", ("/large.onnx", LARGE, None), ("/small.onnx", SMALL, None))
    target("plain").mkdir(parents=True)
    part("plain", "/large.onnx").write_bytes(b"x" * 1000)
    RANGES = False
    fetch("plain").expect(0)
    RANGES = True
    holds("plain", "detector", LARGE)
    nothing_left("plain")


def wrong_content_is_refused_and_deleted():
    manifest("wrong", ("/small.onnx", SMALL[:-1] + b"!", None), ("/large.onnx", LARGE, None))
    fetch("wrong").expect(1, "is not the file that the manifest names")
    assert not list(target("wrong").glob("*.onnx"))
    nothing_left("wrong")
    # a damaged beginning is not kept for the next call either
    manifest("spoilt", ("/large.onnx", LARGE, None), ("/small.onnx", SMALL, None))
    target("spoilt").mkdir(parents=True)
    part("spoilt", "/large.onnx").write_bytes(b"x" * 1000)
    fetch("spoilt").expect(1, "is not the file that the manifest names")
    fetch("spoilt").expect(0)
    holds("spoilt", "detector", LARGE)


def absent_is_told():
    manifest("absent", ("/nowhere.onnx", SMALL, None), ("/large.onnx", LARGE, None))
    fetch("absent").expect(1, "status 404")
    manifest("gone", ("https://127.0.0.1:1/x.onnx", SMALL, None), ("/large.onnx", LARGE, None))
    fetch("gone").expect(1, "could not be fetched")
    fetch("no-such-pack").expect(1, "no-such-pack")


def only_the_web():
    manifest("local", ("file:///etc/hostname", SMALL, None), ("/large.onnx", LARGE, None))
    fetch("local").expect(1, "must begin with https://")
    manifest("trap", ("/trap.onnx", SMALL, None), ("/large.onnx", LARGE, None))
    fetch("trap").expect(1, "could not be fetched")
    manifest("moved", ("/moved.onnx", SMALL, None), ("/large.onnx", LARGE, None))
    fetch("moved").expect(0)
    holds("moved", "detector", SMALL)


def out_of_an_archive():
    manifest("zipped", ("/pack.zip", SMALL, "inner.onnx"), ("/pack.zip", LARGE, "other.onnx"))
    fetch("zipped").expect(0)
    holds("zipped", "detector", SMALL)
    holds("zipped", "embedder", LARGE)
    assert [asked for _, asked in HITS].count(None) == 1, HITS  # the archive came once
    nothing_left("zipped")
    manifest("lacking", ("/pack.zip", SMALL, "such.onnx"), ("/pack.zip", LARGE, "other.onnx"))
    fetch("lacking").expect(1, "holds no file such.onnx")
    manifest("page", ("/page.zip", SMALL, "inner.onnx"), ("/pack.zip", LARGE, "other.onnx"))
    fetch("page").expect(1, "is not a zip archive")
    nothing_left("page")


main([whole, resumed, complete_but_not_filed, server_without_ranges, wrong_content_is_refused_and_deleted,
      absent_is_told, only_the_web, out_of_an_archive])
