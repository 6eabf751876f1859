#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The first session of a class: photos -> faces -> groups -> names.
#
# The class is made of development photos.  Five people of LFW, three snapshots each, stand for
# students who were photographed one by one; strangers stand behind some of them.  One group photo
# with six people stands for a photo of the class room: who they are is not known, so they stay
# groups until somebody says it.
set -eu
. "$(dirname "$0")/prepare.sh"
rm -rf "$OUT"
mkdir -p "$OUT/week1"
snapshots 1 3 "$OUT/week1"
cp "$FACES/groups/deepinsight_t1.jpg" "$OUT/week1"

echo "== The photos become faces, the faces groups"
run cluster "$OUT/week1" --collection Math101 --session "Week 1" --date 2026-09-07 \
    --encoder "$PACK" --max-clusters 50 --sheet "$OUT/week1.jpg"

# The teacher knows who it is; here the files' names tell it: of most of a group's files, for
# Tony_Blair_0003.jpg it is Tony_Blair.
who_is() {
    "$ESPY" label list "$1" | sed -n 's|.*/||; s|_[0-9][0-9]*\.jpg$||p' | sort | uniq -c | sort -rn |
        awk 'NR == 1 { print $2 }'
}

echo "== The teacher looks at $OUT/week1.jpg and names the groups"
number=0
for group in $("$ESPY" label list | awk '$1 > 1 { print $2 }'); do
    number=$((number + 1))
    run label rename "$group" "$(printf 'STU%03d_%s' "$number" "$(who_is "$group")")"
done

echo "== Who was there in week 1"
run label list --session "Week 1"
