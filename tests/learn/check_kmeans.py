#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares k-means with scikit-learn's: on separated data the same centres within 1e-5, everywhere an
inertia that is as low as that of KMeans(n_init=10) or lower (within 1 in 100000 on data without clusters,
where the last starts of both are a matter of luck).

usage: check_kmeans.py KMEANS_RUN

Exit code 77 where scikit-learn is absent.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

try:
    import numpy as np
    from sklearn.cluster import KMeans
except ImportError:
    other = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(other) and os.path.exists(other) \
            and "CHECK_KMEANS_AGAIN" not in os.environ:
        os.environ["CHECK_KMEANS_AGAIN"] = "1"
        os.execv(other, [other] + sys.argv)
    print("SKIP: no scikit-learn to compare with (Debian: python3-sklearn)")
    sys.exit(77)

warnings.filterwarnings("ignore")


def blobs(clusters, each, dim, noise, seed):
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(clusters, dim)), each, 0)
    return (x + noise * rng.normal(size=x.shape)).astype("<f4")


def ours(x, k):
    with tempfile.TemporaryDirectory() as where:
        np.save(where + "/x.npy", x)
        said = subprocess.run([sys.argv[1], where, str(k)], check=True, capture_output=True, text=True)
        centers = np.fromfile(where + "/centers.f64").reshape(-1, x.shape[1])
        cluster = np.fromfile(where + "/cluster.u32", "u4")
        return json.loads(said.stdout), centers, cluster


def main():
    failed = False
    print(f"{'data':34} {'ours':>14} {'sklearn':>14} {'ratio':>10}   seconds")
    cases = [(f"separated {k} x {each} of {dim}", blobs(k, each, dim, 0.1, seed), k, True)
             for k, each, dim, seed in ((2, 5, 512, 1), (3, 7, 128, 2), (5, 40, 16, 3), (8, 100, 64, 4))]
    cases += [(f"overlapping {k} of {n} x {dim}", blobs(6, n // 6, dim, 1.0, seed), k, False)
              for k, n, dim, seed in ((3, 42, 512, 5), (3, 600, 8, 6), (7, 1200, 32, 7))]
    cases += [(f"noise {k} of {n} x {dim}", blobs(1, n, dim, 1.0, seed), k, False)
              for k, n, dim, seed in ((3, 8, 512, 8), (2, 5, 128, 9), (3, 2000, 2, 10))]
    for name, x, k, separated in cases:
        said, centers, cluster = ours(x, k)
        began = time.monotonic()
        peer = KMeans(k, n_init=10, random_state=42).fit(x.astype(float))
        took = time.monotonic() - began
        ratio = said["inertia"] / max(peer.inertia_, 1e-30)
        bad = ratio > 1 + (1e-9 if separated else 1e-5)
        # what is told is true of the centres
        d = ((x[:, None].astype(float) - centers[None]) ** 2).sum(2)
        bad |= abs(d.min(1).sum() - said["inertia"]) > 1e-9 * said["inertia"] or (d.argmin(1) != cluster).any()
        if separated:
            match = ((centers[:, None] - peer.cluster_centers_[None]) ** 2).sum(2).argmin(1)
            bad |= len(set(match)) != k or np.abs(centers - peer.cluster_centers_[match]).max() > 1e-5
        failed |= bool(bad)
        print(f"{name:34} {said['inertia']:14.6f} {peer.inertia_:14.6f} {ratio:10.7f}   "
              f"{said['seconds']:.4f} {took:.4f}{'   WRONG' if bad else ''}")
    sys.exit(1 if failed else 0)


main()
