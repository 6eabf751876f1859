# SPDX-License-Identifier: Apache-2.0
"""What can go wrong: every failure is an EspyError."""
from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Type


class EspyError(Exception):
    """A request that failed.

    status      of HTTP; 0 where no answer came
    code        "not_found", "invalid", ...: docs/api.md of espy
    message     one line for people
    details     {field: [texts]} of a request that was refused
    request_id  what the server's log calls the request
    """

    def __init__(self, message: str, *, status: int = 0, code: str = "", details: Optional[Mapping[str, Any]] = None,
                 request_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details: Dict[str, Any] = dict(details or {})
        self.request_id = request_id

    def __str__(self) -> str:
        told: List[str] = []
        for field, texts in self.details.items():
            text = f"{field}: {'; '.join(map(str, texts)) if isinstance(texts, list) else texts}"
            if text not in self.message:
                told.append(text)
        text = f"{self.message}: {'; '.join(told)}" if told else self.message
        return f"{text} [{self.request_id}]" if self.request_id else text


class Unauthenticated(EspyError):
    """401: nobody is logged in, or not any more."""


class Forbidden(EspyError):
    """403: this account or key may not do that."""


class NotFound(EspyError):
    """404: it is not there, or somebody else's."""


class Conflict(EspyError):
    """409: it is there already, or something else is doing it."""


class Invalid(EspyError):
    """400, 415, 422: what was sent cannot be taken; .details tells which fields."""


class TooLarge(EspyError):
    """413: more than the server takes."""


class Unavailable(EspyError):
    """429, 503, or no answer at all: it may be tried again later."""


class JobFailed(EspyError):
    """A job that was waited for failed or was cancelled; .job has it."""

    def __init__(self, message: str, job: Any) -> None:
        super().__init__(message, code=str(job.state))
        self.job = job


_CLASSES: Dict[int, Type[EspyError]] = {
    400: Invalid, 401: Unauthenticated, 403: Forbidden, 404: NotFound, 409: Conflict, 413: TooLarge, 415: Invalid,
    422: Invalid, 429: Unavailable, 502: Unavailable, 503: Unavailable, 504: Unavailable,
}


def error_of(status: int, body: Any) -> EspyError:
    """The exception for an answer: body is its JSON, or None where it was none."""
    body = body if isinstance(body, dict) else {}
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    return _CLASSES.get(status, EspyError)(
        str(error.get("message") or f"the server answered {status}"), status=status, code=str(error.get("code") or ""),
        details=details if isinstance(details, dict) else None, request_id=str(body.get("request_id") or ""))
