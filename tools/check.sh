#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs every check and ends with one line: N passed, N failed, N skipped.
#
#   gcc      warnings as errors, all tests
#   clang    warnings as errors, all tests
#   asan     AddressSanitizer and UndefinedBehaviorSanitizer, all tests
#   tsan     ThreadSanitizer, the tests where threads meet
#   rules    layers, banned symbols, formatting, the public header, the documents
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root" || exit 1
results=$(mktemp -d)
trap 'rm -rf "$results"' EXIT INT TERM
failed_builds=0

# The face-api pack lets the whole road be tested where ../shared is absent.
scripts/get-face-api.sh || echo "the face-api pack could not be had: its tests skip"

# Keras and ONNX Runtime, to compare with; schemathesis, which asks the server whatever its document allows.
if [ -z "${ESPY_KERAS_PYTHON:-}" ]; then
    ESPY_KERAS_PYTHON=$(tools/python-env.sh peers) && export ESPY_KERAS_PYTHON || unset ESPY_KERAS_PYTHON
fi
if [ -z "${ESPY_SCHEMATHESIS_PYTHON:-}" ]; then
    ESPY_SCHEMATHESIS_PYTHON=$(tools/python-env.sh generators) && export ESPY_SCHEMATHESIS_PYTHON ||
        unset ESPY_SCHEMATHESIS_PYTHON
fi

# configure NAME CC OPTIONS...; a build that fails counts as one failed test
build() {
    name=$1 cc=$2
    shift 2
    echo "== $name"
    if [ ! -f "build-$name/build.ninja" ]; then
        CC=$cc meson setup "build-$name" "$@" >"$results/$name.setup" 2>&1 || {
            tail -n 20 "$results/$name.setup"
            failed_builds=$((failed_builds + 1))
            return 1
        }
    fi
    ninja -C "build-$name" >"$results/$name.build" 2>&1 && return 0
    grep -E 'error|warning|undefined' "$results/$name.build" | head -n 30
    failed_builds=$((failed_builds + 1))
    return 1
}

# run NAME MESON-TEST-OPTIONS...
run() {
    name=$1
    shift
    meson test -C "build-$name" --no-rebuild --print-errorlogs "$@" >"$results/$name.out" 2>&1
    grep -E 'FAIL|TIMEOUT|ERROR|Summary of Failures' -A 25 "$results/$name.out" | head -n 120
    cp "build-$name/meson-logs/testlog.json" "$results/$name.json" 2>/dev/null || true
}

build check gcc --werror && run check
# The pages are the same in every build, and browsers take their time: they are asked in the first.
build clang clang --werror -Db_lundef=false && run clang --no-suite console
build asan clang --werror -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized &&
    run asan --timeout-multiplier 6 --no-suite console
build tsan gcc --werror -Db_sanitize=thread -Dbuildtype=debugoptimized &&
    run tsan --suite threads --timeout-multiplier 6

echo "== rules"
rules_passed=0 rules_failed=0
for rule in tools/rule-*.sh; do
    if "$rule" "$root" build-check; then
        rules_passed=$((rules_passed + 1))
    else
        echo "FAIL $rule"
        rules_failed=$((rules_failed + 1))
    fi
done

python3 tools/count_tests.py "$rules_passed" "$((rules_failed + failed_builds))" "$results"/*.json
