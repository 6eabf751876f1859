#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Layers: a module includes only what stands to its left; a third-party header appears in one file.
set -u
cd "$1" || exit 1
exec python3 - <<'P'
import collections, pathlib, re, sys

RANK = {"base": 0, "kern": 1, "gemm": 2, "media": 3, "dsp": 3, "nn": 4, "learn": 4, "index": 4,
        "encode": 5, "head": 5, "store": 5, "artifact": 6, "flow": 7, "http": 8, "cli": 9}
# The C library and POSIX, which anybody may use.
OWN = re.compile(r"^(assert|complex|ctype|dirent|errno|fcntl|float|inttypes|limits|locale|math|setjmp|signal|"
                 r"stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|string|strings|time|unistd|pthread|"
                 r"sched|immintrin|arpa/inet|netinet/in|sys/\w+)\.h$")
bad, users = [], collections.defaultdict(set)
for path in sorted(pathlib.Path("src").rglob("*.[ch]")):
    module = path.parts[1]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
        if not found:
            continue
        mark, name = found.groups()
        first = name.split("/")[0]
        if mark == '"' and first in RANK:
            if first != module and RANK[first] >= RANK[module]:
                bad.append(f"{path}:{number}: {module} may not include {name}")
        elif mark == "<" and not OWN.match(name):
            users[name].add(str(path))
for name, paths in sorted(users.items()):
    if len(paths) > 1:
        bad.append(f"<{name}> appears in {', '.join(sorted(paths))}; keep it in one file")
print("\n".join(bad) or "layers: in order")
sys.exit(1 if bad else 0)
P
