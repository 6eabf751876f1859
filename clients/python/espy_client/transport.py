# SPDX-License-Identifier: Apache-2.0
"""Requests over HTTP/1.1: connections that are kept, forms with files, trying again, server-sent events."""
from __future__ import annotations

import dataclasses
import email.utils
import enum
import http.client
import json
import os
import random
import select
import socket
import ssl
import threading
import time
import urllib.parse
import uuid
from typing import Any, BinaryIO, Callable, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple, Union

from .errors import EspyError, Unauthenticated, Unavailable, error_of

File = Union[str, os.PathLike[str], bytes, BinaryIO, Tuple[str, bytes]]
"""A file to send: its path, its bytes, something open for reading, or (name, bytes)."""

BEAT = 15.0  # seconds between two signs of life of a stream


class Again(enum.Enum):
    """What sending a request a second time does."""
    SAFE = 1  # the same as once
    KEY = 2  # the same as once, for it brings an idempotency key
    NO = 3  # more


@dataclasses.dataclass(frozen=True)
class Request:
    """path: as the OpenAPI document has it, filled from `values`.  What is None is not sent."""
    method: str
    path: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    query: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    body: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    files: Sequence[Tuple[str, File]] = ()
    again: Again = Again.SAFE
    anonymous: bool = False  # needs no credentials

    def target(self) -> str:
        path = self.path
        for name, value in self.values.items():
            path = path.replace("{" + name + "}", urllib.parse.quote(str(value), safe=""))
        query = {name: _text(value) for name, value in self.query.items() if value is not None}
        return path + ("?" + urllib.parse.urlencode(query) if query else "")


@dataclasses.dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]  # names in small letters
    body: bytes

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def answers_items(self) -> bool:
        """An upload of which nothing came in: 422, and each file's own answer."""
        told = self.json() if self.status == 422 else None
        return isinstance(told, dict) and "items" in told


