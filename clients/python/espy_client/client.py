# SPDX-License-Identifier: Apache-2.0
"""The client: groups of calls in the words of /v1.

Every argument has the name that the OpenAPI document gives it; what is None is not sent, so the server's default
holds.  A collection is given by id, name or as a Collection; a label, session, media, sample or job by id or as
such."""
from __future__ import annotations

import ssl
import threading
import time
from typing import (Any, Callable, Dict, Generic, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple, Type,
                    TypeVar, Union)

from . import things
from .errors import EspyError, JobFailed
from .transport import Again, File, Request, Transport, read_file

T = TypeVar("T", bound=things.Thing)
AnyCollection = Union[int, str, things.Collection]
AnyLabel = Union[int, things.Label]
AnySession = Union[int, things.Session]
AnyMedia = Union[int, things.Media]
AnySample = Union[int, things.Sample]
AnyJob = Union[int, things.Job]
AnyVersion = Union[int, things.Version]
AnyUser = Union[int, things.User]

UPLOAD_FILES, UPLOAD_BYTES = 20, 24 << 20  # of one request of upload_all()


def _id(thing: Any) -> Any:
    """The id of a thing, or what was given."""
    if isinstance(thing, things.Version):
        return thing.version
    return getattr(thing, "id", thing)


def _ids(some: Iterable[Any]) -> List[Any]:
    return [_id(one) for one in some]


class Pages(Generic[T]):
    """A list of the server that comes in pages: iterate over its items; each iteration asks anew."""

    def __init__(self, transport: Transport, cls: Type[T], request: Request) -> None:
        self._transport, self._cls, self._request = transport, cls, request

    def _pages(self) -> Iterator[Dict[str, Any]]:
        cursor = self._request.query.get("cursor")
        while True:
            query = dict(self._request.query, cursor=cursor)
            page = self._transport.call(Request("GET", self._request.path, self._request.values, query)).json()
            if not isinstance(page, dict) or not isinstance(page.get("items"), list):
                raise EspyError(f"the server's answer is no page of {self._cls.__name__}")
            yield page
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def __iter__(self) -> Iterator[T]:
        for page in self._pages():
            for item in page["items"]:
                yield self._cls.of(item)

    def first(self) -> Optional[T]:
        """The first item, or None."""
        return next(iter(self), None)

    @property
    def total(self) -> int:
        """How many items there are in all; -1 where the server does not count them."""
        return int(next(self._pages()).get("total", -1))


