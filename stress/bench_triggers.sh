#!/bin/sh
# SPDX-License-Identifier: MIT
# bench_triggers.sh SQL [--rounds N] [--seconds N] [--clients "1 8"]
#     [--rows "1 100"] [--commits "on off"] [--also NAME=SQL]...
#
# What the triggers cost writers, by pgbench, on the server of PGHOST and the
# like, in a database of its own. SQL is the folder of install.sql; --also
# adds the triggers of another, say of an older version. Of each cell all
# forms are run in turn, and this again each round: what counts is the ratio
# to no trigger in the same round, of which the median is printed, a line of
# JSON each. --commits are values of synchronous_commit. On Linux it prints
# the CPU time of the backend for each statement, too.
#
#     sh tests/support/with_server.sh build/release/tests/server_is_here \
#         sh stress/bench_triggers.sh sql
set -eu
if ! command -v psql >/dev/null || ! command -v pgbench >/dev/null; then
    echo "no psql or no pgbench: skipped"
    exit 77
fi
sql=$1
shift
rounds=3
seconds=3
clients="1 8"
rows="1 100"
commits="on off"
also=
while [ $# -gt 1 ]; do
    case $1 in
    --rounds) rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --clients) clients=$2 ;;
    --rows) rows=$2 ;;
    --commits) commits=$2 ;;
    --also) also="$also $2" ;;
    *) echo "not understood: $1" >&2 && exit 2 ;;
    esac
    shift 2
done

admin=$PGDATABASE
PGDATABASE=pgcw_bench_triggers
PGOPTIONS='-c client_min_messages=error'
export PGDATABASE PGOPTIONS
work=$(mktemp -d)
is_unsafe=$(psql -qXAt -d "$admin" -c "SELECT current_setting('fsync') = 'off'")

set_fsync() {
    [ "$is_unsafe" = f ] || psql -qX -d "$admin" -c "ALTER SYSTEM $1" \
        -c "SELECT pg_reload_conf()" >/dev/null
}

finish() {
    set_fsync "RESET fsync"
    psql -qX -d "$admin" -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# make_table FORM
make_table() {
    psql -qX -v ON_ERROR_STOP=1 <<END
CREATE TABLE $1 (id int PRIMARY KEY, n int, filler text) WITH (fillfactor = 50);
INSERT INTO $1 SELECT i, 0, repeat('x', 80) FROM generate_series(1, 10000) AS i;
END
}

# install_from SQL FORM [rows=on]: each has a channel, and so a function
install_from() {
    psql -qX -v table="$2" -v channel="$2" -v "${3:-rows=}" \
        -f "$1/install.sql" >/dev/null
}

install_python_form() {
    psql -qX -v ON_ERROR_STOP=1 <<'END'
CREATE FUNCTION python_form() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('python_form', json_build_object(
        'operation', lower(TG_OP), 'table', TG_TABLE_NAME,
        'sent_at', now())::text);
    RETURN NEW;
END $$;
CREATE TRIGGER python_form AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE
    ON python_form EXECUTE FUNCTION python_form();
END
}

# run_pgbench FORM COMMIT CLIENTS ROWS: prints transactions a second. Each
# client has rows of its own, so that none waits for the lock of another.
run_pgbench() {
    cat >"$work/script" <<END
\\set first :client_id * 1000 + random(1, 1000 - $4)
UPDATE $1 SET n = n + 1 WHERE id BETWEEN :first AND :first + $4 - 1
END
    psql -qX -c "VACUUM $1" -c "CHECKPOINT"
    PGOPTIONS="-c synchronous_commit=$2" pgbench -n -M prepared -c "$3" -j 2 \
        -T "$seconds" -f "$work/script" 2>>"$work/log" |
        sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

# measure_cpu FORM ROWS: prints microseconds a statement, for some batches
measure_cpu() {
    count=$((600 / ($2 / 10 + 1)))
    {
        echo "PREPARE u (int) AS UPDATE $1 SET n = n + 1" \
            "WHERE id BETWEEN \$1 AND \$1 + $2 - 1;"
        echo "SELECT pg_backend_pid() AS pid \\gset"
        echo "\\setenv PID :pid"
        for batch in 1 2 3 4 5; do
            awk -v count=$count -v rows="$2" -v batch=$batch 'BEGIN {
                srand(batch)
                for (i = 0; i < count; i++)
                    print "EXECUTE u (" int(rand() * 9000) + 1 ");"
            }'
            echo "\\! sleep 0.01; cat /proc/\$PID/schedstat >&2"
        done
    } >"$work/batches"
    psql -qX -c "VACUUM $1"
    PGOPTIONS="-c synchronous_commit=off" psql -qX -f "$work/batches" \
        2>&1 >/dev/null |
        awk -v count=$count 'NR > 1 { print ($1 - last) / count / 1000 }
                             { last = $1 }'
}

# median FILE: of its first column
median() {
    sort -n "$1" | awk '{ value[NR] = $1 } END {
        print (value[int((NR + 1) / 2)] + value[int((NR + 2) / 2)]) / 2 }'
}

forms="none table python_form rows"
psql -qX -d "$admin" -c "DROP DATABASE IF EXISTS $PGDATABASE WITH (FORCE)" \
    -c "CREATE DATABASE $PGDATABASE"
set_fsync "SET fsync = on"
make_table none
make_table '"table"'
install_from "$sql" '"table"'
make_table python_form
install_python_form
make_table '"rows"'
install_from "$sql" '"rows"' rows=on
for other in $also; do
    make_table "${other%%=*}"
    install_from "${other#*=}" "${other%%=*}" rows=on
    forms="$forms ${other%%=*}"
done

cells=0
for word in $clients; do for _ in $rows; do for _ in $commits; do
    for _ in $forms; do cells=$((cells + 1)); done
done; done; done
echo "some $((cells * rounds * (seconds + 1))) seconds" >&2

for round in $(seq "$rounds"); do
    for commit in $commits; do for client in $clients; do for row in $rows; do
        none=
        for form in $forms; do
            tps=$(run_pgbench "\"$form\"" "$commit" "$client" "$row")
            : "${none:=$tps}"
            cell="$work/$commit.$client.$row.$form"
            echo "$tps" >>"$cell.tps"
            echo "$tps $none" | awk '{ print $1 / $2 }' >>"$cell.ratio"
        done
    done; done; done
    [ -r /proc/self/schedstat ] || continue
    for row in $rows; do for form in $forms; do
        measure_cpu "\"$form\"" "$row" >>"$work/$row.$form.cpu"
    done; done
done

for commit in $commits; do for client in $clients; do for row in $rows; do
    for form in $forms; do
        cell="$work/$commit.$client.$row.$form"
        printf '{"synchronous_commit":"%s","clients":%s,"rows":%s,"form":"%s"' \
            "$commit" "$client" "$row" "$form"
        printf ',"tps":%.0f,"ratio":%.2f}\n' "$(median "$cell.tps")" \
            "$(median "$cell.ratio")"
    done
done; done; done
for row in $rows; do for form in $forms; do
    cell="$work/$row.$form.cpu"
    [ -s "$cell" ] || continue
    printf '{"rows":%s,"form":"%s","cpu_us":%.1f,"cpu_us_least":%.1f}\n' \
        "$row" "$form" "$(median "$cell")" "$(sort -n "$cell" | head -1)"
done; done
