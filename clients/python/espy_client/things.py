# SPDX-License-Identifier: Apache-2.0
"""What the server answers, as dataclasses.

Fields that have no default are in every answer; `.raw` has the answer as it came, with what this version of the
client does not know.  Times are aware datetimes in UTC."""
from __future__ import annotations

import dataclasses
import datetime
import functools
import typing
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple, Type, TypeVar, Union

from .errors import EspyError

T = TypeVar("T", bound="Thing")
Time = datetime.datetime


def _time(text: str) -> Time:
    return datetime.datetime.fromisoformat(text[:-1] + "+00:00" if text.endswith("Z") else text)


def _value(hint: Any, value: Any) -> Any:
    """A value of JSON as its field's type."""
    if value is None:
        return None
    if typing.get_origin(hint) is Union:
        hint = next(one for one in typing.get_args(hint) if one is not type(None))
    if typing.get_origin(hint) is list and isinstance(value, list):
        inner = typing.get_args(hint)[0]
        return [_value(inner, one) for one in value]
    if isinstance(hint, type) and issubclass(hint, Thing):
        return hint.of(value)
    if hint is Time and isinstance(value, str):
        return _time(value)
    return value


@functools.lru_cache(maxsize=None)
def _fields(cls: Any) -> Tuple[Tuple[str, Any, bool], ...]:
    """Name, type, and whether every answer has it."""
    hints = typing.get_type_hints(cls)
    return tuple((f.name, hints[f.name],
                  f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING)
                 for f in dataclasses.fields(cls))


class Thing:
    """One answer, or a part of one."""

    raw: Dict[str, Any]

    @classmethod
    def of(cls: Type[T], raw: Any) -> T:
        if not isinstance(raw, dict):
            raise EspyError(f"the server's answer is no {cls.__name__}")
        kind: Any = cls
        values: Dict[str, Any] = {}
        for name, hint, required in _fields(kind):
            if name in raw:
                values[name] = _value(hint, raw[name])
            elif required:
                raise EspyError(f"the server's answer has no {cls.__name__}.{name}")
        made = cls(**values)
        object.__setattr__(made, "raw", raw)
        return made


def _list() -> Any:
    return dataclasses.field(default_factory=list)


# -- what a collection holds ------------------------------------------------------------------------
@dataclass(frozen=True)
class Counts(Thing):
    labels: int = 0
    media: int = 0
    samples: int = 0
    labelled: int = 0
    versions: int = 0


@dataclass(frozen=True)
class Collection(Thing):
    """`counts`, `live` and `previous` (numbers of versions) are told of one collection, not in lists."""
    id: int
    name: str
    modality: str
    encoder: str = ""
    encoder_digest: str = ""
    precision: str = ""
    description: Optional[str] = None
    owner: Optional[int] = None
    active: bool = True
    created: Optional[Time] = None
    counts: Optional[Counts] = None
    live: Optional[int] = None
    previous: Optional[int] = None


@dataclass(frozen=True)
class Label(Thing):
    id: int
    collection: int
    code: str
    name: str
    samples: int = 0
    sessions: int = 0
    grouped: bool = False
    learned: bool = False
    email: Optional[str] = None
    detail: Optional[Dict[str, Any]] = None
    account: Optional[int] = None
    created: Optional[Time] = None
    event: Optional[int] = None  # of change() and split(), for undo()


@dataclass(frozen=True)
class Merged(Thing):
    label: int
    moved: int
    left: int
    event: Optional[int] = None


@dataclass(frozen=True)
class Receipt(Thing):
    """Of an erasure; .raw counts what went."""
    token: str


@dataclass(frozen=True)
class Said(Thing):
    label: Optional[int]
    samples: int
    event: Optional[int] = None


@dataclass(frozen=True)
class Undone(Thing):
    event: int
    action: str
    samples: int = 0
    media: int = 0
    kept: int = 0


