#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the svm and logistic heads with scikit-learn on the same synthetic embeddings.

usage: check_sklearn.py HEAD_RUN

SVM: decision values within 1e-3, or, where SVC's own stopping rule leaves it farther than that from
the exact solution, within twice its distance; the same votes on at least 99.5 % of held-out rows,
probabilities within 0.05 mean absolute.  Logistic: probabilities within 1e-3, weights within 1e-2 of their length.
Exit code 77 where scikit-learn is absent.
"""
import os
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC
except ImportError:
    other = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(other) and os.path.exists(other) \
            and "CHECK_SKLEARN_AGAIN" not in os.environ:
        os.environ["CHECK_SKLEARN_AGAIN"] = "1"
        os.execv(other, [other] + sys.argv)
    print("SKIP: no scikit-learn to compare with (Debian: python3-sklearn)")
    sys.exit(77)

warnings.filterwarnings("ignore")


def embeddings(classes, each, dim, noise, seed, spread=0.0):
    """Unit vectors around one centre per class; spread > 0 gives correlated features, as networks do."""
    rng = np.random.default_rng(seed)
    x = np.repeat(rng.normal(size=(classes, dim)), each, 0)
    x = x + noise * rng.normal(size=x.shape)
    if spread:
        x = x @ (rng.normal(size=(dim, dim)) * np.exp(-np.arange(dim) / spread)[:, None])
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x.astype(np.float32), np.repeat(np.arange(classes), each)


def tensor(path, name):
    """One float tensor of a safetensors file."""
    import json
    raw = open(path, "rb").read()
    size = int.from_bytes(raw[:8], "little")
    entry = json.loads(raw[8:8 + size])[name]
    first, last = entry["data_offsets"]
    kind = {"F32": np.float32, "F64": np.float64, "I64": np.int64}[entry["dtype"]]
    return np.frombuffer(raw[8 + size + first:8 + size + last], kind).reshape(entry["shape"])


def ours(tool, head, x, y, q, scale, balanced, where):
    np.save(where + "/x.npy", x)
    np.save(where + "/y.npy", y.astype(np.int64))
    np.save(where + "/q.npy", q)
    subprocess.run([tool, head, "2", "1", str(int(scale)), str(int(balanced)), where], check=True,
                   stdout=subprocess.DEVNULL)
    return np.fromfile(where + "/p.f32", np.float32).reshape(len(q), y.max() + 1)


def votes(f, classes):
    count = np.zeros((len(f), classes))
    k = 0
    for i in range(classes):
        for j in range(i + 1, classes):
            count[:, i] += f[:, k] > 0
            count[:, j] += f[:, k] <= 0
            k += 1
    return count.argmax(1)


def check(name, text, value, bound, failures):
    ok = value <= bound
    print(f"  {'ok  ' if ok else 'FAIL'} {name}: {text} {value:.3g} (at most {bound:g})")
    if not ok:
        failures.append(name)


def check_svm(tool, name, x, y, q, scale, balanced, where, failures):
    p = ours(tool, "svm", x, y, q, scale, balanced, where)
    classes = y.max() + 1
    f = np.fromfile(where + "/f.f64").reshape(len(q), classes * (classes - 1) // 2)
    a, b = x.astype(float), q.astype(float)
    if scale:
        scaler = StandardScaler().fit(a)
        a, b = scaler.transform(a), scaler.transform(b)
    peer = SVC(kernel="linear", C=1, probability=True, random_state=42,
               decision_function_shape="ovo",
               class_weight="balanced" if balanced else None).fit(a, y)
    g = peer.decision_function(b)
    g = -g[:, None] if g.ndim == 1 else g
    exact = SVC(kernel="linear", C=1, tol=1e-9, decision_function_shape="ovo",
                class_weight="balanced" if balanced else None).fit(a, y).decision_function(b)
    exact = -exact[:, None] if exact.ndim == 1 else exact
    own = np.abs(g - exact).max()
    check(name, f"decision values (SVC's are {own:.2g} off the exact ones) differ by",
          np.abs(f - g).max(), max(1e-3, 2 * own), failures)
    check(name, "votes differ on", (votes(f, classes) != votes(g, classes)).mean(), 0.005, failures)
    check(name, "probabilities differ on average by", np.abs(p - peer.predict_proba(b)).mean(), 0.05,
          failures)


def check_logistic(tool, name, x, y, q, scale, balanced, where, failures):
    p = ours(tool, "logistic", x, y, q, scale, balanced, where)
    a, b = x.astype(float), q.astype(float)
    if scale:
        scaler = StandardScaler().fit(a)
        a, b = scaler.transform(a), scaler.transform(b)
    w = tensor(where + "/head", "logistic.coef")
    classes = y.max() + 1
    odds = np.zeros((len(q), classes))
    off = 0
    for c in range(classes):
        peer = LogisticRegression(C=1, tol=1e-8, max_iter=10000,
                                  class_weight="balanced" if balanced else None).fit(a, y == c)
        odds[:, c] = peer.predict_proba(b)[:, 1]
        off = max(off, np.linalg.norm(w[c] - peer.coef_[0]) / np.linalg.norm(peer.coef_[0]))
    want = odds / odds.sum(1, keepdims=True)
    check(name, "probabilities differ by", np.abs(p - want).max(), 1e-3, failures)
    check(name, "weights differ by", off, 1e-2, failures)


def main():
    tool = sys.argv[1]
    failures = []
    # classes, samples each, dimensions, noise, spread, balanced and thinned, scaled
    cases = [(20, 12, 512, 1.0, 0, False, True), (19, 30, 128, 1.0, 40, False, True),
             (12, 15, 512, 1.5, 0, True, True), (6, 60, 16, 3.0, 0, False, True),
             (4, 80, 24, 2.0, 8, True, False), (2, 30, 64, 2.0, 0, False, True),
             (3, 2, 128, 1.0, 0, False, True), (30, 6, 128, 2.0, 0, False, False)]
    with tempfile.TemporaryDirectory() as where:
        for classes, each, dim, noise, spread, balanced, scale in cases:
            x, y = embeddings(classes, each + 8, dim, noise, 7, spread)
            place = np.arange(len(y)) % (each + 8)
            train = place < each
            if balanced:
                train &= (y % 2 == 1) | (place < max(2, each // 4))
            name = f"{classes}x{each}x{dim} noise {noise:g} spread {spread}" \
                   f"{' balanced' if balanced else ''}{'' if scale else ' unscaled'}"
            print(name)
            data = (x[train], y[train], x[place >= each], scale, balanced, where, failures)
            check_svm(tool, "svm", *data)
            check_logistic(tool, "logistic", *data)
    sys.exit(1 if failures else 0)


main()
