#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# systemd finds nothing to say about the units, and calls the service safe enough.
# usage: check_units.sh SYSTEMD-ANALYZE ESPY ESPY.SERVICE ESPY.SOCKET
set -eu
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT INT TERM
program=$(realpath "$2")
sed "s#^ExecStart=[^ ]*#ExecStart=$program#; /^Documentation=/d" "$3" >"$home/espy.service"
cp "$4" "$home/espy.socket"
said=$("$1" verify "$home/espy.service" "$home/espy.socket" 2>&1) || {
    echo "$said"
    exit 1
}
if echo "$said" | grep 'espy\.\(service\|socket\)'; then
    exit 1
fi
"$1" security --offline=true --threshold=25 "$home/espy.service" | tail -n 1
