#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages of the lists named (packages/NAME.txt) that are not there yet.
#   tools/setup.sh build [check] [bench] [demo]
#
# `build` takes Debian's nodejs and npm (packages/node.txt) only where there is no npm: a nodejs from
# elsewhere brings its own, beside which Debian's cannot be installed.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
missing=
case " $* " in *" build "*) command -v npm >/dev/null 2>&1 || set -- "$@" node ;; esac
for list in "$@"; do
    for name in $(grep -v '^#' "$root/packages/$list.txt"); do
        dpkg-query -W -f '${Status}\n' "$name" 2>/dev/null | grep -q '^install ok installed' ||
            missing="$missing $name"
    done
done
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
    echo "setup: this is not Debian; install what your system calls these:$missing" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "setup: as root run: apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "setup: installing$missing" >&2
$as_root apt-get update -qq
# shellcheck disable=SC2086 # the names are words
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
