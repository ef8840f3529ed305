#!/bin/sh
# SPDX-License-Identifier: MIT
# orders.sh [WORD]
#
# Checks the orders of atomics with Relacy, which runs small copies of our
# algorithms (*.cpp in this folder) in executions that C11 allows, chosen at
# random but always the same. As they are they must hold, and each mutant must
# fail: an ordered atomic made relaxed, or two steps exchanged. With WORD, only
# the rows that contain it. Skipped (77) without Relacy or a C++ compiler, but
# a failure if PGCW_RELACY_REQUIRED is set.
set -u
models=$(cd "$(dirname "$0")" && pwd)
jobs=$(nproc 2>/dev/null || echo 2)
executions=100000

# model | mutant, or nothing: as it is | what it is about
rows()
{
    cat <<'ROWS'
stamps||a value is loaded while rows change
stamps|NOW_RELAXED|a stamp is taken without acquire
stamps|ADVANCE_RELAXED|the clock is advanced without release
stamps|STAMP_AFTER_LOAD|the stamp is taken after the load
stamps|NO_LOCK|two invalidate without the lock
stamps|SLOT_NOT_NEW|a slot gets the clock of before
stamps|NOT_RAISED|an event raises nothing
stamps|DONE_BEFORE_RAISE|others are told before a slot is raised
stamps|DONE_RELAXED|others are told without release
stamps|KNOWN_RELAXED|others look without acquire
stamps|PUBLISH_RELAXED|an entry is published without release
stamps|FIND_RELAXED|an entry is found without acquire
stamps|NOT_NOTED|nobody notes that a stamp was taken
stamps|NOTE_BEFORE_STAMP|that a stamp is taken is noted before it is
stamps|NOTE_RELAXED|that a stamp was taken is noted relaxed
stamps|NOTED_RELAXED|that it is noted is found relaxed
stamps|LOOK_RELAXED|an event looks relaxed whether a stamp was taken
closing||a connection is lost twice and made again
closing|CLOSED_STORE_RELAXED|when it closed is stored without release
closing|CLOSED_LOAD_RELAXED|when it closed is loaded without acquire
closing|STAMPS_FIRST|what is flushed is looked at before when it closed
closing|FLUSHED_NOT_KEPT|opening does not keep what it flushed
closing|OPEN_WITHOUT_FLUSH|opening does not flush
closing|STATE_STORE_RELAXED|the state is stored without release
closing|STATE_LOAD_RELAXED|the state is loaded without acquire
closing|STATE_FIRST|the state changes before the caches do
turn||three workers apply in turn, one looks
turn|DONE_RELAXED|a turn ends without release
turn|APPLIED_RELAXED|the number is read without acquire
turn|NO_WAIT|nobody waits for his turn
turn|DONE_BEFORE_APPLY|a turn ends before it applies
turn|DONE_AFTER_BROADCAST|the number comes after the broadcast
turn|DONE_WITHOUT_LOCK|the broadcast comes without the lock
turn|DONE_SIGNALS_ONE|one waiter is told, maybe the wrong one
turn|WAITER_NOT_COUNTED|a waiter is not counted
turn|LOOK_BEFORE_LOCK|a waiter looks before it takes the lock
turn|LOOK_ONCE|a waiter does not look again
turn|HELP_AT_ONCE|who helps does not look whether all is applied
parking||two producers, two workers, and an end
parking|SLEEPER_RELAXED|a sleeper is counted relaxed
parking|TICKET_RELAXED|a ticket is taken relaxed
parking|TICKET_ACQUIRE|a ticket is taken with acquire only
parking|TICKET_BEFORE_COUNT|a ticket is taken before the sleeper is counted
parking|WAKE_RELAXED|a wake is counted relaxed
parking|WAKE_ACQ_REL|a wake is counted with acq_rel only
parking|WAKE_NOT_COUNTED|a wake is not counted
parking|LOOK_RELAXED|sleepers are looked for relaxed
parking|LOOK_ACQUIRE|sleepers are looked for with acquire only
parking|LOOK_BEFORE_WAKE|sleepers are looked for before the wake is counted
parking|LOOK_BEFORE_PREPARE|a worker looks for work before it has a ticket
parking|WAIT_NOT_COMPARED|the kernel does not compare the ticket
parking|WAKE_BEFORE_PUSH|the wake comes before the work
parking|WAKE_BEFORE_STOP|the wake comes before the end
freshness||an event, a fence, a lookup, a sync
freshness|HORIZON_STORE_RELAXED|the horizon is stored without release
freshness|HORIZON_LOAD_RELAXED|the horizon is loaded without acquire
freshness|HORIZON_AFTER_LOOK|the horizon is loaded after the entry
freshness|COMPLETED_BEFORE_TURN|a fence does not wait for its turn
freshness|COMPLETED_WITHOUT_LOCK|a ticket is completed without the lock
freshness|NOBODY_TOLD|who waits is not told
freshness|LOOK_ONCE|who waits does not look again
holders||an entry is let go
holders|LET_GO_RELAXED|a holder lets go relaxed
holders|LET_GO_RELEASE|a holder lets go with release only
holders|LET_GO_ACQUIRE|a holder lets go with acquire only
holders|NOT_HELD|a holder is not counted
table||entries come and go while the table grows
table|ENTRY_STORE_RELAXED|an entry is put in without release
table|ENTRY_LOAD_RELAXED|an entry is found without acquire
table|CURRENT_STORE_RELAXED|the grown table is given without release
table|CURRENT_LOAD_RELAXED|the grown table is taken without acquire
table|PASSED_NOT_COUNTED|who passes a full bucket is not counted
table|PASSED_FORGOTTEN|who leaves a bucket takes the count along
table|SWAPPED_BEFORE_COPIED|the grown table is given before it is filled
table|NOT_IN_BOTH|what changes while it grows changes in one table
ROWS
}

