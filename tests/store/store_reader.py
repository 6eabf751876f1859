#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A second reader of a workspace, written from docs/formats/store.md and version.md alone.

Checks a workspace folder and prints one line of JSON: counts, and for each version its number, head,
lineage size and the sum of its lineage's vectors.  Exit 1 with a reason when something is not as
documented."""
import hashlib
import json
import os
import sqlite3
import struct
import sys


def need(fine, what):
    if not fine:
        sys.exit("not as documented: " + what)


def pragma(db, name):
    return db.execute("PRAGMA " + name).fetchone()[0]


def check_file(db):
    need(pragma(db, "application_id") == int.from_bytes(b"ESPY", "big"), "application_id")
    need(pragma(db, "user_version") == 5, "user_version")
    need(pragma(db, "page_size") == 8192, "page size")
    need(pragma(db, "journal_mode") == "wal", "journal mode")
    need(not db.execute("PRAGMA foreign_key_check").fetchall(), "references")
    need(pragma(db, "integrity_check") == "ok", "integrity")


def check_media(db, root):
    for digest, size in db.execute("SELECT digest, bytes FROM media"):
        with open(os.path.join(root, "media", digest[:2], digest), "rb") as f:
            raw = f.read()
        need(len(raw) == size, "size of media " + digest)
        need(hashlib.sha256(raw).hexdigest() == digest, "digest of media " + digest)


def check_samples(db):
    for points, whole, label, by in db.execute("SELECT points, whole, label, labelled_by FROM samples"):
        need(points is None or len(struct.unpack("<10f", points)) == 10, "points")
        need(whole in (0, 1), "whole")
        need(by in (None, "folder", "user", "job") and (label is None or by is not None), "labelled_by")
    for detail, in db.execute("SELECT detail FROM events WHERE detail IS NOT NULL"):
        need(isinstance(json.loads(detail), dict), "detail of an event")


def vector_sum(db, version, encoder):
    total = 0.0
    rows = db.execute("SELECT e.vector FROM version_samples v JOIN embeddings e ON e.sample = v.sample"
                      " WHERE v.version = ? AND e.encoder_digest = ?", (version, encoder))
    for vector, in rows:
        total += sum(struct.unpack("<%df" % (len(vector) // 4), vector))
    return total


def check_versions(db, root, encoder):
    out = []
    rows = db.execute("SELECT id, collection, number, head, digest, json, bytes FROM versions"
                      " ORDER BY collection, number").fetchall()
    for row, collection, number, head, digest, text, raw in rows:
        folder = os.path.join(root, "collections", str(collection), "versions", str(number))
        with open(os.path.join(folder, "version.json"), "rb") as f:
            need(f.read() == text.encode(), "version.json of %d" % number)
        with open(os.path.join(folder, "head.safetensors"), "rb") as f:
            need(f.read() == raw, "head of %d" % number)
        need(hashlib.sha256(raw).hexdigest() == digest, "digest of %d" % number)
        said = json.loads(text)
        need(text.endswith("}\n"), "end of version.json")
        need((said["version"], said["head"], said["head_sha256"]) == (number, head, digest), "members")
        need(said["created"][10] == "T" and said["created"][-1] == "Z", "created")
        lineage, = db.execute("SELECT count(*) FROM version_samples WHERE version = ?", (row,)).fetchone()
        out.append([number, head, lineage, vector_sum(db, row, encoder)])
    return out


def main(root, encoder):
    db = sqlite3.connect(os.path.join(root, "store.db"))
    check_file(db)
    check_media(db, root)
    check_samples(db)
    counts = {t: db.execute("SELECT count(*) FROM " + t).fetchone()[0]
              for t in ("collections", "labels", "media", "samples", "embeddings", "events")}
    live = db.execute("SELECT number FROM aliases WHERE alias = 'live'").fetchall()
    print(json.dumps({"counts": counts, "versions": check_versions(db, root, encoder),
                      "live": [n for n, in live]}))


main(sys.argv[1], sys.argv[2])
