# SPDX-License-Identifier: Apache-2.0
# What the three scenarios share; each begins with ". prepare.sh".
#
#   ESPY   the program                             (espy)
#   FACES  the development photos                  (../shared/data/faces)
#   OUT    where workspace and photos go           (scenario-out; the three use the same)
#   PACK   the networks, for the first scenario    (edgeface)
ESPY=${ESPY:-espy} FACES=${FACES:-../shared/data/faces} OUT=${OUT:-scenario-out} PACK=${PACK:-edgeface}
STUDENTS='Ariel_Sharon Colin_Powell Hugo_Chavez Jacques_Chirac Tony_Blair'
if [ ! -d "$FACES/lfw10" ] || [ ! -d "$FACES/unknown" ] || [ ! -d "$FACES/groups" ]; then
    echo "the photos are not there: FACES=$FACES" >&2
    exit 77
fi
mkdir -p "$OUT"
ESPY_WORKSPACE=$OUT/workspace
export ESPY_WORKSPACE

# What is done, and doing it.
run() {
    echo "\$ espy $*"
    "$ESPY" "$@"
    echo
}

# Photos number FROM to TO of each student go into a folder.
snapshots() {
    for student in $STUDENTS; do
        n=0
        for photo in "$FACES/lfw10/$student"/*; do
            n=$((n + 1))
            if [ "$n" -ge "$1" ] && [ "$n" -le "$2" ]; then cp "$photo" "$3"; fi
        done
    done
}
