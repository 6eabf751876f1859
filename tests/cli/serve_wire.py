# SPDX-License-Identifier: Apache-2.0
"""A running `espy serve`, and connections to it down to the byte: for the tests, the soak and the benchmarks."""
import io
import json
import math
import os
import pathlib
import random
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time
import wave

TICKS = os.sysconf("SC_CLK_TCK")


class Answer:
    """One answer: .status, .headers (names in small letters), .body."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:300]!r}"


class Wire:
    """A connection on which bytes are sent as they are, and answers read one after the other."""

    def __init__(self, port, timeout=20, tls=None):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.left = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def more(self):
        """False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        self.left += data
        return bool(data)

    def until(self, mark):
        while mark not in self.left:
            if not self.more():
                return None
        head, self.left = self.left.split(mark, 1)
        return head

    def exactly(self, n):
        while len(self.left) < n and self.more():
            pass
        data, self.left = self.left[:n], self.left[n:]
        return data

    def answer(self, method="GET"):
        """The next answer, or None where the connection has ended."""
        head = self.until(b"\r\n\r\n")
        if head is None:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(re.fullmatch(r"HTTP/1\.[01] (\d{3}) .*", first)[1])
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        if status == 100:
            return Answer(status, headers, b"")
        if method == "HEAD" or status in (204, 304):
            body = b""
        elif headers.get("transfer-encoding") == "chunked":
            body = b""
            while size := int(self.until(b"\r\n"), 16):
                body += self.exactly(size)
                self.until(b"\r\n")
            self.until(b"\r\n")
        elif "content-length" in headers:
            body = self.exactly(int(headers["content-length"]))
        else:
            while self.more():
                pass
            body, self.left = self.left, b""
        return Answer(status, headers, body)

    def ended(self):
        """Whether the other side ends the connection, without another answer."""
        try:
            return not self.left and not self.more()
        except (socket.timeout, ssl.SSLError):
            return False

    def drained(self):
        """Whether it ends after whatever may come."""
        try:
            while self.more():
                pass
            return True
        except (socket.timeout, ssl.SSLError):
            return False


def request(method, path, body=None, **headers):
    """The bytes of a request; header names with _ for -."""
    lines = [f"{method} {path} HTTP/1.1"]
    if not any(name.lower() == "host" for name in headers):
        lines.append("Host: localhost")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    if body is not None and not any(name.lower() in ("content_length", "transfer_encoding") for name in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def multipart(*parts, boundary="espy-test-boundary"):
    """(content type, body) of parts (name, file name or None, bytes)."""
    body = b""
    for name, file, data in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'.encode()
        body += (f'; filename="{file}"'.encode() if file is not None else b"") + b"\r\n\r\n" + data + b"\r\n"
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def clip(kind, seed, seconds=2.0, rate=16000):
    """A wav file of a tone, of pulses or of noise."""
    r = random.Random(seed)
    pitch, phase = r.uniform(300, 500), r.random()
    tone = lambda t: 0.5 * math.sin(2 * math.pi * (pitch * t + phase))
    pulse = lambda t: r.uniform(-0.8, 0.8) if (8 * t + phase) % 1 < 0.2 else 0.0
    noise = lambda t: r.uniform(-0.5, 0.5)
    value = {"tone": tone, "pulse": pulse, "noise": noise}[kind]
    out = io.BytesIO()
    with wave.open(out, "wb") as f:
        f.setnchannels(1)
        f.setsampwidth(2)
        f.setframerate(rate)
        f.writeframes(b"".join(struct.pack("<h", round(32767 * value(n / rate))) for n in range(int(seconds * rate))))
    return out.getvalue()


class Server:
    """`espy serve` on a free port.  Its messages are in .said."""

    def __init__(self, program, *args, env=None, cwd=None, tls=None, wait=30):
        self.tls, self.said, self.port = tls, [], None
        self.begun = time.perf_counter()
        self.process = subprocess.Popen([str(program), "serve", "--port", "0", *map(str, args)], cwd=cwd, env=env,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE)
        self.heard = threading.Event()
        self.reader = threading.Thread(target=self.listen, daemon=True)
        self.reader.start()
        if not self.heard.wait(wait) or self.port is None:
            self.process.kill()
            raise AssertionError("the server did not start: " + "".join(self.said))

    def listen(self):
        for line in self.process.stderr:
            self.said.append(line.decode("utf-8", "replace"))
            found = re.match(r"Listening on https?://\S+:(\d+)$", self.said[-1].strip())
            if found and self.port is None:
                self.port = int(found[1])
                self.heard.set()
        self.heard.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()

    def wire(self, timeout=20):
        return Wire(self.port, timeout, self.tls)

    def call(self, method, path, body=None, **headers):
        with self.wire(60) as wire:
            wire.send(request(method, path, body, **headers))
            return wire.answer(method)

    def ready(self, wait=30):
        """Seconds from the start of the process until /readyz says 200."""
        while self.call("GET", "/readyz").status != 200:
            if time.perf_counter() - self.begun > wait:
                raise AssertionError("not ready: " + "".join(self.said))
            time.sleep(0.002)
        return time.perf_counter() - self.begun

    def stop(self, sig=signal.SIGTERM, wait=60):
        """The exit status."""
        self.process.send_signal(sig)
        code = self.process.wait(wait)
        self.reader.join(10)
        return code

    # ---- what the kernel says of it ----
    def proc(self, name):
        return pathlib.Path(f"/proc/{self.process.pid}/{name}")

    def resident(self):
        """Bytes in memory now."""
        return int(re.search(r"VmRSS:\s*(\d+) kB", self.proc("status").read_text())[1]) * 1024

    def descriptors(self):
        return len(os.listdir(self.proc("fd")))

    def cpu(self):
        """Seconds that it used."""
        fields = self.proc("stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS
