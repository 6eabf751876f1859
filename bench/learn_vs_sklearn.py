#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training and answering of the heads against scikit-learn, in one run on one machine.

usage: learn_vs_sklearn.py [--tool BUILD/tests/head/head_run] [--threads 2] [--rounds 3] [--quick]

Both sides standardise and fit the same unit vectors of 512 values; they take turns, and the ratio is
that of the fastest rounds (wall time) and of processor time.  What other programs do at the time
changes the first more than the second.  Then `logistic` alone on 5,000 labels: there is no peer to
wait for.
"""
import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time
import warnings

try:
    import numpy as np
    import sklearn
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
except ImportError as missing:
    raise SystemExit(f"this benchmark needs scikit-learn (Debian: python3-sklearn): {missing}")

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent


def embeddings(labels, each, dim=512, noise=1.0, seed=5):
    """Unit vectors around one random centre per label, with features correlated as networks' are."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(labels, dim)), each, 0)
    x = x + noise * rng.normal(size=x.shape)
    x = x @ (rng.normal(size=(dim, dim)) * np.exp(-np.arange(dim) / 100)[:, None])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x.astype(np.float32), np.repeat(np.arange(labels), each)


def ours(tool, head, where, threads, repeats):
    out = subprocess.run([tool, head, str(threads), str(repeats), "1", "0", where], check=True,
                         capture_output=True, text=True).stdout
    return json.loads(out)


def save(where, x, y, q):
    np.save(where + "/x.npy", x)
    np.save(where + "/y.npy", y.astype(np.int64))
    np.save(where + "/q.npy", q)


def svm(tool, labels, each, threads, rounds, repeats):
    x, y = embeddings(labels, each + 1)
    train = np.arange(len(y)) % (each + 1) < each
    x, y, q = x[train], y[train], x[~train][:200]
    peer, peer_cpu, mine = [], [], []
    with tempfile.TemporaryDirectory() as where:
        save(where, x, y, q)
        for _ in range(rounds):
            mine.append(ours(tool, "svm", where, threads, repeats))
            wall, cpu = time.perf_counter(), time.process_time()
            scaler = StandardScaler().fit(x)
            machine = SVC(kernel="linear", probability=True, random_state=42)
            machine.fit(scaler.transform(x), y)
            peer.append(time.perf_counter() - wall)
            peer_cpu.append(time.process_time() - cpu)
        p = np.fromfile(where + "/p.f32", np.float32).reshape(len(q), labels)
        apart = np.abs(p - machine.predict_proba(scaler.transform(q))).mean()
        same = (p.argmax(1) == machine.predict_proba(scaler.transform(q)).argmax(1)).mean()
    fit, cpu = min(m["fit"] for m in mine), min(m["cpu"] for m in mine)
    print(f"svm {labels} x {each} x 512: SVC {min(peer):.3f} s ({min(peer_cpu):.3f} s processor), espy "
          f"{fit:.4f} s ({cpu:.4f} s processor, {threads} threads): {min(peer) / fit:.1f} times, "
          f"{min(peer_cpu) / cpu:.1f} times per processor second", flush=True)
    print(f"    one answer {1e3 * min(m['answer'] for m in mine):.2f} ms; file "
          f"{mine[0]['bytes'] / 2**20:.1f} MiB; peak {mine[0]['peak_mib']} MiB; probabilities "
          f"{apart:.4f} apart on average, same answer on {100 * same:.1f} %", flush=True)


def logistic(tool, labels, each, threads):
    x, y = embeddings(labels, each + 1, noise=0.8)
    train = np.arange(len(y)) % (each + 1) < each
    with tempfile.TemporaryDirectory() as where:
        save(where, x[train], y[train], x[~train][:200])
        m = ours(tool, "logistic", where, threads, 1)
        p = np.fromfile(where + "/p.f32", np.float32).reshape(-1, labels)
    right = (p.argmax(1) == y[~train][:200]).mean()
    print(f"logistic {labels} x {each} x 512: {m['fit']:.1f} s ({m['cpu']:.1f} s processor, {threads} "
          f"threads), one answer {1e3 * m['answer']:.3f} ms, file {m['bytes'] / 2**20:.1f} MiB, peak "
          f"{m['peak_mib']} MiB, {100 * right:.1f} % right", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", default=os.environ.get("HEAD_RUN",
                                                         str(ROOT / "build/tests/head/head_run")))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="leave the large sets out")
    a = parser.parse_args()
    print(f"scikit-learn {sklearn.__version__}; load {os.getloadavg()[0]:.1f}", flush=True)
    svm(a.tool, 20, 12, a.threads, max(a.rounds, 5), 20)
    svm(a.tool, 100, 20, a.threads, a.rounds, 3)
    if not a.quick:
        svm(a.tool, 500, 20, a.threads, 1, 2)
        logistic(a.tool, 5000, 10, a.threads)


main()
