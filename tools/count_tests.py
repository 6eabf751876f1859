#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up meson's test logs: count_tests.py PASSED FAILED testlog.json...

Prints why tests were skipped and ends with "N passed, N failed, N skipped"; exit status 1 when any
failed.
"""
import json
import sys

passed, failed, skipped = int(sys.argv[1]), int(sys.argv[2]), 0
reasons = {}
for path in sys.argv[3:]:
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            test = json.loads(line)
            if test["result"] in ("OK", "EXPECTEDFAIL"):
                passed += 1
            elif test["result"] == "SKIP":
                skipped += 1
                said = [s for s in test.get("stdout", "").splitlines() if "SKIP" in s]
                reasons[test["name"]] = said[-1] if said else "no reason given"
            else:
                failed += 1
                print("FAILED", test["name"], test["result"])
for name, reason in sorted(reasons.items()):
    print(f"skipped {name}: {reason}")
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(1 if failed else 0)
