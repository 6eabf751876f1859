#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An independent reader of index files, after docs/formats/index.md: what it reads are the vectors that
were put in, and the program's answers are numpy's over what it reads.

  check_index.py INDEX_RUN"""
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
except ImportError:
    other = "/usr/bin/python3"
    if os.path.realpath(sys.executable) != os.path.realpath(other) and os.path.exists(other) \
            and "CHECK_INDEX_AGAIN" not in os.environ:
        os.environ["CHECK_INDEX_AGAIN"] = "1"
        os.execv(other, [other] + sys.argv)
    print("SKIP: no numpy to compare with (Debian: python3-numpy)")
    sys.exit(77)

FIELDS = "revision kind method keep dim links effort n gone upper entry top".split()
MASK = (1 << 64) - 1


def level(slot, links):
    x = slot
    for found in range(16):
        x = (x + 0x9e3779b97f4a7c15) & MASK
        h = ((x ^ x >> 30) * 0xbf58476d1ce4e5b9) & MASK
        h = ((h ^ h >> 27) * 0x94d049bb133111eb) & MASK
        x = h ^ h >> 31
        if x % links or found == 15:
            return found


def decode(kind, codes, dim, words):
    """Vectors from codes, n x stride words."""
    codes = np.ascontiguousarray(codes)
    if kind == 0:
        return codes.view("<f4")[:, :dim]
    if kind == 1:
        halves = codes.view("<u2").astype("<u4") << 16
        return halves.view("<f4")[:, :dim]
    return codes[:, :words].copy().view("i1")[:, :dim] * codes[:, words:].copy().view("<f4")


class Index:
    def __init__(self, raw):
        assert raw[:8] == b"espy-idx"
        head = dict(zip(FIELDS, map(int, np.frombuffer(raw, "<u8", len(FIELDS), 8))))
        self.__dict__.update(head)
        assert self.revision == 1
        assert raw[448:512].decode() == hashlib.sha256(raw[:448]).hexdigest()
        words = -(-self.dim // (1, 2, 4)[self.kind])
        words = -(-words // 16) * 16
        stride = words + (self.kind == 2)
        record = -(-(stride + 2 + 2 * self.links) // 16) * 16 if self.method else stride
        rows = self.n if self.method else -(-self.n // 32) * 32
        sizes = [rows * record * 4, self.n * 8, self.n * self.dim * 4 * self.keep, self.upper * 4]
        assert len(raw) == 512 + sum(sizes)
        at, parts = 512, []
        for i, size in enumerate(sizes):
            parts.append(raw[at:at + size])
            assert raw[128 + 64 * i:192 + 64 * i].decode() == hashlib.sha256(parts[i]).hexdigest()
            at += size
        codes = np.frombuffer(parts[0], "<u4")
        if self.method:
            codes = codes.reshape(rows, record)
            self.gone_slots = set(np.nonzero(codes[:, stride + 1] >> 31)[0])
            self.check_links(codes[:, stride:], np.frombuffer(parts[3], "<u4"))
        else:
            codes = codes.reshape(-1, stride, 32).transpose(0, 2, 1).reshape(rows, stride)[:self.n]
            self.gone_slots = set()
        assert len(self.gone_slots) == self.gone
        self.vectors = decode(self.kind, codes[:, :stride], self.dim, words)
        self.ids = np.frombuffer(parts[1], "<i8")
        self.rows = np.frombuffer(parts[2], "<f4").reshape(self.n, self.dim) if self.keep else None

    def check_links(self, tails, upper):
        levels = [level(slot, self.links) for slot in range(self.n)]
        at = 0
        for slot in range(self.n):
            assert tails[slot, 0] == at
            lists = [(0, tails[slot, 1:], 2 * self.links)]
            for l in range(1, levels[slot] + 1):
                lists.append((l, upper[at:at + self.links + 1], self.links))
                at += self.links + 1
            for l, links, most in lists:
                count = int(links[0]) & 0x7fffffff
                own = links[1:1 + count].tolist()
                assert count <= most and len(set(own)) == count and slot not in own
                assert all(levels[o] >= l for o in own)
        assert at == self.upper and levels[self.entry] == self.top == max(levels)


def check(program, kind, method, keep, dim, n):
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, folder, kind, method, keep, str(dim), str(n)], check=True)
        at = pathlib.Path(folder)
        vectors = np.fromfile(at / "vectors", "<f4").reshape(n, dim).astype("f8")
        queries = np.fromfile(at / "queries", "<f4").reshape(-1, dim).astype("f8")
        ids = np.fromfile(at / "ids", "<i8")
        hit_ids = np.fromfile(at / "hit_ids", "<i8").reshape(len(queries), -1)
        cosines = np.fromfile(at / "hit_cosines", "<f4").reshape(len(queries), -1)
        index = Index((at / "index").read_bytes())
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    left = [i for i in range(index.n) if i not in index.gone_slots]
    assert sorted(index.ids[left]) == sorted(i for at, i in enumerate(ids) if at % 9)
    truth = vectors[(index.ids - 3) // 7]
    off = {"f32": 1e-6, "bf16": 2.0**-8 * abs(truth), "int8": abs(truth).max(1, keepdims=True) / 253}[kind]
    assert (abs(index.vectors - truth) <= off).all()
    if index.keep:
        assert (abs(index.rows - truth) <= 1e-6).all()
    # answers: of exact vectors by numpy's cosines; of codes within their rounding
    exact = index.keep or kind == "f32"
    scores = queries @ truth[left].T
    best = np.sort(scores, axis=1)[:, ::-1][:, :hit_ids.shape[1]]
    where = {i: at for at, i in enumerate(index.ids[left])}
    own = np.array([[scores[q, where[i]] for i in row] for q, row in enumerate(hit_ids)])
    assert (abs(own - cosines) <= (2e-6 if exact else 2e-2)).all()
    recall = (own >= best[:, -1:] - 1e-6).mean()
    print(f"{kind} {method} {keep} {dim} x {n}: recall {recall:.4f}")
    assert recall >= (1 if exact and method == "scan" else 0.93)


for kind in ("f32", "bf16", "int8"):
    for method in ("scan", "graph"):
        for keep in ("bare", "keep"):
            check(sys.argv[1], kind, method, keep, 50, 2500)
check(sys.argv[1], "int8", "graph", "keep", 128, 300)
