# SPDX-License-Identifier: Apache-2.0
"""`espy serve` over sockets, by clients that are careless, slow, broken or hostile: each gets the status that
docs/server.md names, nothing of the machine is told, and the server goes on."""
import base64
import concurrent.futures
import contextlib
import json
import os
import random
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import time
import warnings
import zlib

from serve_support import complaints
from serve_wire import Server, Wire, clip, multipart, request
from support import PROGRAM, SHARED, SOURCE, Run, folder, main

AT = folder()
WS = AT / "workspace-of-the-test"
ENV = dict(os.environ, ESPY_SOURCE_ROOT=str(SOURCE.resolve()))
FACES = SHARED / "data" / "faces" / "lfw10"
IDENTIFY = "/v1/collections/sounds/identify"
LEAKS = re.compile(rb"workspace-of-the-test|/tmp/|/home/|/root|\.db\b|sqlite|SELECT |INSERT |\.c:\d", re.I)
ERRORS = {400: "invalid", 404: "not_found", 405: "method_not_allowed", 413: "too_large", 415: "unsupported"}


# ---- what is sent ------------------------------------------------------------------------------

def png(width, height, rows=0):
    """A PNG that says these sides and holds so many rows of zeros."""
    chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(bytes((3 * width + 1) * rows), 9)) + chunk(b"IEND", b""))


def learn():
    for kind in ("tone", "pulse", "noise"):
        (AT / "sounds" / kind).mkdir(parents=True)
        for n in range(6):
            (AT / "sounds" / kind / f"{n}.wav").write_bytes(clip(kind, n))
    Run("train", AT / "sounds", "--workspace", WS, "--encoder", "melstats", "--collection", "sounds").expect(0)
    if FACES.is_dir() and (SHARED / "models" / "mobilefacenet.onnx").is_file():
        for person in sorted(FACES.iterdir())[:3]:
            (AT / "faces" / person.name).mkdir(parents=True)
            for file in sorted(person.iterdir())[:4]:
                shutil.copy(file, AT / "faces" / person.name)
        Run("train", AT / "faces", "--workspace", WS, "--encoder", "mobilefacenet", "--collection", "faces").expect(0)


learn()
CLIP = clip("tone", 77)


# ---- what is expected --------------------------------------------------------------------------

@contextlib.contextmanager
def serving(*args, tls=None):
    """A server that is alive and well also afterwards."""
    with Server(PROGRAM, "--workspace", WS, "--trust-loopback", *args, env=ENV, tls=tls) as s:
        s.ready()
        try:
            yield s
            expect(s.call("GET", "/healthz"), 200)
        except BaseException:
            print("the server:", s.process.poll(), *s.said[-20:], sep="\n", flush=True)
            raise
        assert s.stop() == 0, "".join(s.said)
        said = "".join(line for line in s.said if "zero offset to null pointer" not in line)
        assert "error" not in said and not complaints(s.said), said


def expect(answer, status, text=None):
    """The status, the shape of an error, and that nothing is told of the machine."""
    assert answer is not None, "the connection ended without an answer"
    assert answer.status == status if isinstance(status, int) else answer.status in status, answer
    assert not LEAKS.search(answer.body), answer
    if answer.status >= 400 and answer.body and "x-request-id" in answer.headers:
        error = answer.json
        assert set(error) == {"error", "request_id"} and set(error["error"]) == {"code", "message", "details"}, error
        assert error["request_id"] == answer.headers["x-request-id"] and len(error["request_id"]) == 16, error
        assert ERRORS.get(answer.status, error["error"]["code"]) == error["error"]["code"], error
    if text is not None:
        assert text in answer.body.decode(), answer
    return answer


def identified(answer, label="tone"):
    expect(answer, 200)
    line = answer.json
    assert line["decision"] == "sounds" and line["samples"], line
    assert line["samples"][0]["candidates"][0]["label"] == label, line
    return line


def wrong_field(answer, field):
    assert field in expect(answer, 400).json["error"]["details"], answer


# ---- cases -------------------------------------------------------------------------------------

def good_requests():
    with serving() as s:
        identified(s.call("POST", IDENTIFY, CLIP, Content_Type="audio/wav"))
        identified(s.call("POST", IDENTIFY, clip("noise", 70), Content_Type="application/octet-stream"), "noise")
        kind, body = multipart(("file", "a.wav", CLIP), ("threshold", None, b"0.5"))
        assert identified(s.call("POST", IDENTIFY, body, Content_Type=kind))["media"] == "a.wav"
        body = json.dumps({"file": base64.b64encode(CLIP).decode(), "no_floor": True}).encode()
        identified(s.call("POST", IDENTIFY, body, Content_Type="application/json"))
        identified(s.call("POST", IDENTIFY + "/?no_floor=yes", CLIP, Content_Type="audio/wav"))


