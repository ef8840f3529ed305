#!/bin/sh
# SPDX-License-Identifier: MIT
# Take one protection out at a time, and see that the torture notices.
#
#     mutants.sh SOURCE [SECONDS [SEED [NAME...]]]
#
# Works on a copy of the tree, in a folder of its own. The tree as it is runs
# first, and must pass: what fails without a mutant proves nothing with one.
# Those of logical decoding, wal_*, run with it.
# Exit code: 0 all were caught, 1 one was not, 2 it could not be tried.
set -u

source=$1
seconds=${2:-20}
seed=${3:-1}
[ $# -ge 3 ] && shift 3 || shift $#
slack_ms=60

work=$(mktemp -d "${TMPDIR:-/tmp}/pgcw-mutants-XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
trap 'exit 2' INT TERM

mkdir "$work/tree"
for part in CMakeLists.txt CMakePresets.json cmake include sql src stress \
    tests LICENSE README.md CHANGELOG.md; do
    cp -R "$source/$part" "$work/tree/" || exit 2
done
cd "$work/tree" || exit 2
cmake --preset release -S . -B "$work/build" -DPGCW_BUILD_TESTS=ON \
    >"$work/log" 2>&1 || { cat "$work/log"; exit 2; }

build() {
    cmake --build "$work/build" --target coherence_torture -j2 \
        >"$work/log" 2>&1 || { tail -n 20 "$work/log"; return 1; }
}

# torture TRANSPORT: says what was found, and returns what the torture does. A hang is caught.
torture() {
    timeout -k 30 $((seconds + 120)) "$work/build/stress/coherence_torture" \
        --seconds "$seconds" --seed "$seed" --slack $slack_ms \
        --transport "$1" \
        >"$work/log" 2>&1
    result=$?
    found=$(sed -n 's/^violations: //p' "$work/log")
    return $result
}

tell() {
    printf '%-24s %-8s %s\n' "$1" "$2" "$3"
}

build || exit 2
for transport in notify wal; do
    torture $transport || { cat "$work/log"; exit 2; }
    tell "(none, $transport)" passes "$found"
done

[ $# -gt 0 ] || set -- $(cd stress/mutants && ls -- *.patch)
missed=0
for name; do
    name=${name%.patch}
    patch -s -p0 <"stress/mutants/$name.patch" && build ||
        { tell "$name" "is out of date"; exit 2; }
    case $name in
    wal_*) torture wal ;;
    *) torture notify ;;
    esac
    case $? in
    0) tell "$name" MISSED "$found"; missed=1 ;;
    1) tell "$name" caught "$found" ;;
    2 | 77) cat "$work/log"; exit 2 ;;
    *) tell "$name" caught "it ended with $result" ;;
    esac
    patch -s -R -p0 <"stress/mutants/$name.patch" || exit 2
done
exit $missed
