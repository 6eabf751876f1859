# SPDX-License-Identifier: Apache-2.0
"""The Python client: its own tests against a server of ours, its types, and its five examples from the command
line.  Photos of ../shared, or the face-api package's; sounds of ../shared, or noises that are made here."""
import math
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys
import wave

from serve_support import Server
from support import SHARED, SOURCE, Run, folder, main, skip, some_people

CLIENT = (SOURCE / "clients" / "python").resolve()
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
FACES, SOUNDS = SHARED / "data" / "faces", SHARED / "data" / "sounds"
PACKAGE = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share") / \
    "espy/models/face-api/photos"
SNAPSHOTS = (FACES / "lfw10").is_dir()
AT = folder()
PHOTOS, TEST, FIRST, LATER, CLIPS = (AT / name for name in ("photos", "test", "first", "later", "clips"))
if not SNAPSHOTS and not PACKAGE.is_dir():
    skip("needs ../shared/data/faces or the face-api pack")
ENCODER = () if SNAPSHOTS else ("--encoder", "face-api")


# -- what is shown to it -----------------------------------------------------------------------
def copies(source, target, amounts):
    """Altered copies of a photo: turned, or with less light."""
    target.mkdir(parents=True, exist_ok=True)
    for how, amount in amounts:
        subprocess.run([sys.argv[2], how, str(amount), str(source), str(target / f"{source.stem}_{how}{amount}.png")],
                       check=True)


def snapshots():
    for person in some_people(FACES / "lfw10", PHOTOS, people=3, photos=6):
        files = sorted((FACES / "lfw10" / person).iterdir())
        for target, some in ((FIRST, files[:4]), (LATER, files[4:6]), (TEST / person, files[6:8])):
            target.mkdir(parents=True, exist_ok=True)
            for file in some:
                shutil.copy(file, target)
    (TEST / "Stranger").mkdir()
    for file in sorted((FACES / "unknown").iterdir())[:3]:
        shutil.copy(file, TEST / "Stranger")


def package_photos():
    """The largest face of a group photo is learned from copies of it."""
    for n in (1, 3, 5):
        photo = PACKAGE / f"sample{n}.jpg"
        copies(photo, PHOTOS / f"person{n}", (("turn", 3), ("turn", -3), ("dim", 0.8), ("dim", 0.9), ("turn", 5)))
        shutil.copy(photo, PHOTOS / f"person{n}" / "0.jpg")
        copies(photo, TEST / f"person{n}", (("turn", 2),))
        copies(photo, FIRST, (("dim", 0.9), ("turn", 1)))
        copies(photo, LATER, (("turn", 4),))
    copies(PACKAGE / "sample2.jpg", TEST / "Stranger", (("dim", 0.9),))


def noise(path, kind, seed):
    """Two seconds of a tone that warbles, clicks, or hiss."""
    r, rate = random.Random(seed), 16000
    pitch = r.uniform(0.9, 1.1)
    values = []
    for i in range(2 * rate):
        t = i / rate
        v = {"siren": math.sin(2 * math.pi * pitch * (700 * t + 60 * math.sin(4 * t))),
             "click": r.gauss(0, 1) * math.exp(-60 * (t * 4 % 1)), "rain": r.gauss(0, 0.3)}[kind]
        values.append(max(-32767, min(32767, round(9000 * v + r.gauss(0, 60)))))
    with wave.open(str(path), "wb") as f:
        f.setparams((1, 2, rate, len(values), "NONE", ""))
        f.writeframes(struct.pack(f"<{len(values)}h", *values))


def clips():
    if SOUNDS.is_dir():
        for name in ("dog_bark", "rain", "siren"):
            (CLIPS / name).mkdir(parents=True)
            for file in sorted(p for p in (SOUNDS / name).iterdir() if p.suffix in (".wav", ".ogg"))[:10]:
                shutil.copy(file, CLIPS / name)
        return
    for name in ("click", "rain", "siren"):
        (CLIPS / name).mkdir(parents=True)
        for n in range(10):
            noise(CLIPS / name / f"{n}.wav", name, 100 * len(name) + n)


# -- the tests -------------------------------------------------------------------------------------
def run(*args, code=0, **env):
    done = subprocess.run([PYTHON, *map(str, args)], cwd=CLIENT, env=dict(os.environ, **env), capture_output=True,
                          text=True, timeout=250, check=False)
    assert done.returncode == code, f"{args}: exit status {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def example(name, *args, **more):
    return run(f"examples/{name}.py", f"http://127.0.0.1:{SERVER.port}", *args, "--user", "admin",
               ESPY_PASSWORD=SERVER.password, **more)


