#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a receiver gets, and what espy makes of its answers: signature, redirects, endless and late answers,
addresses of the own network.

usage: check_webhook.py TEST_WEBHOOK
"""
import hashlib
import hmac
import http.server
import os
import subprocess
import sys
import threading
import time

GOT = []


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        GOT.append((self.path, dict(self.headers), body))
        if self.path == "/late":
            time.sleep(4)
        status = {"/moved": 302, "/gone": 410, "/broken": 500}.get(self.path, 200)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.end_headers()
        for _ in range(40 if self.path == "/large" else 0):
            self.wfile.write(bytes(10_000))

    do_GET = do_POST

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
port = server.server_port
URL = f"http://127.0.0.1:{port}"
ENV = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}


def run(*args, **env):
    done = subprocess.run([sys.argv[1], *args], env={**ENV, **env}, capture_output=True, check=True, timeout=60)
    return done.stdout.decode().strip()


assert run("send", URL + "/hook?a=b", "local") == "200 0"
path, headers, body = GOT.pop()
want = hmac.new(b"secret", b"1700000000." + body, hashlib.sha256).hexdigest()
assert path == "/hook?a=b" and body == b'{"version":3}', (path, body)
assert headers["X-Espy-Signature"] == "sha256=" + want, headers
assert headers["X-Espy-Timestamp"] == "1700000000" and headers["X-Espy-Event"] == "version.published", headers
assert headers["X-Espy-Delivery"] == "d-1" and headers["Content-Type"] == "application/json", headers
assert "Expect" not in headers and headers["User-Agent"].startswith("espy/"), headers

assert run("send", URL + "/moved", "local") == "302 0" and len(GOT) == 1 and GOT.pop()[0] == "/moved"
assert run("send", URL + "/gone", "local") == "410 0"
assert run("send", URL + "/broken", "local") == "500 0"
assert run("post", URL + "/large", "local", "5") == "200 65536"
assert run("post", URL + "/", "local", "5") == "200 0"
before = time.monotonic()
said = run("post", URL + "/late", "local", "1")
assert said.startswith("input or output failed") and "did not answer" in said, said
assert time.monotonic() - before < 3.5

GOT.clear()
said = run("send", URL + "/hook", "public")
assert "not a public address" in said, said
for host in ("127.0.0.1", "127.1", "2130706433", "localhost", "[::ffff:127.0.0.1]", "[::1]"):
    said = run("post", f"http://{host}:{port}/secret", "public", "5")
    assert said.startswith("invalid argument") and "not public" in said and "secret" not in said, said
said = run("post", f"http://localhost:{port}/", "public", "5", http_proxy=URL)  # no way around by a proxy
assert "not public" in said, said
assert not GOT, GOT
assert run("post", "file:///etc/hostname", "local", "5").startswith("invalid argument")
assert run("post", "nonsense://x", "local", "5").startswith("invalid argument")
server.shutdown()
server.server_close()
said = run("send", URL + "/secret", "local")
assert said.startswith("input or output failed") and "secret" not in said, said
print("sent and refused as it should be")
