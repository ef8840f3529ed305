#!/bin/sh
# SPDX-License-Identifier: MIT
# bench_transports.sh TOOL [--rounds N] [--seconds N] [--clients "1 8 32"]
#     [--loads "one hundred copy"] [--share PERCENT] [--levels] [--json FILE]
#
# What each transport costs writers, by pgbench with durable commits, on the
# server of PGHOST and the like, in a database of its own. TOOL is the program
# pgcachewatch. The settings:
#
#     none         nobody watches
#     notify       triggers that tell the table, and a listener
#     notify_rows  triggers that tell the rows, and a listener
#     wal          a publication, and a listener by logical decoding
#     level        nobody watches, and wal_level = replica (with --levels)
#
# A transaction updates one row or a hundred, or copies 10,000 rows. In each
# round all settings of a cell are run in turn, as fast as it goes and then at
# --share percent of what none has reached, where the cores have time to spare
# (0 leaves that out). The ratio is to none in the same round; what is
# printed is the median, and of what counts the least and the most. --levels
# restarts the server: it needs that of the tests.
#
# cpu is seconds of it for 1000 transactions, until all was sent: by the
# walsender, by the backend that shows what is visible, and by the listener,
# which prints its events into nothing. behind is how many ms the walsender had
# to do when the writers had ended, and a psql with them; idle is of all cores.
#
#     sh tests/support/with_server.sh build/debug/tests/server_is_here \
#         sh stress/bench_transports.sh build/release/bin/pgcachewatch
set -eu
if ! command -v psql >/dev/null || ! command -v pgbench >/dev/null ||
    [ ! -r /proc/self/schedstat ]; then
    echo "no psql, no pgbench or no /proc/self/schedstat: skipped"
    exit 77
fi
tool=$1
shift
rounds=3
seconds=3
clients="1 8 32"
loads="one hundred copy"
share=25
has_levels=
json=/dev/null
while [ $# -gt 0 ]; do
    case $1 in
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --clients) clients=$2 ;;
    --loads) loads=$2 ;;
    --share) share=$2 ;;
    --json) json=$2 ;;
    --levels) has_levels=yes && shift && continue ;;
    *) echo "not understood: $1" >&2 && exit 2 ;;
    esac
    shift 2
done

admin=$PGDATABASE
PGDATABASE=pgcw_bench_transports
PGOPTIONS='-c client_min_messages=error -c synchronous_commit=on'
export PGDATABASE PGOPTIONS
listener_name=pgcw_bench_listener
patience_s=120
listener=
work=$(mktemp -d)
chmod 755 "$work" # the server reads what is copied
sql() {
    psql -qXAt -v ON_ERROR_STOP=1 "$@"
}
if [ "$(sql -d "$admin" -c "SHOW wal_level")" != logical ]; then
    echo "wal_level is not logical: skipped"
    exit 77
fi
is_unsafe=$(sql -d "$admin" -c "SELECT current_setting('fsync') = 'off'")

set_fsync() {
    [ "$is_unsafe" = f ] || sql -d "$admin" -c "ALTER SYSTEM $1" \
        -c "SELECT pg_reload_conf()" >/dev/null
}

# set_level COMMAND
set_level() {
    sql -d "$admin" -c "ALTER SYSTEM $1"
    "$PGCW_TEST_SERVER" restart "$PGCW_TEST_SERVER_DIR" fast
}

stop_listener() {
    [ -n "$listener" ] || return 0
    kill "$listener" 2>/dev/null || true
    wait "$listener" 2>/dev/null || true
    listener=
}

