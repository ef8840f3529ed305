#!/bin/sh
# SPDX-License-Identifier: MIT
# allocations.sh [BUILD]
#
# Runs the unit tests and those with a server, and prints each place in src/
# that asks for memory and was never refused it by a test. Fails if there is
# one. BUILD, where a debug build is made, is $PWD/build/allocations unless
# given.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/build/allocations}
jobs=$(nproc 2>/dev/null || echo 2)

cmake --preset debug -S "$root" -B "$build" >/dev/null
cmake --build "$build" --parallel "$jobs" >/dev/null
log=$build/failed_allocations
rm -f "$log"
PGCW_FAILED_ALLOCATIONS=$log ctest --test-dir "$build" -L 'unit|postgres' \
    --output-on-failure --parallel "$jobs" >"$build/tests.log" 2>&1 ||
    { tail -n 20 "$build/tests.log"; exit 1; }

# program(+0xOFFSET)[ADDRESS]: the call stands before the address.
sed -n 's/^\(.*\)(+0x\([0-9a-f]*\)).*/\1 \2/p' "$log" | sort -u |
    while read -r program offset; do
        addr2line -e "$program" "0x$(printf %x $((0x$offset - 1)))"
    done | sed -n "s,^$root/\(src/[^ ]*\).*,\1,p" | sort -u >"$build/visited"

(cd "$root" && grep -rnE 'pgcwi_(alloc|alloc_array|alloc_aligned|alloc_pages|realloc|strdup)\(' \
    src --include='*.c') | grep -v '^src/base/alloc' >"$build/places"
missed=$(cut -d: -f1,2 "$build/places" | grep -vxFf "$build/visited" || true)
echo "$(wc -l <"$build/places") places ask for memory," \
    "$(printf '%s' "$missed" | grep -c .) were never refused it"
for place in $missed; do
    grep "^$place:" "$build/places"
done
[ -z "$missed" ]
