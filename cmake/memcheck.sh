#!/bin/sh
# SPDX-License-Identifier: MIT
# memcheck.sh [PROGRAM...]
#
# Builds, and runs every unit test program and every one that uses a server,
# or the named ones (test_cache_fetch), under valgrind. Fails if one fails,
# reads or writes what it must not, or loses memory. What it said of each:
# $PGCW_MEMCHECK_DIR/memcheck/. Skipped (77) without valgrind or a server.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
work=${PGCW_MEMCHECK_DIR:-$root/build/memcheck}
jobs=$(nproc 2>/dev/null || echo 2)
limit_s=1200 # of a program

if ! command -v valgrind >/dev/null; then
    echo "needs valgrind"
    exit 77
fi
cmake --preset debug -S "$root" -B "$work" >/dev/null
cmake --build "$work" --parallel "$jobs" >/dev/null

logs=$work/memcheck
PGCW_TEST_SERVER=$work/tests/server
PGCW_TEST_SERVER_DIR=$logs/server
export PGCW_TEST_SERVER PGCW_TEST_SERVER_DIR
mkdir -p "$logs"
rm -f "$logs"/*.log
trap '"$PGCW_TEST_SERVER" stop "$PGCW_TEST_SERVER_DIR" >/dev/null' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
"$PGCW_TEST_SERVER" start "$PGCW_TEST_SERVER_DIR"
# shellcheck disable=SC1091 # written by the line before
. "$PGCW_TEST_SERVER_DIR/env"

if [ $# -eq 0 ]; then
    for program in "$work"/tests/test_*; do
        case $program in
        *out_of_memory) continue ;; # malloc() has one owner, which it would be
        esac
        if [ -f "$program" ] && [ -x "$program" ]; then
            set -- "$@" "${program##*/}"
        fi
    done
fi
failed=0
for name in "$@"; do
    code=0
    began=$(date +%s)
    leaks=full
    # A child ends with what the threads held that it has not.
    [ "$name" != test_postgres_fork ] || leaks=no
    # Fair: a thread that only looks again and again must let others run.
    timeout -k 10 "$limit_s" valgrind -q --fair-sched=yes --leak-check=$leaks \
        --errors-for-leak-kinds=definite --error-exitcode=9 \
        "$work/tests/$name" >"$logs/$name.log" 2>&1 || code=$?
    case $code in
    0) verdict=clean ;;
    77) verdict=skipped ;;
    124 | 137) verdict="not done within $limit_s s" ;;
    *) verdict="FAILED, $code" ;;
    esac
    case $verdict in clean | skipped) ;; *) failed=$((failed + 1)) ;; esac
    echo "$name: $verdict, $(($(date +%s) - began)) s"
done
echo "$failed of $# programs failed"
[ "$failed" -eq 0 ]
