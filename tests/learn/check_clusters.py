#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares clustering with scikit-learn, and where there are constraints with the definition itself.

usage: check_clusters.py CLUSTER_RUN

The same partition is asked for (adjusted Rand index 1).  Exit code 77 where scikit-learn is absent.
"""
import json
import os
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
    from sklearn.cluster import DBSCAN, AgglomerativeClustering
    from sklearn.metrics import adjusted_rand_score
    from sklearn.metrics.cluster import pair_confusion_matrix
    from sklearn.metrics.pairwise import cosine_distances
except ImportError:
    other = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(other) and os.path.exists(other) \
            and "CHECK_SKLEARN_AGAIN" not in os.environ:
        os.environ["CHECK_SKLEARN_AGAIN"] = "1"
        os.execv(other, [other] + sys.argv)
    print("SKIP: no scikit-learn to compare with (Debian: python3-sklearn)")
    sys.exit(77)

warnings.filterwarnings("ignore")
TOOL = sys.argv[1]
failures = []


def vectors(rng, centres, each, dim, noise, unit=True):
    """Around one centre each, in any order.  noise: length of what is added to a centre of 1."""
    x = np.repeat(rng.normal(size=(centres, dim)), each, 0)
    x += noise * rng.normal(size=x.shape)
    x = x[rng.permutation(len(x))]
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return (x if unit else x * rng.uniform(0.01, 100, (len(x), 1))).astype(np.float32)


def save(where, x, **given):
    np.save(where + "/x.npy", x)
    for name in ("photo", "label", "apart"):
        path = f"{where}/{name}.npy"
        if given.get(name) is not None:
            np.save(path, np.asarray(given[name], np.int64))
        elif os.path.exists(path):
            os.remove(path)


def ours(where, method, threshold, count, threads=2):
    out = subprocess.run([TOOL, method, str(threads), repr(float(threshold)), str(count), where],
                         check=True, capture_output=True, text=True).stdout
    return np.fromfile(where + "/out.i32", np.int32), json.loads(out)


def check(name, ok, text=""):
    if not ok:
        failures.append(name)
        print(f"  FAIL {name} {text}")


def average(d, threshold=None, count=None):
    """scikit-learn's partition; `metric` was `affinity` before 1.2."""
    given = {"linkage": "average", "n_clusters": count,
             "distance_threshold": None if threshold is None else 1 - threshold}
    try:
        return AgglomerativeClustering(metric="precomputed", **given).fit_predict(d)
    except TypeError:
        return AgglomerativeClustering(affinity="precomputed", **given).fit_predict(d)


def check_average(where, rng):
    cases = 0
    for k in range(40):
        centres, each = int(rng.integers(1, 40)), int(rng.integers(1, 30))
        dim = int(rng.choice([3, 7, 16, 33, 128, 512]))
        x = vectors(rng, centres, each, dim, rng.uniform(0.2, 2.5), k % 3 > 0)
        if len(x) < 2:
            continue
        d = cosine_distances(x.astype(np.float64))
        save(where, x)
        for _ in range(3):
            t, most = rng.uniform(0, 1), int(rng.integers(1, len(x)))
            want = average(d, threshold=t)
            got, _ = ours(where, "average", t, 0, int(rng.integers(1, 4)))
            name = f"average {centres} x {each} x {dim} threshold {t:.4f}"
            check(name, adjusted_rand_score(want, got) == 1)
            if want.max() + 1 > most:
                want = average(d, count=most)
            got, said = ours(where, "average", t, most)
            check(f"{name} count {most}", adjusted_rand_score(want, got) == 1)
            check(f"{name} count {most} said", said["count"] == want.max() + 1 and not said["too_many"])
            cases += 2
    print(f"average linkage: {cases} partitions")


def check_large(where, rng):
    """Neighbour lists that overflow, many searches, blocks that are not full."""
    for centres, each, noise in ((3, 700, 0.5), (40, 60, 1.2), (1, 1500, 3.0), (1100, 2, 0.7), (1, 1100, 0.02)):
        x = vectors(rng, centres, each, 64, noise)
        d = cosine_distances(x.astype(np.float64))
        save(where, x)
        for t in (0.0, 0.2, 0.6, 0.9997):
            want = average(d, threshold=t)
            got, _ = ours(where, "average", t, 0)
            check(f"large {centres} x {each} noise {noise} threshold {t}", adjusted_rand_score(want, got) == 1)
        for most in (2, 137):
            want = average(d, count=most)
            got, _ = ours(where, "average", 1, most)
            check(f"large {centres} x {each} noise {noise} count {most}", adjusted_rand_score(want, got) == 1)
        print(f"large: {centres} x {each}")


