#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A later session of the class of 1-first-session.sh: who is known is told by the nearest neighbours,
# the rest by hand.
#
# Other snapshots of the same five people, the second group photo of the same six people, and eight
# people of LFW who are not in the class: they must stay without a name.
set -eu
. "$(dirname "$0")/prepare.sh"
rm -rf "$OUT/week2"
mkdir -p "$OUT/week2"
snapshots 6 8 "$OUT/week2"
cp "$FACES/groups/timesler_multiface.jpg" "$OUT/week2"
for stranger in $(find "$FACES/unknown" -name '*.jpg' | sort | head -n 8); do
    cp "$stranger" "$OUT/week2"
done

echo "== The photos become faces, the faces people who are known"
run assign "$OUT/week2" --session "Week 2" --date 2026-09-14 --k 5

echo "== Who is left"
run label list --nobody --session "Week 2"

echo "== The teacher knows the one on the left of those who are left in the group photo"
sample=$("$ESPY" label list --nobody --session "Week 2" |
    sed -n 's|^ *\([0-9]*\) .* at \([0-9]*\),.*timesler_multiface.jpg$|\2 \1|p' |
    sort -n | awk 'NR == 1 { print $2 }')
if [ -n "$sample" ]; then run label set STU006_Student_Six "$sample"; fi

echo "== Who was there in week 2"
run label list --session "Week 2"
