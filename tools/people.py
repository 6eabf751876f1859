#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures grouping and assignment, the figures of docs/accuracy.md, "Grouping", again.

  tools/people.py [PACK...]        default: every installed pack of faces

Beside each, scikit-learn on the same embeddings (Debian: python3-sklearn), where it is there.
"""
import collections
import os
import pathlib
import sys
import tempfile

from accuracy import FACES, espy, percent, table

try:
    import numpy as np
    from sklearn.cluster import DBSCAN, AgglomerativeClustering
    from sklearn.metrics.pairwise import cosine_similarity
    from sklearn.neighbors import NearestNeighbors
except ImportError:
    if os.path.exists("/usr/bin/python3") and os.path.realpath(sys.executable) != os.path.realpath("/usr/bin/python3"):
        os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)
    np = None

SETS = {"lfw10": ("lfw10",), "orl": ("orl",), "celebs5": ("celebs5/train",), "athletes": ("athletes",),
        "all but orl, and 40 strangers": ("lfw10", "celebs5/train", "celebs5/val", "athletes", "unknown")}
STRANGERS = "unknown"


def person(media):
    """Whose photo it is: a folder for each, a file for each stranger."""
    path = pathlib.Path(media)
    return path.stem if path.parent.name == STRANGERS else path.parent.name


def main_faces(samples):
    """{media: its sample that counts}: the central face of LFW's pictures, the largest of others."""
    best = {}
    for s in samples:
        x, y, w, h = s["box"]
        central = "lfw10" in s["media"] or STRANGERS in s["media"]
        s["rank"] = -abs(x + w / 2 - 125) - abs(y + h / 2 - 125) if central else w * h
        if s["media"] not in best or s["rank"] > best[s["media"]]["rank"]:
            best[s["media"]] = s
    return best


def agreement(truth, answer):
    """Precision and F over pairs, F of BCubed, adjusted Rand index (learn/cluster.h tells the formulas)."""
    pairs = lambda counts: sum(n * (n - 1) / 2 for n in counts.values())
    cells, t, a, n = collections.Counter(zip(truth, answer)), collections.Counter(truth), collections.Counter(answer), len(truth)
    both, real, said = pairs(cells), pairs(t), pairs(a)
    f = lambda p, r: 2 * p * r / (p + r) if p + r else 0
    p, r = both / said if said else 1, both / real if real else 1
    bp = sum(k * k / a[y] for (_, y), k in cells.items()) / n
    br = sum(k * k / t[x] for (x, _), k in cells.items()) / n
    chance = real * said / (n * (n - 1) / 2)
    rand = (both - chance) / ((real + said) / 2 - chance) if real + said != 2 * chance else 1
    return p, f(p, r), f(bp, br), rand


def figures(truth, answer):
    return " · ".join(f"{v:.3f}" for v in agreement(truth, answer))


def embeddings(samples, folders, common):
    """Those of the samples, in their order, by `espy embed`."""
    found = {os.path.abspath(line["media"]): line["samples"] for line in espy("embed", *folders, *common)}

    def of(sample):
        near = lambda s: sum(abs(a - b) for a, b in zip(s["box"], sample["box"]))
        return min(found[os.path.abspath(sample["media"])], key=near)["embedding"]
    return np.array([of(s) for s in samples])


def agglomerative(x, threshold):
    d = np.clip(1 - cosine_similarity(x), 0, 2)
    given = {"n_clusters": None, "linkage": "average", "distance_threshold": 1 - threshold}
    try:
        return AgglomerativeClustering(metric="precomputed", **given).fit_predict(d)
    except TypeError:  # before 1.2
        return AgglomerativeClustering(affinity="precomputed", **given).fit_predict(d)


def dbscan(x, threshold):
    labels = DBSCAN(eps=1 - threshold, min_samples=2, metric="precomputed").fit_predict(
        np.clip(1 - cosine_similarity(x), 0, 2))
    return [k if k >= 0 else -1 - i for i, k in enumerate(labels)]


def groups(name, folders, common):
    """A row for each method, and the samples that were grouped."""
    rows = []
    for method, peer in (("average", agglomerative), ("dbscan", dbscan)):
        # the files come in once; then it is asked what is there
        told = espy("cluster", *(folders if method == "average" else ()), *common, "--no-labels", "--method", method)
        if not told:
            return rows, []
        told = told[-1]
        of = {s: k for k, g in enumerate(told["groups"]) for s in g["samples"]}
        samples = espy("label", "list", "--nobody", *common[:2], *common[-2:])
        faces = main_faces(samples)
        if not faces:
            return rows, []
        truth = [person(m) for m in faces]
        answer = [of.get(s["sample"], -s["sample"]) for s in faces.values()]
        row = [name, method, len(faces), len(set(truth)), len(set(answer)), f"{told['threshold']:.3f}", figures(truth, answer)]
        if np is not None:
            at = {s["sample"]: k for k, s in enumerate(samples)}
            labels = peer(embeddings(samples, folders, common), told["threshold"])
            row.append(figures(truth, [labels[at[s["sample"]]] for s in faces.values()]))
        rows.append(row)
    return rows, samples


