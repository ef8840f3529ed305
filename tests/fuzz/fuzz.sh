#!/bin/sh
# SPDX-License-Identifier: MIT
# fuzz.sh SECONDS [NAME…]
#
# Builds the programs of this folder for libFuzzer, with AddressSanitizer and
# UBSan, and runs each for so long, beginning with its corpus. An input that
# fails is kept and its path printed; put it into the corpus when mended.
# Skipped (77) without clang.
set -eu
folder=$(cd "$(dirname "$0")" && pwd)
root=${folder%/tests/fuzz}
seconds=${1:-60}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- payload keys metrics options query_key settings wal
build=${PGCW_FUZZ_DIR:-$root/build/fuzz}

if ! command -v clang >/dev/null; then
    echo "needs clang"
    exit 77
fi
cmake --preset fuzz -S "$root" -B "$build" >/dev/null
for name; do
    cmake --build "$build" --target "fuzz_$name" >/dev/null
done

result=0
for name; do
    found=$build/found/$name
    seeds=$folder/corpus/$name
    [ "$name" != payload ] || seeds=$root/tests/event/corpus
    mkdir -p "$found"
    echo "== $name"
    # what the programs print is not of interest, what libFuzzer says is
    "$build/tests/fuzz/fuzz_$name" -max_total_time="$seconds" -max_len=8192 \
        -timeout=10 -rss_limit_mb=2048 -close_fd_mask=3 \
        -print_final_stats=1 -artifact_prefix="$found/failed-" \
        "$found" "$seeds" >"$build/$name.log" 2>&1 || result=1
    grep -E 'ERROR|SUMMARY|Test unit written|not so|executed_units|average_exec' \
        "$build/$name.log" || result=1
    tail -1 "$build/$name.log"
done
exit "$result"
