#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Webhooks of a server: one that is silent holds up nobody; changing one."""
import http.server
import json
import socket
import sqlite3
import threading
import time

from serve_support import Server
from support import folder, main


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


def receiver():
    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    listener.seen = []
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return listener


def silent():
    """A port that takes connections and never says anything; the list holds when each came."""
    door, came = socket.create_server(("127.0.0.1", 0), backlog=64), []

    def take():
        kept = []
        while True:
            kept.append(door.accept()[0])
            came.append(time.monotonic())

    threading.Thread(target=take, daemon=True).start()
    return door.getsockname()[1], came


def until(asked, seconds):
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        if asked():
            return time.monotonic() - begin
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s")


def start():
    s = Server(folder() / "ws", "--private-hooks")
    return s, s.login("admin", s.password)


def hook(s, token, port, **more):
    body = {"url": f"http://127.0.0.1:{port}/hook", "events": ["collection.create"], **more}
    return s.post("/v1/webhooks", body, token).expect(201).json


def collection(s, token, name):
    return s.post("/v1/collections", {"name": name, "modality": "sound", "encoder": "melstats"}, token).expect(201).json


def the_silent_hold_up_nobody():
    s, token = start()
    port, came = silent()
    live = receiver()
    hook(s, token, port)  # the older one
    hook(s, token, live.server_port)
    for i in range(8):
        made = collection(s, token, f"c{i}")
    until(lambda: len(came) >= 1, 10)
    job = s.post(f"/v1/collections/{made['id']}/train", {}, token).json  # it fails: there is nothing to learn
    until(lambda: s.get(f"/v1/jobs/{job['id']}", token).json["finished"], 5)
    # of the eight to the silent one, one was tried, which takes 10 s; on a busy machine another one meanwhile
    took = until(lambda: len(live.seen) >= 8, 60)
    assert len(came) <= 2 + took / 15, (took, came)
    waiting = s.get("/v1/jobs?kind=webhook&state=queued", token).expect(200).json["items"]
    assert len(waiting) >= 7, waiting
    until(lambda: len(came) >= 2, 60)  # and it is tried again
    s.stop()


def what_cannot_be_told_is_passed_by():
    here = folder() / "ws"
    s = Server(here, "--private-hooks")
    token = s.login("admin", s.password)
    live = receiver()
    hook(s, token, live.server_port)
    collection(s, token, "first")
    until(lambda: len(live.seen) == 1, 10)
    s.stop()
    store = sqlite3.connect(next(here.glob("*.db")))
    with store:  # more than a delivery may hold
        store.execute("INSERT INTO events (time, collection, actor, action, detail) SELECT ?, id, 'job', 'collection.create', ?"
                      " FROM collections", (time.time(), json.dumps(["x" * (2 << 20)])))
    store.close()
    s = Server(here, "--private-hooks")
    collection(s, token, "second")
    until(lambda: len(live.seen) == 2, 10)
    assert "cannot be told" in s.stop()


def changing_one():
    s, token = start()
    old, new = receiver(), receiver()
    one = hook(s, token, old.server_port)
    path = f"/v1/webhooks/{one['id']}"
    s.patch(path, {"url": "ftp://x"}, token).expect(400, "url")
    s.patch(path, {"events": ["a b"]}, token).expect(400, "events")
    s.patch("/v1/webhooks/9999", {"enabled": False}, token).expect(404)
    assert s.patch(path, {"enabled": False}, token).expect(200).json["enabled"] is False
    collection(s, token, "unheard")
    time.sleep(3)
    url = f"http://127.0.0.1:{new.server_port}/new"
    told = s.patch(path, {"url": url, "enabled": True, "events": ["label.create", "collection.create"]}, token).expect(200).json
    assert told["url"] == url and told["enabled"] and len(told["events"]) == 2 and "secret" not in told, told
    collection(s, token, "heard")
    until(lambda: new.seen, 10)
    assert not old.seen and [path for path, _ in new.seen] == ["/new"]
    s.post("/v1/users", {"name": "ann", "password": "a-long-password", "role": "instructor"}, token).expect(201)
    s.patch(path, {"enabled": False}, s.login("ann", "a-long-password")).expect(404)  # not hers
    page = s.get("/v1/jobs?kind=webhook", token).expect(200).json["items"]
    assert page and all(job["request"] is None and job["result"] is None for job in page)
    alone = s.get(f"/v1/jobs/{page[0]['id']}", token).expect(200).json
    assert alone["request"]["webhook"] == one["id"] and alone["result"]["status"] == 204
    s.stop()


if __name__ == "__main__":
    main([the_silent_hold_up_nobody, what_cannot_be_told_is_passed_by, changing_one])
