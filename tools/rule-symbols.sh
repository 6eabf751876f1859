#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Banned calls, seen in the object code so that no macro can hide them: memory goes through the
# context, text is bounded, nothing ends the program.
set -u
cd "$1" || exit 1
banned='malloc|calloc|realloc|strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|gets|rand|srand|abort|exit|system|popen|localtime|gmtime|tmpnam|mktemp'
status=0
for lib in "$2"/src/*/libespy-*.a; do
    module=$(basename "$lib" .a)
    case $module in libespy-base) continue ;; esac # where the wrappers are
    hits=$(nm --undefined-only "$lib" 2>/dev/null | awk '{print $NF}' | grep -Ex "($banned)" | sort -u | tr '\n' ' ')
    if [ -n "$hits" ]; then
        echo "$module calls $hits"
        status=1
    fi
done
[ $status -eq 0 ] && echo "symbols: none of the banned ones"
exit $status
