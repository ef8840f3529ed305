#!/bin/sh
# SPDX-License-Identifier: MIT
# coverage.sh [PERCENT]
#
# Builds with counters, runs the unit tests and those with a server, and prints
# which part of the lines of src/ they reach, worst file first. Fails below
# PERCENT. What was not reached: $PGCW_COVERAGE_DIR/lines.txt. Skipped (77)
# without clang and llvm.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
least=${1:-95}
work=${PGCW_COVERAGE_DIR:-$root/build/coverage}
jobs=$(nproc 2>/dev/null || echo 2)

for tool in clang llvm-profdata llvm-cov; do
    if ! command -v "$tool" >/dev/null; then
        echo "needs $tool"
        exit 77
    fi
done
# The counters are in the file itself (%c), so that children which end by
# exec or _exit leave theirs.
flags="-fprofile-instr-generate -fcoverage-mapping -fprofile-update=atomic"
flags="$flags -mllvm -runtime-counter-relocation"
cmake --preset debug -S "$root" -B "$work" -DCMAKE_C_COMPILER=clang \
    -DCMAKE_C_FLAGS="$flags" >/dev/null
cmake --build "$work" --parallel "$jobs" >/dev/null

rm -rf "$work/profiles"
mkdir "$work/profiles"
# One file for each program, which its processes share (%m). What a counter
# changes is not what is measured here: how a hit is compiled, and what is
# installed.
failed=
LLVM_PROFILE_FILE="$work/profiles/%m%c.profraw" \
    ctest --test-dir "$work" -L 'unit|postgres' -E 'hit_cost' \
    --output-on-failure --parallel "$jobs" >"$work/tests.log" 2>&1 ||
    failed=yes
llvm-profdata merge -sparse "$work"/profiles/*.profraw -o "$work/merged"

# The first program stands alone, each other behind -object.
programs=
for program in "$work"/tests/test_* "$work"/tests/fuzz/fuzz_* \
    "$work/lib/libpgcachewatch.so" "$work/bin/pgcachewatch"; do
    if [ -f "$program" ] && [ -x "$program" ]; then
        programs="$programs${programs:+ -object }$program"
    fi
done
# shellcheck disable=SC2086 # words
llvm-cov report -instr-profile="$work/merged" $programs "$root/src" \
    2>/dev/null >"$work/report.txt"
# shellcheck disable=SC2086
llvm-cov show -instr-profile="$work/merged" $programs "$root/src" \
    2>/dev/null >"$work/lines.txt"

# columns: name, then regions, functions and lines with three each
awk '$1 ~ /\.[ch]$/ && $8 > 0 { print $10, $9, $8, $1 }' "$work/report.txt" |
    sort -n | awk '$2 > 0 { print $1 "\t" $2 " of " $3 " lines missed\t" $4 }'
reached=$(awk '$1 == "TOTAL" { print substr($10, 1, length($10) - 1) }' \
    "$work/report.txt")
echo "$reached % of the lines of src/, at least $least are wanted"
if [ -n "$failed" ]; then
    grep -E 'Failed|Timeout' "$work/tests.log" || tail -5 "$work/tests.log"
    exit 1
fi
awk -v reached="$reached" -v least="$least" \
    'BEGIN { exit !(reached != "" && reached + 0 >= least + 0) }'
