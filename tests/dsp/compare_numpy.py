#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares log-mel spectrograms with numpy's Fourier transform and resampling with scipy, as numbers.

usage: compare_numpy.py SOUND_TOOL
Exit 77 when numpy is not there; without scipy the resampler is left out.
"""
import os
import subprocess
import sys

try:
    import numpy as np
except ImportError:
    other = "/usr/bin/python3"
    if os.path.exists(other) and os.environ.get("ESPY_OTHER_PYTHON") is None:
        os.environ["ESPY_OTHER_PYTHON"] = "1"
        os.execv(other, [other] + sys.argv)
    print("skipped: python3 has no numpy (Debian: python3-numpy)")
    sys.exit(77)

TOOL = sys.argv[1]
failed = 0


def run(x, *arguments):
    done = subprocess.run([TOOL, *map(str, arguments)], input=np.asarray(x, np.float32).tobytes(),
                          stdout=subprocess.PIPE, check=True)
    return np.frombuffer(done.stdout, np.float32).astype(np.float64)


def check(what, value, most):
    global failed
    good = value <= most
    print("%-6s %-50s %.3g (%g)" % ("ok" if good else "FAILED", what, value, most))
    failed += not good


def log_mel(x):
    """YAMNet's front end as its authors describe it: periodic Hann, magnitudes, HTK's mel."""
    frames = 1 + (len(x) - 400) // 160
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    at = np.arange(400)[None] + 160 * np.arange(frames)[:, None]
    spectrum = np.abs(np.fft.rfft(np.float64(np.float32(x))[at] * window, 512))
    mel = 1127 * np.log(1 + np.arange(257) * 16000 / 512 / 700)
    edges = np.linspace(*(1127 * np.log(1 + np.array([125, 7500]) / 700)), 66)
    up = (mel[None] - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    down = (edges[2:, None] - mel[None]) / (edges[2:] - edges[1:-1])[:, None]
    matrix = np.maximum(0, np.minimum(up, down))
    matrix[:, 0] = 0
    return np.log(spectrum @ matrix.T + 0.001)


rng = np.random.default_rng(11)
t = np.arange(32000) / 16000
# beside a pure tone a band is all but empty, and the rounding of 32 bits shows: about 70 x 2^-24 / 0.001
for name, x, most in (("noise", rng.normal(size=32000) * 0.3, 1e-3), ("silence", np.zeros(32000), 1e-3),
                      ("quiet noise", rng.normal(size=32000) * 1e-5, 1e-3),
                      ("sweep", 0.7 * np.sin(2 * np.pi * (50 * t + 1900 * t * t)), 1e-2),
                      ("clicks", (np.arange(32000) % 4001 == 0) * 1.0, 1e-3)):
    check("log-mel of " + name, np.abs(run(x, "mel").reshape(-1, 64) - log_mel(x)).max(), most)

try:
    from scipy.signal import firwin, resample_poly
except ImportError:
    print("no scipy: the resampler is not compared")
    sys.exit(1 if failed else 0)

for rate, up, down in ((22050, 320, 441), (44100, 160, 441), (48000, 1, 3), (96000, 1, 6), (8000, 2, 1)):
    # noise of what both let pass, so that only errors inside the band are compared
    n = 2 * rate
    spectrum = np.fft.rfft(rng.normal(size=n) * 0.3)
    spectrum[np.fft.rfftfreq(n, 1 / rate) > min(5800, 0.36 * rate)] = 0
    x = np.fft.irfft(spectrum, n)
    long = 2 * 160 * max(up, down) + 1
    theirs = resample_poly(np.float64(np.float32(x)), up, down,
                           window=firwin(long, 0.96 / max(up, down), window=("kaiser", 12)))
    ours = run(x, "resample", rate, 16000)
    check("length at %d Hz" % rate, abs(len(ours) - n * 16000 / rate), 1)
    middle = slice(1000, min(len(ours), len(theirs)) - 1000)
    error = ours[middle] - theirs[middle]
    # where soxr falls off by its 0.01 dB, that is the difference
    check("difference at %d Hz, dB of the signal" % rate,
          10 * np.log10((error ** 2).mean() / (theirs[middle] ** 2).mean()), -70)
sys.exit(1 if failed else 0)
