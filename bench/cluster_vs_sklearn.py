#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clustering by average linkage against scikit-learn, in one run on one machine.

usage: cluster_vs_sklearn.py [--tool BUILD/tests/learn/cluster_run] [--threads 2] [--rounds 3] [--quick]

Synthetic identities: unit vectors of 512 values, 20 around each centre, cosine about 0.6 within.  The
peer gets the matrix of cosine distances made by a product of matrices in f32, which is quicker than
its own metric="cosine"; that is part of its time, reading the vectors and importing are not.  Both
sides are processes of their own and take turns; the ratio is that of the medians, wall and processor
time, and of the peaks of resident memory.  Then 100,000 vectors alone: scikit-learn would need 40 GB
for the distances.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import sklearn
except ImportError as missing:
    raise SystemExit(f"this benchmark needs scikit-learn (Debian: python3-sklearn): {missing}")

ROOT = pathlib.Path(__file__).resolve().parent.parent

PEER = r"""
import json, sys, time
import numpy as np
from sklearn.cluster import AgglomerativeClustering
where, threshold, count = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
x = np.load(where + "/x.npy")
wall, cpu = time.perf_counter(), time.process_time()
d = x @ x.T
np.subtract(1, d, out=d)
given = {"n_clusters": count or None, "distance_threshold": None if count else 1 - threshold, "linkage": "average"}
try:
    model = AgglomerativeClustering(metric="precomputed", **given)
    model.fit(d)
except TypeError:
    model = AgglomerativeClustering(affinity="precomputed", **given)
    model.fit(d)
wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
model.labels_.astype(np.int32).tofile(where + "/peer.i32")
peak = [int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
print(json.dumps({"seconds": wall, "cpu": cpu, "peak_kib": peak}))
"""


def identities(n, each=20, dim=512, cosine=0.6, seed=1):
    """n unit vectors in any order; two around one centre have this cosine on average."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n // each, dim)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x = x[rng.permutation(n) % (n // each)]
    noise = np.sqrt((1 / cosine - 1) / dim)
    for i in range(0, n, 5000):
        part = x[i:i + 5000]
        part += noise * rng.standard_normal(part.shape, np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return x


def run(command):
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def ours(tool, where, threads, threshold, count):
    return run([tool, "average", str(threads), str(threshold), str(count), where])


def same(a, b):
    """Whether two groupings are the same partition."""
    pairs = {(int(p), int(q)) for p, q in zip(a, b)}
    return len(pairs) == len(set(a.tolist())) == len(set(b.tolist()))


def paired(tool, where, threads, rounds, threshold, count, text):
    mine, peer = [], []
    for _ in range(rounds):
        mine.append(ours(tool, where, threads, threshold, count))
        peer.append(run([sys.executable, "-c", PEER, where, str(threshold), str(count)]))
    a, b = np.fromfile(where + "/out.i32", np.int32), np.fromfile(where + "/peer.i32", np.int32)

    def middle(side, what):
        return statistics.median(one[what] for one in side)

    print(f"{text}: scikit-learn {middle(peer, 'seconds'):.1f} s ({middle(peer, 'cpu'):.1f} s processor), "
          f"{middle(peer, 'peak_kib') / 1024:.0f} MiB; espy {middle(mine, 'seconds'):.2f} s "
          f"({middle(mine, 'cpu'):.2f} s processor, {threads} threads), {middle(mine, 'peak_kib') / 1024:.0f} MiB: "
          f"{middle(peer, 'seconds') / middle(mine, 'seconds'):.1f} times as fast, "
          f"{middle(peer, 'cpu') / middle(mine, 'cpu'):.1f} times per processor second, "
          f"1/{middle(peer, 'peak_kib') / middle(mine, 'peak_kib'):.0f} of the memory; {mine[0]['count']} clusters, "
          f"{'the same' if same(a, b) else 'NOT the same'} partition", flush=True)


def alone(tool, where, threads, threshold, count, text, method="average"):
    m = run([tool, method, str(threads), str(threshold), str(count), where])
    print(f"{text}: {m['seconds']:.1f} s ({m['cpu']:.1f} s processor, {threads} threads), "
          f"{m['peak_kib'] / 1024:.0f} MiB, {m['count']} clusters", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tool", default=str(ROOT / "build/tests/learn/cluster_run"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="leave the 100,000 out")
    a = parser.parse_args()
    print(f"scikit-learn {sklearn.__version__}; load {os.getloadavg()[0]:.1f}", flush=True)
    with tempfile.TemporaryDirectory() as where:
        np.save(where + "/x.npy", identities(10000))
        paired(a.tool, where, a.threads, a.rounds, 0.4, 0, "10,000 x 512, threshold 0.4")
        paired(a.tool, where, a.threads, a.rounds, 0.02, 0, "10,000 x 512, threshold 0.02: everything hangs together")
        paired(a.tool, where, a.threads, a.rounds, 0.4, 200, "10,000 x 512, exactly 200 clusters")
        if a.quick:
            return
        np.save(where + "/x.npy", identities(100000))
        alone(a.tool, where, a.threads, 0.4, 0, "100,000 x 512, threshold 0.4")
        alone(a.tool, where, a.threads, 0.02, 0, "100,000 x 512, threshold 0.02: everything hangs together")
        alone(a.tool, where, a.threads, 0.4, 200, "100,000 x 512, exactly 200 clusters")
        alone(a.tool, where, a.threads, 0.45, 2, "100,000 x 512, DBSCAN with 2", "dbscan")


main()
