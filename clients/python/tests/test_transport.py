# SPDX-License-Identifier: Apache-2.0
"""The client against a server of our own that answers what a test tells it: trying again, errors, streams."""
import contextlib
import http.server
import json
import pathlib
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from espy_client import (Client, Conflict, EspyError, Forbidden, Invalid, NotFound, TooLarge,  # noqa: E402
                         Unauthenticated, Unavailable)
from espy_client import things, transport  # noqa: E402

COLLECTION = {"id": 7, "name": "x", "modality": "face", "created": "2026-01-02T03:04:05Z", "news": [1]}
JOB = {"id": 3, "collection": 7, "kind": "train", "state": "running", "progress": 0.5, "finished": None}


class Script(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        if self.server.steps and self.server.steps[0] == "too much":
            del self.server.steps[0]
            self.server.seen.append((self.command, self.path, dict(self.headers), b"", self.client_address))
            self.wfile.write(b"HTTP/1.1 413 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            self.close_connection = True
            self.rfile.read(1 << 20)
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((self.command, self.path, dict(self.headers), body, self.client_address))
        step = self.server.steps.pop(0) if self.server.steps else (200, COLLECTION)
        if step == "cut":
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, said, headers = (*step, {})[:3]
        if callable(said):
            self.send_response(status)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            said(self.wfile)
            self.close_connection = True
            return
        data = said if isinstance(said, bytes) else b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True


def refused(status, code="c", **more):
    return status, {"error": {"code": code, "message": "no", "details": more}, "request_id": "r1"}


class Case(unittest.TestCase):
    def setUp(self):
        self.server = Server(("127.0.0.1", 0), Script)
        self.server.steps, self.server.seen = [], []
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.client = Client(self.url, key="espy_k", timeout=5)
        pause = transport.Transport._pause
        transport.Transport._pause = staticmethod(lambda tries: 0.01)
        self.addCleanup(setattr, transport.Transport, "_pause", pause)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.client.close)

    def another(self, url, **more):
        client = Client(url, **more)
        self.addCleanup(client.close)
        return client

    def says(self, *steps):
        self.server.steps[:] = steps
        del self.server.seen[:]

    @property
    def seen(self):
        return self.server.seen


class Requests(Case):
    def test_one_connection_is_kept(self):
        for _ in range(3):
            self.client.collections.get("x")
        self.assertEqual(len({one[4] for one in self.seen}), 1)
        self.assertEqual(self.seen[0][2]["Authorization"], "Bearer espy_k")

    def test_a_connection_that_the_server_closed_is_not_used(self):
        self.says((200, COLLECTION, {"Connection": "close"}), (202, JOB))
        self.client.collections.get("x")
        time.sleep(0.05)
        self.assertEqual(self.client.train("x").id, 3)

    def test_names_are_quoted(self):
        self.client.collections.get("a/b ü?")
        self.assertEqual(self.seen[0][1], "/v1/collections/a%2Fb%20%C3%BC%3F")
        self.says((200, {"items": [], "next_cursor": None}))
        self.assertEqual(list(self.another(self.url + "/behind/").collections.list(search="a b")), [])
        self.assertEqual(self.seen[0][1], "/behind/v1/collections?search=a+b")

    def test_forms(self):
        self.says((201, {"items": [], "added": 0, "refused": 0, "label": None}))
        self.client.media.upload("x", [b"\xff\x00", ('q"\r\n.jpg', b"two")], label="STU001", session=5)
        _, _, headers, body, _ = self.seen[0]
        self.assertTrue(headers["Content-Type"].startswith("multipart/form-data; boundary="))
        self.assertIn(b'name="file"; filename="upload"', body)
        self.assertIn(b'filename="q%22%0D%0A.jpg"', body)
        self.assertIn(b'name="session"\r\n\r\n5\r\n', body)
        self.assertNotIn(b"faces", body)

    def test_uploads_of_many(self):
        items = [{"file": "f", "status": "added", "error": None, "media": 1, "samples": []}]
        answer = (201, {"items": items, "added": 1, "refused": 0, "label": None})
        self.says(*[answer] * 3)
        self.assertEqual(len(list(self.client.media.upload_all("x", [b"a"] * 45))), 3)
        self.assertEqual([one[3].count(b"filename") for one in self.seen], [20, 20, 5])

    def test_queries(self):
        self.says((200, {"items": []}))
        self.client.attendance.presence(7, sessions=[things.Session(1, 7, "a", "open"), 2])
        self.assertEqual(self.seen[0][1], "/v1/collections/7/presence?sessions=1%2C2")
        self.says((200, {"items": [], "next_cursor": None}))
        self.assertIsNone(self.client.labels.list(7, grouped=False).first())
        self.assertEqual(self.seen[0][1], "/v1/collections/7/labels?grouped=false")

    def test_pages(self):
        page = {"items": [COLLECTION, COLLECTION], "next_cursor": "7", "total": 3}
        self.says((200, page), (200, {"items": [COLLECTION], "next_cursor": None, "total": 3}), (200, page))
        pages = self.client.collections.list(limit=2)
        self.assertEqual([one.id for one in pages], [7, 7, 7])
        self.assertEqual([one[1] for one in self.seen], ["/v1/collections?limit=2", "/v1/collections?limit=2&cursor=7"])
        self.assertEqual(pages.total, 3)

    def test_answers(self):
        one = self.client.collections.get(7)
        self.assertEqual((one.id, one.raw["news"], one.created.isoformat()), (7, [1], "2026-01-02T03:04:05+00:00"))
        self.says((200, {"id": 1}))
        with self.assertRaisesRegex(EspyError, "Collection.name"):
            self.client.collections.get(7)
        self.says((200, b"<html>"))
        with self.assertRaisesRegex(EspyError, "no Collection"):
            self.client.collections.get(7)

    def test_bad_addresses(self):
        for url in ("ftp://x", "http://", ""):
            with self.assertRaises(ValueError):
                Client(url)
        with self.assertRaises(ValueError):
            Client("http://x", key="k", user="u", password="p")
        with self.assertRaises(ValueError):
            Client("http://x", user="u")


class Errors(Case):
    def test_classes(self):
        for status, kind in {400: Invalid, 401: Unauthenticated, 403: Forbidden, 404: NotFound, 409: Conflict,
                             413: TooLarge, 415: Invalid, 422: Invalid, 500: EspyError}.items():
            self.says(refused(status, "some_code", name=["a", "b"]))
            with self.assertRaises(kind) as raised:
                self.client.collections.get("x")
            error = raised.exception
            self.assertEqual((error.status, error.code, error.message, error.details, error.request_id),
                             (status, "some_code", "no", {"name": ["a", "b"]}, "r1"))
            self.assertEqual(str(error), "no: name: a; b [r1]")
            self.assertEqual(len(self.seen), 1)

    def test_a_body_that_is_refused_halfway(self):
        self.says("too much")
        with self.assertRaises(TooLarge):
            self.client.media.upload("x", bytes(64 << 20))
        self.assertEqual(len(self.seen), 1)

    def test_an_error_without_json(self):
        self.says((404, b"gone"))
        with self.assertRaisesRegex(NotFound, "answered 404"):
            self.client.collections.get("x")


class Again(Case):
    def test_busy_is_tried_again(self):
        self.says(refused(503), refused(429), (200, COLLECTION))
        self.client.collections.get("x")
        self.assertEqual(len(self.seen), 3)

    def test_retry_after_is_honoured(self):
        self.says((*refused(429), {"Retry-After": "1"}), (200, COLLECTION))
        begun = time.monotonic()
        self.client.collections.get("x")
        self.assertGreaterEqual(time.monotonic() - begun, 1)

    def test_a_long_retry_after_is_not(self):
        self.says((*refused(429), {"Retry-After": "3600"}))
        with self.assertRaises(Unavailable):
            self.client.collections.get("x")
        self.assertEqual(len(self.seen), 1)

    def test_there_is_an_end(self):
        self.says(*[refused(503)] * 9)
        with self.assertRaises(Unavailable):
            self.client.collections.get("x")
        self.assertEqual(len(self.seen), 5)

    def test_what_makes_something_is_made_once(self):
        self.says("cut", refused(409, "running"), (201, COLLECTION))
        self.client.collections.create("x")
        keys = {one[2]["Idempotency-Key"] for one in self.seen}
        self.assertEqual((len(self.seen), len(keys)), (3, 1))
        self.client.collections.create("x")
        self.assertNotIn(self.seen[-1][2]["Idempotency-Key"], keys)

    def test_what_must_not_be_sent_twice_is_not(self):
        for call in (lambda: self.client.train("x"), lambda: self.client.undo("x"),
                     lambda: self.client.versions.rollback("x"), lambda: self.client.labels.merge(1, 2)):
            self.says("cut")
            with self.assertRaisesRegex(Unavailable, "lost"):
                call()
            self.assertEqual(len(self.seen), 1)

    def test_a_deletion_whose_answer_was_lost(self):
        self.says("cut", refused(404))
        self.client.media.delete(1)
        self.says(refused(404))
        with self.assertRaises(NotFound):
            self.client.media.delete(1)

    def test_nobody_listens(self):
        with contextlib.closing(socket.socket()) as free:
            free.bind(("127.0.0.1", 0))
            client = Client(f"http://127.0.0.1:{free.getsockname()[1]}", retries=1)
            with self.assertRaisesRegex(Unavailable, "refused"):
                client.train("x")

    def test_no_answer(self):
        with contextlib.closing(socket.socket()) as mute:
            mute.bind(("127.0.0.1", 0))
            mute.listen()
            client = Client(f"http://127.0.0.1:{mute.getsockname()[1]}", timeout=0.2)
            with self.assertRaisesRegex(Unavailable, "0.2 s"):
                client.health()

    def test_a_token_is_renewed(self):
        login = {"access": "t1", "expires_in": 60, "user": {
            "id": 1, "name": "u", "full_name": None, "email": None, "role": "admin", "enabled": True, "detail": None,
            "created": None}}
        client = self.another(self.url, user="u", password="p")
        self.says((200, login), (200, COLLECTION), refused(401), (200, dict(login, access="t2")), (200, COLLECTION),
                  refused(401), (200, login), refused(401))
        client.collections.get("x")
        client.collections.get("x")
        self.assertEqual([one[2].get("Authorization") for one in self.seen],
                         [None, "Bearer t1", "Bearer t1", None, "Bearer t2"])
        self.assertEqual(json.loads(self.seen[0][3]), {"name": "u", "password": "p"})
        with self.assertRaises(Unauthenticated):
            client.collections.get("x")


class Streams(Case):
    @staticmethod
    def sends(text):
        return lambda to: to.write(text.encode())

    def test_a_job(self):
        state = "event: state\ndata: %s\n\n" % json.dumps(JOB)
        self.says((200, self.sends(": hello\n\n" + state + state + 'event: log\ndata: {"line": "a"}\n\n')),
                  (200, self.sends(state + ": \n\nevent: end\ndata: {\"state\":\ndata: \"done\"}\n\nevent: log\n")))
        said = [(one.event, one.data) for one in self.client.jobs.stream(3)]
        self.assertEqual(said, [("state", JOB), ("log", {"line": "a"}), ("end", {"state": "done"})])
        self.assertEqual(self.seen[0][1], "/v1/jobs/3/stream")

    def test_events_go_on_where_they_were_lost(self):
        def event(number):
            return f"event: event\nid: {number}\ndata: " + json.dumps(
                {"id": number, "time": "2026-01-02T03:04:05Z", "actor": "user", "action": "label.set"}) + "\n\n"
        self.says((200, self.sends(event(4) + event(5))), "cut", (200, self.sends(event(6))))
        events = self.client.events.stream()
        self.assertEqual([next(events).id for _ in range(3)], [4, 5, 6])
        events.close()
        self.assertEqual([one[2].get("Last-Event-ID") for one in self.seen], [None, "5", "5"])

    def test_refused(self):
        self.says(refused(404, "not_found"))
        with self.assertRaises(NotFound):
            next(self.client.jobs.stream(1))

    def test_waiting(self):
        self.says((200, JOB), (200, dict(JOB, state="done", result={"version": 2})))
        self.assertEqual(self.client.jobs.wait(3).result, {"version": 2})
        with self.assertRaises(TimeoutError):
            self.says(*[(200, JOB)] * 20)
            self.client.jobs.wait(3, timeout=0.3)


if __name__ == "__main__":
    unittest.main()