def _text(value: Any) -> str:
    """A value as a query or a form has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return ",".join(map(str, value)) if all(isinstance(v, (int, float)) for v in value) else json.dumps(value)
    return json.dumps(value) if isinstance(value, dict) else str(value)


def read_file(file: File) -> Tuple[str, bytes]:
    """Name without folders, and bytes."""
    if isinstance(file, tuple):
        return file
    if isinstance(file, bytes):
        return "upload", file
    if isinstance(file, (str, os.PathLike)):
        with open(file, "rb") as stream:
            return os.path.basename(os.fspath(file)), stream.read()
    return os.path.basename(str(getattr(file, "name", "upload"))), file.read()


def _multipart(fields: Mapping[str, Any], files: Sequence[Tuple[str, File]]) -> Tuple[bytes, str]:
    mark = uuid.uuid4().hex
    parts: List[bytes] = []

    def quoted(name: str) -> str:
        return name.replace("\r", "%0D").replace("\n", "%0A").replace('"', "%22")

    for name, value in fields.items():
        parts.append(f'--{mark}\r\nContent-Disposition: form-data; name="{quoted(name)}"\r\n\r\n{_text(value)}\r\n'
                     .encode())
    for name, file in files:
        file_name, data = read_file(file)
        head = (f'--{mark}\r\nContent-Disposition: form-data; name="{quoted(name)}"; filename="{quoted(file_name)}"\r\n'
                "Content-Type: application/octet-stream\r\n\r\n")
        parts += [head.encode("utf-8", "surrogateescape"), data, b"\r\n"]
    parts.append(f"--{mark}--\r\n".encode())
    return b"".join(parts), f"multipart/form-data; boundary={mark}"


def _retry_after(headers: Mapping[str, str]) -> Optional[float]:
    """Seconds that the server wants to be left alone; None where it does not say."""
    said = headers.get("retry-after", "")
    if said.isdigit():
        return float(said)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    except (TypeError, ValueError, IndexError):
        return None


class _NotSent(Exception):
    """No connection came about: the server has seen nothing."""


class Transport:
    """Connections to one server; may be used from many threads.

    token     the credentials of a request; called with True when the server took the last ones no more, and then
              None says that there are no others
    retries   how often a request is sent again after a lost connection, 429 or 503
    patience  the longest Retry-After, in seconds, that is waited for
    """

    def __init__(self, url: str, token: Callable[[bool], Optional[str]], *, timeout: float, retries: int,
                 patience: float, context: Optional[ssl.SSLContext]) -> None:
        parts = urllib.parse.urlsplit(url if "://" in url else "http://" + url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of a server: http://host:port is expected")
        self._host, self._port, self._tls = parts.hostname, parts.port, parts.scheme == "https"
        self._prefix = parts.path.rstrip("/")
        self._token, self._timeout, self._retries, self._patience = token, timeout, retries, patience
        self._context = context or (ssl.create_default_context() if self._tls else None)
        self._idle: List[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    # -- connections ------------------------------------------------------------------------------
    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        connection = (http.client.HTTPSConnection(self._host, self._port, timeout=timeout, context=self._context)
                      if self._tls else http.client.HTTPConnection(self._host, self._port, timeout=timeout))
        try:
            connection.connect()
        except OSError as error:
            connection.close()
            raise _NotSent(str(error)) from error
        return connection

    def _take(self) -> http.client.HTTPConnection:
        """A connection that the server has not closed meanwhile: what is to be read on an idle one is its end."""
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect(self._timeout)
            if connection.sock is not None and not select.select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()

    def _give(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> None:
        if response.will_close:
            connection.close()
            return
        with self._lock:
            self._idle.append(connection)

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    # -- one request ------------------------------------------------------------------------------
    def _headers(self, request: Request) -> Dict[str, str]:
        headers = {"Accept": "*/*", "User-Agent": "espy-client"}
        token = None if request.anonymous else self._token(False)
        if token:
            headers["Authorization"] = "Bearer " + token
        return headers

    def _exchange(self, request: Request, target: str, body: Optional[bytes], headers: Mapping[str, str]) -> Reply:
        connection = self._take()
        try:
            try:
                connection.request(request.method, self._prefix + target, body, dict(headers))
            except (BrokenPipeError, ConnectionResetError):
                pass  # a server that refuses a body before it has read all of it says why
            response = connection.getresponse()
            data = response.read()
        except BaseException:
            connection.close()
            raise
        self._give(connection, response)
        return Reply(response.status, {name.lower(): value for name, value in response.getheaders()}, data)

    def call(self, request: Request) -> Reply:
        """The answer, 2xx; raises EspyError for every other."""
        body: Optional[bytes] = None
        kind = ""
        fields = {name: value for name, value in request.body.items() if value is not None}
        if request.files:
            body, kind = _multipart(fields, request.files)
        elif fields or request.body:
            body, kind = json.dumps(fields).encode(), "application/json"
        elif request.method in ("POST", "PUT", "PATCH"):
            body = b""
        headers = self._headers(request)
        if kind:
            headers["Content-Type"] = kind
        if request.again is Again.KEY:
            headers["Idempotency-Key"] = uuid.uuid4().hex
        return self._try(request, body, headers)

    def _try(self, request: Request, body: Optional[bytes], headers: Dict[str, str]) -> Reply:
        target, lost, renewed, tries = request.target(), False, False, 0
        while True:
            wait: Optional[float] = None
            failure: EspyError
            try:
                reply = self._exchange(request, target, body, headers)
            except _NotSent as error:
                failure, again = Unavailable(f"{self._host}: {error}"), True
            except socket.timeout as error:
                raise Unavailable(f"{self._host}: no answer within {self._timeout:g} s") from error
            except (OSError, http.client.HTTPException) as error:
                failure = Unavailable(f"{self._host}: the connection was lost: {error or type(error).__name__}")
                again, lost = request.again is not Again.NO, True
            else:
                if 200 <= reply.status < 300 or reply.answers_items():
                    return reply
                if lost and reply.status == 404 and request.method == "DELETE":
                    return Reply(204, reply.headers, b"")  # the request whose answer was lost did it
                failure = error_of(reply.status, reply.json())
                if isinstance(failure, Unauthenticated) and not renewed and not request.anonymous:
                    renewed, token = True, self._token(True)
                    if token:
                        headers["Authorization"] = "Bearer " + token
                        continue
                wait = _retry_after(reply.headers)
                again = reply.status in (429, 503) or (request.again is Again.KEY and failure.code == "running")
            tries += 1
            if not again or tries > self._retries or (wait is not None and wait > self._patience):
                raise failure
            time.sleep(wait if wait is not None else self._pause(tries))

    @staticmethod
    def _pause(tries: int) -> float:
        return min(8.0, 0.2 * 2.0 ** tries) * (0.5 + random.random() / 2)

    # -- streams ----------------------------------------------------------------------------------
    def stream(self, request: Request, last: Optional[int] = None) -> Iterator[Tuple[str, Any, Optional[int]]]:
        """Server-sent events: (event, data, id).  Ends where the server ends it; Unavailable where the connection
        was lost or was silent for too long."""
        connection, response = self._open(request, last)
        try:
            if response.status == 401 and self._token(True):
                connection.close()
                connection, response = self._open(request, last)
            if response.status != 200:
                raise error_of(response.status, Reply(response.status, {}, response.read()).json())
            yield from _events(response)
        except (OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{self._host}: the stream was lost: {error or type(error).__name__}") from error
        finally:
            connection.close()

    def _open(self, request: Request, last: Optional[int]) -> Tuple[http.client.HTTPConnection,
                                                                     http.client.HTTPResponse]:
        headers = self._headers(request)
        headers["Accept"] = "text/event-stream"
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        try:
            connection = self._connect(max(self._timeout, 3 * BEAT))
            connection.request(request.method, self._prefix + request.target(), headers=headers)
            return connection, connection.getresponse()
        except (_NotSent, OSError, http.client.HTTPException) as error:
            raise Unavailable(f"{self._host}: {error or type(error).__name__}") from error

    def streams(self, request: Request, last: Optional[int] = None) -> Iterator[Tuple[str, Any, Optional[int]]]:
        """The same, connected again whenever it ends, from the last event that had an id on."""
        tries = 0
        while True:
            try:
                for event, data, number in self.stream(request, last):
                    tries = 0
                    last = number if number is not None else last
                    yield event, data, number
            except Unavailable:
                if tries >= self._retries:
                    raise
            tries += 1
            time.sleep(self._pause(tries))


def _events(response: http.client.HTTPResponse) -> Iterator[Tuple[str, Any, Optional[int]]]:
    event, number, data = "message", None, []  # type: str, Optional[int], List[str]
    for line in response:
        text = line.decode("utf-8", "replace").rstrip("\r\n")
        name, _, value = text.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if text == "":
            if data:
                try:
                    yield event, json.loads("\n".join(data)), number
                except ValueError as error:
                    raise EspyError("the server's stream is no JSON") from error
            event, number, data = "message", None, []
        elif name == "event":
            event = value
        elif name == "data":
            data.append(value)
        elif name == "id" and value.isdigit():
            number = int(value)
