#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes attendance from photos of a class: groups and names people the first time, knows them later.

    attendance.py URL CLASS SESSION PHOTOS --date YYYY-MM-DD           the first session: who is who is asked
    attendance.py URL CLASS SESSION PHOTOS --date YYYY-MM-DD --later   later ones: people are recognised

--faces DIR keeps a picture of each group, to name it by; --names FILE has lines "CODE NAME", the largest group
first, instead of asking."""
import pathlib
import sys

from common import arguments, collection, connect, media_in, run


def names(path):
    """Lines of a file, or what is typed; an empty one leaves a group unnamed."""
    if path:
        yield from pathlib.Path(path).read_text(encoding="utf-8").splitlines()
    elif sys.stdin.isatty():
        while True:
            yield input("code and name: ")


def first(espy, course, session, given):
    espy.jobs.wait(espy.cluster(course, session=session.name, date=session.date))
    groups = sorted(espy.labels.list(course, grouped=True), key=lambda group: -group.samples)
    print(f"{len(groups)} people")
    answers = names(given.names)
    for group in groups:
        face = espy.samples.list(course, label=group, sort="score").first()
        if given.faces and face:
            pathlib.Path(given.faces).mkdir(parents=True, exist_ok=True)
            (pathlib.Path(given.faces) / f"{group.code}.jpg").write_bytes(espy.samples.picture(face))
        print(f"{group.code}: {group.samples} pictures")
        code, _, name = next(answers, "").strip().partition(" ")
        if code:
            espy.labels.change(group, code=code, name=name or None)


def main():
    parser = arguments(__doc__)
    parser.add_argument("course", metavar="class", help="collection of the class; made when it is not there")
    parser.add_argument("session", help="name of the session")
    parser.add_argument("photos", help="folder of photos of the class")
    parser.add_argument("--date", help="YYYY-MM-DD")
    parser.add_argument("--later", action="store_true", help="people are recognised")
    parser.add_argument("--names", help='file of "CODE NAME" lines')
    parser.add_argument("--faces", help="folder for a picture of each group")
    given = parser.parse_args()
    with connect(given) as espy:
        course = collection(espy, given.course, "face", given.encoder)
        session = espy.sessions.create(course, given.session, date=given.date)
        sent = list(espy.media.upload_all(course, media_in(given.photos), session=session))
        print(f"{session.name}: {len(sent)} photos, {sum(len(f.samples) for f in sent)} faces")
        if given.later:
            espy.jobs.wait(espy.assign(course, session=session.name, date=session.date))
        else:
            first(espy, course, session, given)
        espy.sessions.change(session, state="closed")
        present = {p.label for p in espy.attendance.presence(course, sessions=[session]) if p.present}
        for label in espy.labels.list(course, grouped=False):
            print(f"{label.code:12} {label.name:24} {'present' if label.id in present else 'absent'}")


run(main)
