# SPDX-License-Identifier: Apache-2.0
"""What the examples share: their arguments, and folders with one folder per label."""
import argparse
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from espy_client import Client, EspyError, NotFound  # noqa: E402

MEDIA = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".bmp", ".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff"}


def arguments(text):
    """url, --key, --user; the example adds what it needs."""
    parser = argparse.ArgumentParser(description=text.strip().splitlines()[0],
                                     epilog="The password of --user is read from ESPY_PASSWORD.")
    parser.add_argument("url", help="of the server: http://127.0.0.1:8000")
    parser.add_argument("--key", default=os.environ.get("ESPY_KEY"), help="API key (else ESPY_KEY)")
    parser.add_argument("--user", help="account, where there is no key")
    parser.add_argument("--encoder", help="pack of networks, for a new collection")
    return parser


def connect(given):
    key = None if given.user else given.key
    return Client(given.url, key=key, user=given.user, password=os.environ.get("ESPY_PASSWORD") if given.user else None)


def media_in(folder):
    """Pictures and recordings of a folder, by name."""
    return sorted(p for p in pathlib.Path(folder).iterdir() if p.suffix.lower() in MEDIA)


def collection(espy, name, modality, encoder):
    """The collection of this name; made when it is not there."""
    try:
        return espy.collections.get(name)
    except NotFound:
        return espy.collections.create(name, modality=modality, encoder=encoder)


def upload_folders(espy, where, folder):
    """A folder per label goes up; tells what came of it."""
    people = sorted(p for p in pathlib.Path(folder).iterdir() if p.is_dir())
    if not people:
        sys.exit(f"{folder} has no folders: one per label is expected")
    for person in people:
        done = list(espy.media.upload_all(where, media_in(person), label=person.name))
        print(f"{person.name}: {sum(f.good for f in done)} of {len(done)}")
        for file in done:
            if not file.good:
                print(f"  {file.file}: {file.status}")


def run(example):
    """Runs it; a refusal of the server is one line."""
    try:
        example()
    except (EspyError, OSError) as error:
        sys.exit(f"{pathlib.Path(sys.argv[0]).name}: {error}")