class Group:
    """Calls that belong together."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def _one(self, cls: Type[T], method: str, path: str, values: Optional[Mapping[str, Any]] = None,
             **more: Any) -> T:
        return cls.of(self._transport.call(Request(method, path, values or {}, **more)).json())

    def _some(self, cls: Type[T], path: str, values: Optional[Mapping[str, Any]] = None, **more: Any) -> List[T]:
        answer = self._transport.call(Request("GET", path, values or {}, **more)).json()
        if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
            raise EspyError(f"the server's answer is no list of {cls.__name__}")
        return [cls.of(item) for item in answer["items"]]

    def _bytes(self, path: str, values: Mapping[str, Any], **query: Any) -> bytes:
        return self._transport.call(Request("GET", path, values, query)).body

    def _none(self, method: str, path: str, values: Optional[Mapping[str, Any]] = None, **more: Any) -> None:
        self._transport.call(Request(method, path, values or {}, **more))

    def _pages(self, cls: Type[T], path: str, values: Optional[Mapping[str, Any]] = None, **query: Any) -> Pages[T]:
        return Pages(self._transport, cls, Request("GET", path, values or {}, query))


class Collections(Group):
    """Labels that are recognised together, of one modality and one encoder."""

    def list(self, *, modality: Optional[str] = None, search: Optional[str] = None, limit: Optional[int] = None,
             cursor: Optional[str] = None) -> Pages[things.Collection]:
        return self._pages(things.Collection, "/v1/collections", modality=modality, search=search, limit=limit,
                           cursor=cursor)

    def create(self, name: str, *, modality: Optional[str] = None, encoder: Optional[str] = None,
               description: Optional[str] = None) -> things.Collection:
        return self._one(things.Collection, "POST", "/v1/collections", again=Again.KEY,
                         body=dict(name=name, modality=modality, encoder=encoder, description=description))

    def get(self, collection: AnyCollection) -> things.Collection:
        return self._one(things.Collection, "GET", "/v1/collections/{collection}", dict(collection=_id(collection)))

    def change(self, collection: AnyCollection, *, name: Optional[str] = None, description: Optional[str] = None,
               active: Optional[bool] = None, owner: Optional[int] = None) -> things.Collection:
        return self._one(things.Collection, "PATCH", "/v1/collections/{collection}", dict(collection=_id(collection)),
                         body=dict(name=name, description=description, active=active, owner=owner))

    def delete(self, collection: AnyCollection) -> None:
        """Out of sight; restore() brings it back."""
        self._none("DELETE", "/v1/collections/{collection}", dict(collection=_id(collection)))

    def deleted(self, *, limit: Optional[int] = None, cursor: Optional[str] = None) -> Pages[things.Collection]:
        """Those that restore() brings back."""
        return self._pages(things.Collection, "/v1/deleted-collections", limit=limit, cursor=cursor)

    def restore(self, id: int) -> things.Collection:
        return self._one(things.Collection, "POST", "/v1/deleted-collections/{id}/restore", dict(id=id),
                         again=Again.NO)


class Labels(Group):
    """What is recognised: a code and a name."""

    def list(self, collection: AnyCollection, *, search: Optional[str] = None, grouped: Optional[bool] = None,
             limit: Optional[int] = None, cursor: Optional[str] = None) -> Pages[things.Label]:
        """grouped: only groups that nobody has named (True), or only others (False)."""
        return self._pages(things.Label, "/v1/collections/{collection}/labels", dict(collection=_id(collection)),
                           search=search, grouped=grouped, limit=limit, cursor=cursor)

    def create(self, collection: AnyCollection, code: str, *, name: Optional[str] = None,
               email: Optional[str] = None, detail: Optional[Mapping[str, Any]] = None) -> things.Label:
        return self._one(things.Label, "POST", "/v1/collections/{collection}/labels",
                         dict(collection=_id(collection)), again=Again.KEY,
                         body=dict(code=code, name=name, email=email, detail=detail))

    def get(self, label: AnyLabel) -> things.Label:
        return self._one(things.Label, "GET", "/v1/labels/{label}", dict(label=_id(label)))

    def change(self, label: AnyLabel, *, code: Optional[str] = None, name: Optional[str] = None,
               email: Optional[str] = None, detail: Optional[Mapping[str, Any]] = None) -> things.Label:
        """A group of cluster() gets a person's code and name in this way."""
        return self._one(things.Label, "PATCH", "/v1/labels/{label}", dict(label=_id(label)),
                         body=dict(code=code, name=name, email=email, detail=detail))

    def delete(self, label: AnyLabel) -> None:
        """Its samples are nobody's again; can be undone."""
        self._none("DELETE", "/v1/labels/{label}", dict(label=_id(label)))

    def merge(self, label: AnyLabel, into: AnyLabel) -> things.Merged:
        """Everything of `label` becomes `into`'s."""
        return self._one(things.Merged, "POST", "/v1/labels/{label}/merge", dict(label=_id(label)), again=Again.NO,
                         body=dict(into=_id(into)))

    def split(self, label: AnyLabel, samples: Iterable[AnySample], code: str, *,
              name: Optional[str] = None) -> things.Label:
        """Some of its samples become a new label."""
        return self._one(things.Label, "POST", "/v1/labels/{label}/split", dict(label=_id(label)), again=Again.KEY,
                         body=dict(samples=_ids(samples), code=code, name=name))

    def erase(self, label: AnyLabel, confirm: str) -> things.Receipt:
        """For good, with what was learned from it.  confirm: the label's code."""
        return self._one(things.Receipt, "POST", "/v1/labels/{label}/erase", dict(label=_id(label)), again=Again.NO,
                         body=dict(confirm=confirm))


class Sessions(Group):
    """Occasions on which media were collected."""

    def list(self, collection: AnyCollection, *, state: Optional[str] = None, from_: Optional[str] = None,
             to: Optional[str] = None, search: Optional[str] = None, limit: Optional[int] = None,
             cursor: Optional[str] = None) -> Pages[things.Session]:
        """state: open or closed; from_, to: days, YYYY-MM-DD."""
        return self._pages(things.Session, "/v1/collections/{collection}/sessions", dict(collection=_id(collection)),
                           **{"from": from_}, to=to, state=state, search=search, limit=limit, cursor=cursor)

    def create(self, collection: AnyCollection, name: str, *, date: Optional[str] = None,
               start_time: Optional[str] = None, end_time: Optional[str] = None, notes: Optional[str] = None,
               detail: Optional[Mapping[str, Any]] = None) -> things.Session:
        """date: YYYY-MM-DD; start_time, end_time: HH:MM."""
        return self._one(things.Session, "POST", "/v1/collections/{collection}/sessions",
                         dict(collection=_id(collection)), again=Again.KEY,
                         body=dict(name=name, date=date, start_time=start_time, end_time=end_time, notes=notes,
                                   detail=detail))

    def get(self, session: AnySession) -> things.Session:
        return self._one(things.Session, "GET", "/v1/sessions/{session}", dict(session=_id(session)))

    def change(self, session: AnySession, *, name: Optional[str] = None, state: Optional[str] = None,
               date: Optional[str] = None, start_time: Optional[str] = None, end_time: Optional[str] = None,
               notes: Optional[str] = None, detail: Optional[Mapping[str, Any]] = None) -> things.Session:
        """state: open or closed."""
        return self._one(things.Session, "PATCH", "/v1/sessions/{session}", dict(session=_id(session)),
                         body=dict(name=name, state=state, date=date, start_time=start_time, end_time=end_time,
                                   notes=notes, detail=detail))

    def delete(self, session: AnySession) -> None:
        """It and its media go out of sight; can be undone."""
        self._none("DELETE", "/v1/sessions/{session}", dict(session=_id(session)))


