# SPDX-License-Identifier: Apache-2.0
"""The demo: demo.py ESPY PICTURES [PHOTOS [SOUNDS]]

Faces, then sounds.  With PHOTOS (a folder per person) or SOUNDS (a folder of recordings per class)
only what was given.  Leaves pictures, recordings and workspace in demo-out/.
"""
import os
import pathlib
import shutil
import sys
import time

import faces
import sounds
from program import OUT


def given(i, name, what):
    folder = pathlib.Path(sys.argv[i]) if len(sys.argv) > i and sys.argv[i] else None
    if folder and not folder.is_dir():
        sys.exit(f"demo: there is no folder {folder}; {name} must hold one folder per {what}")
    return folder


def main():
    started = time.monotonic()
    photos, recordings = given(3, "PHOTOS", "person"), given(4, "SOUNDS", "class of recordings")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    os.environ["ESPY_WORKSPACE"] = str(OUT / "workspace")
    print(f"$ export ESPY_WORKSPACE={os.environ['ESPY_WORKSPACE']}", flush=True)
    wrong = 0
    if photos or not recordings:
        wrong = faces.show(photos)
    if recordings or not photos:
        sounds.show(recordings)
    print(f"Done in {time.monotonic() - started:.0f} s.")
    if wrong:
        sys.exit(f"demo: {wrong} faces were given a wrong name")


main()
