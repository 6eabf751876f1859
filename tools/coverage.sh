#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the tests on a build that counts, and prints which share of each file's lines they reach.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
[ -f build-coverage/build.ninja ] ||
    CC=gcc meson setup build-coverage -Db_coverage=true -Dbuildtype=debugoptimized >/dev/null
ninja -C build-coverage >/dev/null
find build-coverage -name '*.gcda' -delete
failed=0
meson test -C build-coverage --no-rebuild --timeout-multiplier 4 >build-coverage/tests.txt 2>&1 || failed=1
grep -E 'FAIL|TIMEOUT|^Ok:|^Fail:|^Skipped:' build-coverage/tests.txt
gcovr --root . --filter 'src/' --gcov-ignore-parse-errors build-coverage
exit $failed
