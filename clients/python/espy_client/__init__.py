# SPDX-License-Identifier: Apache-2.0
"""Client of the espy server: recognises faces and sounds from a few labelled examples.

    from espy_client import Client

    with Client("http://127.0.0.1:8000", key="espy_...") as espy:
        print(espy.identify("students", "photo.jpg"))
"""
from .client import Client, Pages
from .errors import (Conflict, EspyError, Forbidden, Invalid, JobFailed, NotFound, TooLarge, Unauthenticated,
                     Unavailable)
from .things import (Aliases, Answer, Attendance, Candidate, Change, ChangedSide, Changes, Collection, Counts,
                     Embedding, Encoded, EncodedSample, Event, Found, FoundSample, Health, Identified, Imported, Job,
                     Key, Label, LiveEvent, LiveFrame, LiveSample, Login, Marked, Me, Media, Merged, Message,
                     Neighbour, Presence, Receipt, RefusedFile, Review, Said, Sample, Session, System, SystemLimits,
                     SystemPack, Track, Trigger, Undone, Uploaded, UploadedFile, UploadedSample, User, Verified,
                     Version, Versions, Waiting, WaitingCandidate, Webhook)
from .transport import File

__all__ = [
    "Aliases", "Answer", "Attendance", "Candidate", "Change", "ChangedSide", "Changes", "Client", "Collection",
    "Conflict", "Counts", "Embedding", "Encoded", "EncodedSample", "EspyError", "Event", "File", "Forbidden",
    "Found", "FoundSample", "Health", "Identified", "Imported", "Invalid", "Job", "JobFailed", "Key", "Label",
    "LiveEvent", "LiveFrame", "LiveSample", "Login", "Marked", "Me", "Media", "Merged", "Message", "Neighbour",
    "NotFound", "Pages", "Presence", "Receipt", "RefusedFile", "Review", "Said", "Sample", "Session", "System",
    "SystemLimits", "SystemPack", "TooLarge", "Track", "Trigger", "Unauthenticated", "Unavailable", "Undone",
    "Uploaded", "UploadedFile", "UploadedSample", "User", "Verified", "Version", "Versions", "Waiting",
    "WaitingCandidate", "Webhook",
]