def vote(near, similarity, labels, threshold):
    """The rule of espy assign without ambiguity: most of those at or above the threshold, at least half."""
    valid = [(labels[i], s) for i, s in zip(near, similarity) if s >= threshold]
    by = collections.defaultdict(list)
    for label, s in valid:
        by[label].append(s)
    best = max(by, key=lambda label: (len(by[label]), sum(by[label]) / len(by[label])), default=None)
    return best if best is not None and 2 * len(by[best]) >= len(valid) else None


def outcome(truth, answer):
    n = len([t for t in truth if t])
    right = sum(t is not None and a == t for t, a in zip(truth, answer))
    wrong = sum(t is not None and a not in (None, t) for t, a in zip(truth, answer))
    named = sum(t is None and a is not None for t, a in zip(truth, answer))
    return [percent(right / n), percent(wrong / n), percent((n - right - wrong) / n), f"{named} of {len(truth) - n}"]


def assignment(name, folders, samples, common):
    """Every second photo of a person is a reference; the others and the strangers are asked about."""
    at, asked, references = (*common[:2], *common[-2:]), {}, {}
    seen = collections.Counter()
    for media, s in main_faces(samples).items():
        who = person(media)
        stranger = pathlib.Path(media).parent.name == STRANGERS
        if seen[who] % 2 == 0 and not stranger:
            references[s["sample"]] = who
        else:
            asked[s["sample"]] = None if stranger else who
        seen[who] += 1
    for who in sorted(set(references.values())):
        espy("label", "set", who, *[s for s, w in references.items() if w == who], *at)
    if FACES / STRANGERS not in folders:
        espy("assign", FACES / STRANGERS, *common, "--dry-run")
        for media, s in main_faces(espy("label", "list", "--nobody", *at)).items():
            if pathlib.Path(media).parent.name == STRANGERS:
                asked[s["sample"]] = None
    told = espy("assign", *at, "--dry-run")
    code = {s["sample"]: s["label"] for s in told[:-1] if s["status"] == "match_found"}
    threshold = told[-1]["threshold"]
    truth = list(asked.values())
    rows = [[name, "espy assign", len(references), len([t for t in truth if t]), f"{threshold:.3f}",
             *outcome(truth, [code.get(s) for s in asked])]]
    if np is not None:
        everybody = samples + espy("label", "list", "--nobody", *at)
        everybody = list({s["sample"]: s for s in everybody}.values())
        x = dict(zip([s["sample"] for s in everybody],
                     embeddings(everybody, [*folders, FACES / STRANGERS], common)))
        nearest = NearestNeighbors(n_neighbors=5, metric="cosine").fit(np.array([x[s] for s in references]))
        distance, index = nearest.kneighbors(np.array([x[s] for s in asked]))
        labels = list(references.values())
        rows.append([name, "scikit-learn NearestNeighbors", len(references), len([t for t in truth if t]), f"{threshold:.3f}",
                     *outcome(truth, [vote(i, 1 - d, labels, threshold) for i, d in zip(index, distance)])])
    return rows


def main():
    listed = [p["pack"] for p in espy("models", "list") if p["installed"] and p["modality"] == "face"
              and p["pack"] in (sys.argv[1:] or [p["pack"]])]
    if not FACES.is_dir():
        sys.exit("people: needs the labelled photos in ../shared/data; nothing was measured")
    grouped, assigned = [], []
    with tempfile.TemporaryDirectory() as work:
        for pack in listed:
            for name, of in SETS.items():
                folders = [FACES / f for f in of]
                common = ("--workspace", f"{work}/{pack}", "--encoder", pack, "--precision", "f32", "--collection", name)
                rows, samples = groups(name, folders, common)
                grouped += [[pack, *row] for row in rows]
                if samples:
                    assigned += [[pack, *row] for row in assignment(name, folders, samples, common)]
    table("pack | set | method | faces | people | groups | threshold | pairs P · F, BCubed F, Rand | scikit-learn", grouped)
    print()
    table("pack | set | by | references | asked | threshold | right % | wrong % | unassigned % | strangers named", assigned)


if __name__ == "__main__":
    main()
