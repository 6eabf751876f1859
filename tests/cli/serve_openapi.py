# SPDX-License-Identifier: Apache-2.0
"""The document that the server gives of itself, and requests that a generator makes of it (schemathesis, which
nobody here wrote): no answer of 5xx, none that the document does not know."""
import io
import json
import os
import re
import struct
import subprocess
import time
import wave

from serve_support import Server
from support import folder, main, skip

AT = folder()
SECONDS = 30
CHECKS = ("not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,"
          "unsupported_method,allow_header_conformance")
STREAMS = r"/stream$"  # they never end
HEARS = r"^/(status|predict)$"  # 503 without a model, as described: asked while there is one
OWN = r"^/v1/users/|/password$"  # may take the caller's own account away: asked at the end


def tone(hertz):
    """A second of sound."""
    out = io.BytesIO()
    with wave.open(out, "wb") as w:
        w.setnchannels(1)
        w.setsampwidth(2)
        w.setframerate(16000)
        w.writeframes(b"".join(struct.pack("<h", int(12000 * ((i * hertz // 8000) % 2 * 2 - 1))) for i in range(16000)))
    return out.getvalue()


def fill(server, token):
    """A collection with labels, media, a session and a version, so that ids lead somewhere."""
    made = server.post("/v1/collections", {"name": "hall", "modality": "sound", "encoder": "melstats"}, token).expect(201).json
    session = server.post("/v1/collections/hall/sessions", {"name": "Monday", "date": "2026-11-23"}, token).expect(201).json
    for label, base in (("low", 200), ("high", 2000)):
        server.call("POST", "/v1/collections/hall/media", token=token, form={"label": label, "session": session["id"]},
                    files=[("file", f"{i}.wav", tone(base + 40 * i)) for i in range(6)]).expect(201)
    job = server.post("/v1/collections/hall/train", {"force": True}, token).expect(202).json["id"]
    for _ in range(600):
        if server.get(f"/v1/jobs/{job}", token).expect(200).json["state"] == "done":
            return made
        time.sleep(0.1)
    raise AssertionError(server.get(f"/v1/jobs/{job}", token).body)


def references(value):
    """All texts behind "$ref"."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def document(server):
    """It holds together by itself."""
    doc = server.get("/openapi.json").expect(200).json
    assert doc["openapi"].startswith("3.1"), doc["openapi"]
    schemas = doc["components"]["schemas"]
    for ref in references(doc):
        assert ref.startswith("#/components/schemas/") and ref.rsplit("/", 1)[1] in schemas, ref
    seen = set()
    for path, item in doc["paths"].items():
        names = set(re.findall(r"{(\w+)}", path))
        for method, operation in item.items():
            where = f"{method} {path}"
            assert operation["operationId"] not in seen, where
            seen.add(operation["operationId"])
            assert operation["summary"] and operation["responses"], where
            told = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
            assert told == names, f"{where}: {told} and {names}"
    print(f"document: {len(seen)} operations, {len(schemas)} schemas")


def generated(server, token, python, name, config, *choice):
    """Whatever the document allows, and what it does not."""
    place = AT / name
    place.mkdir()
    (place / "schemathesis.toml").write_text(config)
    run = subprocess.run(
        [python, "-m", "schemathesis.cli", "run", f"http://127.0.0.1:{server.port}/openapi.json", "--max-time", str(SECONDS),
         *choice, "-c", CHECKS, "-H", f"Authorization: Bearer {token}", "--continue-on-failure",
         "--request-timeout", "60", "--seed", "20261126"], cwd=place, capture_output=True, text=True,
        timeout=10 * SECONDS + 200, check=False)
    told = run.stdout[max(0, run.stdout.find("= FAILURES =")):]
    tail = "\n".join(line[:300] for line in told.splitlines()[:100])
    failed = "".join(line for line in server.said if re.search(r"status=5\d\d|error|warning", line))[-3000:]
    assert run.returncode == 0, f"{name}: exit status {run.returncode}\n{tail}\n{run.stderr[-2000:]}\n{failed}"
    count = re.search(r"(\d+) generated", run.stdout)
    assert count and int(count.group(1)) > 100, tail
    print(f"{name}: {count.group(1)} requests")


def test():
    server = Server(AT / "w", "--sounds-dir", AT / "audio", "--models-dir", AT / "models")
    try:
        password = server.password
        token = server.login("admin", password)
        fill(server, token)
        document(server)
        python = os.environ.get("ESPY_SCHEMATHESIS_PYTHON")
        if not python:
            skip("no Python with schemathesis (ESPY_SCHEMATHESIS_PYTHON, tools/python-env.sh generators); "
                 "the document alone was tested")
        but = ("--exclude-path-regex", f"{STREAMS}|{OWN}|{HEARS}")
        generated(server, token, python, "sounds", "", "--include-path-regex", HEARS)
        generated(server, token, python, "anything", "", *but)
        generated(server, token, python, "things-that-are-there",
                  '[parameters]\n"path.collection" = "hall"\n"path.label" = 1\n"path.session" = 1\n"path.media" = 1\n'
                  '"path.sample" = 1\n"path.version" = 1\n', *but)
        generated(server, token, python, "accounts", "", "--include-path-regex", OWN)
        server.get("/readyz").expect(200)
    finally:
        said = server.stop()
    for line in said.splitlines():
        assert "status=500" not in line, line


main([test])
