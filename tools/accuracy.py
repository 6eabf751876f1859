#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the figures of docs/accuracy.md again and prints them as its tables.

  tools/accuracy.py [PACK...]      default: every installed face pack
  PRECISIONS="f32 bf16"            which precisions, in the environment
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
FACES = pathlib.Path(os.environ.get("ESPY_SHARED", ROOT.parent / "shared")) / "data/faces"
ESPY = ROOT / "build/espy"
SETS = ("lfw10", "orl", "celebs5/train", "athletes")
HEADS = ("svm", "knn")


def espy(*args):
    """The last JSON object that the program prints, or None when it fails."""
    done = subprocess.run([ESPY, *map(str, args), "--json", "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr.strip(), file=sys.stderr)
        return None
    return [json.loads(line) for line in done.stdout.splitlines()]


def percent(share):
    return f"{100 * share:.1f}"


def main():
    if not FACES.is_dir():
        sys.exit("accuracy: needs the labelled photos in ../shared/data/faces; nothing was measured")
    packs = sys.argv[1:] or [p["pack"] for p in espy("models", "list") if p["installed"] and p["modality"] == "face"]
    precisions = os.environ.get("PRECISIONS", "f32 bf16").split()
    pairs, sets = [], []
    with tempfile.TemporaryDirectory() as work:
        for pack in packs:
            for precision in precisions:
                common = ("--workspace", work, "--encoder", pack, "--precision", precision, "--collection",
                          f"{pack}-{precision}")
                p = espy("evaluate", "--pairs", FACES / "lfw_pairs/pairs.csv", *common)
                if not p:
                    continue
                p = p[-1]
                pairs.append((pack, precision, percent(p["accuracy"]), percent(p["equal_error_rate"]), p["without_face"],
                              f"{p['floor']:.2f}", percent(p["same_accepted"]), percent(p["different_accepted"])))
                for name in SETS:
                    for head in HEADS:
                        v = espy("evaluate", FACES / name, "--unknown-dir", FACES / "unknown", "--head", head, *common)
                        if v:
                            v = v[-1]
                            sets.append((pack, precision, name, head, percent(v["accuracy"]),
                                         percent(v["known_accepted"]), percent(v["wrong_name"]),
                                         f"{v['strangers_named']} of {v['strangers']}", f"{v['threshold']:.2f}",
                                         f"{v['floor']:.2f}"))
    table("pack | precision | accuracy % | equal error % | no face | floor | same accepted % | different accepted %", pairs)
    print()
    table("pack | precision | set | head | closed-set accuracy % | known accepted % | wrong name % | strangers named | "
          "threshold | floor", sets)


def table(head, rows):
    print(f"| {head} |\n|{'---|' * (head.count('|') + 1)}")
    for row in rows:
        print("|", " | ".join(map(str, row)), "|")


if __name__ == "__main__":
    main()