if [ "${1:-}" = --build ]; then
    exec "${CXX:-c++}" -std=c++11 -O0 -w -Wl,--wrap=free \
        -o "$3/$2" "$models/$2.cpp"
fi
# orders.sh --row NUMBER WORK: prints its line to WORK/NUMBER.line
if [ "${1:-}" = --row ]; then
    row=$(rows | sed -n "$2p")
    IFS='|' read -r model mutant about <<ROW
$row
ROW
    timeout 100 "$3/$model" "$mutant" "$executions" >"$3/$2.out" 2>&1
    case $?/$mutant in
    0/ | 1/?*) mark=ok ;;
    *) mark=WRONG ;;
    esac
    printf '%-5s %-9s %-35s  %s\n' "$mark" "$model" \
        "$(grep -m 1 -E '^(holds|fails) after' "$3/$2.out")" \
        "$about" >"$3/$2.line"
    if [ "$mark" = WRONG ]; then
        echo "      mutant: ${mutant:-none}"
        tail -60 "$3/$2.out"
    fi >>"$3/$2.line"
    exit 0
fi
if ! echo '#include <relacy/relacy.hpp>' |
    "${CXX:-c++}" -std=c++11 -w -E -x c++ - >/dev/null 2>&1; then
    echo "needs Relacy and a C++ compiler"
    [ -n "${PGCW_RELACY_REQUIRED:-}" ] && exit 1
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

began=$(date +%s)
result=0
rows | cut -d'|' -f1 | uniq |
    xargs -P "$jobs" -I '{}' sh "$models/orders.sh" --build '{}' "$work" ||
    result=1
rows | grep -n -e "${1:-}" | cut -d: -f1 >"$work/numbers"
xargs -P "$jobs" -I '{}' sh "$models/orders.sh" --row '{}' "$work" \
    <"$work/numbers" || result=1
while read -r number; do
    cat "$work/$number.line" || result=1
    grep -q '^ok' "$work/$number.line" || result=1
done <"$work/numbers"
[ -s "$work/numbers" ] || result=1
if [ "$result" -eq 0 ]; then
    echo "PASSED in $(($(date +%s) - began)) s"
else
    echo "FAILED after $(($(date +%s) - began)) s"
fi
exit "$result"
