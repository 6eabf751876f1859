# SPDX-License-Identifier: Apache-2.0
"""The three scenarios of docs/scenarios, from photos to attendance: the right names, no stranger among them."""
import os
import subprocess

from support import PROGRAM, SHARED, SOURCE, Run, folder, main, shared_faces, skip

FACES = shared_faces()
if not (SHARED / "models" / "edgeface_xxs_deq.onnx").is_file():
    skip("needs the pack edgeface (../shared/models)")
AT = folder()
CLASS = {"STU001": "Ariel Sharon", "STU002": "Colin Powell", "STU003": "Hugo Chavez", "STU004": "Jacques Chirac",
         "STU005": "Tony Blair"}


def scenario(name):
    env = dict(os.environ, ESPY=PROGRAM, FACES=str(FACES), OUT=str(AT / "out"), ESPY_SOURCE_ROOT=str(SOURCE.resolve()))
    run = subprocess.run(["sh", str(SOURCE / "docs/scenarios" / name)], env=env, capture_output=True, text=True,
                         timeout=600, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def there(session):
    """{code: name} of the session's attendance list, without groups."""
    listed = Run("label", "list", "--session", session, "--workspace", AT / "out/workspace", "--json").expect(0).json
    return {one["label"]: one["name"] for one in listed if not one["group"]}


def files(code):
    listed = Run("label", "list", code, "--workspace", AT / "out/workspace", "--json").expect(0).json
    return [os.path.basename(one["media"]) for one in listed]


def first_session():
    said = scenario("1-first-session.sh")
    assert there("Week 1") == CLASS, said
    assert (AT / "out/week1.jpg").stat().st_size > 10000
    for code, name in CLASS.items():
        assert len(files(code)) == 3 and all(f.startswith(name.replace(" ", "_")) for f in files(code)), said


def later_session():
    said = scenario("2-later-session.sh")
    assert there("Week 2") == CLASS | {"STU006": "Student Six"}, said
    for code, name in CLASS.items():
        assert len(files(code)) == 6 and all(f.startswith(name.replace(" ", "_")) for f in files(code)), said
    strangers = {p.name for p in (AT / "out/week2").iterdir()} & {p.name for p in (FACES / "unknown").iterdir()}
    assert len(strangers) == 8
    left = Run("label", "list", "--nobody", "--workspace", AT / "out/workspace", "--json").expect(0).json
    assert strangers <= {os.path.basename(one["media"]) for one in left}, said


def whole_class():
    said = scenario("3-class.sh")
    assert there("Week 1") == there("Week 2") == CLASS | {"STU006": "Student Six"}, said
    for code, name in CLASS.items():
        assert len(files(code)) == 6 and all(f.startswith(name.replace(" ", "_")) for f in files(code)), said
    assert sorted(files("STU006")) == ["deepinsight_t1.jpg", "timesler_multiface.jpg"], said
    assert (AT / "out/class.jpg").stat().st_size > 10000


main([first_session, later_session, whole_class])
