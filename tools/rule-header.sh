#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The public header stands alone in C17 and in C++17, and the library shows nothing that it does not
# declare.
set -u
cd "$1" || exit 1
printf '#include <espy/espy.h>\nint main(void) { return espy_library_version() == 0; }\n' >"$2/header_alone.c"
cp "$2/header_alone.c" "$2/header_alone.cc"
gcc -std=c17 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$2/header_alone.c" || exit 1
g++ -std=c++17 -Wall -Wextra -Wpedantic -Werror -Iinclude -fsyntax-only "$2/header_alone.cc" || exit 1
for name in $(nm -D --defined-only "$2"/src/flow/libespy.so | awk '$2 ~ /[TDBR]/ {print $3}'); do
    grep -q "\b$name(" include/espy/espy.h || {
        echo "libespy shows $name, which espy.h does not declare"
        exit 1
    }
done
echo "header: stands alone, and is all that the library shows"
