#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh [WORD]
#
# Checks the models in this folder with Spin: the protocol as it is must hold,
# and each mutant, which lacks one protection, must fail. With WORD, only the
# rows that contain it. Skipped (77) without spin or a C compiler, but a
# failure if PGCW_SPIN_REQUIRED is set.
set -u
models=$(cd "$(dirname "$0")" && pwd)
seconds_each=60
jobs=$(nproc 2>/dev/null || echo 2)

# What must come of it | the model | its options | what it is about.
# holds: no error in any execution. fails: an error is found. idle: as holds,
# though something is taken out; it only saves work.
rows()
{
    cat <<'ROWS'
holds|coherence|-DON=ROW|values of a row
holds|coherence|-DCHANGES=1 -DCALLS=2|each caller comes twice
holds|coherence|-DON=TABLE -DCHANGES=1 -DCALLS=2|values of a table
holds|coherence|-DON=EVERYTHING|values without a tag
holds|coherence|-DCALLERS=3 -DCHANGES=1|three callers: flights that take another's place
holds|coherence|-DON=EVERYTHING -DCALLERS=1 -DCALLS=2 -DCHANGES=1 -DOWN_CHANGES=3|invalidations by the application beside events
holds|coherence|-DCHANGES=1 -DLOST_LEASES=1|a lease that nobody fills
holds|coherence|-DON=EVERYTHING -DDROPS=1|a message is dropped
holds|coherence|-DCHANGES=1 -DCUTS=1|the connection is lost and made again
fails|coherence|-DBUG_STAMP_AFTER_LOAD|the stamp is taken after the load
fails|coherence|-DBUG_HEARD_BEFORE_VISIBLE|a server that tells of what is not visible yet
fails|coherence|-DBUG_REMOVES_ENTRY|an event removes the entry, and no more
fails|coherence|-DBUG_NOT_NOTED|nobody notes that a stamp was taken
fails|coherence|-DBUG_NOTE_BEFORE_STAMP|that a stamp is taken is noted before it is
fails|coherence|-DBUG_LOOK_AFTER_CLOCK|an event looks whether one was taken behind the new clock
fails|coherence|-DBUG_TABLE_FROM_ZERO|a new table does not begin at the last event
fails|coherence|-DBUG_UNTAGGED_NOT_RAISED|an event does not raise UNTAGGED: new tables
fails|coherence|-DON=EVERYTHING -DBUG_UNTAGGED_NOT_RAISED|an event does not raise UNTAGGED: no tags
fails|coherence|-DON=TABLE -DBUG_ANY_NOT_RAISED|an event does not raise its table's any slot
fails|coherence|-DBUG_WHOLE_NOT_RAISED|an event without keys does not raise the whole slot
fails|coherence|-DBUG_ROW_NOT_RAISED|an event does not raise its row's slot
fails|coherence|-DBUG_ROW_WITHOUT_WHOLE|the value of a row does not have the whole slot
fails|coherence|-DBUG_WAITER_TAKES_ANYTHING|a waiter takes whatever was loaded
fails|coherence|-DCHANGES=1 -DLOST_LEASES=1 -DBUG_LEASE_WITHOUT_DEADLINE|a lease has no deadline
fails|coherence|-DCHANGES=1 -DOWN_CHANGES=1 -DBUG_KEY_NOT_RAISED|invalidating a key does not raise its slot
fails|coherence|-DON=EVERYTHING -DCALLERS=1 -DCALLS=2 -DCHANGES=1 -DOWN_CHANGES=3 -DBUG_NO_LOCK|the clock is advanced without the lock
fails|coherence|-DCHANGES=1 -DDROPS=1 -DBUG_DROP_WITHOUT_FLUSH|a drop does not flush
fails|coherence|-DCHANGES=1 -DCUTS=1 -DBUG_NO_CLOSE|a lost connection does not close
fails|coherence|-DCHANGES=1 -DCUTS=1 -DBUG_OPEN_WITHOUT_FLUSH|opening does not flush
fails|coherence|-DCHANGES=1 -DCUTS=1 -DBUG_FLUSH_OPENS|a flush opens a closed cache
idle|coherence|-DON=TABLE -DCHANGES=1 -DFREE_PUBLISH_UNCHECKED|a value dead on arrival is stored
idle|coherence|-DON=TABLE -DCHANGES=1 -DFREE_OLDER_REPLACES|a value replaces a newer one
idle|coherence|-DON=TABLE -DCHANGES=1 -DFREE_JOIN_UNCHECKED|a newcomer joins a load that is of no use to it
holds|listener|-DSYNCS=1|two workers, a sync, the horizon
holds|listener|-DWORKERS=1 -DCHANGES=1 -DBEAT=1 -DSYNCS=1|a heartbeat beside a sync
holds|listener|-DRING=1 -DCHANGES=3|a ring that overflows
holds|listener|-DRING=1 -DCHANGES=1 -DSYNCS=1|a ring that has no room for a fence
holds|listener|-DCHANGES=3 -DUNDECODABLE=1|payloads that are not events
holds|listener|-DWORKERS=1 -DCUTS=1|a lost connection
holds|listener|-DWORKERS=1 -DCHANGES=1 -DLOOKUPS=1 -DCUTS=1 -DSYNCS=1|a sync over a lost connection
holds|listener|-DWORKERS=1 -DCHANGES=1 -DSILENCES=1|a silent connection, that recovers or not
holds|listener|-DPOOLER=1|a transaction pooler
fails|listener|-DBUG_OUT_OF_TURN|workers apply when they like
fails|listener|-DBUG_HELP_AT_ONCE|the listener's thread does not look whether all is applied
fails|listener|-DSYNCS=1 -DBUG_DONE_BEFORE_APPLY|a turn is done before it applies
fails|listener|-DRING=1 -DCHANGES=3 -DBUG_OVERFLOW_WITHOUT_FLUSH|overflow does not flush
fails|listener|-DRING=1 -DCHANGES=3 -DBUG_OVERFLOW_WITHOUT_MARK|overflow leaves no mark for subscriptions
fails|listener|-DRING=1 -DCHANGES=3 -DBUG_DROPPED_HAS_NUMBER|a dropped message has a number
fails|listener|-DUNDECODABLE=1 -DBUG_UNDECODABLE_WITHOUT_FLUSH|what cannot be decoded does not flush
fails|listener|-DWORKERS=1 -DCHANGES=1 -DSYNCS=1 -DBUG_SYNC_BEFORE_APPLY|a sync ends at the answer, not in its turn
fails|listener|-DWORKERS=1 -DCHANGES=1 -DSYNCS=1 -DBUG_FENCE_BEFORE_HEARD|a fence goes before what was heard with its answer
fails|listener|-DWORKERS=1 -DCHANGES=1 -DBEAT=1 -DSYNCS=1 -DBUG_TICKET_AT_ANSWER|a fence serves who came after it was sent
fails|listener|-DRING=1 -DCHANGES=1 -DSYNCS=1 -DBUG_FENCE_NOT_RETRIED|a fence that found the ring full is forgotten
fails|listener|-DWORKERS=1 -DCUTS=1 -DBUG_NO_CLOSE|a lost connection does not close
fails|listener|-DCUTS=1 -DBUG_OPEN_WITHOUT_FLUSH|going LIVE does not flush
fails|listener|-DBUG_OPEN_BEFORE_LISTEN|the flush comes before LISTEN
fails|listener|-DPOOLER=1 -DBUG_NO_PROBE|no probe before LIVE
fails|listener|-DSILENCES=1 -DBUG_NO_DOUBT|a late answer is no doubt
holds|wal_guard||two writers, and how a session starts
holds|wal_guard|-DWRITERS=3 -DLOOKUPS=1|three writers
holds|wal_guard|-DSYNCS=1|a sync
holds|wal_guard|-DSYNCS=2 -DLOOKUPS=0|two syncs, of which a fence serves the first
holds|wal_guard|-DCUTS=1|lost connections, and a new slot
fails|wal_guard|-DBUG_APPLY_AT_ONCE|no guard: a commit is applied when it is decoded
fails|wal_guard|-DBUG_JUDGED_BY_XMAX|the guard does not look at what runs below xmax
fails|wal_guard|-DBUG_JUDGED_BY_XIP|the guard takes what is beyond xmax for finished
fails|wal_guard|-DBUG_TAKEN_OUT_OF_ORDER|what is finished goes before an older one
fails|wal_guard|-DBUG_LIVE_AT_ONCE|LIVE as soon as the slot is made
fails|wal_guard|-DBUG_START_BEFORE_SLOT|what to wait for is asked before the slot is made
fails|wal_guard|-DBUG_BOUND_OF_XMAX|a snapshot's xmax for what has begun by then
fails|wal_guard|-DBUG_FLUSH_BEFORE_WAIT|the flush comes before that wait
fails|wal_guard|-DCUTS=1 -DBUG_BOUND_OF_FIRST_SESSION|a new session waits for what the first did
fails|wal_guard|-DSYNCS=1 -DBUG_ANY_KEEPALIVE|a fence does not wait for a position
fails|wal_guard|-DSYNCS=1 -DBUG_FENCE_BEFORE_FIFO|a fence goes before what the guard holds
fails|wal_guard|-DSYNCS=1 -DBUG_POSITION_OF_FLUSHED|a fence waits for what is flushed, not inserted
fails|wal_guard|-DSYNCS=1 -DBUG_POSITION_OF_LAST_LOOK|a fence waits for the position of a look before it
fails|wal_guard|-DSYNCS=2 -DBUG_TICKET_AT_ANSWER|a fence serves who came after its look
idle|wal_guard|-DFREE_JUDGED_BY_XMIN|the guard waits for all that began before, too
ROWS
}