@dataclass(frozen=True)
class Session(Thing):
    id: int
    collection: int
    name: str
    state: str
    date: Optional[str] = None
    start_time: Optional[str] = None
    end_time: Optional[str] = None
    notes: Optional[str] = None
    detail: Optional[Dict[str, Any]] = None
    owner: Optional[int] = None
    media: int = 0
    samples: int = 0
    labelled: int = 0
    created: Optional[Time] = None
    ended: Optional[Time] = None


@dataclass(frozen=True)
class Attendance(Thing):
    id: int
    session: int
    label: int
    day: str
    present: bool
    session_name: Optional[str] = None
    code: Optional[str] = None
    name: Optional[str] = None
    manual: bool = False
    sample: Optional[int] = None
    confidence: Optional[float] = None
    note: Optional[str] = None
    time: Optional[Time] = None


@dataclass(frozen=True)
class Marked(Thing):
    id: int
    session: int
    label: int
    day: str
    present: bool


@dataclass(frozen=True)
class Presence(Thing):
    """One person in one session: `samples` of them, what somebody `said` (None: nothing), and what follows."""
    label: int
    session: int
    samples: int
    said: Optional[bool]
    present: bool


@dataclass(frozen=True)
class Media(Thing):
    id: int
    collection: int
    digest: str
    session: Optional[int] = None
    bytes: int = 0
    source: Optional[str] = None
    probe: bool = False
    width: int = 0
    height: int = 0
    samples: int = 0
    labelled: int = 0
    error: Optional[str] = None
    created: Optional[Time] = None
    scanned: Optional[Time] = None


@dataclass(frozen=True)
class UploadedSample(Thing):
    id: int
    box: List[float] = _list()
    score: Optional[float] = None


@dataclass(frozen=True)
class UploadedFile(Thing):
    """status: added, known (the same bytes were there), relabelled, unreadable, too_large, no_sample,
    several_samples."""
    file: str
    status: str
    error: Optional[str]
    media: Optional[int]
    samples: List[UploadedSample]
    elsewhere: bool = False

    @property
    def good(self) -> bool:
        return self.status in ("added", "known")


@dataclass(frozen=True)
class Uploaded(Thing):
    items: List[UploadedFile]
    added: int
    refused: int
    label: Optional[int]


@dataclass(frozen=True)
class RefusedFile(Thing):
    file: str
    error: str


@dataclass(frozen=True)
class Imported(Thing):
    """Of an archive; `items` has the first of those that were refused."""
    added: int
    known: int
    refused: int
    items: List[RefusedFile]


@dataclass(frozen=True)
class Sample(Thing):
    id: int
    collection: int
    media: int
    box: List[float]
    label: Optional[int]
    session: Optional[int] = None
    score: Optional[float] = None
    sharpness: Optional[float] = None
    code: Optional[str] = None
    name: Optional[str] = None
    labelled_by: Optional[str] = None
    grouped: bool = False
    confidence: Optional[float] = None
    created: Optional[Time] = None


@dataclass(frozen=True)
class Embedding(Thing):
    sample: int
    encoder: str
    dimension: int
    embedding: List[float]
    encoder_digest: str = ""


@dataclass(frozen=True)
class Neighbour(Thing):
    sample: int
    label: int
    code: str
    name: str
    similarity: float


# -- asking -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Candidate(Thing):
    label: str
    similarity: Optional[float]
    probability: Optional[float]


@dataclass(frozen=True)
class Answer(Thing):
    """One face (`box`: x, y, width, height) or stretch of sound (`start`, `end` in seconds).
    decision: known, unknown, ambiguous, poor_quality."""
    score: float
    decision: str
    label: Optional[str]
    name: Optional[str]
    similarity: Optional[float]
    probability: Optional[float]
    candidates: List[Candidate]
    box: Optional[List[float]] = None
    start: Optional[float] = None
    end: Optional[float] = None


@dataclass(frozen=True)
class Identified(Thing):
    """decision: faces, no_face, sounds, error."""
    media: str
    decision: str
    error: Optional[str]
    samples: List[Answer]


