#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The whole class of the two sessions is grouped again, people with names included: names stay, and
# faces without one that belong to one person come together over both sessions.
set -eu
. "$(dirname "$0")/prepare.sh"

echo "== All faces of all sessions are grouped again"
run cluster --include-identified --sheet "$OUT/class.jpg"

echo "== Who was there: by session"
run label list --session "Week 1"
run label list --session "Week 2"

echo "== What was done, with the numbers to take it back (espy label undo NUMBER)"
run label history
