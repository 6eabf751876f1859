# SPDX-License-Identifier: Apache-2.0
"""What the tests of the server's interfaces share: the program on a free port, and asking it as a client would."""
import atexit
import http.client
import json
import os
import re
import subprocess
import threading
import time
import urllib.parse
import uuid

from support import PROGRAM, SOURCE


class Answer:
    """.status, .headers (names in small letters), .body, .json, .cookies."""

    def __init__(self, status, headers, body):
        self.status, self.body = status, body
        self.headers = {name.lower(): value for name, value in headers}
        self.cookies = [value for name, value in headers if name.lower() == "set-cookie"]

    @property
    def json(self):
        return json.loads(self.body)

    def expect(self, status, text=None):
        said = f"{self.status} {self.headers}\n{self.body[:2000]!r}"
        assert self.status == status, f"status {self.status}, not {status}: {said}"
        if text is not None:
            assert text.encode() in self.body, f"{text!r} is missing in: {said}"
        return self


def multipart(fields, files):
    """A form's body and type.  files: (name, file name, bytes)."""
    mark = uuid.uuid4().hex
    parts = []
    for name, value in fields.items():
        parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode())
    for name, file, data in files:
        parts.append((f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n'
                      "Content-Type: application/octet-stream\r\n\r\n").encode() + data + b"\r\n")
    return b"".join(parts) + f"--{mark}--\r\n".encode(), f"multipart/form-data; boundary={mark}"


def complaints(said):
    """What sanitizers said.  Adding nothing to a null pointer is passed over: C2y defines it (WG14 N3322), and what the
    compiler makes of it is the same."""
    return [line for line in said if ("runtime error:" in line and "zero offset to null pointer" not in line) or
            re.search(r"(ERROR|WARNING): \w+Sanitizer", line)]


class Server:
    """`espy serve` of a workspace; .said holds the lines of its standard error."""

    def __init__(self, workspace, *options, env=None):
        self.said = []
        full = {**os.environ, "ESPY_SOURCE_ROOT": str(SOURCE.resolve()), **(env or {})}
        self.process = subprocess.Popen([PROGRAM, "serve", "--workspace", str(workspace), "--port", "0", "--verbose",
                                         *map(str, options)], stderr=subprocess.PIPE, env=full)
        atexit.register(self.process.kill)  # a test that fails leaves no server behind
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        self.port = int(self.wait_for(r"Listening on \w+://.*:(\d+)"))
        for _ in range(600):
            if self.get("/readyz").status == 200:
                return
            time.sleep(0.1)
        raise AssertionError("never ready:\n" + "".join(self.said))

    def _read(self):
        for line in self.process.stderr:
            self.said.append(line.decode("utf-8", "replace"))

    def wait_for(self, pattern, seconds=60):
        """Waits for a line; its first group."""
        for _ in range(int(seconds * 20)):
            found = re.search(pattern, "".join(self.said))
            if found:
                return found.group(1)
            assert self.process.poll() is None, "the server ended:\n" + "".join(self.said)
            time.sleep(0.05)
        raise AssertionError(f"no line {pattern!r}:\n" + "".join(self.said))

    @property
    def password(self):
        """Of the administrator that the first start makes."""
        return self.wait_for(r'administrator is "admin" with the password (\S+)')

    def call(self, method, path, body=None, token=None, query=None, headers=None, form=None, files=None):
        """body: JSON; form and files: multipart."""
        head = dict(headers or {})
        if token:
            head["Authorization"] = "Bearer " + token
        if query:
            path += "?" + urllib.parse.urlencode(query)
        data = None
        if files is not None or form is not None:
            data, head["Content-Type"] = multipart(form or {}, files or [])
        elif isinstance(body, bytes):
            data = body
        elif body is not None:
            data = json.dumps(body).encode()
            head.setdefault("Content-Type", "application/json")
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, data, head)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def get(self, path, token=None, **more):
        return self.call("GET", path, token=token, **more)

    def post(self, path, body=None, token=None, **more):
        return self.call("POST", path, body, token, **more)

    def put(self, path, body=None, token=None, **more):
        return self.call("PUT", path, body, token, **more)

    def patch(self, path, body=None, token=None, **more):
        return self.call("PATCH", path, body, token, **more)

    def delete(self, path, token=None, **more):
        return self.call("DELETE", path, token=token, **more)

    def login(self, name, password):
        """An access token."""
        return self.post("/v1/auth/login", {"name": name, "password": password}).expect(200).json["access"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.process.terminate()
        code = self.process.wait(60)
        self.reader.join(10)
        assert code in (0, 130), f"exit status {code}:\n" + "".join(self.said)
        assert not complaints(self.said), "".join(self.said)
        return "".join(self.said)
