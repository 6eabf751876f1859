#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Gets the face-api pack: fetches the npm package @vladmandic/face-api by name and version, converts
# its networks to ONNX and puts the pack where espy looks for it.
#
#   get-face-api.sh [--out DIR]
#
#   --out DIR   the pack's folder; default ${XDG_DATA_HOME:-~/.local/share}/espy/models/face-api
#
# Afterwards DIR holds pack.json, the networks, the package's LICENSE and its six sample pictures
# in photos/.  Everything is checked by SHA-256; a second run only checks.  Needs npm, numpy and onnx
# for Python; what is missing is installed from Debian when that is possible (root or sudo).
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
package=@vladmandic/face-api
pin=$root/models/package.json
pack=$root/models/packs/face-api/pack.json
tiny=$root/models/packs/face-api-tiny/pack.json
people=$root/demo/people.json
out=${XDG_DATA_HOME:-${HOME:-/root}/.local/share}/espy/models/face-api
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/espy/npm

fail() {
    echo "get-face-api: $*" >&2
    exit 1
}

# "<sha256>  <name>" lines, from the one-line entries of a JSON file: networks and pictures.
networks() {
    sed -n 's/.*"name": "\([^"]*\.onnx\)", "sha256": "\([0-9a-f]\{64\}\)".*/\2  \1/p' "$pack" "$tiny" | sort -u
}
pictures() {
    sed -n 's/.*"file": "\([^"]*\.jpg\)", "sha256": "\([0-9a-f]\{64\}\)".*/\2  \1/p' "$people"
}
verified() {
    [ -d "$1" ] && networks | (cd "$1" && sha256sum --check --status 2>/dev/null) &&
        pictures | (cd "$1/photos" 2>/dev/null && sha256sum --check --status 2>/dev/null)
}

# Installs Debian packages, or says which are missing.
install_debian() {
    if ! command -v apt-get >/dev/null 2>&1; then
        fail "missing: $*; install what your system calls these packages"
    elif [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        as_root=sudo
    else
        fail "missing: $*; as root run: apt-get install --no-install-recommends $*"
    fi
    echo "get-face-api: installing $*" >&2
    # Package lists may be old or absent on a fresh machine: refresh them only when needed.
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 && return 0
    $as_root apt-get update -q >/dev/null 2>&1 || true
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "$@" >/dev/null 2>&1 ||
        fail "apt-get could not install $*; check the network and run it by hand"
}

# Prints a Python that has numpy and onnx.
find_python() {
    for python in python3 /usr/bin/python3; do
        if command -v "$python" >/dev/null 2>&1 && "$python" -c 'import numpy, onnx' 2>/dev/null; then
            echo "$python"
            return 0
        fi
    done
    return 1
}

while [ $# -gt 0 ]; do
    case $1 in
    --out)
        [ $# -ge 2 ] || fail "--out wants a folder"
        out=$2
        shift 2
        ;;
    --out=*)
        out=${1#--out=}
        shift
        ;;
    -h | --help)
        sed -n '3,12s/^# \{0,1\}//p' "$0"
        exit 0
        ;;
    *)
        echo "get-face-api: unknown argument '$1'; usage: get-face-api.sh [--out DIR]" >&2
        exit 2
        ;;
    esac
done

version=$(sed -n "s|.*\"$package\": \"\([0-9.]*\)\".*|\1|p" "$pin")
[ -n "$version" ] || fail "$pin names no version of $package"
[ -n "$(networks)" ] || fail "$pack names no networks"
[ -n "$(pictures)" ] || fail "$people names no pictures"

if verified "$out"; then
    cmp -s "$pack" "$out/pack.json" || cp "$pack" "$out/pack.json"
    echo "face-api is there: $out"
    exit 0
fi

mkdir -p "$out/photos" 2>/dev/null || fail "cannot write to $out; choose another folder with --out"

# The package: an archive named by its version, kept in the cache.
archive=$cache/face-api-$version.tgz
if ! [ -s "$archive" ]; then
    if ! command -v npm >/dev/null 2>&1; then
        command -v node >/dev/null 2>&1 &&
            fail "node is here but npm is not: install the npm that belongs to your node"
        install_debian npm
    fi
    mkdir -p "$cache" 2>/dev/null || fail "cannot write to $cache; set XDG_CACHE_HOME"
    echo "get-face-api: fetching $package $version with npm" >&2
    fetch=$(mktemp -d "$cache/fetch.XXXXXX")
    trap 'rm -rf "$fetch"' EXIT INT TERM
    (cd "$fetch" && npm pack --ignore-scripts --loglevel=error "$package@$version" >npm.log 2>&1) ||
        fail "npm could not fetch $package $version: $(grep -v '^ *$' "$fetch/npm.log" | head -n 1)"
    mv "$fetch"/*.tgz "$archive"
    rm -rf "$fetch"
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/espy-face-api.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
tar -xzf "$archive" -C "$work" 2>/dev/null || {
    rm -f "$archive"
    fail "the archive of $package was damaged and has been removed: run this again"
}

python=$(find_python) || {
    install_debian python3-numpy python3-onnx
    python=$(find_python) || fail "python3 finds no numpy and onnx: install python3-numpy python3-onnx"
}
"$python" "$root/models/convert/face_api.py" "$work/package" "$out" >/dev/null || exit 1
pictures | while read -r _ name; do
    cp "$work/package/demo/$name" "$out/photos/$name"
done
cp "$work/package/LICENSE" "$out/LICENSE"
verified "$out" || fail "the files in $out differ from the digests in $pack and $people"
# The manifest goes last: a pack without it does not exist for espy.
cp "$pack" "$out/pack.json"
echo "face-api is ready: $out ($package $version, MIT)"
