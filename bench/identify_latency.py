#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`espy identify` of one photo, from the start of the process to its end, with a warm tuning cache.

For each pack that is installed: people are learned into a new workspace, one photo is identified once
to warm the cache, then so often by turns, and the median of the wall clock is told, with what the CPU
did.  Start, reading and verifying the networks, compiling them, the workspace: all of it is in.

  bench/identify_latency.py --espy build/espy [--packs mobilefacenet,face-api] [--times 20]
"""
import argparse
import json
import pathlib
import statistics
import tempfile

from common import Run, Watch, altered_people, espy_environment, machine, spread, write_photos

MARK = 0.5  # seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--espy", required=True, help="the program")
    parser.add_argument("--packs", default="mobilefacenet,face-api")
    parser.add_argument("--times", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment, home = espy_environment(home), pathlib.Path(home)
        altered_people(home / "people", 10, 8)
        one = sorted((home / "people").rglob("007.jpg"))[3]
        photos = {"640 px": write_photos(home / "640", [one], 640, 0, 3.0) / "0000.jpg",
                  "12 MP": write_photos(home / "12mp", [one], 4000, 3000, 5.0) / "0000.jpg"}
        listed = Run([options.espy, "models", "list", "--json"], environment, keep=True).out
        installed = {p["pack"] for p in map(json.loads, listed.splitlines()) if p["installed"]}
        print(f"{machine()}\n{'pack':16} {'photo':7} {'s, wall':24} {'s, CPU':24} others")
        for pack in options.packs.split(","):
            if pack not in installed:
                print(f"{pack:16} is not installed: espy models list")
                continue
            workspace = home / ("w-" + pack)
            Run([options.espy, "train", home / "people", "--workspace", workspace, "--encoder", pack, "--quiet"],
                environment)
            for name, photo in photos.items():
                command = [options.espy, "identify", photo, "--workspace", workspace, "--json", "--quiet"]
                answer = json.loads(Run(command, environment, keep=True).out)
                if not answer["samples"]:
                    raise SystemExit(f"{pack} finds no face in {photo}")
                watch = Watch()
                runs = [Run(command, environment) for _ in range(options.times)]
                median = statistics.median(r.wall for r in runs)
                print(f"{pack:16} {name:7} {spread([r.wall for r in runs]):24} {spread([r.cpu for r in runs]):24} "
                      f"{100 * watch.foreign():.0f} %  {'within' if median <= MARK else 'ABOVE'} {MARK} s", flush=True)


if __name__ == "__main__":
    main()