def bodies_are_bounded():
    limit = 1 << 20
    with serving("--max-body", 1) as s:
        head = {"Content_Type": "audio/wav"}
        for n in (limit + 1, 1 << 40, 2**63 - 1):
            with s.wire() as w:  # refused before it is sent
                w.send(request("POST", IDENTIFY, b"", Content_Length=n, **head))
                expect(w.answer(), 413)
                assert w.ended()
        for n in ("2" * 30, "-1", "12x", "", "0x10"):
            with s.wire() as w:
                w.send(request("POST", IDENTIFY, b"", Content_Length=n, **head))
                expect(w.answer(), (400, 413))
                assert w.drained()
        with s.wire() as w:  # sent nevertheless: the answer is lost where the connection is reset
            w.send(request("POST", IDENTIFY, b"", Content_Length=2 * limit, **head))
            with contextlib.suppress(OSError):
                w.send(bytes(2 * limit))
            answer = w.answer()
            assert answer is None or answer.status == 413, answer
        block = b"10000\r\n" + bytes(1 << 16) + b"\r\n"
        with s.wire() as w:  # in pieces, without a length
            w.send(request("POST", IDENTIFY, b"", Transfer_Encoding="chunked", **head))
            w.send(17 * block + b"0\r\n\r\n")
            expect(w.answer(), 413)
        with s.wire() as w:  # exactly so much is taken, and is no recording
            w.send(request("POST", IDENTIFY, b"", Transfer_Encoding="chunked", **head))
            w.send(16 * block + b"0\r\n\r\n")
            expect(w.answer(), (400, 415))
        with s.wire() as w:  # pieces of pieces are a body like any other
            w.send(request("POST", IDENTIFY, b"", Transfer_Encoding="chunked", **head))
            w.send(b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (CLIP[i:i + 999] for i in range(0, len(CLIP), 999))))
            identified(w.send(b"0\r\n\r\n").answer())
        for broken in (b"zz\r\nabc\r\n0\r\n\r\n", b"5\r\nabc", b"-5\r\nabcde\r\n", b"fffffffffffffffff\r\n"):
            with s.wire() as w:
                w.send(request("POST", IDENTIFY, b"", Transfer_Encoding="chunked", **head) + broken)
                w.socket.shutdown(socket.SHUT_WR)
                answer = w.answer()
                assert answer is None or answer.status in (400, 413), answer


def bodies_together_are_bounded():
    """What is under way counts, not what was only announced; it is free again when the request is over."""
    mib, audio = 1 << 20, {"Content_Type": "audio/wav"}
    with serving("--max-body", 4, "--max-bodies", 8) as s:
        half = request("POST", IDENTIFY, b"", Content_Length=4 * mib, **audio) + bytes(3 * mib)
        with s.wire() as a, s.wire() as b:
            a.send(half)
            b.send(half)
            time.sleep(0.5)
            for head in ({"Content_Length": 3 * mib}, {"Transfer_Encoding": "chunked"}):
                with s.wire() as w:
                    w.send(request("POST", IDENTIFY, b"", **head, **audio))
                    if "Transfer_Encoding" in head:
                        w.send((b"10000\r\n" + bytes(1 << 16) + b"\r\n") * 48 + b"0\r\n\r\n")
                    assert "retry-after" in expect(w.answer(), 503).headers
            identified(s.call("POST", IDENTIFY, CLIP, **audio))
        for _ in range(50):
            if s.call("POST", IDENTIFY, bytes(4 * mib), **audio).status != 503:
                break
            time.sleep(0.1)
        for _ in range(4):  # nothing stays counted
            expect(s.call("POST", IDENTIFY, bytes(4 * mib), **audio), 400)


def strangers_bring_little():
    """Who has no login is told so before a large body; where none is needed no large one is taken."""
    large, away = 2 << 20, {"X_Forwarded_For": "10.0.0.1"}
    with serving() as s:
        with s.wire() as w:
            w.send(request("POST", IDENTIFY, b"", Content_Length=large, **away))
            assert "bearer" in expect(w.answer(), 401).headers["www-authenticate"].lower() and w.ended()
        with s.wire() as w:
            w.send(request("POST", IDENTIFY, b"", Transfer_Encoding="chunked", **away))
            expect(w.answer(), 401)
            assert w.ended()
        with s.wire() as w:  # one of usual size is read, and the connection goes on
            w.send(request("POST", IDENTIFY, CLIP, **away) + request("GET", "/healthz"))
            expect(w.answer(), 401)
            expect(w.answer(), 200)
        for path in ("/v1/auth/login", "/api/auth/register-student"):
            with s.wire() as w:
                w.send(request("POST", path, b"", Content_Length=large))
                assert w.answer().status == 413 and w.ended()
        before, kept = s.resident(), [s.wire() for _ in range(12)]
        for w in kept:
            with contextlib.suppress(OSError):
                w.send(request("POST", IDENTIFY, b"", Content_Length=large, **away) + bytes(large - 1))
        time.sleep(0.5)
        assert s.resident() < before + (12 << 20), (before, s.resident())
        for w in kept:
            w.close()