def its_own_tests():
    said = run("-W", "error::ResourceWarning", "-m", "unittest", "discover", "-s", "tests",
               ESPY_URL=f"http://127.0.0.1:{SERVER.port}", ESPY_PASSWORD=SERVER.password,
               **({"ESPY_PHOTOS": str(PHOTOS)} if SNAPSHOTS else {}))
    assert re.search(r"Ran [3-9]\d tests", said) and "OK" in said, said
    print(said.strip().splitlines()[-1])


def the_document_is_followed():
    assert "0 differences" in run("check_openapi.py", f"http://127.0.0.1:{SERVER.port}")


def types():
    """mypy --strict, where there is one or PyPI gives it."""
    home = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "espy/mypy"
    if not (home / "complete").is_file():
        shutil.rmtree(home, ignore_errors=True)
        try:
            subprocess.run([PYTHON, "-m", "venv", home], check=True, capture_output=True, timeout=60)
            subprocess.run([home / "bin/pip", "install", "--quiet", "--disable-pip-version-check", "--retries", "1",
                            "--timeout", "10", "mypy"], check=True, capture_output=True, timeout=90)
        except (subprocess.SubprocessError, OSError):
            shutil.rmtree(home, ignore_errors=True)
            print("mypy could not be had from PyPI: left out")
            return
        (home / "complete").touch()
    done = subprocess.run([home / "bin/mypy", "--strict", "--cache-dir", AT / "mypy", "espy_client"], cwd=CLIENT,
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def students():
    person, *_ = sorted(PHOTOS.iterdir())
    known = sorted(person.iterdir())[0]
    said = example("retrain_students", PHOTOS, known, *ENCODER)
    assert "version 1: 3 students" in said, said
    assert re.search(rf"{re.escape(str(known))}: .*{person.name} \(", said), said
    again = example("retrain_students", PHOTOS, *ENCODER)
    assert "version 2: 3 students" in again, again


def thresholds():
    said = example("train_and_test", PHOTOS, TEST, *ENCODER)
    rows = [list(map(float, line.split())) for line in said.splitlines() if re.match(r" +0\.\d\d ", said and line)]
    assert [row[0] for row in rows] == [0.5, 0.6, 0.7, 0.8, 0.9], said
    assert rows[0][1] >= 3 and all(row[3] == 0 for row in rows), said
    assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True), said
    if SNAPSHOTS:
        assert all(row[4] == 0 for row in rows), said


def characters():
    person, *_ = sorted(PHOTOS.iterdir())
    scene = sorted((TEST / person.name).iterdir())[0]
    said = example("characters", PHOTOS, scene, *ENCODER)
    assert "3 characters" in said and re.search(r"[1-9]\d* faces", said), said


def attendance():
    (AT / "names").write_text("STU001 Ada Lovelace\nSTU002 Bob\n")
    said = example("attendance", "Math 101", "Session 1", FIRST, "--date", "2026-09-07", "--names", AT / "names",
                   "--faces", AT / "faces", *ENCODER)
    assert re.search(r"^STU001 +Ada Lovelace +present$", said, re.M), said
    faces = sorted((AT / "faces").glob("cluster_*.jpg"))
    assert len(faces) >= 3 and all(face.read_bytes()[:3] == b"\xff\xd8\xff" for face in faces), faces
    said = example("attendance", "Math 101", "Session 2", LATER, "--date", "2026-09-14", "--later", *ENCODER)
    assert re.search(r"^STU001 +Ada Lovelace +present$", said, re.M), said
    said = run("examples/attendance.py", f"http://127.0.0.1:{SERVER.port}", "Math 101", "x", AT / "none", code=1)
    assert said.startswith("attendance.py: ") and len(said.splitlines()) == 1, said


def sounds():
    said = example("sounds", CLIPS, "--least", 500, "--epochs", 5)  # where nothing was learned, any number is enough
    assert "30 new recordings; learning" in said and "epoch 5/5: loss" in said and "version 1," in said, said
    said = example("sounds", CLIPS, "--least", 500)
    assert "0 new recordings; not enough" in said and "epoch" not in said, said
    said = example("sounds", CLIPS, "--least", 0, "--epochs", 3)
    assert "version 2," in said, said
    said = example("sounds", "--versions")
    live = int(re.search(r"^ +(\d+) .* live$", said, re.M).group(1))
    said = example("sounds", "--rollback", "--versions") if live == 2 else ""
    assert live == 1 or "version 1 answers; before it was 2" in said, said


(snapshots if SNAPSHOTS else package_photos)()
clips()
Run("init", AT / "w").expect(0)
SERVER = Server(AT / "w")
try:
    main([its_own_tests, the_document_is_followed, types, students, thresholds, characters, attendance, sounds])
finally:
    SERVER.stop()
