#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh [--quick] [--only NAME]... [--out DIR] [--limit SECONDS]
#     [--no-install] [--no-build] [--list]
#
# Runs every benchmark beside its peers, and writes DIR/results/NAME.json,
# DIR/RESULTS.md and DIR/plots/. It installs the packages that are missing,
# builds in build/bench, and starts a PostgreSQL of its own, which it stops.
#
#   --quick       the smallest sizes, once: does it all run? Its figures say
#                 nothing, so they go to build/bench/quick
#   --only NAME   this one; may be given again. The others' results stay
#   --out DIR     instead of stress/bench
#   --limit N     seconds that one program may take; 3600
#   --no-install  nothing is installed; --no-build: nor built
#   --list        names them all
#
# Ends with 0; 1 if one of them, the build or the report fails; 2 if it was
# called wrongly; 77 if there is no PostgreSQL; 130 or 143 if interrupted.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
here=$root/stress/bench
build=$root/build/bench

# The hit first; those that load the machine most come last.
all="lookup lookup_many memory query latency drain lifetime readers invalidate
    growth remote http"
chosen=
quick=
out=
limit=3600
installs=yes
builds=yes

fail_usage()
{
    echo "run.sh: $1" >&2
    sed -n '3,4s/^# //p' "$0" >&2
    exit 2
}

while [ $# -gt 0 ]; do
    case $1 in
    --quick) quick=--quick ;;
    --no-install) installs=no ;;
    --no-build) builds=no installs=no ;;
    --list) echo $all && exit 0 ;;
    --help) sed -n '3,19s/^# \{0,1\}//p' "$0" && exit 0 ;;
    --only | --out | --limit)
        [ $# -gt 1 ] || fail_usage "$1 needs a value"
        case $1 in
        --only)
            case " $(echo $all) " in
            *" $2 "*) chosen="$chosen $2" ;;
            *) fail_usage "no benchmark \"$2\"; there are: $(echo $all)" ;;
            esac
            ;;
        --out) out=$2 ;;
        --limit) limit=$2 ;;
        esac
        shift
        ;;
    *) fail_usage "not understood: $1" ;;
    esac
    shift
done
case $limit in
'' | *[!0-9]*) fail_usage "--limit needs seconds, not \"$limit\"" ;;
esac
[ -n "$chosen" ] || chosen=$all
if [ -z "$out" ]; then
    out=$here
    [ -z "$quick" ] || out=$build/quick
fi

work=
child=
server_dir=
finish()
{
    trap '' INT TERM
    # timeout(1) hands the signal on to all that its program has started.
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    [ -z "$child" ] || wait "$child" 2>/dev/null || true
    [ -z "$server_dir" ] || "$build/tests/server" stop "$server_dir" || true
    [ -z "$work" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
work=$(mktemp -d)

# quietly WHAT COMMAND…: its output is shown only if it fails.
quietly()
{
    echo "$1" >&2
    shift
    "$@" >"$work/log" 2>&1 || {
        cat "$work/log" >&2
        exit 1
    }
}

if [ "$installs" = yes ]; then
    sh "$root/cmake/packages.sh" bench
fi
if [ "$builds" = yes ]; then
    quietly "Configuring build/bench" cmake --preset release -S "$root" \
        -B "$build" -DPGCW_BUILD_TESTS=ON -DPGCW_BUILD_BENCH=ON
    quietly "Building" cmake --build "$build" \
        --parallel "$(nproc 2>/dev/null || echo 2)"
fi
if [ ! -x "$build/tests/server" ]; then
    echo "run.sh: nothing is built in $build" >&2
    exit 1
fi

server_dir=$work/server
code=0
"$build/tests/server" start "$server_dir" || code=$?
[ "$code" -ne 77 ] || echo "run.sh: no PostgreSQL" >&2
[ "$code" -eq 0 ] || exit "$code"
# shellcheck disable=SC1091 # written by the line before
. "$server_dir/env"
PGCW_TEST_SERVER=$build/tests/server
PGCW_TEST_SERVER_DIR=$server_dir
PYTHONDONTWRITEBYTECODE=1
export PGCW_TEST_SERVER PGCW_TEST_SERVER_DIR PYTHONDONTWRITEBYTECODE

mkdir -p "$out/results"
python3 "$here/report.py" machine "$root" "$build" \
    "${quick:-full}" >"$out/results/machine.json"

# show TEXT: over itself on a terminal, elsewhere a line, but not too often.
last_shown=0
show()
{
    if [ -t 2 ]; then
        printf '\r\033[K%.79s' "$1" >&2
    elif [ $(($(date +%s) - last_shown)) -ge 20 ]; then
        echo "$1" >&2
        last_shown=$(date +%s)
    fi
}

# measure NAME PLACE: 0 if there is a document now. A benchmark is a program of
# the build, or a script here, which is given the example NAME_server.
measure()
{
    name=$1
    place_text="$2: $name"
    log=$work/$name.log
    rm -f "$out/results/$name.json"
    if [ -f "$here/$name.sh" ]; then
        set -- sh "$here/$name.sh" "$build/examples/${name}_server"
    elif [ -x "$build/bench/$name" ]; then
        set -- "$build/bench/$name"
    else
        echo "$place_text: not built" >&2
        return 1
    fi

    began=$(date +%s)
    : >"$log"
    timeout -k 10 "$limit" "$@" $quick >"$work/$name.json" 2>"$log" &
    child=$!
    last_shown=0
    while kill -0 "$child" 2>/dev/null; do
        so_far=$(tail -n 1 "$log" | tr -d '\r')
        show "$place_text, $(($(date +%s) - began)) s so far${so_far:+: $so_far}"
        sleep 1
    done
    code=0
    wait "$child" || code=$?
    child=
    seconds=$(($(date +%s) - began))
    [ ! -t 2 ] || printf '\r\033[K' >&2

    if [ "$code" -eq 0 ] && python3 "$here/report.py" collect "$name" \
        "$seconds" "$out/results/$name.json" <"$work/$name.json"; then
        echo "$place_text, done in $seconds s" >&2
        return 0
    fi
    case $code in
    0) echo "$place_text: its output is no document" >&2 ;;
    124 | 137) echo "$place_text: not done in $limit s" >&2 ;;
    *) echo "$place_text: FAILED, $code, after $seconds s" >&2 ;;
    esac
    tail -n 20 "$log" >&2
    return 1
}

total=$(echo $chosen | wc -w)
place=0
failed=
for name in $chosen; do
    place=$((place + 1))
    measure "$name" "$place of $total" || failed="$failed $name"
done

python3 "$here/report.py" render "$out"
echo "Written: $out/RESULTS.md; for the README, the goals in short:" \
    "python3 stress/bench/report.py readme $out" >&2
if [ -n "$failed" ]; then
    echo "FAILED:$failed" >&2
    exit 1
fi