@dataclass(frozen=True)
class Verified(Thing):
    match: bool
    similarity: float
    floor: float


@dataclass(frozen=True)
class FoundSample(Thing):
    neighbours: List[Neighbour]
    score: Optional[float] = None
    box: Optional[List[float]] = None
    start: Optional[float] = None
    end: Optional[float] = None


@dataclass(frozen=True)
class Found(Thing):
    samples: List[FoundSample]


@dataclass(frozen=True)
class EncodedSample(Thing):
    score: float
    box: Optional[List[float]] = None
    points: Optional[List[List[float]]] = None
    start: Optional[float] = None
    end: Optional[float] = None
    embedding: Optional[List[float]] = None


@dataclass(frozen=True)
class Encoded(Thing):
    media: str
    encoder: str
    dimension: int
    samples: List[EncodedSample]
    encoder_digest: str = ""
    width: int = 0
    height: int = 0


# -- learning ---------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Job(Thing):
    """state: queued, running, done, failed, cancelled."""
    id: int
    collection: Optional[int]
    kind: str
    state: str
    progress: float
    stopping: bool = False
    attempt: int = 0
    request: Optional[Dict[str, Any]] = None
    result: Optional[Dict[str, Any]] = None
    error: Optional[str] = None
    created: Optional[Time] = None
    started: Optional[Time] = None
    finished: Optional[Time] = None

    @property
    def over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


@dataclass(frozen=True)
class Version(Thing):
    """detail: threshold, metrics, lineage ...: what version.json says."""
    version: int
    head: str
    digest: str
    detail: Dict[str, Any]
    created: Optional[Time] = None


@dataclass(frozen=True)
class Versions(Thing):
    """All versions, newest first; which answers (`live`), which did before (`previous`)."""
    items: List[Version]
    live: Optional[int]
    previous: Optional[int]


@dataclass(frozen=True)
class ChangedSide(Thing):
    """What one version says; `label` and `name` of a known one."""
    decision: str
    label: Optional[str]
    name: Optional[str]
    probability: Optional[float]
    similarity: Optional[float]


@dataclass(frozen=True)
class Change(Thing):
    """A sample that two versions answer differently; code: what a person or a folder said of it."""
    sample: int
    media: int
    code: Optional[str]
    before: ChangedSide
    after: ChangedSide


@dataclass(frozen=True)
class Changes(Thing):
    """What turned wrong first; `changed` counts all, `right_before` and `right_after` those of `labelled`."""
    version: int
    asked: int
    changed: int
    items: List[Change]
    right_before: int
    right_after: int
    labelled: int

    @property
    def with_(self) -> int:
        """The version that it was compared with."""
        return int(self.raw["with"])


@dataclass(frozen=True)
class WaitingCandidate(Thing):
    """label: its code; reference: the nearest sample that somebody gave this label."""
    label: str
    id: int
    name: str
    probability: Optional[float]
    similarity: Optional[float]
    reference: Optional[int]


@dataclass(frozen=True)
class Waiting(Thing):
    """reason: ambiguous, border, confirm, unknown, poor_quality; margin: the best label's probability less that of
    the second."""
    sample: Sample
    decision: str
    reason: str
    margin: Optional[float]
    candidates: List[WaitingCandidate]


@dataclass(frozen=True)
class Review(Thing):
    """The first of `total` samples that wait; `version` and `threshold` are None where nothing was learned yet."""
    items: List[Waiting]
    total: int
    threshold: Optional[float]
    floor: Optional[float]
    version: Optional[int]


@dataclass(frozen=True)
class Aliases(Thing):
    live: Optional[int]
    previous: Optional[int]


@dataclass(frozen=True)
class Trigger(Thing):
    retrain: bool
    new_samples: int
    min_new_samples: int = 0


