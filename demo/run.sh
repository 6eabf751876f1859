#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make demo: gets the face-api pack, then shows the main job on real photos.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
scripts/get-face-api.sh
exec python3 demo/demo.py build/espy build/demo/pictures "${1:-}"
