#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds the client against a server's OpenAPI document.

    check_openapi.py http://127.0.0.1:8000 | openapi.json

Every public method of the client is called once with all its arguments, on a transport that answers from the
document's schemas.  What it sent is compared with the document:
  - each operation of /v1 and of the server itself has a method, and no method calls anything else;
  - path, query and body fields have the same names, all of them are reached, and those that are required are sent;
  - a POST that makes something (201) brings an idempotency key, no other does;
  - fields that a dataclass needs are promised by the schema of the answer."""
import dataclasses
import inspect
import json
import pathlib
import sys
import typing
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from espy_client import client as espy, things  # noqa: E402
from espy_client.transport import Again, Reply, Request  # noqa: E402

LEFT_OUT = {  # fields that a program has no use for
    ("post", "/v1/auth/login"): {"cookie"},  # the session of a page
}
BESIDE = {"/healthz", "/readyz", "/metrics", "/openapi.json"}  # of the server, not of /v1


class Recorder:
    """Stands for the transport: notes each request, answers what its schema says."""

    def __init__(self, document):
        self.document, self.sent = document, []

    def operation(self, request):
        return self.document["paths"].get(request.path, {}).get(request.method.lower())

    def example(self, schema, depth=0):
        """A value that fits a schema: of an object the members that it requires."""
        while "$ref" in schema:
            schema = self.document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        kind = schema.get("type")
        kind = kind[0] if isinstance(kind, list) else kind
        if "enum" in schema:
            return schema["enum"][0]
        if kind == "object":
            inner = schema.get("properties", {})
            return {name: self.example(inner.get(name, {}), depth + 1) for name in schema.get("required", [])}
        if kind == "array":
            return [self.example(schema["items"], depth + 1)] if "items" in schema else []
        return {"string": "2026-01-02T03:04:05Z", "integer": 1, "number": 0.5, "boolean": True}.get(kind)

    def call(self, request):
        self.sent.append(request)
        operation = self.operation(request)
        if operation is None:
            return Reply(204, {}, b"{}")
        for status, answer in sorted(operation["responses"].items()):
            schema = answer.get("content", {}).get("application/json", {}).get("schema")
            if status.startswith("2"):
                body = self.example(schema) if schema else {}
                if isinstance(body, dict) and "next_cursor" in body:
                    body["next_cursor"] = None if request.query.get("cursor") == "2" else "2"
                return Reply(int(status), {}, json.dumps(body).encode())
        return Reply(204, {}, b"{}")

    def streams(self, request, last=None):
        self.sent.append(request)
        return iter(())


def argument(hint):
    """Some value of a type."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union:
        order = [str, int, bytes]
        kinds = [kind for kind in inner if kind is not type(None)]
        if bytes in kinds:
            return b"\xff"
        return argument(min(kinds, key=lambda kind: order.index(kind) if kind in order else 9))
    if origin is not None and issubclass(origin, typing.Mapping):
        return {"a": 1}
    if origin is not None and issubclass(origin, typing.Iterable):
        return [argument(inner[0])]
    return {str: "a", int: 1, float: 0.5, bool: True}[hint]


def calls(client):
    """(name, method) of everything public."""
    groups = {"": client, **{name: group for name, group in vars(client).items() if isinstance(group, espy.Group)}}
    for at, group in groups.items():
        for name, method in inspect.getmembers(group, inspect.ismethod):
            if not name.startswith("_") and name != "close":
                yield (f"{at}.{name}" if at else name), method


def ask(name, method):
    hints = typing.get_type_hints(method)
    values = {parameter: argument(hints[parameter]) for parameter in inspect.signature(method).parameters
              if parameter not in ("timeout", "check", "since")}
    if name == "jobs.wait":
        return  # calls get()
    answer = method(**values)
    if isinstance(answer, (espy.Pages, typing.Iterator)):
        list(answer)


def body_of(operation):
    content = operation.get("requestBody", {}).get("content", {})
    schema = (content.get("multipart/form-data") or content.get("application/json") or {}).get("schema", {})
    return schema.get("properties", {}), set(schema.get("required", []))


def differences(request, operation):
    """What is wrong with one request."""
    parameters = operation.get("parameters", [])
    wanted = {place: {p["name"] for p in parameters if p["in"] == place} for place in ("path", "query")}
    properties, required = body_of(operation)
    query = {name for name, value in request.query.items() if value is not None}
    body = {name for name, value in request.body.items() if value is not None} | {name for name, _ in request.files}
    if set(request.values) != wanted["path"]:
        yield f"path has {sorted(request.values)}, not {sorted(wanted['path'])}"
    for extra in sorted(query - wanted["query"]) + sorted(body - set(properties)):
        yield f"sends {extra}, which the document does not have"
    for missing in sorted(required - body - query):
        yield f"does not send {missing}, which is required"
    makes = request.method == "POST" and "201" in operation["responses"]
    if makes != (request.again is Again.KEY):
        yield "makes something, and has no idempotency key" if makes else "has an idempotency key that nobody reads"


def schema_faults(document):
    """Dataclasses of the name of a schema need no more than it promises."""
    schemas = dict(document["components"]["schemas"])
    for name, schema in schemas.items():
        cls = getattr(things, name, None)
        if not dataclasses.is_dataclass(cls):
            continue
        needed = {f.name for f in dataclasses.fields(cls)
                  if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING}
        for field in sorted(needed - set(schema.get("required", []))):
            yield f"{name}.{field} is needed, but the schema does not promise it"
        known = {f.name for f in dataclasses.fields(cls)}
        for field in sorted(set(schema.get("properties", {})) - known - {"csrf"}):
            yield f"{name}.{field} of the schema is no field of the dataclass"


def check(document):
    """Lines that tell what does not agree."""
    recorder = Recorder(document)
    client = espy.Client("http://127.0.0.1:1")
    for _, group in [("", client), *vars(client).items()]:
        if isinstance(group, espy.Group):
            group._transport = recorder
    reached, faults = {}, []
    for name, method in calls(client):
        recorder.sent.clear()
        try:
            ask(name, method)
        except Exception as error:  # a fault of the client or of a schema: told, not thrown
            faults.append(f"{name}: {type(error).__name__}: {error}")
        for request in recorder.sent:
            at = (request.method.lower(), request.path)
            operation = recorder.operation(request)
            if operation is None:
                faults.append(f"{name}: {request.method} {request.path} is not in the document")
                continue
            fields = reached.setdefault(at, set())
            fields |= {n for n, v in {**request.query, **request.body}.items() if v is not None}
            fields |= {n for n, _ in request.files}
            faults += [f"{name}: {fault}" for fault in differences(request, operation)]
    for path, item in document["paths"].items():
        for verb, operation in item.items():
            if not (path.startswith("/v1/") or path in BESIDE):
                continue
            if (verb, path) not in reached:
                faults.append(f"{verb.upper()} {path} has no method")
                continue
            wanted = {p["name"] for p in operation.get("parameters", []) if p["in"] == "query"}
            wanted |= set(body_of(operation)[0])
            for field in sorted(wanted - reached[verb, path] - LEFT_OUT.get((verb, path), set())):
                faults.append(f"{verb.upper()} {path}: {field} is never sent")
    return list(dict.fromkeys(faults + list(schema_faults(document)))), len(reached)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if "://" in sys.argv[1]:
        with urllib.request.urlopen(sys.argv[1].rstrip("/") + "/openapi.json", timeout=30) as answer:
            document = json.load(answer)
    else:
        document = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    faults, reached = check(document)
    print(*faults, sep="\n", end="\n" if faults else "")
    print(f"{reached} operations, {len(faults)} differences")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
