#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Measures the figures of docs/accuracy.md again: every installed face pack on the shared photos.
#   tools/accuracy.sh [PACK...]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
faces=${ESPY_SHARED:-$root/../shared}/data/faces
espy=$root/build/espy
[ -d "$faces" ] || {
    echo "accuracy: needs the labelled photos in ../shared/data/faces; nothing was measured" >&2
    exit 0
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
[ $# -gt 0 ] || set -- $("$espy" models list --json | sed -n 's/.*"pack":"\([^"]*\)","modality":"face","installed":true.*/\1/p')
for pack in "$@"; do
    for precision in f32 bf16; do
        # shellcheck disable=SC2086 # options are words
        options="--workspace $work --encoder $pack --precision $precision --collection $pack-$precision --quiet"
        pairs=$("$espy" evaluate --pairs "$faces/lfw_pairs/pairs.csv" $options --json 2>/dev/null) || continue
        printf '%s %s pairs %s\n' "$pack" "$precision" "$pairs"
        for set in lfw10 orl celebs5/train athletes; do
            for head in svm knn; do
                printf '%s %s %s %s ' "$pack" "$precision" "$set" "$head"
                "$espy" evaluate "$faces/$set" --unknown-dir "$faces/unknown" --head "$head" $options --json
            done
        done
    done
done
