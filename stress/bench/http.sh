#!/bin/sh
# SPDX-License-Identifier: MIT
# http.sh HTTP_SERVER [--repetitions N] [--seconds N] [--quick]
#
# How many requests does src/examples/http_server answer: from the cache, from
# the database, and with a constant? wrk asks for products 1 to 1000, with 16
# connections, on the same machine; so server, wrk and, without a cache,
# PostgreSQL share its processors.
#
# Each is taken at its best. The constant is one prepared response of
# libmicrohttpd. Without a cache each thread has a connection of its own, with
# a prepared statement, over whatever PGHOST says (best a Unix socket); it is
# measured with more threads than processors, as they wait for the server. The
# subjects take turns; before each turn every product is asked for once.
set -eu
program=$1
shift
folder=$(cd "$(dirname "$0")" && pwd)
repetitions=7
seconds=3
threads="1 2"
waiting_threads="2 4 8"
connections=16
while [ $# -gt 0 ]; do
    case $1 in
    --repetitions) repetitions=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --quick)
        repetitions=1 seconds=1 threads=1 waiting_threads=2
        shift
        ;;
    *)
        echo "usage: http.sh HTTP_SERVER [--repetitions N] [--seconds N]" \
            "[--quick]" >&2
        exit 2
        ;;
    esac
done

work=$(mktemp -d)
server=
finish()
{
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# start OPTION…: the server, as $server and $url
start()
{
    rm -f "$work/url"
    "$program" --port 0 "$@" >"$work/url" 2>"$work/err" &
    server=$!
    tries=0
    until [ -s "$work/url" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 200 ] || ! kill -0 "$server" 2>/dev/null; then
            echo "http.sh: the server does not start:" >&2
            cat "$work/err" >&2
            exit 1
        fi
        sleep 0.05
    done
    url=$(cat "$work/url")
}

stop()
{
    kill -TERM "$server"
    wait "$server"
    server=
}

# The processors' time that the server has used; not PostgreSQL's.
ticks_a_second=$(getconf CLK_TCK)
processor_ticks()
{
    awk '{print $14 + $15}' "/proc/$server/stat"
}

# measure SUBJECT THREADS OPTION…: adds a line of figures to its file.
measure()
{
    subject=$1
    count=$2
    shift 2
    start --threads "$count" "$@"
    curl -sSf --fail-early -o "$work/body" "$url/products/[1-1000]"
    before=$(processor_ticks)
    # One that waits long counts as slow; after 10 s it has failed.
    wrk -t "$((count < 2 ? count : 2))" -c "$connections" -d "$seconds" \
        --timeout 10s -s "$folder/http.lua" "$url" >"$work/wrk"
    ticks=$(($(processor_ticks) - before))
    stop
    awk -v used_us="$((ticks * 1000000 / ticks_a_second))" '
        $1 == "result" {
            if ($3 > 0) {
                exit 1
            }
            print $2 / $4 * 1000000, $5, $6, used_us / $2
            found = 1
        }
        END { exit !found }' "$work/wrk" >>"$work/$subject.$count" || {
        echo "http.sh: requests have failed:" >&2
        cat "$work/wrk" >&2
        exit 1
    }
    echo "$subject, $count threads:" \
        "$(tail -n 1 "$work/$subject.$count") requests/s; µs:" \
        "p50, p99, processor time of the server for each" >&2
}

"$program" --create 2>"$work/create" || {
    cat "$work/create" >&2
    exit 1
}
round=0
while [ "$round" -lt "$repetitions" ]; do
    for count in $threads; do
        measure constant "$count" --constant
        measure pgcachewatch "$count"
    done
    for count in $waiting_threads; do
        measure "without a cache" "$count" --no-cache
    done
    round=$((round + 1))
done

# summary FILE COLUMN: median, least and largest, as fields of JSON
summary()
{
    awk -v column="$2" '{print $column}' "$1" | sort -n | awk '
        {value[NR] = $1}
        END {
            median = NR % 2 ? value[(NR + 1) / 2] \
                : (value[NR / 2] + value[NR / 2 + 1]) / 2
            printf "\"median\": %.1f, \"min\": %.1f, \"max\": %.1f, " \
                "\"repetitions\": %d", median, value[1], value[NR], NR
        }'
}

question="How many HTTP requests does a server answer?"
loop="wrk: GET of one of 1000 products over kept connections; libmicrohttpd"
echo "{\"bench\": \"http\", \"question\": \"$question\","
echo " \"loop\": \"$loop\", \"results\": ["
comma=
for file in "$work"/*.[0-9]*; do
    subject=${file##*/}
    count=${subject##*.}
    subject=${subject%.*}
    column=0
    for metric in requests,1/s latency_p50,us latency_p99,us \
        server_processor,us; do
        column=$((column + 1))
        echo "$comma{\"subject\": \"$subject\", \"threads\": $count," \
            "\"connections\": $connections, \"products\": 1000," \
            "\"metric\": \"${metric%,*}\", \"unit\": \"${metric#*,}\"," \
            "$(summary "$file" "$column")}"
        comma=,
    done
done
echo ']}'
