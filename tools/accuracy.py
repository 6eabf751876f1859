#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures the figures of docs/accuracy.md again and prints them as its tables.

  tools/accuracy.py [PACK...]      default: every installed pack
  PRECISIONS="f32 bf16"            which precisions for faces, in the environment
"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("ESPY_SHARED", ROOT.parent / "shared")) / "data"
FACES, SOUNDS = DATA / "faces", DATA / "sounds"
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


def faces(packs):
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


# ---- sounds -------------------------------------------------------------------------------------

CLASSES = ("chainsaw", "dog_bark", "engine_idling", "gun_shot", "rain", "siren")


def heads():
    """Those that the program has, as its help says."""
    said = subprocess.run([ESPY, "help", "evaluate"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\w+", re.search(r"--head HEAD +([\w, ]+)", said)[1].replace(" or ", ", "))


def source(path):
    """What a clip of ESC-10 or UrbanSound8K was cut from."""
    return re.sub(r"^(\d-)?(\d+)-.*", r"\2", pathlib.Path(path).stem)


def scikit_learn(folder, pack, where):
    """Closed-set accuracy of scikit-learn's logistic regression on the same embeddings and kind of folds."""
    try:
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler
    except ImportError:
        return None
    heard = [h for h in espy("embed", folder, "--encoder", pack, "--workspace", where) if h["samples"]]
    x = [h["samples"][0]["embedding"] for h in heard]
    y = [pathlib.Path(h["media"]).parent.name for h in heard]
    groups = [source(h["media"]) for h in heard]
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=42)
    told = cross_val_predict(model, x, y, groups=groups, cv=folds)
    return sum(a == b for a, b in zip(told, y)) / len(y)


def recall(folder, pack, head, where):
    """Rows of the report: label, precision, recall, F1, recordings."""
    done = subprocess.run([ESPY, "evaluate", folder, "--encoder", pack, "--head", head, "--workspace", where, "--report"],
                          capture_output=True, text=True, check=True)
    return re.findall(r"^ *(%s) +([\d.]+) +([\d.]+) +([\d.]+) +(\d+)$" % "|".join(CLASSES), done.stdout + done.stderr, re.M)


def sounds(packs):
    rows, best = [], None
    with tempfile.TemporaryDirectory() as work:
        folder = pathlib.Path(work) / "sounds"
        for label in CLASSES:
            shutil.copytree(SOUNDS / label, folder / label)
        for pack in packs:
            where = f"{work}/{pack}"
            for head in heads():
                v = espy("evaluate", folder, "--leave-out", "--head", head, "--encoder", pack, "--workspace", where)
                if not v:
                    continue
                v = v[-1]
                if not best or v["accuracy"] > best[0]:
                    best = v["accuracy"], pack, head, where
                rows.append((pack, head, percent(v["accuracy"]), percent(v["known_accepted"]), percent(v["wrong_name"]),
                             f"{v['left_out_named']} of {v['left_out']}", f"{v['threshold']:.2f}", f"{v['floor']:.2f}"))
            peer = scikit_learn(folder, pack, where)
            if peer is not None:
                rows.append((pack, "scikit-learn LogisticRegression", percent(peer), *5 * ("",)))
        table("pack | head | closed-set accuracy % | known accepted % | wrong name % | labels left out: named | threshold | "
              "floor", rows)
        if best:
            print(f"\nBest: {best[1]}, {best[2]}.\n")
            table("class | precision | recall | F1 | recordings", recall(folder, *best[1:]))


def main():
    listed = [p for p in espy("models", "list") if p["installed"] and p["pack"] in (sys.argv[1:] or [p["pack"]])]
    if not FACES.is_dir() or not SOUNDS.is_dir():
        sys.exit("accuracy: needs the labelled photos and recordings in ../shared/data; nothing was measured")
    for modality, measure in (("face", faces), ("sound", sounds)):
        packs = [p["pack"] for p in listed if p["modality"] == modality]
        if packs:
            measure(packs)
            print()


def table(head, rows):
    print(f"| {head} |\n|{'---|' * (head.count('|') + 1)}")
    for row in rows:
        print("|", " | ".join(map(str, row)), "|")


if __name__ == "__main__":
    main()
