# SPDX-License-Identifier: Apache-2.0
"""The demo where nothing is shared: people of the face-api package's photos from one face each, named in
altered copies; espeak-ng's voices."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

from support import PROGRAM, SOURCE, folder, main, skip

DATA = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share")
PICTURES = str(pathlib.Path(sys.argv[2]).resolve())


def demo(*given):
    """Its output and the folder in which it left its files."""
    at = folder()
    env = dict(os.environ, ESPY_SHARED=str(at / "absent"), ESPY_SOURCE_ROOT=str(SOURCE.resolve()))
    run = subprocess.run([sys.executable, "-B", str(SOURCE.resolve() / "demo/demo.py"), PROGRAM, PICTURES,
                          *map(str, given)], cwd=at, env=env, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout, at


def rows(said, columns):
    """{first column: figures} of the demo's tables."""
    return {what.strip(): figures.split() for what, figures in
            re.findall(r"^  (\S.{22,23}) +((?:[\d-]+ *){%d})$" % columns, said, re.M)}


def people_are_named_and_strangers_refused(said, at):
    found = rows(said, 4)
    assert len(found) == 5, said
    for what, (right, wrong, _, _) in found.items():
        assert wrong == "0", said
        assert what == "people not enrolled" or int(right) >= 13, said
    assert (at / "demo-out/annotated.jpg").stat().st_size > 10000
    assert (at / "demo-out/sheet.jpg").stat().st_size > 10000


def voices_are_named_and_strangers_refused(said, at):
    found = rows(said, 3)
    learned = {what: figures for what, figures in found.items() if "not learned" not in what}
    assert len(learned) == 6 and len(found) == 8, said
    assert all(wrong == "0" for _, wrong, _ in found.values()), said
    assert all(int(right) >= 6 for right, _, _ in learned.values()), said
    events = re.findall(r"^ +[\d.]+ - +[\d.]+ s  known +(\w+)", said, re.M)
    assert set(events) == set(learned), said
    assert "Retrain: True, New samples: 48" in said, said
    assert (at / "demo-out/sounds/long.wav").stat().st_size > 1000000


def demo_of_both_halves_and_of_own_sounds():
    said, at = demo()
    people_are_named_and_strangers_refused(said, at)
    if not shutil.which("espeak-ng"):
        assert "left out: espeak-ng" in said, said
        return
    voices_are_named_and_strangers_refused(said, at)
    own, _ = demo("", at / "demo-out/sounds/learned")
    assert "6 labels, 120 samples" in own and "closed set: accuracy" in own, own
    assert "Pictures with boxes" not in own, own


if not (DATA / "espy/models/face-api/photos").is_dir():
    skip("needs the face-api pack (scripts/get-face-api.sh)")
main([demo_of_both_halves_and_of_own_sounds])