class Attendance(Group):
    """Who was there."""

    def list(self, collection: AnyCollection, *, session: Optional[AnySession] = None, code: Optional[str] = None,
             from_: Optional[str] = None, to: Optional[str] = None, limit: Optional[int] = None,
             cursor: Optional[str] = None) -> Pages[things.Attendance]:
        return self._pages(things.Attendance, "/v1/collections/{collection}/attendance",
                           dict(collection=_id(collection)), **{"from": from_}, to=to, session=_id(session),
                           code=code, limit=limit, cursor=cursor)

    def mark(self, session: AnySession, label: AnyLabel, *, present: Optional[bool] = None,
             day: Optional[str] = None, note: Optional[str] = None) -> things.Marked:
        """Says that somebody was there, or (present=False) was not."""
        return self._one(things.Marked, "PUT", "/v1/sessions/{session}/attendance/{label}",
                         dict(session=_id(session), label=_id(label)), body=dict(present=present, day=day, note=note))

    def unmark(self, session: AnySession, label: AnyLabel, *, day: Optional[str] = None) -> None:
        """Takes back what was said."""
        self._none("DELETE", "/v1/sessions/{session}/attendance/{label}",
                   dict(session=_id(session), label=_id(label)), query=dict(day=day))

    def presence(self, collection: AnyCollection, *,
                 sessions: Optional[Iterable[AnySession]] = None) -> List[things.Presence]:
        """The matrix of people and sessions; pairs that are left out are absent."""
        return self._some(things.Presence, "/v1/collections/{collection}/presence", dict(collection=_id(collection)),
                          query=dict(sessions=None if sessions is None else _ids(sessions)))


class Media(Group):
    """Pictures and recordings."""

    def list(self, collection: AnyCollection, *, session: Optional[AnySession] = None,
             scanned: Optional[bool] = None, probe: Optional[bool] = None, limit: Optional[int] = None,
             cursor: Optional[str] = None) -> Pages[things.Media]:
        return self._pages(things.Media, "/v1/collections/{collection}/media", dict(collection=_id(collection)),
                           session=_id(session), scanned=scanned, probe=probe, limit=limit, cursor=cursor)

    def upload(self, collection: AnyCollection, file: Union[File, Sequence[File]], *,
               session: Optional[AnySession] = None, label: Optional[str] = None, name: Optional[str] = None,
               faces: Optional[str] = None) -> things.Uploaded:
        """One file, or a list of up to 100, in one request; each is answered for itself.

        label  code of who it shows; made when it is not there
        faces  with a label: "largest" gets it and no other is kept, "all" are kept, "only" takes just pictures
               with one face
        """
        files = file if isinstance(file, list) else [file]
        return self._one(things.Uploaded, "POST", "/v1/collections/{collection}/media",
                         dict(collection=_id(collection)), again=Again.KEY, files=[("file", one) for one in files],
                         body=dict(session=_id(session), label=label, name=name, faces=faces))

    def upload_all(self, collection: AnyCollection, files: Iterable[File], *, session: Optional[AnySession] = None,
                   label: Optional[str] = None, name: Optional[str] = None,
                   faces: Optional[str] = None) -> Iterator[things.UploadedFile]:
        """Any number of files, in as many requests as that takes."""
        batch: List[File] = []
        room = UPLOAD_BYTES

        def send() -> Iterator[things.UploadedFile]:
            yield from self.upload(collection, batch, session=session, label=label, name=name, faces=faces).items

        for file in files:
            read = read_file(file)
            if batch and (len(batch) == UPLOAD_FILES or len(read[1]) > room):
                yield from send()
                batch, room = [], UPLOAD_BYTES
            batch.append(read)
            room -= len(read[1])
        if batch:
            yield from send()

    def import_zip(self, collection: AnyCollection, file: File) -> things.Imported:
        """A zip archive of a folder per label, named CODE_Name or as the label; the largest sample of each file is
        labelled."""
        return self._one(things.Imported, "POST", "/v1/collections/{collection}/import",
                         dict(collection=_id(collection)), again=Again.KEY, files=[("file", file)])

    def get(self, media: AnyMedia) -> things.Media:
        return self._one(things.Media, "GET", "/v1/media/{media}", dict(media=_id(media)))

    def content(self, media: AnyMedia) -> bytes:
        """Its bytes, as they were sent."""
        return self._bytes("/v1/media/{media}/content", dict(media=_id(media)))

    def picture(self, media: AnyMedia, *, size: Optional[int] = None) -> bytes:
        """A photo as JPEG, upright, whatever its format.  size: pixels that its longer side has at most."""
        return self._bytes("/v1/media/{media}/picture", dict(media=_id(media)), size=size)

    def delete(self, media: AnyMedia) -> None:
        """Out of sight; can be undone."""
        self._none("DELETE", "/v1/media/{media}", dict(media=_id(media)))


