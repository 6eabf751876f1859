# SPDX-License-Identifier: Apache-2.0
"""What the tests of the program share: running it, the shared photos, the face-api pack."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("ESPY_SOURCE_ROOT", "."))
SHARED = pathlib.Path(os.environ.get("ESPY_SHARED", SOURCE.parent / "shared"))
PROGRAM = str(pathlib.Path(sys.argv[1]).resolve()) if len(sys.argv) > 1 else "espy"


def skip(why):
    print("SKIP:", why)
    sys.exit(77)


def shared_faces():
    faces = SHARED / "data" / "faces"
    if not faces.is_dir():
        skip("needs ../shared/data/faces")
    return faces


class Run:
    """One call of the program: .code, .out, .err, .json (one object a line)."""

    def __init__(self, *args, cwd=None, stdin=None, env=None, timeout=600):
        full = dict(os.environ, ESPY_SOURCE_ROOT=str(SOURCE.resolve()), **(env or {}))
        done = subprocess.run([PROGRAM, *map(str, args)], cwd=cwd, input=stdin, env=full,
                              capture_output=True, timeout=timeout, check=False)
        self.args = args
        self.code = done.returncode
        self.out = done.stdout.decode("utf-8", "replace")
        self.err = done.stderr.decode("utf-8", "replace")

    @property
    def json(self):
        return [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]

    def expect(self, code, text=None):
        """The exit status, and a text that stdout or stderr holds."""
        said = f"espy {' '.join(map(str, self.args))}\n{self.out}{self.err}"
        assert self.code == code, f"exit status {self.code}, not {code}: {said}"
        if text is not None:
            assert text in self.out + self.err, f"{text!r} is missing in: {said}"
        if code == 1:
            last = self.err.strip().splitlines()[-1:]
            assert last and last[0].startswith("espy: "), f"no one-line error: {said}"
        return self


def folder():
    """A temporary folder that is gone when the program ends."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="espy-test-"))
    import atexit
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return path


def some_people(source, target, people, photos, rename=None):
    """Copies the first `photos` pictures of the first `people` folders; returns the folder names."""
    names = []
    for number, person in enumerate(sorted(p for p in source.iterdir() if p.is_dir())[:people], 1):
        name = rename.format(number=number, name=person.name) if rename else person.name
        (target / name).mkdir(parents=True)
        for picture in sorted(person.iterdir())[:photos]:
            shutil.copy(picture, target / name)
        names.append(name)
    return names


def main(cases):
    """Runs every function of the list; the first failure ends the program with status 1."""
    for case in cases:
        print("--", case.__name__, flush=True)
        case()
    print("all", len(cases), "passed")