finish() {
    stop_listener
    if [ -n "$has_levels" ] &&
        [ "$(sql -d "$admin" -c "SHOW wal_level")" != logical ]; then
        set_level "RESET wal_level"
    fi
    set_fsync "RESET fsync"
    sql -d "$admin" -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# await WHAT COMMAND...: until it succeeds
await() {
    what=$1
    shift
    end=$(($(date +%s) + patience_s))
    until "$@"; do
        if [ "$(date +%s)" -gt "$end" ]; then
            echo "$what: not within $patience_s s" >&2
            exit 1
        fi
    done
}

# make_tables SETTING
make_tables() {
    sql <<END
CREATE TABLE $1 (id int PRIMARY KEY, n int, filler text) WITH (fillfactor = 50);
INSERT INTO $1 SELECT i, 0, repeat('x', 80) FROM generate_series(1, 40000) AS i;
CREATE TABLE $1_copy (id bigserial PRIMARY KEY, n int, filler text);
END
}

# install_for SETTING OPTION...
install_for() {
    setting=$1
    shift
    "$tool" install --commit "$@" --channel-name "$setting" \
        --tables "$setting" "${setting}_copy" >>"$work/log" 2>&1
}

is_live() {
    grep -qi live "$work/listener" || {
        kill -0 "$listener" && sleep 0.02
        return 1
    }
}

# start_listener SETTING
start_listener() {
    transport=notify
    case $1 in
    none | level) return ;;
    wal) transport=wal ;;
    esac
    : >"$work/listener"
    "$tool" listen --pg-dsn "application_name=$listener_name" \
        --channel-name "$1" --transport "$transport" >/dev/null 2>"$work/listener" &
    listener=$!
    await "LIVE" is_live
}

# Prints the listener's backends of that type.
backends() {
    [ -z "$listener" ] || sql -c "SELECT pid FROM pg_stat_activity
        WHERE application_name = '$listener_name' AND backend_type = '$1'"
}

# cpu_ns PID...: of all their threads
cpu_ns() {
    for pid in "$@"; do
        cat /proc/"$pid"/task/*/schedstat 2>/dev/null || true
    done | awk '{ sum += $1 } END { printf "%.0f\n", sum }'
}

# Prints the idle and the whole time of all cores.
cores() {
    awk '/^cpu / { print $5 + $6, $2 + $3 + $4 + $5 + $6 + $7 + $8 }' /proc/stat
}

is_sent() {
    [ "$(sql -c "SELECT count(*) FROM pg_stat_replication
        WHERE application_name = '$listener_name'
        AND sent_lsn < '$flushed'::pg_lsn")" = 0 ]
}

write_script() {
    case $2 in
    one) rows=1 ;;
    hundred) rows=100 ;;
    copy)
        echo "COPY $1_copy (n, filler) FROM '$work/rows';" >"$work/script"
        return
        ;;
    esac
    # each client has rows of its own: none waits for the lock of another
    cat >"$work/script" <<END
\\set first :client_id * 1000 + random(1, 1000 - $rows)
UPDATE $1 SET n = n + 1 WHERE id BETWEEN :first AND :first + $rows - 1;
END
}

# report FIELD: of what pgbench has printed
report() {
    sed -n "s/^$1 *[=:] *\([0-9.]*\).*/\1/p" "$work/pgbench"
}

# shellcheck disable=SC2086 # several, or no process
# run_cell SETTING LOAD CLIENTS [RATE]: sets tps, and appends to the cell's
# file: tps, latency, idle, cpu of three, behind.
run_cell() {
    file=$work/$2.$3.$([ -n "${4:-}" ] && echo spare || echo full).$1
    table=$([ "$1" = level ] && echo none || echo "$1")
    write_script "$table" "$2"
    sql -c "TRUNCATE ${table}_copy" -c "VACUUM $table" -c "CHECKPOINT"
    start_listener "$1"
    walsender=$(backends walsender)
    looks=$([ "$1" != wal ] || backends "client backend")
    before="$(cpu_ns $walsender) $(cpu_ns $looks) $(cpu_ns $listener) $(cores)"
    pgbench -n -M prepared -c "$3" -j 2 -T "$seconds" ${4:+--rate "$4"} \
        -f "$work/script" >"$work/pgbench" 2>>"$work/log"
    after_cores=$(cores)
    ended_ns=$(date +%s%N)
    behind_ms=0
    if [ "$1" = wal ]; then
        flushed=$(sql -c "SELECT pg_current_wal_flush_lsn()")
        await "all of it sent" is_sent
        behind_ms=$((($(date +%s%N) - ended_ns) / 1000000))
    fi
    tps=$(report tps)
    if [ -z "$tps" ]; then
        cat "$work/pgbench" "$work/log" | tail -20 >&2
        exit 1
    fi
    echo "$tps $(report "latency average") $before" \
        "$(cpu_ns $walsender) $(cpu_ns $looks) $(cpu_ns $listener)" \
        "$after_cores $(report "number of transactions actually processed")" \
        "$behind_ms" | awk '{
            print $1, $2, 100 * ($11 - $6) / ($12 - $7), ($8 - $3) / $13 / 1e6,
                ($9 - $4) / $13 / 1e6, ($10 - $5) / $13 / 1e6, $14 }' >>"$file"
    stop_listener
}