class Samples(Group):
    """Faces in pictures, stretches of sound in recordings."""

    def list(self, collection: AnyCollection, *, session: Optional[AnySession] = None,
             media: Optional[AnyMedia] = None, label: Optional[AnyLabel] = None, labelled: Optional[bool] = None,
             probe: Optional[bool] = None, sort: Optional[str] = None, limit: Optional[int] = None,
             cursor: Optional[str] = None) -> Pages[things.Sample]:
        """sort: oldest, newest or score."""
        return self._pages(things.Sample, "/v1/collections/{collection}/samples", dict(collection=_id(collection)),
                           session=_id(session), media=_id(media), label=_id(label), labelled=labelled, probe=probe,
                           sort=sort, limit=limit, cursor=cursor)

    def get(self, sample: AnySample) -> things.Sample:
        return self._one(things.Sample, "GET", "/v1/samples/{sample}", dict(sample=_id(sample)))

    def delete(self, sample: AnySample) -> None:
        """Not a face, or no sound of interest; can be undone."""
        self._none("DELETE", "/v1/samples/{sample}", dict(sample=_id(sample)))

    def picture(self, sample: AnySample, *, size: Optional[int] = None) -> bytes:
        """The face, as JPEG.  size: pixels that its longer side has at most; None: as in the photo."""
        return self._bytes("/v1/samples/{sample}/picture", dict(sample=_id(sample)), size=size)

    def embedding(self, sample: AnySample) -> things.Embedding:
        return self._one(things.Embedding, "GET", "/v1/samples/{sample}/embedding", dict(sample=_id(sample)))

    def similar(self, sample: AnySample, *, k: Optional[int] = None) -> List[things.Neighbour]:
        """The labelled samples that it is most like, best first."""
        return self._some(things.Neighbour, "/v1/samples/{sample}/similar", dict(sample=_id(sample)),
                          query=dict(k=k))

    def label(self, collection: AnyCollection, samples: Iterable[AnySample], *, label: Optional[str] = None,
              name: Optional[str] = None) -> things.Said:
        """Says whose samples these are.  label: a code, made when it is not there; None: nobody's that is known."""
        return self._one(things.Said, "POST", "/v1/collections/{collection}/samples/label",
                         dict(collection=_id(collection)), body=dict(samples=_ids(samples), label=label, name=name))

    def reject(self, collection: AnyCollection, samples: Iterable[AnySample], label: str) -> things.Said:
        """Says that these samples are not of the label with this code."""
        return self._one(things.Said, "POST", "/v1/collections/{collection}/samples/reject",
                         dict(collection=_id(collection)), body=dict(samples=_ids(samples), label=label))

    def review(self, collection: AnyCollection, *, session: Optional[AnySession] = None,
               limit: Optional[int] = None) -> things.Review:
        """Those that wait for somebody's word, most useful first."""
        return self._one(things.Review, "GET", "/v1/collections/{collection}/review",
                         dict(collection=_id(collection)), query=dict(session=_id(session), limit=limit))


class Versions(Group):
    """Trained heads: immutable, numbered within their collection."""

    def list(self, collection: AnyCollection) -> things.Versions:
        return self._one(things.Versions, "GET", "/v1/collections/{collection}/versions",
                         dict(collection=_id(collection)))

    def get(self, collection: AnyCollection, version: AnyVersion) -> things.Version:
        return self._one(things.Version, "GET", "/v1/collections/{collection}/versions/{version}",
                         dict(collection=_id(collection), version=_id(version)))

    def changes(self, collection: AnyCollection, version: AnyVersion, *, with_: Optional[AnyVersion] = None,
                limit: Optional[int] = None) -> things.Changes:
        """Which answers about stored samples it changes, what turned wrong first.  with_: the version that it is
        compared with; None: the one that answers now."""
        return self._one(things.Changes, "GET", "/v1/collections/{collection}/versions/{version}/changes",
                         dict(collection=_id(collection), version=_id(version)),
                         query={"with": _id(with_), "limit": limit})

    def activate(self, collection: AnyCollection, version: AnyVersion, *,
                 reason: Optional[str] = None) -> things.Aliases:
        """This version answers from now on."""
        return self._live(collection, _id(version), reason)

    def rollback(self, collection: AnyCollection, *, reason: Optional[str] = None) -> things.Aliases:
        """The version that answered before answers again."""
        return self._live(collection, 0, reason)

    def _live(self, collection: AnyCollection, version: int, reason: Optional[str]) -> things.Aliases:
        return self._one(things.Aliases, "PUT", "/v1/collections/{collection}/aliases/live",
                         dict(collection=_id(collection)), again=Again.SAFE if version else Again.NO,
                         body=dict(version=version, reason=reason))


