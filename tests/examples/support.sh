# SPDX-License-Identifier: MIT
# For test_*.sh: a database of its own on the server of PGHOST and the like,
# and programs that are started, asked and ended. It wants $name.
set -u
work=$(mktemp -d) || exit 1
admin=$PGDATABASE
PGDATABASE=pgcw_test_example_$name
PGOPTIONS='-c client_min_messages=warning'
export PGDATABASE PGOPTIONS
unset PGAPPNAME
failures=0
started=

for needed in psql $needs; do
    if ! command -v "$needed" >/dev/null; then
        echo "no $needed: skipped"
        exit 77
    fi
done

finish() {
    for process in $started; do
        kill -KILL "$process" 2>/dev/null
    done
    psql -q -d "$admin" -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
psql -q -d "$admin" -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" \
    -c "CREATE DATABASE $PGDATABASE" || exit 1

fail() {
    failures=$((failures + 1))
    echo "FAILED: $*"
    cat "$work"/*.err 2>/dev/null
}

# expect WHAT FOUND EXPECTED
expect() {
    if [ "$2" != "$3" ]; then
        fail "$1: found '$2', not '$3'"
    fi
}

# within WHAT COMMAND…: it succeeds at some moment of the next 20 seconds.
within() {
    what=$1
    shift
    deadline=$(($(date +%s) + 20))
    until "$@"; do
        if [ "$(date +%s)" -ge "$deadline" ]; then
            fail "not in time: $what"
            return 1
        fi
        sleep 0.02
    done
}

# start NAME COMMAND…: in the background, as $process; out is $work/NAME.out.
start() {
    output=$work/$1
    shift
    "$@" >"$output.out" 2>"$output.err" &
    process=$!
    started="$started $process"
}

has_output() {
    test -s "$output.out"
}

# ends_well: the process started last ends when it is told, and says 0.
ends_well() {
    kill -TERM "$process"
    timeout 20 tail -f -s 0.02 /dev/null --pid="$process"
    wait "$process"
    expect "its exit code" $? 0
}

conclude() {
    [ "$failures" -eq 0 ] || exit 1
    echo "all as it should be"
}
