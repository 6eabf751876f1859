# SPDX-License-Identifier: Apache-2.0
"""The demo's faces: a folder per person, else the shared test photos beside the checkout, else the
sample photos of the face-api package (people.json says who is enrolled)."""
import json
import math
import shutil
import subprocess

from program import DATA, OUT, PICTURES, ROOT, SHARED, espy, identified

PACKAGE_PHOTOS = DATA / "espy/models/face-api/photos"
SAMPLES = OUT / "photos"


def pictures(*args):
    subprocess.run([PICTURES, *map(str, args)], check=True)


# ---- a folder per person ----------------------------------------------------------------------

def folders(photos, strangers):
    print(f"Learning the people in {photos}", flush=True)
    print(espy("train", photos, "--report"), end="")
    print(espy("evaluate", photos, *(["--unknown-dir", strangers] if strangers else [])), end="")
    people = [p for p in sorted(photos.iterdir()) if p.is_dir()]
    examples = [q for p in people[:3] for q in sorted(p.iterdir())[:1]]
    if strangers:
        examples += sorted(strangers.iterdir())[:2]
    print(espy("identify", *examples, "--draw", OUT / "identified"), end="")
    drawn = sorted((OUT / "identified").iterdir())
    pictures("sheet", 3, OUT / "sheet.jpg", *drawn)


# ---- the package's photos ---------------------------------------------------------------------

def overlap(a, b):
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    return w * h / (a[2] * a[3] + b[2] * b[3] - w * h) if w > 0 and h > 0 else 0


def altered(how, amount, box, size):
    """Where a face's box lies in the altered copy."""
    x, y, w, h = box
    if how == "turn":
        c, s = math.cos(math.radians(amount)), math.sin(math.radians(amount))
        dx, dy = x + w / 2 - size[0] / 2, y + h / 2 - size[1] / 2
        return [c * dx - s * dy + size[0] / 2 - w / 2, s * dx + c * dy + size[1] / 2 - h / 2, w, h]
    return [v * amount for v in box] if how == "scale" else box


def judge(line, expected):
    """Counts (right, wrong, refused, missed) of the faces that are expected: [(box, label or None)]."""
    right = wrong = refused = missed = 0
    for box, label in expected:
        best = max(line["samples"], key=lambda s: overlap(s["box"], box), default=None)
        if best is None or overlap(best["box"], box) < 0.3:
            missed += 1
        elif best["decision"] != "known":
            refused += 1
        elif best["label"] == label:
            right += 1
        else:
            wrong += 1
    return right, wrong, refused, missed


def package_photos():
    plan = json.loads((ROOT / "demo/people.json").read_text())
    shutil.copytree(PACKAGE_PHOTOS, SAMPLES)
    sizes = {p["file"]: (p["width"], p["height"]) for p in plan["photos"]}
    print(f"No folder of photos was given (make demo PHOTOS=DIR), so this uses {len(sizes)} group photos of the\n"
          "face-api package: each person is learned from ONE face.  That shows the road, not accuracy.")
    print(espy("detect", SAMPLES, "--encoder", "face-api"), end="")
    last = plan["people"][-1]
    for person in plan["people"]:
        box = ",".join(map(str, person["box"]))
        args = ("enroll", f"{person['label']}_{person['name'].replace(' ', '_')}", SAMPLES / person["file"], "--box",
                box, "--encoder", "face-api", *(() if person is last else ("--no-train",)))
        shown = person is plan["people"][0] or person is last
        said = espy(*args, show=shown)
        if shown:
            print(said, end="")
            if person is not last:
                print(f"... and the same for {len(plan['people']) - 2} more", flush=True)
    faces = {f: [(p["box"], p["label"]) for p in plan["people"] if p["file"] == f] for f in sizes}
    strangers = {f: [(s["box"], None) for s in plan["strangers"] if s["file"] == f] for f in sizes}

    print("\nThe same people in altered copies of their photos, and the people nobody enrolled:\n")
    print(f"  {'':24} {'named right':>12} {'wrong name':>11} {'not named':>10} {'not found':>10}")
    copies = OUT / "copies"
    copies.mkdir()
    wrong_names = 0
    for how, amount, what in (("turn", 8, "turned by 8 degrees"), ("turn", -8, "turned by -8 degrees"),
                              ("dim", 0.5, "half as bright"), ("scale", 0.5, "half the size")):
        names = [f for f in sizes if faces[f]]
        paths = [copies / f"{how}{amount}-{f}" for f in names]
        for f, path in zip(names, paths):
            pictures(how, amount, SAMPLES / f, path)
        counts = [judge(line, [(altered(how, amount, b, sizes[f]), label) for b, label in faces[f]])
                  for f, line in zip(names, identified(paths))]
        right, wrong, refused, missed = map(sum, zip(*counts))
        wrong_names += wrong
        print(f"  {what:24} {right:12} {wrong:11} {refused:10} {missed:10}")
    names = [f for f in sizes if strangers[f]]
    counts = [judge(line, strangers[f]) for f, line in zip(names, identified([SAMPLES / f for f in names]))]
    _, named, refused, missed = map(sum, zip(*counts))
    wrong_names += named
    print(f"  {'people not enrolled':24} {'-':>12} {named:11} {refused:10} {missed:10}")

    print(espy("identify", SAMPLES / "sample5.jpg", "--draw", OUT / "annotated.jpg"), end="")
    identified([*(SAMPLES / f for f in sizes), *sorted(copies.iterdir())], "--draw", OUT / "identified")
    pictures("sheet", 5, OUT / "sheet.jpg", *sorted((OUT / "identified").iterdir()))
    return wrong_names


def show(photos):
    """The whole half; returns how many faces were given a wrong name."""
    wrong = 0
    if photos:
        folders(photos, None)
    elif (SHARED / "faces").is_dir():
        folders(SHARED / "faces/lfw10", SHARED / "faces/unknown")
    else:
        wrong = package_photos()
    print(f"\nPictures with boxes and names: {OUT}/ (sheet.jpg shows them all)")
    return wrong
