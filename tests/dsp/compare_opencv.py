#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares decoding, resizing, shrinking, warping and sharpness with OpenCV, pixel by pixel.

usage: compare_opencv.py PICTURE_TOOL [PHOTO...]
Without photos a synthetic picture is used, and where the shared data are there ($ESPY_SHARED, or
../shared beside the checkout) three of its group photos and the decoding of every 20th photo.  Exit 77
when OpenCV is not there.
"""
import glob
import os
import subprocess
import sys
import tempfile

try:
    import cv2
    import numpy as np
except ImportError:
    other = "/usr/bin/python3"
    if os.path.exists(other) and os.environ.get("ESPY_OTHER_PYTHON") is None:
        os.environ["ESPY_OTHER_PYTHON"] = "1"
        os.execv(other, [other] + sys.argv)
    print("skipped: python3 has no cv2 (Debian: python3-opencv)")
    sys.exit(77)

TOOL = sys.argv[1]
failed = 0


def run(folder, *arguments):
    out = os.path.join(folder, "out")
    verb, photo = arguments[0], arguments[1]
    words = [TOOL, verb, photo, out] + [repr(float(a)) if isinstance(a, float) else str(a)
                                       for a in arguments[2:]]
    subprocess.run(words, check=True)
    with open(out, "rb") as f:
        data = f.read()
    width, height = np.frombuffer(data[:8], np.int32)
    return np.frombuffer(data[8:], np.uint8).reshape(height, width, 3)[:, :, ::-1]


def check(what, ours, theirs, most, mean):
    global failed
    if ours.shape != theirs.shape:
        print("FAILED", what, ours.shape, theirs.shape)
        failed += 1
        return
    d = np.abs(ours.astype(int) - theirs.astype(int))
    good = d.max() <= most and d.mean() <= mean
    print("%-6s %-40s largest difference %3d (%d), mean %.4f (%.4f)" %
          ("ok" if good else "FAILED", what, d.max(), most, d.mean(), mean))
    failed += not good


def synthetic(folder):
    y, x = np.mgrid[0:301, 0:407]
    rng = np.random.default_rng(7)
    p = np.stack([x * 255 // 406, y * 255 // 300, (x * 3 + y * 5) % 256], -1)
    p = np.clip(p + rng.integers(-20, 21, p.shape), 0, 255).astype(np.uint8)
    path = os.path.join(folder, "synthetic.png")
    cv2.imwrite(path, p)
    return path


def photo(folder, path):
    name = os.path.basename(path)
    p = cv2.imread(path, cv2.IMREAD_COLOR)
    h, w = p.shape[:2]
    check(name + " decode", run(folder, "decode", path, 0), p, 1, 0.01)
    for size in [(640, 480), (112, 112), (w // 2, h // 2), (w * 2, h * 2), (w + 1, h - 1), (7, 5)]:
        check("%s resize %dx%d" % (name, *size), run(folder, "resize", path, *size),
              cv2.resize(p, size, interpolation=cv2.INTER_LINEAR), 1, 0.01)
    for size in [(w // 2, h // 2), (w // 3 + 1, h // 4 + 1), (5, 3), (w, h)]:
        check("%s shrink %dx%d" % (name, *size), run(folder, "shrink", path, *size),
              cv2.resize(p, size, interpolation=cv2.INTER_AREA), 1, 0.05)
    for turn, scale in [(0, 1.0), (30, 0.5), (-75, 1.7), (180, 0.31)]:
        m = cv2.getRotationMatrix2D((w / 2, h / 2), turn, scale)
        m[0, 2] += 112 - w / 2
        m[1, 2] += 112 - h / 2
        ours = run(folder, "warp", path, 224, 224, *[float(v) for v in m.ravel()])
        theirs = cv2.warpAffine(p, m, (224, 224), flags=cv2.INTER_LINEAR, borderValue=0)
        check("%s warp %d deg x %.2f" % (name, turn, scale), ours, theirs, 1, 0.01)
    grey = cv2.cvtColor(p, cv2.COLOR_BGR2GRAY)
    theirs = cv2.Laplacian(grey, cv2.CV_64F)[1:-1, 1:-1].var()
    ours = float(subprocess.run([TOOL, "sharp", path], check=True, capture_output=True).stdout)
    good = abs(ours - theirs) <= 1e-6 * max(1, theirs)
    print("%-6s %-40s %.4f, OpenCV %.4f" % ("ok" if good else "FAILED", name + " sharpness", ours,
                                            theirs))
    global failed
    failed += not good


def shared():
    beside = os.path.join(os.environ.get("ESPY_SOURCE_ROOT", "."), "../shared")
    root = os.path.join(os.environ.get("ESPY_SHARED", beside), "data/faces")
    groups = sorted(glob.glob(os.path.join(root, "groups/*.jpg")))[:3]
    every = [p for p in sorted(glob.glob(os.path.join(root, "**/*"), recursive=True))
             if p.lower().endswith((".jpg", ".jpeg", ".pgm"))]
    return groups, every[::20]


with tempfile.TemporaryDirectory() as folder:
    groups, every = ([], []) if sys.argv[2:] else shared()
    for path in sys.argv[2:] or [synthetic(folder)] + groups:
        photo(folder, path)
    for path in every:
        check(os.path.basename(path)[-30:] + " decode", run(folder, "decode", path, 0),
              cv2.imread(path, cv2.IMREAD_COLOR), 1, 0.01)
sys.exit(1 if failed else 0)