# verdict FILE: what the verifier says.
verdict()
{
    if grep -q 'errors: [1-9]' "$1"; then
        echo fails
    elif grep -q 'errors: 0' "$1" && ! grep -qE \
        'not completed|depth too small|out of memory|truncated' "$1"; then
        echo holds
    else
        echo "no result"
    fi
}

# check_row NUMBER WORK: prints its line to WORK/NUMBER.line
check_row()
{
    work=$2/$1
    row=$(rows | sed -n "$1p")
    IFS='|' read -r wanted model options about <<ROW
$row
ROW
    # An error is found soon, sooner from the last process on (tried).
    flags="-O1" table=22
    [ "$wanted" = fails ] && flags="-O0 -DREVERSE" table=18
    mkdir "$work" && cd "$work" || exit 1
    # shellcheck disable=SC2086 # options and flags are words
    if spin -a $options "$models/$model.pml" >out 2>&1 &&
        "${CC:-cc}" $flags -w -DSAFETY -DCOLLAPSE -DNOFAIR \
            -DVECTORSZ=512 -DMEMLIM=2000 -o pan pan.c >>out 2>&1; then
        timeout "$seconds_each" ./pan -m20000 -w"$table" >>out 2>&1
    fi
    got=$(verdict out)
    case $wanted/$got in
    fails/fails | holds/holds | idle/holds) mark=ok ;;
    *) mark=WRONG ;;
    esac
    printf '%-5s %-9s %-9s %9s  %s\n' "$mark" "$model" "$got" \
        "$(awk '/states, stored/ { print $1; exit }' out)" \
        "$about" >"$work.line"
    if [ "$mark" = WRONG ]; then
        {
            echo "      wanted: $wanted; options: $options"
            # shellcheck disable=SC2086
            if [ "$got" = fails ]; then
                grep -m 1 '^pan' out
                spin -k "$model.pml.trail" -p -g $options \
                    "$models/$model.pml" | tail -60
            else
                tail -20 out
            fi
        } >>"$work.line" 2>&1
    fi
    rm -rf "$work"
}