def fields_are_bounded():
    with serving() as s:
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        many = b"&".join(b"a%d=1" % i for i in range(1001))
        expect(s.call("POST", IDENTIFY, many, **form), 413)
        expect(s.call("POST", IDENTIFY, b"&" * 100000 + b"threshold=0.5", **form), 400, "file")
        with s.wire() as w:  # a query has to fit into a connection's memory: the library may end it unread
            answer = w.send(request("POST", f"{IDENTIFY}?{'&'.join(['a='] * 1001)}")).answer()
            assert answer is None or answer.status in (413, 431), answer
        kind, body = multipart(*[("a", None, b"1")] * 1001)
        expect(s.call("POST", IDENTIFY, body, Content_Type=kind), 413)
        kind, body = multipart(*[("file", "a.wav", CLIP)] * 2)
        wrong_field(s.call("POST", IDENTIFY, body, Content_Type=kind), "file")
        members = json.dumps({f"a{i}": 1 for i in range(1001)}).encode()
        expect(s.call("POST", IDENTIFY, members, Content_Type="application/json"), 413)
        kind, body = multipart(("nonsense", None, b"1"), ("file", "a.wav", CLIP))
        wrong_field(s.call("POST", IDENTIFY, body, Content_Type=kind), "nonsense")
        wrong_field(s.call("POST", IDENTIFY, b"", Content_Type="audio/wav"), "file")
        wrong_field(s.call("POST", IDENTIFY), "file")


def json_is_bounded():
    with serving() as s:
        post = lambda body: s.call("POST", IDENTIFY, body, Content_Type="application/json")
        nested = lambda n: b'{"file":' + b"[" * n + b"]" * n + b"}"
        expect(post(nested(32)), 400, "deep")
        wrong_field(post(nested(31)), "file")
        expect(post(b"[" * 1000000), 400, "deep")
        expect(post(b'{"a":' * 1000000), 400, "deep")
        for body in (b"", b"{", b"[]", b"1", b"null", b'"x"', b'{"file":}', b"{'file':1}", b'{"file":"a" "b"}', b"\xff",
                     b'{"file":"\xff\xfe"}', b'{"file":"\\u0000"}', b'{"\\u0000":1}', b'{"file":"\\ud800"}', b"{}{}",
                     b"\xef\xbb\xbf{}", b'{"file":"%%%"}', b'{"file":""}', b'{"file":12}', b'{"file":{"a":1}}',
                     b'{"file":[1]}', b'{"file":"data:;base64,"}', b'{"file":true}'):
            expect(post(body), (400, 415))
        for kind in ("text/plain", "application/xml", "multipart/mixed; boundary=a", "x" * 4000, "/", ";;;", "image"):
            expect(s.call("POST", IDENTIFY, b"<a/>", Content_Type=kind), (400, 415))


def numbers_are_checked():
    with serving() as s:
        audio = {"Content_Type": "audio/wav"}
        for field, values in (("version", ("99999999999999999999", "-1", "1.5", "1e3", "0x1", "", "one", "+", "1000000001")),
                              ("threshold", ("nan", "inf", "-inf", "1e400", "-0.1", "1.1", "", "0.5x", "9" * 400)),
                              ("floor", ("-2", "nan", "1e-", "2")),
                              ("no_floor", ("2", "maybe", "", "TRUE "))):
            for value in values:
                wrong_field(s.call("POST", f"{IDENTIFY}?{field}={value.replace('+', '%2B').replace(' ', '%20')}", CLIP,
                                   **audio), field)
        expect(s.call("POST", f"{IDENTIFY}?version=999999", CLIP, **audio), 404)
        for text in ("1e999", "-1e999", "1" * 400, "NaN", "Infinity", "1E400", "0.1.2", "01", "--1", "1e"):
            expect(s.call("POST", IDENTIFY, b'{"threshold":%s}' % text.encode(), Content_Type="application/json"), 400)
        identified(s.call("POST", f"{IDENTIFY}?threshold=1e-300&floor=-1&version=1", CLIP, **audio))