class Jobs(Group):
    """Long pieces of work."""

    def list(self, *, collection: Optional[Union[int, things.Collection]] = None, kind: Optional[str] = None,
             state: Optional[str] = None, limit: Optional[int] = None,
             cursor: Optional[str] = None) -> Pages[things.Job]:
        return self._pages(things.Job, "/v1/jobs", collection=_id(collection), kind=kind, state=state, limit=limit,
                           cursor=cursor)

    def get(self, job: AnyJob) -> things.Job:
        return self._one(things.Job, "GET", "/v1/jobs/{job}", dict(job=_id(job)))

    def log(self, job: AnyJob) -> str:
        return self._bytes("/v1/jobs/{job}/log", dict(job=_id(job))).decode("utf-8", "replace")

    def cancel(self, job: AnyJob) -> things.Job:
        """Asks it to stop."""
        return self._one(things.Job, "POST", "/v1/jobs/{job}/cancel", dict(job=_id(job)), again=Again.NO)

    def stream(self, job: AnyJob) -> Iterator[things.Message]:
        """What it says until it ends: "state" (the job, when it changed), "progress" (stage, done, total), "log"
        (line), "epoch" (epoch, loss, accuracy ...), "end" (state)."""
        state: Any = None
        request = Request("GET", "/v1/jobs/{job}/stream", dict(job=_id(job)))
        for event, data, number in self._transport.streams(request):
            if event == "state" and data == state:
                continue
            state = data if event == "state" else state
            yield things.Message(event, data, number)
            if event == "end" or (event == "state" and data.get("finished")):
                return

    def wait(self, job: AnyJob, timeout: Optional[float] = None, *, check: bool = True) -> things.Job:
        """The job when it is over.  JobFailed where it failed or was cancelled, unless check is False;
        TimeoutError after `timeout` seconds, and the job goes on."""
        until = None if timeout is None else time.monotonic() + timeout
        pause = 0.1
        while True:
            now = self.get(job)
            if now.over:
                break
            if until is not None and time.monotonic() + pause > until:
                raise TimeoutError(f"job {now.id} ({now.kind}) is not over after {timeout:g} s")
            time.sleep(pause)
            pause = min(2.0, pause * 1.4)
        if check and now.state != "done":
            raise JobFailed(f"job {now.id} ({now.kind}) {now.state}" + (f": {now.error}" if now.error else ""), now)
        return now


class Events(Group):
    """What happened: who labelled, changed, deleted, published."""

    def list(self, *, collection: Optional[Union[int, things.Collection]] = None, order: Optional[str] = None,
             undoable: Optional[bool] = None, limit: Optional[int] = None,
             cursor: Optional[str] = None) -> Pages[things.Event]:
        """order: oldest (the usual) or newest first.  undoable: only those that can be undone."""
        return self._pages(things.Event, "/v1/events", collection=_id(collection), order=order, undoable=undoable,
                           limit=limit, cursor=cursor)

    def stream(self, *, collection: Optional[Union[int, things.Collection]] = None,
               since: Optional[int] = None) -> Iterator[things.Event]:
        """What happens, without end; a lost connection is made anew and nothing is missed.
        since: id of the last event that is known; None: from now on."""
        request = Request("GET", "/v1/events/stream", query=dict(collection=_id(collection)))
        for event, data, _ in self._transport.streams(request, since):
            if event == "event":
                yield things.Event.of(data)


class Live(Group):
    """Frames of a camera or chunks of a microphone, one after the other.  stream: a name of your own for each."""

    def frame(self, collection: AnyCollection, stream: str, file: File, *,
              session: Optional[AnySession] = None) -> things.LiveFrame:
        """The next one: who is there, and what several frames agree on.  session: its attendance list fills."""
        return self._one(things.LiveFrame, "POST", "/v1/collections/{collection}/live/{stream}/frames",
                         dict(collection=_id(collection), stream=stream), again=Again.NO, files=[("file", file)],
                         body=dict(session=_id(session)))

    def stream(self, collection: AnyCollection, stream: str) -> Iterator[things.LiveFrame]:
        """The answers to the frames that another connection of the same account sends, without end."""
        request = Request("GET", "/v1/collections/{collection}/live/{stream}/stream",
                          dict(collection=_id(collection), stream=stream))
        for event, data, _ in self._transport.streams(request):
            if event == "frame":
                yield things.LiveFrame.of(data)