# A model of what is no more is worse than none.
check_names()
{
    missing=$({
        cat "$models"/*.pml
        grep -h '^//' "$models"/*.cpp
    } | grep -oh '[a-z_]*()' | sort -u |
        while read -r name; do
            function=${name%"()"}
            grep -qE "^(inline |proctype )$function\\(" "$models"/*.pml ||
                grep -rqE "^(static inline .*)?$function\\(" \
                    "$models/../../src" ||
                echo "$name"
        done)
    if [ -n "$missing" ]; then
        echo "The models name functions that are not in src/:" $missing
        return 1
    fi
    for model in "$models"/*.pml "$models"/*.cpp; do
        if ! grep -rq "stress/models/${model##*/}" "$models/../../src"; then
            echo "No file in src/ names ${model##*/}"
            return 1
        fi
    done
}

if [ "${1:-}" = --row ]; then
    check_row "$2" "$3"
    exit
fi
if ! command -v spin >/dev/null || ! command -v "${CC:-cc}" >/dev/null; then
    echo "needs spin and a C compiler"
    [ -n "${PGCW_SPIN_REQUIRED:-}" ] && exit 1
    exit 77
fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

began=$(date +%s)
result=0
check_names || result=1
rows | grep -n -e "${1:-}" | cut -d: -f1 >"$work/numbers"
xargs -P "$jobs" -I '{}' sh "$models/check.sh" --row '{}' "$work" \
    <"$work/numbers" || result=1
printf '%-5s %-9s %-9s %9s\n' "" model verdict states
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
