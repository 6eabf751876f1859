#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every fuzz target for SECONDS each, from its corpus: fuzz/run.sh [SECONDS] [TARGET...]
# New inputs stay in build-fuzz/; a crash is written there and ends the run.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
seconds=${1:-30}
[ $# -eq 0 ] || shift
[ -f build-fuzz/build.ninja ] ||
    CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false \
        -Dbuildtype=debugoptimized >/dev/null
ninja -C build-fuzz >/dev/null
for program in build-fuzz/fuzz/fuzz_*; do
    [ -x "$program" ] && [ -f "$program" ] || continue
    target=$(basename "$program" | sed 's/^fuzz_//')
    case " $* " in "  " | *" $target "*) ;; *) continue ;; esac
    mkdir -p "build-fuzz/corpus/$target"
    printf '%-12s ' "$target"
    "$program" -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -artifact_prefix="build-fuzz/crash-$target-" \
        -print_final_stats=1 "build-fuzz/corpus/$target" "fuzz/corpus/$target" >"build-fuzz/$target.log" 2>&1 || {
        tail -n 30 "build-fuzz/$target.log"
        exit 1
    }
    sed -n 's/^stat::number_of_executed_units: *\(.*\)/\1 runs, no crash/p' "build-fuzz/$target.log"
done
