#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: gets what the two halves need, then shows the main job on real photos and on sounds.
#
#   run.sh [PHOTOS [SOUNDS]]
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
photos=${1:-} sounds=${2:-}
if [ -n "$photos" ] || [ -z "$sounds" ]; then
    scripts/get-face-api.sh
fi
if [ -z "$photos$sounds" ] && [ ! -d "${ESPY_SHARED:-../shared}/data/sounds" ]; then
    tools/setup.sh demo || echo "demo: the sound half will be left out" >&2
fi
exec python3 demo/demo.py build/espy build/demo/pictures "$photos" "$sounds"
