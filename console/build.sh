#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the console's pages and writes them as C: console/build.sh OUT.c
#
# The pages are built once per content of their sources and stay in console/dist, so that all build
# folders share one build; OUT.c is only written where it would differ.
set -eu
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
case $1 in /*) out=$1 ;; *) out=$PWD/$1 ;; esac
cd "$here"

fail() {
    echo "console: $*" >&2
    exit 1
}

# One build at a time; the others find its result.
exec 9<package.json
flock 9

# Of names and contents of everything that the pages are made from.
sources=$(find package-lock.json package.json tsconfig.json vite.config.ts index.html embed.mjs build.sh src \
    -type f ! -name '.*' | LC_ALL=C sort | xargs sha256sum | sha256sum | cut -d ' ' -f 1)
if [ -f "$out" ] && [ "$(head -n 1 "$out")" = "/* $sources */" ]; then
    exit 0
fi
command -v npm >/dev/null 2>&1 || fail "no npm: install nodejs and npm, or configure with -Dconsole=false"

# Stamps lie inside what they vouch for: whoever removes that removes them too.
lock=$(sha256sum package-lock.json)
if [ "$(cat node_modules/.espy-lock 2>/dev/null)" != "$lock" ]; then
    said=$(npm ci --loglevel=error 2>&1) || fail "npm could not install the packages: $said"
    echo "$lock" >node_modules/.espy-lock
fi
if [ "$(cat dist/.espy-sources 2>/dev/null)" != "$sources" ]; then
    said=$(npm run --silent build 2>&1) || {
        echo "$said" >&2
        fail "the pages could not be built"
    }
    echo "$sources" >dist/.espy-sources
fi
node embed.mjs dist "$sources" "$out"
