# SPDX-License-Identifier: Apache-2.0
"""What the demo's halves share: where things are, and running the program."""
import json
import os
import pathlib
import subprocess
import sys

ESPY, PICTURES = (pathlib.Path(p).resolve() for p in sys.argv[1:3])
ROOT = pathlib.Path(__file__).resolve().parent.parent
OUT = pathlib.Path("demo-out")  # run.sh starts this in the root
DATA = pathlib.Path(os.environ.get("XDG_DATA_HOME") or pathlib.Path.home() / ".local/share")
SHARED = pathlib.Path(os.environ.get("ESPY_SHARED", ROOT.parent / "shared")) / "data"


def espy(*args, show=True):
    """Runs the program, echoing the command line a user would type; returns its standard output."""
    line = ["espy", *map(str, args)]
    if show:
        print("\n$", " ".join(line), flush=True)
    done = subprocess.run([ESPY, *map(str, args)], stdout=subprocess.PIPE, text=True, check=False,
                          stderr=None if show else subprocess.DEVNULL)
    if done.returncode != 0:
        sys.exit(f"demo: {' '.join(line)} failed with status {done.returncode}")
    return done.stdout


def identified(paths, *more):
    """One object a file."""
    out = espy("identify", *paths, "--json", "--quiet", *more, show=False)
    return [json.loads(line) for line in out.splitlines()]
