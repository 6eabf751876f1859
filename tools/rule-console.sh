#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The console's sources have prettier's layout (console/.prettierrc.json), and its lock file names no registry.
#   tools/rule-console.sh ROOT
set -u
cd "$1/console" || exit 1
if grep -n '"resolved"' package-lock.json; then
    echo "console: npm wrote addresses into package-lock.json; console/.npmrc keeps them out"
    exit 1
fi
[ -d node_modules ] || npm ci --loglevel=error >/dev/null || exit 1
npm run --silent format || {
    echo "console: run: (cd console && npx prettier --write .)"
    exit 1
}