@dataclass(frozen=True)
class Event(Thing):
    id: int
    time: Time
    actor: str
    action: str
    collection: Optional[int] = None
    label: Optional[int] = None
    sample: Optional[int] = None
    version: Optional[int] = None
    undoable: bool = False
    undone: bool = False
    detail: Optional[Any] = None


@dataclass(frozen=True)
class Message:
    """One server-sent event."""
    event: str
    data: Dict[str, Any]
    id: Optional[int] = None


# -- cameras and microphones -----------------------------------------------------------------------
@dataclass(frozen=True)
class Track(Thing):
    """A face over the frames of a stream: what they agree on, and whether the session's list got it ("new",
    "already")."""
    id: int
    frames: int
    consensus: str
    label: Optional[str] = None
    marked: Optional[str] = None


@dataclass(frozen=True)
class LiveSample(Answer):
    track: Optional[Track] = None


@dataclass(frozen=True)
class LiveEvent(Thing):
    """A sound that is heard, `open` while it may go on; seconds since the stream began."""
    id: int
    label: str
    start: float
    end: float
    name: Optional[str] = None
    open: bool = False
    probability: Optional[float] = None
    similarity: Optional[float] = None


@dataclass(frozen=True)
class LiveFrame(Thing):
    """The answer to one frame (`samples`) or chunk of sound (`events`)."""
    media: str
    decision: str
    samples: List[LiveSample] = _list()
    events: List[LiveEvent] = _list()
    frame: int = 0
    width: int = 0
    height: int = 0
    heard: float = 0.0


# -- people -----------------------------------------------------------------------------------------
@dataclass(frozen=True)
class User(Thing):
    """role: admin, instructor, student.  `id` is None for a server that trusts its own machine."""
    id: Optional[int]
    name: str
    full_name: Optional[str]
    email: Optional[str]
    role: str
    enabled: bool
    detail: Optional[Dict[str, Any]]
    created: Optional[Time]


@dataclass(frozen=True)
class Login(Thing):
    user: User
    expires_in: float
    access: str = ""


@dataclass(frozen=True)
class Me(Thing):
    user: User
    may: List[str]


@dataclass(frozen=True)
class Key(Thing):
    """`key` is told when it is made, and never again."""
    id: int
    owner: Optional[int] = None
    name: str = ""
    scopes: List[str] = _list()
    collection: Optional[int] = None
    created: Optional[Time] = None
    used: Optional[Time] = None
    expires: Optional[Time] = None
    key: Optional[str] = None


@dataclass(frozen=True)
class Webhook(Thing):
    """`secret` is told when it is made, and never again."""
    id: int
    owner: Optional[int] = None
    url: str = ""
    events: List[str] = _list()
    collection: Optional[int] = None
    enabled: bool = True
    created: Optional[Time] = None
    secret: Optional[str] = None


# -- the server -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Health(Thing):
    status: str
    version: str = ""


@dataclass(frozen=True)
class SystemLimits(Thing):
    """Bytes of a request, of a file; pixels of a picture in all and of its longer side; items of a list; streams."""
    body: int
    file: int
    pixels: int
    side: int
    ids: int
    streams: int
    request_seconds: float
    long_seconds: float


@dataclass(frozen=True)
class SystemPack(Thing):
    """usable: its networks are there and espy.conf allows it; why: why not."""
    name: str
    summary: Optional[str]
    modality: str
    dimension: int
    licence: Optional[str]
    commercial: bool
    usable: bool
    why: Optional[str]
    networks: int


@dataclass(frozen=True)
class System(Thing):
    """store: sqlite or postgresql; cpu: avx512, avx2, plain; trigger, schedule ...: of espy.conf."""
    version: str
    started: Time
    store: str
    workers: int
    memory_bytes: int
    cpu: str
    trust_loopback: bool
    listen: str
    trigger: Optional[int]
    schedule: Optional[str]
    schedule_trigger: Optional[int]
    min_accuracy: Optional[float]
    limits: SystemLimits
    packs: List[SystemPack]
