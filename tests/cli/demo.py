# SPDX-License-Identifier: Apache-2.0
"""The demo on the face-api package's photos: people from one face each, named in altered copies."""
import os
import pathlib
import re
import subprocess
import sys

from support import PROGRAM, SOURCE, folder, main, skip

DATA = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share")
if not (DATA / "espy/models/face-api/photos").is_dir():
    skip("needs the face-api pack (scripts/get-face-api.sh)")


def demo_names_people_and_refuses_strangers():
    at = folder()
    env = dict(os.environ, ESPY_SHARED=str(at / "absent"), ESPY_SOURCE_ROOT=str(SOURCE.resolve()))
    run = subprocess.run([sys.executable, str(SOURCE.resolve() / "demo/demo.py"), PROGRAM, str(pathlib.Path(sys.argv[2]).resolve())], cwd=at, env=env,
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    rows = dict((what.strip(), figures.split()) for what, figures in
                re.findall(r"^  (\S.{22,23}) +((?:[\d-]+ *){4})$", run.stdout, re.M))
    assert len(rows) == 5, run.stdout
    for what, (right, wrong, _, _) in rows.items():
        assert wrong == "0", run.stdout
        assert what == "people not enrolled" or int(right) >= 13, run.stdout
    assert (at / "demo-out/annotated.jpg").stat().st_size > 10000
    assert (at / "demo-out/sheet.jpg").stat().st_size > 10000


main([demo_names_people_and_refuses_strangers])