# column FILE NUMBER: its median, least and most
column() {
    awk -v column="$2" '{ print $column }' "$1" | sort -g | awk '
        { value[NR] = $1 }
        END {
            median = (value[int((NR + 1) / 2)] + value[int((NR + 2) / 2)]) / 2
            printf "%.6g %.6g %.6g\n", median, value[1], value[NR]
        }'
}

# print_cell LOAD CLIENTS PACE SETTING
print_cell() {
    file=$work/$1.$2.$3.$4
    [ -s "$file" ] || return 0
    paste -d ' ' "$file" "$work/$1.$2.$3.none" |
        awk '{ print $1 / $8, $2 / $9 }' >"$work/ratio"
    # shellcheck disable=SC2046 # three numbers each
    set -- "$@" $(column "$file" 1) $(column "$work/ratio" 1) \
        $(column "$file" 2) $(column "$work/ratio" 2) $(column "$file" 3) \
        $(column "$file" 4) $(column "$file" 5) $(column "$file" 6) \
        $(column "$file" 7)
    echo "$@" | awk '{
        printf "%-8s%4d %-6s%-12s%9.1f %6.2f %.2f-%.2f  %9.2f %6.2f%6.0f" \
            "%10.4f%8.4f%9.4f%8.0f\n", $1, $2, $3, $4, $5, $8, $9, $10, $11,
            $14, $17, $20, $23, $26, $29 }'
    echo "$@" | awk '{
        printf "{\"load\":\"%s\",\"clients\":%d,\"pace\":\"%s\"," \
            "\"setting\":\"%s\"", $1, $2, $3, $4
        split("tps ratio latency_ms latency_ratio idle_percent " \
            "walsender_cpu_s looks_cpu_s listener_cpu_s behind_ms", names, " ")
        for (i = 1; i <= 9; i++)
            printf ",\"%s\":[%s,%s,%s]", names[i], $(3 * i + 2),
                $(3 * i + 3), $(3 * i + 4)
        print "}" }' >>"$json"
}

sql -d "$admin" -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" \
    -c "CREATE DATABASE $PGDATABASE"
set_fsync "SET fsync = on"
settings="none notify notify_rows wal"
for setting in $settings; do make_tables "$setting"; done
install_for notify
install_for notify_rows --rows
install_for wal --transport wal
seq 1 10000 | awk '{ printf "%d\t%080d\n", $1, 0 }' >"$work/rows"
chmod 644 "$work/rows"
: >"$json"

for _ in $(seq "$rounds"); do
    for load in $loads; do for count in $clients; do
        for setting in $settings; do
            run_cell "$setting" "$load" "$count"
            [ "$setting" != none ] || none_tps=$tps
        done
        [ "$share" -gt 0 ] || continue
        rate=$(echo "$none_tps $share" | awk '{ print $1 * $2 / 100 }')
        for setting in $settings; do
            run_cell "$setting" "$load" "$count" "$rate"
        done
    done; done
    [ -n "$has_levels" ] || continue
    set_level "SET wal_level = replica"
    for load in $loads; do for count in $clients; do
        run_cell level "$load" "$count"
    done; done
    set_level "RESET wal_level"
done

echo "$rounds rounds of $seconds s; cpu: seconds for 1000 transactions"
printf '%-8s%4s %-6s%-12s%9s %6s %-11s%9s %6s%6s%10s%8s%9s%8s\n' load \
    for pace setting tps ratio least-most "ms" ratio idle% walsender looks \
    listener behind
for load in $loads; do for count in $clients; do for pace in full spare; do
    for setting in $settings level; do
        print_cell "$load" "$count" "$pace" "$setting"
    done
done; done; done
