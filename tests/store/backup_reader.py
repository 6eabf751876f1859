# SPDX-License-Identifier: Apache-2.0
"""Reads a backup with nothing but docs/formats/backup.md: names of labels, how many media and samples,
and the sum of all numbers of the embeddings under "enc"."""
import base64
import hashlib
import json
import struct
import sys
import tarfile

parts = {}
with tarfile.open(sys.argv[1]) as tar:
    names = tar.getnames()
    for name in names:
        parts[name] = tar.extractfile(name).read()
assert names[0] == "store.json" and names[-1] == "SHA256SUMS"
sums = "".join(f"{hashlib.sha256(parts[n]).hexdigest()}  {n}\n" for n in names[:-1])
assert sums.encode() == parts["SHA256SUMS"]

head = json.loads(parts["store.json"])
assert head["format"] == 1
rows = {}
for table in head["tables"]:
    columns, found = table["columns"].split(", "), []
    for name in names:
        if name.startswith("rows/") and name.split("/")[1].split("-", 1)[1] == table["table"]:
            found += [dict(zip(columns, json.loads(line))) for line in parts[name].splitlines()]
    rows[table["table"]] = found
media = {n[6:]: parts[n] for n in names if n.startswith("media/")}
for digest, content in media.items():
    assert hashlib.sha256(content).hexdigest() == digest
assert {m["digest"] for m in rows["media"]} == set(media)
total = 0
for e in rows["embeddings"]:
    if e["encoder_digest"] == "enc":
        v = base64.b64decode(e["vector"])
        total += sum(struct.unpack(f"<{len(v) // 4}f", v))
print(json.dumps({"labels": [l["name"] for l in rows["labels"]], "media": len(media),
                  "samples": len(rows["samples"]), "sum": total}))
