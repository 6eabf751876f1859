#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peak memory of training on many photos (resident, as getrusage tells it), with the small packs.

  bench/train_memory.py --espy build/espy [--packs mobilefacenet,face-api-tiny] [--photos 1000]
"""
import argparse
import json
import pathlib
import tempfile

from common import Run, altered_people, espy_environment, machine, run_small, write_photos

MARK = 400 << 20  # bytes
EACH = 20         # photos of a person


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--espy", required=True, help="the program")
    parser.add_argument("--packs", default="mobilefacenet,face-api-tiny,face-api")
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--large", type=int, default=0, help="also so many photos of 12 megapixels")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        environment, home = espy_environment(home), pathlib.Path(home)
        altered_people(home / "small", options.photos // EACH, EACH)
        sets = [("small", options.photos)]
        if options.large:
            altered_people(home / "large_from", max(2, options.large // 4), 4)
            for person in sorted((home / "large_from").iterdir()):
                write_photos(home / "large" / person.name, sorted(person.iterdir()), 4000, 3000, 5.0)
            sets.append(("large", options.large))
        listed = Run([options.espy, "models", "list", "--json"], environment, keep=True).out
        installed = {p["pack"] for p in map(json.loads, listed.splitlines()) if p["installed"]}
        print(f"{machine()}\n{'pack':16} {'photos':>12} {'peak MiB':>9} {'s, wall':>8} {'s, CPU':>7}")
        for pack in options.packs.split(","):
            if pack not in installed:
                print(f"{pack:16} is not installed: espy models list")
                continue
            for name, count in sets:
                command = [options.espy, "train", home / name, "--workspace", home / f"w-{pack}-{name}", "--encoder",
                           pack, "--quiet"]
                first, again = (run_small(command, environment) for _ in range(2))
                peaks = [run.peak for run in (first, again)]
                print(f"{pack:16} {count:6} {name:5} {peaks[0] / 2**20:9.0f} {first.wall:8.1f} {first.cpu:7.1f}  "
                      f"again, nothing new: {peaks[1] / 2**20:.0f} MiB, {again.wall:.2f} s  "
                      f"{'within' if max(peaks) <= MARK else 'ABOVE'} {MARK >> 20} MiB", flush=True)


if __name__ == "__main__":
    main()