class Auth(Group):
    """The own account."""

    def login(self, name: str, password: str) -> things.Login:
        """A token for programs that keep it themselves; Client(user=..., password=...) does without."""
        return self._one(things.Login, "POST", "/v1/auth/login", anonymous=True,
                         body=dict(name=name, password=password))

    def logout(self) -> None:
        """Takes a page's cookie away; a program forgets its token."""
        self._none("POST", "/v1/auth/logout", anonymous=True)

    def me(self) -> things.Me:
        return self._one(things.Me, "GET", "/v1/auth/me")

    def change_password(self, current: str, password: str) -> None:
        """Everything that is logged in has to log in again."""
        self._none("PUT", "/v1/auth/password", body=dict(current=current, password=password), again=Again.NO)


class Users(Group):
    """Accounts; for administrators."""

    def list(self, *, role: Optional[str] = None, limit: Optional[int] = None,
             cursor: Optional[str] = None) -> Pages[things.User]:
        return self._pages(things.User, "/v1/users", role=role, limit=limit, cursor=cursor)

    def create(self, name: str, password: str, role: str, *, full_name: Optional[str] = None,
               email: Optional[str] = None, detail: Optional[Mapping[str, Any]] = None) -> things.User:
        """role: admin, instructor, student."""
        return self._one(things.User, "POST", "/v1/users", again=Again.KEY,
                         body=dict(name=name, password=password, role=role, full_name=full_name, email=email,
                                   detail=detail))

    def get(self, user: AnyUser) -> things.User:
        return self._one(things.User, "GET", "/v1/users/{user}", dict(user=_id(user)))

    def change(self, user: AnyUser, *, name: Optional[str] = None, password: Optional[str] = None,
               role: Optional[str] = None, full_name: Optional[str] = None, email: Optional[str] = None,
               detail: Optional[Mapping[str, Any]] = None, enabled: Optional[bool] = None) -> things.User:
        return self._one(things.User, "PATCH", "/v1/users/{user}", dict(user=_id(user)),
                         body=dict(name=name, password=password, role=role, full_name=full_name, email=email,
                                   detail=detail, enabled=enabled))

    def delete(self, user: AnyUser) -> None:
        """With its keys; its collections become the administrators'."""
        self._none("DELETE", "/v1/users/{user}", dict(user=_id(user)))


class Keys(Group):
    """API keys, for programs."""

    def list(self, *, owner: Optional[AnyUser] = None) -> List[things.Key]:
        """owner: for administrators: whose; 0: all accounts'.  None: your own."""
        return self._some(things.Key, "/v1/keys", query=dict(owner=_id(owner)))

    def create(self, name: str, scopes: Sequence[str], *, collection: Optional[AnyCollection] = None,
               expires_days: Optional[float] = None, owner: Optional[AnyUser] = None) -> things.Key:
        """scopes: read, identify, enroll, admin.  The answer's .key is told this once."""
        return self._one(things.Key, "POST", "/v1/keys", again=Again.KEY,
                         body=dict(name=name, scopes=list(scopes), expires_days=expires_days, owner=_id(owner),
                                   collection=None if collection is None else str(_id(collection))))

    def delete(self, key: Union[int, things.Key]) -> None:
        self._none("DELETE", "/v1/keys/{key}", dict(key=_id(key)))


class Webhooks(Group):
    """URLs that are told of events."""

    def list(self, *, owner: Optional[AnyUser] = None) -> List[things.Webhook]:
        """owner: for administrators: whose; 0: all accounts'.  None: your own."""
        return self._some(things.Webhook, "/v1/webhooks", query=dict(owner=_id(owner)))

    def create(self, url: str, *, events: Optional[Sequence[str]] = None,
               collection: Optional[AnyCollection] = None, secret: Optional[str] = None,
               owner: Optional[AnyUser] = None) -> things.Webhook:
        """The answer's .secret, with which deliveries are signed, is told this once."""
        return self._one(things.Webhook, "POST", "/v1/webhooks", again=Again.KEY,
                         body=dict(url=url, events=None if events is None else list(events), secret=secret,
                                   collection=None if collection is None else str(_id(collection)),
                                   owner=_id(owner)))

    def change(self, webhook: Union[int, things.Webhook], *, url: Optional[str] = None,
               events: Optional[Sequence[str]] = None, enabled: Optional[bool] = None) -> things.Webhook:
        return self._one(things.Webhook, "PATCH", "/v1/webhooks/{webhook}", dict(webhook=_id(webhook)),
                         body=dict(url=url, events=None if events is None else list(events), enabled=enabled))

    def delete(self, webhook: Union[int, things.Webhook]) -> None:
        self._none("DELETE", "/v1/webhooks/{webhook}", dict(webhook=_id(webhook)))