def broken_multipart():
    with serving() as s:
        kind, body = multipart(("file", "a.wav", CLIP))
        post = lambda kind, body: s.call("POST", IDENTIFY, body, Content_Type=kind)
        identified(post(kind, body))
        for wrong in ("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=other",
                      "multipart/form-data; boundary=" + "b" * 71, 'multipart/form-data; boundary="a',
                      "multipart/form-data; boundary=a b", "multipart/form-data; bound=espy-test-boundary"):
            expect(post(wrong, body), 400)
        for n in (1, 20, 60, 100, len(body) // 2, len(body) - 30, len(body) - 4):
            expect(post(kind, body[:n]), 400)
        mark = b"--espy-test-boundary"
        part = lambda head, data=b"x": mark + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n" + mark + b"--\r\n"
        for head, status in ((b"Content-Type: audio/wav", 400),
                             (b"Content-Disposition: attachment; filename=a", 400),
                             (b'Content-Disposition: form-data; name="file', 400),
                             (b'Content-Disposition: form-data; name=""; filename="a"', 400),
                             (b'Content-Disposition: form-data; name="file\x00"; filename="a"', 400),
                             (b'Content-Disposition: form-data; name="fi\xffle"; filename="a"', 400),
                             (b'Content-Disposition: form-data; name="' + b"n" * 300 + b'"', 400),
                             (b"no header at all", 400), (b"", 400),
                             (b'Content-Disposition: form-data; name="file"\r\nX: ' + b"h" * 9000, 413),
                             (b'Content-Disposition: form-data; name="file"; filename="a"\r\n'
                              b"Content-Transfer-Encoding: base64", 415)):
            expect(post(kind, part(head)), (status, 413) if b"nnn" in head else status)
        expect(post(kind, part(b'Content-Disposition: form-data; name="threshold"', b"0.5\x00")), 400)
        expect(post(kind, part(b'Content-Disposition: form-data; name="threshold"', b"\xc3\x28")), 400)


def text_is_utf8():
    with serving() as s:
        audio = {"Content_Type": "audio/wav"}
        for name in ("%00", "a%00b", "%ff", "%c3%28", "%", "%zz", "%2", "%ed%a0%80", "%1f", "%7f", "a%0ab"):
            expect(s.call("POST", f"/v1/collections/{name}/identify", CLIP, **audio), (400, 404))
            expect(s.call("POST", f"{IDENTIFY}?threshold={name}", CLIP, **audio), 400)
            expect(s.call("POST", f"{IDENTIFY}?{name}=1", CLIP, **audio), 400)
            expect(s.call("POST", IDENTIFY, f"threshold={name}".encode(),
                          Content_Type="application/x-www-form-urlencoded"), 400)
        for sql in ("sounds' OR '1'='1", "'; DROP TABLE samples; --", "sounds\" --", "sounds%", "_ounds", "1;2", "$1", "?"):
            quoted = "".join(f"%{c:02x}" for c in sql.encode())
            expect(s.call("POST", f"/v1/collections/{quoted}/identify", CLIP, **audio), 404)
        expect(s.call("POST", f"/v1/collections/{'a' * 2000}/identify", CLIP, **audio), 404)
        expect(s.call("POST", f"/v1/collections/{'%61' * 400}/identify", CLIP, **audio), 404)
        identified(s.call("POST", "/v1/collections/%73ounds/identify", CLIP, **audio))


def file_names_have_no_folders():
    with serving() as s:
        for sent, told in (("../../../../etc/passwd", "passwd"), ("/etc/shadow", "shadow"),
                           ("..\\\\..\\\\windows\\\\system.ini", "system.ini"), ("C:\\\\a.wav", "a.wav"),
                           ("name with \\\"quotes\\\".wav", "name with \"quotes\".wav"), ("gr\u00fc\u00df.wav", "gr\u00fc\u00df.wav")):
            kind, body = multipart(("file", sent, CLIP))
            assert identified(s.call("POST", IDENTIFY, body, Content_Type=kind))["media"] == told, sent
        for sent in ("..", ".", "a/..", "/"):
            kind, body = multipart(("file", sent, CLIP))
            answer = expect(s.call("POST", IDENTIFY, body, Content_Type=kind), (200, 400))
            assert answer.status == 400 or not re.search(r"\.\.|/", answer.json["media"]), (sent, answer)
        for sent in ("a\x01b.wav", "a\x00.wav", "a\x7f.wav", "a" * 300 + ".wav"):
            kind, body = multipart(("file", sent, CLIP))
            expect(s.call("POST", IDENTIFY, body, Content_Type=kind), (400, 413))
        body = (b"--b\r\nContent-Disposition: form-data; name=file; filename=x; filename*=UTF-8''..%2F..%2Fa%20b.wav\r\n\r\n"
                + CLIP + b"\r\n--b--\r\n")
        assert identified(s.call("POST", IDENTIFY, body, Content_Type="multipart/form-data; boundary=b"))["media"] == "a b.wav"
        before = sorted(AT.rglob("*passwd*"))
        assert before == [], before


def bombs_are_refused():
    with serving() as s:
        header = clip("tone", 1, 0.1)
        forged = header[:40] + struct.pack("<I", 0xfffffff0) + header[44:]
        expect(s.call("POST", IDENTIFY, forged, Content_Type="audio/wav"), (200, 400, 413, 415))
        fast = header[:24] + struct.pack("<I", 0x7fffffff) + header[28:]
        expect(s.call("POST", IDENTIFY, fast, Content_Type="audio/wav"), (400, 413, 415))
        for junk in (b"x", b"RIFF", header[:44], header[:20], b"\x89PNG\r\n\x1a\n", os.urandom(5000), bytes(5000),
                     b"OggS" + bytes(200), b"fLaC" + bytes(200), b"ID3" + bytes(200), b"PK\x03\x04" + bytes(200)):
            expect(s.call("POST", IDENTIFY, junk, Content_Type="audio/wav"), (400, 415, 422))
        if not (AT / "faces").is_dir():
            print("   pictures are left out: they need ../shared")
            return
        faces = "/v1/collections/faces/identify"
        photo = next((AT / "faces").rglob("*.jpg")).read_bytes()
        before = s.resident()
        for body in (png(30000, 30000), png(30000, 30000, 30), png(65535, 65535), png(2**31 - 1, 2**31 - 1), png(0, 5),
                     png(2**31 - 1, 1), photo[:300], photo[:2] + bytes(3000), b"GIF89a" + bytes(100), b"BM" + bytes(100),
                     b"P6 99999 99999 255\n" + bytes(100), b"RIFF" + bytes(4) + b"WEBPVP8X" + bytes(100), CLIP,
                     bytes(24) + b"ftypheic" + bytes(100)):
            expect(s.call("POST", faces, body, Content_Type="image/png"), (400, 413, 415))
        assert s.resident() < before + (64 << 20), (before, s.resident())
        assert expect(s.call("POST", faces, photo, Content_Type="image/jpeg"), 200).json["decision"] == "faces"


def methods_and_paths():
    with serving() as s:
        head = s.call("HEAD", "/healthz")
        assert head.status == 200 and head.body == b"" and int(head.headers["content-length"]) > 0, head
        answer = expect(s.call("DELETE", "/healthz"), 405)
        assert answer.headers["allow"] == "GET", answer
        answer = expect(s.call("GET", IDENTIFY), 405)
        assert "POST" in answer.headers["allow"], answer
        for method in ("OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 1000):
            expect(s.call(method, "/healthz"), (400, 405, 501))
        with s.wire() as w:
            expect(w.send(request("HEAD", "/nothing")).answer("HEAD"), 404)
        for path in ("/nothing", "/healthz/more", "/v1", "/v1/", "//healthz//x", "/../healthz/..", "/v1/collections//identify",
                     "/%2e%2e/etc/passwd", "/healthz%00", "*", "/" + "a/" * 5000, "/\\..\\..", "/healthz;x"):
            expect(s.call("GET", path), (400, 404, 405))
        assert s.call("GET", "/healthz/").status == 200 and s.call("GET", "/healthz?").status == 200
        expect(s.call("GET", "/" + "a" * 100000), (400, 414, 431))
        with s.wire() as w:
            answer = w.send(request("GET", "/healthz", X="y" * 100000)).answer()
            assert answer is None or answer.status in (400, 431), answer
        with s.wire() as w:
            answer = w.send(b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"".join(b"h%d: v\r\n" % i for i in range(5000)) + b"\r\n").answer()
            assert answer is None or answer.status in (200, 400, 431), answer
        for raw in (b"GET /healthz HTTP/1.1\r\n\r\n", b"GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n", b"\r\n\r\n\r\n", b"\x00" * 100,
                    b"GET\r\n\r\n", b"GET  /healthz HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 30,
                    b"GET /healthz\r\n", b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
                    b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", b"GET /healthz HTTP/1.1\r\n Host: a\r\n\r\n"):
            with s.wire(5) as w:
                w.send(raw)
                w.socket.shutdown(socket.SHUT_WR)
                answer = w.answer()
                assert answer is None or answer.status in (200, 400, 404, 405, 501, 505), (raw, answer)
        with s.wire() as w:
            assert w.send(b"GET /healthz HTTP/1.0\r\n\r\n").answer().status == 200 and w.ended()
        assert s.call("GET", "/healthz", Origin="http://elsewhere").headers.get("access-control-allow-origin") is None
    with serving("--allow-origin", "https://page.example") as s:
        answer = s.call("OPTIONS", IDENTIFY, Origin="https://page.example", Access_Control_Request_Method="POST")
        assert answer.status == 204 and answer.headers["access-control-allow-origin"] == "https://page.example", answer
        expect(s.call("OPTIONS", "/nothing"), 404)


def strangers_log_in():
    """Trust is for programs of this machine, not for pages, names or proxies."""
    with serving() as s:
        audio = {"Content_Type": "audio/wav"}
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Origin": "null"},
                        {"X_Forwarded_For": "10.0.0.1"}, {"Forwarded": "for=10.0.0.1"}, {"Sec_Fetch_Site": "cross-site"},
                        {"Authorization": "Bearer x"}, {"Authorization": "Basic YTpi"}, {"Authorization": "Bearer"},
                        {"X_Api_Key": "espy_no"}, {"X_Api_Key": ""}, {"Cookie": "espy_session=x"},
                        {"Authorization": "Bearer " + "a." * 9000}):
            answer = expect(s.call("POST", IDENTIFY, CLIP, **audio, **headers), 401)
            assert "bearer" in answer.headers["www-authenticate"].lower(), answer


def logging_in_is_bounded():
    """Passwords are hashed beside everything else, few at a time; many names from one address are slowed down too."""
    def login(name, address):
        return request("POST", "/v1/auth/login", json.dumps({"name": name, "password": "wrong password"}).encode(),
                       Content_Type="application/json", X_Forwarded_For=address)

    with serving() as s:
        asking = [s.wire(60).send(login(f"somebody{n}", f"10.0.{n}.1")) for n in range(100)]
        expect(s.call("GET", "/healthz"), 200)
        answered = select.select([w.socket for w in asking], [], [], 0)[0]
        answers = [w.answer() for w in asking]
        for w, answer in zip(asking, answers):
            expect(answer, (401, 503))
            w.close()
        late = [a for w, a in zip(asking, answers) if a.status == 401 and w.socket not in answered]
        refused = [a for a in answers if a.status == 503]
        assert late and 2 <= 100 - len(refused) < 100, (len(late), len(refused))
        assert all(int(a.headers["retry-after"]) >= 1 for a in refused)
        with s.wire(60) as w:
            tries = [w.send(login(f"nobody{n}", "1.2.3.4, 10.1.1.1")).answer() for n in range(40)]
            assert {a.status for a in tries[:20]} == {401}, tries[:20]
            assert any(a.status == 429 and int(a.headers["retry-after"]) >= 1 for a in tries[20:]), tries[20:]
            expect(w.send(login("nobody", "10.1.1.1, 10.1.1.2")).answer(), 401)
            expect(w.send(login("nobody", "2001:db8::1")).answer(), 401)


def requests_in_a_row_and_in_pieces():
    with serving() as s:
        with s.wire() as w:
            post = request("POST", IDENTIFY, CLIP, Content_Type="audio/wav")
            w.send(3 * request("GET", "/healthz") + post + request("GET", "/nothing") + post + request("HEAD", "/healthz"))
            assert [w.answer().status for _ in range(3)] == [200] * 3
            identified(w.answer())
            expect(w.answer(), 404)
            identified(w.answer())
            assert w.answer("HEAD").status == 200
        with s.wire() as w:
            for c in request("GET", "/healthz", X_Long="abc"):
                w.send(bytes([c]))
            assert w.answer().status == 200
            for i in range(0, len(post), 7001):
                w.send(post[i:i + 7001])
                time.sleep(0.005)
            identified(w.answer())
        with s.wire() as w:
            head, body = post.split(b"\r\n\r\n", 1)
            w.send(head + b"\r\nExpect: 100-continue\r\n\r\n")
            assert w.answer().status == 100
            identified(w.send(body).answer())
        with s.wire() as w:  # refused without its body: what follows is not read as a request
            w.send(request("POST", "/nothing", request("GET", "/healthz")))
            expect(w.answer(), 404)
            assert w.ended()


def clients_that_leave():
    with serving() as s:
        post = request("POST", IDENTIFY, CLIP, Content_Type="audio/wav")
        before = None
        for round_ in range(3):
            for n in range(60):
                w = s.wire()
                w.send(post[:(len(post) * n) // 40])  # some in the headers, some in the body, some before the answer
                if n % 3 == 0:
                    w.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                w.close()
            identified(s.call("POST", IDENTIFY, CLIP, Content_Type="audio/wav"))
            time.sleep(0.3)
            now = s.descriptors()
            assert before is None or now <= before + 2, (before, now)
            before = now


def slow_clients_are_cut_off():
    with serving("--request-seconds", 2, "--idle-seconds", 1) as s:
        def drip(first, rest):
            """Seconds until the server ends it; one byte at a time, so that it is never idle."""
            begun = time.monotonic()
            with s.wire() as w:
                w.send(first)
                try:
                    for c in rest:
                        w.send(bytes([c]))
                        time.sleep(0.25)
                        if time.monotonic() - begun > 15:
                            return 15
                        w.socket.settimeout(0.001)
                        with contextlib.suppress(socket.timeout):
                            if not w.more() or w.left:
                                break
                        w.socket.settimeout(20)
                except OSError:
                    pass
            return time.monotonic() - begun

        head, body = request("POST", IDENTIFY, CLIP, Content_Type="audio/wav").split(b"\r\n\r\n", 1)
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            slow_body = pool.submit(drip, head + b"\r\n\r\n", body)
            slow_head = pool.submit(drip, b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: ", b"x" * 1000)
            slow_line = pool.submit(drip, b"GET /", b"x" * 1000)
            assert s.call("GET", "/healthz").status == 200
            for what in (slow_body, slow_head, slow_line):
                assert what.result() < 8, [f.result() for f in (slow_body, slow_head, slow_line)]
        with s.wire(10) as w:  # nothing at all
            begun = time.monotonic()
            assert w.ended() and 0.5 < time.monotonic() - begun < 5
        with s.wire(10) as w:  # nothing after an answer
            assert w.send(request("GET", "/healthz")).answer().status == 200
            begun = time.monotonic()
            assert w.ended() and 0.5 < time.monotonic() - begun < 5


def slow_readers_are_cut_off():
    """Who takes an answer drop by drop is never idle, and yet ends."""
    with serving("--request-seconds", 1) as s, socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", s.port))
        slow.settimeout(0.05)
        with contextlib.suppress(socket.timeout):
            while True:  # more answers than the kernel holds
                slow.sendall(request("GET", "/openapi.json") * 20)
        end = time.monotonic() + 45
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < end:
                with contextlib.suppress(socket.timeout):
                    if not slow.recv(512):
                        break
                time.sleep(0.05)
        assert time.monotonic() < end


def every_limit_has_an_option():
    form, json_ = {"Content_Type": "application/x-www-form-urlencoded"}, {"Content_Type": "application/json"}
    with serving("--max-fields", 3, "--max-depth", 4, "--max-items", 2, "--max-streams", 1) as s:
        expect(s.call("POST", IDENTIFY, b"a=1&b=2&c=3", **form), 400)
        expect(s.call("POST", IDENTIFY, b"a=1&b=2&c=3&d=4", **form), 413)
        expect(s.call("POST", IDENTIFY, b'{"file":[[[[]]]]}', **json_), 400, "deep")
        wrong_field(s.call("POST", IDENTIFY, b'{"file":[[[]]]}', **json_), "file")
        search = lambda n: s.call("POST", "/v1/collections/sounds/search", json.dumps({"vector": [1] * n}).encode(), **json_)
        wrong_field(search(3), "vector")
        assert "at most 2 items" not in search(2).body.decode()
        with s.wire() as w:
            w.send(request("GET", "/v1/events/stream")).until(b"\r\n\r\n")
            expect(s.call("GET", "/v1/events/stream"), 503)


def one_address_is_bounded():
    with serving("--max-per-address", 4) as s:
        kept = [s.wire() for _ in range(4)]
        for w in kept:
            assert w.send(request("GET", "/healthz")).answer().status == 200
        with s.wire(2) as extra, contextlib.suppress(OSError):
            extra.send(request("GET", "/healthz"))
            with contextlib.suppress(socket.timeout):
                assert extra.answer() is None
        for w in kept:
            w.close()
        time.sleep(0.2)


def connections_are_bounded():
    with serving("--max-connections", 8) as s:
        kept = [s.wire() for _ in range(8)]
        for w in kept:
            assert w.send(request("GET", "/healthz")).answer().status == 200
        extra = s.wire(2)
        with contextlib.suppress(OSError):
            extra.send(request("GET", "/healthz"))
            with contextlib.suppress(socket.timeout):
                assert extra.answer() is None
        extra.close()
        for w in kept:
            assert w.send(request("GET", "/healthz")).answer().status == 200
            w.close()
        time.sleep(0.2)


def waiting_is_bounded():
    long_clip = clip("noise", 5, 30)
    with serving("--max-waiting", 1, "--workers", 1) as s:
        def one(_):
            return s.call("POST", IDENTIFY, long_clip, Content_Type="audio/wav")

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(one, range(48)))
        refused = [a for a in answers if a.status == 503]
        for a in answers:
            expect(a, (200, 503))
        assert refused and len(refused) < 48, len(refused)
        for a in refused:
            assert a.json["error"]["code"] == "busy" and int(a.headers["retry-after"]) >= 1, a
        identified(one(0), "noise")


def stopping_answers_what_was_begun():
    """Also what is still arriving; connections on which nothing is asked end."""
    head, body = request("POST", IDENTIFY, clip("pulse", 5, 60), Content_Type="audio/wav").split(b"\r\n\r\n", 1)
    for n in range(4):
        with Server(PROGRAM, "--workspace", WS, "--trust-loopback", "--workers", 1, env=ENV) as s:
            s.ready()
            idle, busy = [s.wire() for _ in range(5)], [s.wire() for _ in range(12)]
            for w in idle + busy:
                assert w.send(request("GET", "/healthz")).answer().status == 200
            for w in busy:
                w.send(head + b"\r\n\r\n" + body[:1000])
            time.sleep(0.3)
            for w in busy[n:]:
                w.send(body[1000:])
            s.process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
            for w in busy[:n]:
                w.send(body[1000:])
            for w in busy:
                assert identified(w.answer(), "pulse") and w.ended()
            assert s.process.wait(20) == 0
            for w in idle:
                assert w.ended()


def trained(s):
    """What a training found; one that was ordered already comes first."""
    for _ in range(600):
        job = s.call("POST", "/v1/collections/sounds/train", b"{}", Content_Type="application/json")
        if job.status != 409:
            break
        time.sleep(0.05)
    job = expect(job, 202).json["id"]
    for _ in range(600):
        state = s.call("GET", f"/v1/jobs/{job}").json
        if state["state"] not in ("queued", "running"):
            assert state["state"] == "done", state
            return state["result"]
        time.sleep(0.05)
    raise AssertionError(state)


def hanging_up_reads_anew():
    """A setting counts from then on, for requests and for jobs; one that cannot be read changes nothing."""
    conf = WS / "espy.conf"
    good = conf.read_text() if conf.is_file() else ""

    def hang_up(s, text, says):
        conf.write_text(text)
        heard = len(s.said)
        s.process.send_signal(signal.SIGHUP)
        for _ in range(100):
            if any(says in line for line in s.said[heard:]):
                return
            time.sleep(0.05)
        raise AssertionError(f"{says!r} was not said: {s.said[heard:]}")

    def limit(s):
        """The gate's limit, which the thread of the jobs reads."""
        return next(c["limit"] for c in trained(s)["gate"]["checks"] if c["name"] == "min_accuracy")

    def orders(s, seed):
        """Whether an upload orders a training, which the thread of the request decides."""
        kind, body = multipart(("label", None, b"tone"), ("file", "a.wav", clip("tone", seed)))
        jobs = lambda: expect(s.call("GET", "/v1/jobs?limit=500"), 200).json["items"]
        before = len(jobs())
        expect(s.call("POST", "/v1/collections/sounds/media", body, Content_Type=kind), 201)
        return len(jobs()) > before

    try:
        with serving("--verbose") as s:
            assert not orders(s, 201)
            hang_up(s, good + "\ntrigger = 1\nmin_accuracy = 0.5\n", "reloading")
            assert orders(s, 202) and limit(s) == 0.5
            hang_up(s, good + "\ntrigger = 1000\nmin_accuracy = 0.25\n", "reloading")
            assert not orders(s, 203) and limit(s) == 0.25
            hang_up(s, "this is no setting\n", "the old settings stay")
            hang_up(s, good + "\nstore = postgresql://nobody@127.0.0.1:1/none\n", "the old settings stay")
            assert limit(s) == 0.25
            identified(s.call("POST", IDENTIFY, CLIP, Content_Type="audio/wav"))
    finally:
        conf.write_text(good)


def live_versions_open_by_themselves():
    """Each that went live is opened once, without a request; other changes of the store open nothing."""
    with serving("--verbose") as s:
        opened = lambda: re.findall(r"collection (\d+): version (\d+) is open", "".join(s.said))
        before = opened()
        assert before
        kind, body = multipart(("label", None, b"pulse"), ("file", "a.wav", clip("pulse", 301)))
        expect(s.call("POST", "/v1/collections/sounds/media", body, Content_Type=kind), 201)
        time.sleep(1)
        assert opened() == before, (before, opened())
        version = trained(s)["version"]
        for _ in range(100):
            if opened() != before:
                break
            time.sleep(0.05)
        time.sleep(1)
        assert [v for _, v in opened()[len(before):]] == [str(version)], (before, opened())


def what_cannot_start_says_why():
    start = lambda *args: Run("serve", "--workspace", WS, *args, timeout=20)
    with serving() as s:
        start("--port", s.port).expect(1, "name another --port").expect(1, "in use")
    start("--port", 0, "--listen", "nowhere").expect(2, "an IP address is expected")
    start("--port", 0, "--listen", "192.0.2.1").expect(1, "192.0.2.1")
    start("--port", 70000).expect(2, "70000")
    start("--port", 0, "--certificate", AT / "none.pem").expect(2, "go together")
    (AT / "no.pem").write_text("this is no certificate\n")
    start("--port", 0, "--certificate", AT / "none.pem", "--key", AT / "no.pem").expect(1, "none.pem")
    start("--port", 0, "--certificate", AT / "no.pem", "--key", AT / "no.pem").expect(1, "certificate")
    start("--port", 0, "--max-body", 0).expect(2, "max-body")
    start("--port", 0, "--max-body", 8, "--max-bodies", 4).expect(2, "--max-bodies is to be at least")
    start("--port", 0, "--workers", "-1").expect(2, "workers")


def tls():
    key, certificate = AT / "key.pem", AT / "certificate.pem"
    made = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                           "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                           "-keyout", key, "-out", certificate], capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    context = ssl.create_default_context(cafile=certificate)
    with serving("--certificate", certificate, "--key", key, tls=context) as s:
        identified(s.call("POST", IDENTIFY, CLIP, Content_Type="audio/wav"))
        with s.wire() as w:
            w.send(2 * request("GET", "/healthz"))
            assert w.answer().status == 200 and w.answer().status == 200
        with contextlib.suppress(OSError), Wire(s.port, 3) as plain:  # not TLS: no answer
            answer = plain.send(request("GET", "/healthz")).answer()
            assert answer is None or answer.status == 400, answer
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
            old = ssl.create_default_context(cafile=certificate)
            old.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                old.minimum_version = old.maximum_version = version
            with contextlib.suppress(OSError):
                Wire(s.port, 3, old).close()
                raise AssertionError(f"{version} was taken")


def many_at_once():
    """50 connections at once, each with a mixture; every request gets its own answer."""
    with serving() as s:
        photo = next((AT / "faces").rglob("*.jpg")).read_bytes() if (AT / "faces").is_dir() else None
        clips = {kind: clip(kind, 90, 1.0) for kind in ("tone", "pulse", "noise")}

        def client(seed):
            r = random.Random(seed)
            with s.wire(60) as w:
                for _ in range(12):
                    what = r.randrange(7)
                    if what == 0:
                        assert w.send(request("GET", "/healthz")).answer().status == 200
                    elif what == 1:
                        expect(w.send(request("GET", f"/no{seed}")).answer(), 404)
                    elif what == 2:
                        expect(w.send(request("POST", IDENTIFY, b"{", Content_Type="application/json")).answer(), 400)
                    elif what == 3 and photo:
                        w.send(request("POST", "/v1/collections/faces/identify", photo, Content_Type="image/jpeg"))
                        assert expect(w.answer(), 200).json["decision"] == "faces"
                    else:
                        kind = r.choice(sorted(clips))
                        type_, body = multipart(("file", f"{seed}-{kind}.wav", clips[kind]))
                        line = identified(w.send(request("POST", IDENTIFY, body, Content_Type=type_)).answer(), kind)
                        assert line["media"] == f"{seed}-{kind}.wav", line
            return True

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            assert all(pool.map(client, range(50)))


main([good_requests, bodies_are_bounded, bodies_together_are_bounded, strangers_bring_little, fields_are_bounded,
      json_is_bounded, numbers_are_checked, broken_multipart, text_is_utf8, file_names_have_no_folders,
      bombs_are_refused, methods_and_paths, strangers_log_in, logging_in_is_bounded, requests_in_a_row_and_in_pieces,
      clients_that_leave, slow_clients_are_cut_off, slow_readers_are_cut_off, connections_are_bounded,
      one_address_is_bounded, every_limit_has_an_option, waiting_is_bounded, stopping_answers_what_was_begun,
      hanging_up_reads_anew, live_versions_open_by_themselves, what_cannot_start_says_why, tls, many_at_once])