def definition(x, threshold, most, forbidden, start):
    """The nearest two allowed clusters come together, as the words say: all means anew each time."""
    x = x.astype(np.float64)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    groups = [np.flatnonzero(start == g) for g in np.unique(start)]
    cosine = x @ x.T
    while len(groups) > 1:
        pick = np.zeros((len(groups), len(x)))
        for g, rows in enumerate(groups):
            pick[g, rows] = 1
        size = pick.sum(1)
        mean = pick @ cosine @ pick.T / np.outer(size, size)
        mean[pick @ forbidden @ pick.T > 0] = -9
        np.fill_diagonal(mean, -9)
        a, b = np.unravel_index(mean.argmax(), mean.shape)
        if mean[a, b] == -9 or (mean[a, b] <= threshold and (most == 0 or len(groups) <= most)):
            break
        groups[a] = np.concatenate([groups[a], groups[b]])
        del groups[b]
    out = np.empty(len(x), int)
    for g, rows in enumerate(groups):
        out[rows] = g
    return out


def check_apart(where, rng):
    cases = 0
    for k in range(50):
        centres, each = int(rng.integers(1, 8)), int(rng.integers(2, 12))
        x = vectors(rng, centres, each, int(rng.choice([4, 16, 64])), rng.uniform(0.3, 2))
        n = len(x)
        photo = rng.integers(0, max(2, n // 3), n) if k % 2 else None
        label = np.where(rng.random(n) < 0.3, rng.integers(0, 4, n), -1) if k % 3 else None
        apart = rng.integers(0, n, (int(rng.integers(1, n)), 2)) if k % 5 else None
        forbidden = np.zeros((n, n))
        start = np.arange(n)
        if photo is not None:
            photo[rng.random(n) < 0.2] = -1  # 2^64 - 1: none
            forbidden[(photo[:, None] == photo) & (photo[:, None] >= 0)] = 1
        if apart is not None:
            apart = apart[apart[:, 0] != apart[:, 1]]
            forbidden[apart[:, 0], apart[:, 1]] = forbidden[apart[:, 1], apart[:, 0]] = 1
        if label is not None:
            known = (label[:, None] >= 0) & (label >= 0)
            forbidden[known & (label[:, None] == label)] = 0
            forbidden[known & (label[:, None] != label)] = 1
            start = np.where(label >= 0, n + label, start)
        save(where, x, photo=photo, label=label, apart=apart)
        for _ in range(3):
            t, most = rng.uniform(0, 0.8), int(rng.choice([0, 1, 3, n // 2]))
            want = definition(x, t, most, forbidden, start)
            got, said = ours(where, "average", t, most)
            name = f"constraints {k}: {n} rows, threshold {t:.3f}, count {most}"
            check(name, adjusted_rand_score(want, got) == 1)
            check(name + " said", said["too_many"] == (0 < most < want.max() + 1))
            cases += 1
    print(f"with constraints: {cases} partitions")


def border(d, eps, least):
    """scikit-learn's labels as a partition, noise rows as -1."""
    return DBSCAN(eps=eps, min_samples=least, metric="precomputed").fit_predict(d)


def check_dbscan(where, rng):
    cases = 0
    for k in range(30):
        centres, each = int(rng.integers(1, 40)), int(rng.integers(1, 40))
        dim = int(rng.choice([3, 16, 128]))
        x = vectors(rng, centres, each, dim, rng.uniform(0.2, 1.5), k % 3 > 0)
        d = cosine_distances(x.astype(np.float64))
        save(where, x)
        for _ in range(3):
            t, least = rng.uniform(0, 1), int(rng.integers(2, 9))
            want = border(d, 1 - t, least)
            got, said = ours(where, "dbscan", t, least)
            name = f"dbscan {centres} x {each} x {dim} threshold {t:.4f} least {least}"
            check(name, adjusted_rand_score(want, got) == 1 and ((want < 0) == (got < 0)).all())
            check(name + " said", said["noise"] == (want < 0).sum() and said["count"] == want.max() + 1)
            cases += 1
    print(f"DBSCAN: {cases} partitions")


def check_agreement(where, rng):
    for k in range(40):
        n = int(rng.integers(2, 300))
        truth, answer = rng.integers(0, rng.integers(1, n), n), rng.integers(0, rng.integers(1, n), n)
        mixed = rng.random(n) < rng.random()
        answer[mixed] = truth[mixed]
        np.save(where + "/truth.npy", truth)
        np.save(where + "/answer.npy", answer)
        got = json.loads(subprocess.run([TOOL, "agree", where], check=True, capture_output=True).stdout)
        (_, only_answer), (only_truth, both) = pair_confusion_matrix(truth, answer)
        precision, recall = [both / (both + other) if both + other else 1 for other in (only_answer, only_truth)]
        same, together = truth[:, None] == truth, answer[:, None] == answer
        shared = (same & together).sum(1)
        b, r = (shared / together.sum(1)).mean(), (shared / same.sum(1)).mean()
        f = 2 * precision * recall / (precision + recall) if precision + recall else 0
        want = [precision, recall, f, b, r, 2 * b * r / (b + r), adjusted_rand_score(truth, answer)]
        check(f"agreement {k}", np.abs(np.subtract(want, got)).max() < 1e-12, f"{want} {got}")
    print("agreement: 40 pairs of groupings")


def main():
    with tempfile.TemporaryDirectory() as where:
        rng = np.random.default_rng(20)
        check_agreement(where, rng)
        check_average(where, rng)
        check_large(where, rng)
        check_apart(where, rng)
        check_dbscan(where, rng)
    sys.exit(1 if failures else 0)


main()