class _Credentials:
    """A key, or a login whose token is renewed when the server takes it no more."""

    def __init__(self, key: Optional[str], user: Optional[str], password: Optional[str]) -> None:
        self._key, self._user, self._password = key, user, password
        self._token: Optional[str] = None
        self._lock = threading.Lock()
        self.login: Callable[[str, str], things.Login]

    def __call__(self, fresh: bool) -> Optional[str]:
        if self._user is None or self._password is None:
            return None if fresh else self._key
        with self._lock:
            if fresh or self._token is None:
                self._token = self.login(self._user, self._password).access
            return self._token


class Client(Group):
    """A server of espy, at `url` ("http://127.0.0.1:8000").

    key             an API key; or
    user, password  an account, logged in with the first request; neither: a server that trusts its own machine
    timeout         seconds that an answer may take
    retries         how often a request is sent again after a lost connection, 429 or 503 (only such as may be sent
                    twice; what creates something brings an idempotency key)
    patience        the longest wait that the server may ask for before it is tried again, in seconds
    context         for TLS, where the usual one does not do

    May be used from many threads.  Proxies of the environment are not used.
    """

    def __init__(self, url: str, key: Optional[str] = None, user: Optional[str] = None,
                 password: Optional[str] = None, timeout: float = 60.0, *, retries: int = 4, patience: float = 30.0,
                 context: Optional[ssl.SSLContext] = None) -> None:
        if key is not None and user is not None:
            raise ValueError("give a key, or a user and a password")
        if (user is None) != (password is None):
            raise ValueError("a user and a password belong together")
        credentials = _Credentials(key, user, password)
        transport = Transport(url, credentials, timeout=timeout, retries=retries, patience=patience, context=context)
        super().__init__(transport)
        self.auth = Auth(transport)
        credentials.login = self.auth.login
        self.collections = Collections(transport)
        self.labels = Labels(transport)
        self.sessions = Sessions(transport)
        self.attendance = Attendance(transport)
        self.media = Media(transport)
        self.samples = Samples(transport)
        self.versions = Versions(transport)
        self.jobs = Jobs(transport)
        self.events = Events(transport)
        self.live = Live(transport)
        self.users = Users(transport)
        self.keys = Keys(transport)
        self.webhooks = Webhooks(transport)

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- asking -----------------------------------------------------------------------------------
    @staticmethod
    def _sent(**files: Optional[File]) -> List[Tuple[str, File]]:
        return [(name, file) for name, file in files.items() if file is not None]

    def identify(self, collection: AnyCollection, file: Optional[File] = None, *,
                 embedding: Optional[Sequence[float]] = None, version: Optional[AnyVersion] = None,
                 threshold: Optional[float] = None, floor: Optional[float] = None,
                 no_floor: Optional[bool] = None) -> things.Identified:
        """Who is in a picture, what is heard in a recording, or "unknown"."""
        return self._one(things.Identified, "POST", "/v1/collections/{collection}/identify",
                         dict(collection=_id(collection)), files=self._sent(file=file),
                         body=dict(embedding=None if embedding is None else list(embedding), version=_id(version),
                                   threshold=threshold, floor=floor, no_floor=no_floor))

    def verify(self, collection: AnyCollection, file: File, *, label: Optional[str] = None,
               other: Optional[File] = None, floor: Optional[float] = None) -> things.Verified:
        """Whether it is who it is said to be (label: a code), or the same as another file."""
        return self._one(things.Verified, "POST", "/v1/collections/{collection}/verify",
                         dict(collection=_id(collection)), files=self._sent(file=file, other=other),
                         body=dict(label=label, floor=floor))

    def search(self, collection: AnyCollection, file: Optional[File] = None, *,
               embedding: Optional[Sequence[float]] = None, k: Optional[int] = None,
               least: Optional[float] = None) -> things.Found:
        """The labelled samples that each face or sound is most like."""
        return self._one(things.Found, "POST", "/v1/collections/{collection}/search",
                         dict(collection=_id(collection)), files=self._sent(file=file),
                         body=dict(embedding=None if embedding is None else list(embedding), k=k, least=least))

    def detect(self, file: File, *, encoder: Optional[str] = None,
               modality: Optional[str] = None) -> things.Encoded:
        """Boxes and points."""
        return self._one(things.Encoded, "POST", "/v1/detect", files=self._sent(file=file),
                         body=dict(encoder=encoder, modality=modality))

    def embed(self, file: File, *, encoder: Optional[str] = None, modality: Optional[str] = None) -> things.Encoded:
        """Boxes, points and vectors of unit length."""
        return self._one(things.Encoded, "POST", "/v1/embed", files=self._sent(file=file),
                         body=dict(encoder=encoder, modality=modality))

    # -- learning: jobs ---------------------------------------------------------------------------
    def train(self, collection: AnyCollection, *, head: Optional[str] = None, epochs: Optional[int] = None,
              seed: Optional[int] = None, threshold: Optional[float] = None, min_accuracy: Optional[float] = None,
              force: Optional[bool] = None, reason: Optional[str] = None) -> things.Job:
        """Learns anew from what has a label.  head: svm, logistic, knn, mlp, prototypes."""
        return self._one(things.Job, "POST", "/v1/collections/{collection}/train", dict(collection=_id(collection)),
                         again=Again.NO, body=dict(head=head, epochs=epochs, seed=seed, threshold=threshold,
                                                   min_accuracy=min_accuracy, force=force, reason=reason))

    def cluster(self, collection: AnyCollection, *, session: Union[AnySession, str, None] = None,
                date: Optional[str] = None, method: Optional[str] = None, threshold: Optional[float] = None, max_clusters: Optional[int] = None,
                include_identified: Optional[bool] = None) -> things.Job:
        """Samples without a label become groups.  session: one, its id or its name; method: average or dbscan."""
        return self._one(things.Job, "POST", "/v1/collections/{collection}/cluster",
                         dict(collection=_id(collection)), again=Again.NO,
                         body=dict(session=_id(session), date=date, method=method, threshold=threshold,
                                   max_clusters=max_clusters, include_identified=include_identified))

    def assign(self, collection: AnyCollection, *, session: Union[AnySession, str, None] = None,
               date: Optional[str] = None, k: Optional[int] = None, threshold: Optional[float] = None, use_voting: Optional[bool] = None,
               commit: Optional[bool] = None) -> things.Job:
        """Samples without a label get those they are most like; commit=False only tells."""
        return self._one(things.Job, "POST", "/v1/collections/{collection}/assign", dict(collection=_id(collection)),
                         again=Again.NO, body=dict(session=_id(session), date=date, k=k, threshold=threshold,
                                                   use_voting=use_voting, commit=commit))

    def embed_under(self, collection: AnyCollection, pack: str, *, session: Union[AnySession, str, None] = None,
                    date: Optional[str] = None) -> things.Job:
        """Faces get vectors under another pack beside the collection's own."""
        return self._one(things.Job, "POST", "/v1/collections/{collection}/embed", dict(collection=_id(collection)),
                         again=Again.NO, body=dict(pack=pack, session=_id(session), date=date))

    def expire(self, *, probes: Optional[float] = None, unknowns: Optional[float] = None,
               deleted: Optional[float] = None) -> things.Job:
        """Media that are older than so many days go for good: those that were only asked about, that show nobody who
        was named, that were taken away."""
        return self._one(things.Job, "POST", "/v1/expire", again=Again.NO,
                         body=dict(probes=probes, unknowns=unknowns, deleted=deleted))

    def trigger(self, collection: AnyCollection, *, min_new_samples: Optional[int] = None) -> things.Trigger:
        """Whether enough is new for a training."""
        return self._one(things.Trigger, "GET", "/v1/collections/{collection}/trigger",
                         dict(collection=_id(collection)), query=dict(min_new_samples=min_new_samples))

    def undo(self, collection: AnyCollection, *, event: Optional[int] = None) -> things.Undone:
        """Takes back what was said or done: the event of this id, or the last one that can be undone."""
        return self._one(things.Undone, "POST", "/v1/collections/{collection}/undo",
                         dict(collection=_id(collection)), again=Again.NO, body=dict(event=event))

    # -- the server -------------------------------------------------------------------------------
    def health(self) -> things.Health:
        return self._one(things.Health, "GET", "/healthz", anonymous=True)

    def ready(self) -> things.Health:
        """Unavailable where it cannot answer yet, or is stopping."""
        return self._one(things.Health, "GET", "/readyz", anonymous=True)

    def system(self) -> things.System:
        """Its settings, limits and packs."""
        return self._one(things.System, "GET", "/v1/system")

    def metrics(self) -> str:
        """What the server counts, in Prometheus' words."""
        return self._bytes("/metrics", {}).decode()

    def openapi(self) -> Dict[str, Any]:
        """The OpenAPI document."""
        answer = self._transport.call(Request("GET", "/openapi.json", anonymous=True)).json()
        if not isinstance(answer, dict):
            raise EspyError("the server's answer is no OpenAPI document")
        return answer
