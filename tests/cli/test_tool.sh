#!/bin/sh
# SPDX-License-Identifier: MIT
# test_tool.sh TOOL SQL
#
# Runs the real binary, and the files of the folder SQL with psql, on the
# server of PGHOST and the like, in a database of its own.
set -u
tool=$1
sql=$2
if ! command -v psql >/dev/null; then
    echo "no psql: skipped"
    exit 77
fi

work=$(mktemp -d) || exit 1
admin=$PGDATABASE
database=pgcw_test_tool
channel=ch_pgcachewatch_table_change
failures=0
PGOPTIONS='-c client_min_messages=warning'
export PGOPTIONS
unset PGDSN

finish() {
    psql -q -d "$admin" -c "DROP DATABASE IF EXISTS $database WITH (FORCE)"
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# run CODE WORD…: the tool must end with that code; its output is kept.
run() {
    expected=$1
    shift
    timeout 30 "$tool" "$@" >"$work/out" 2>"$work/err"
    code=$?
    if [ "$code" != "$expected" ]; then
        failures=$((failures + 1))
        echo "FAILED: pgcachewatch $*: ended with $code, not $expected"
        cat "$work/out" "$work/err"
    fi
}

# says out|err TEXT: the last output contains it.
says() {
    if ! grep -qF -e "$2" "$work/$1"; then
        failures=$((failures + 1))
        echo "FAILED: std$1 does not say: $2"
        cat "$work/$1"
    fi
}

# is_empty out|err
is_empty() {
    if [ -s "$work/$1" ]; then
        failures=$((failures + 1))
        echo "FAILED: std$1 should be empty:"
        cat "$work/$1"
    fi
}

# triggers NUMBER: so many are there.
triggers() {
    found=$(psql -qAt -c 'SELECT count(*) FROM pg_trigger')
    if [ "$found" != "$1" ]; then
        failures=$((failures + 1))
        echo "FAILED: $found triggers, not $1"
    fi
}

psql -q -d "$admin" -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" \
    -c "CREATE DATABASE $database" || exit 1
PGDATABASE=$database
export PGDATABASE
psql -q -c 'CREATE TABLE orders (id int)' \
    -c 'CREATE TABLE keyed (id int PRIMARY KEY, n int)' \
    -c 'CREATE TABLE "Mixed Case" (id int)' \
    -c 'CREATE VIEW shown AS SELECT 1' || exit 1

echo "help, version and mistakes"
run 0 --help
says out "install"
says out "demo"
run 0 --version
says out "pgcachewatch 0."
run 2
says err "usage: pgcachewatch"
run 2 instal
says err "no such command: instal"
for command in install uninstall listen emit status doctor; do
    run 0 $command --help
    says out "exit codes:"
    says out "usage: pgcachewatch $command"
    says out "--pg-password"
    is_empty err
    run 2 $command --transport post
    says err "--transport is notify or wal, not post"
    run 2 $command --no-such=secret
    says err "no such option: --no-such"
    says err "see: pgcachewatch $command --help"
    if grep -q secret "$work/err"; then
        failures=$((failures + 1))
        echo "FAILED: the value of an unknown option is shown"
    fi
done
run 2 install
says err "name at least one table"
run 2 install orders --channel-name
says err "--channel-name needs a value"
run 2 install orders --commit=yes
run 2 listen --count 0x1
run 2 listen --seconds -1
run 2 listen orders
run 2 emit --table orders
run 2 emit --table orders --operation upsert
says err "no such operation: upsert"

echo "install and uninstall"
run 0 install --tables orders '"Mixed Case"'
says out "AFTER INSERT ON public.orders"
says out 'AFTER INSERT ON public."Mixed Case"'
says err "nothing was written: --commit does that"
triggers 0
psql -q -v ON_ERROR_STOP=1 -f "$work/out" || failures=$((failures + 1))
triggers 8
run 0 install orders public.orders --tables '"Mixed Case"' --commit
is_empty out
says err "nothing to do"
run 0 uninstall orders
says err "nothing was written"
says out "-- keep function"
triggers 8
run 0 uninstall orders --commit
says err "done: drop trigger tg_pgcachewatch_table_change_${channel}_i on public.orders"
triggers 4
run 0 uninstall --commit
says err "done: drop function public.fn_pgcachewatch_table_change_$channel()"
triggers 0
run 0 uninstall --commit
says err "nothing to do"
run 0 install --commit --channel-name=Ch --function-name f --trigger-name t \
    orders
says err "done: create function public.\"f_Ch\"()"
says err "done: create trigger \"t_Ch\" on public.orders"
run 0 uninstall --commit --channel-name Ch --function-name f --trigger-name t
triggers 0

run 0 install keyed orders --rows --columns id --always
says out "'changed_rows', 'rows', 'id'"
says out "REFERENCING OLD TABLE AS former_rows NEW TABLE AS changed_rows"
says out "ALTER TABLE ONLY public.keyed ENABLE ALWAYS TRIGGER"
says out "of the whole table: it has no primary key"
run 1 install --columns id nowhere -- keyed
says err "public.keyed has no column nowhere"
run 2 install keyed --columns
says err "--columns needs a value"
run 2 uninstall --rows
run 0 install keyed --commit
run 0 install keyed --rows --columns id n --commit
says err "done: replace trigger tg_pgcachewatch_table_change_${channel}_u"
run 0 install --rows --columns id n --tables keyed --commit
says err "nothing to do"
run 0 uninstall --commit
triggers 0

# published TEXT: such are the publications, with their tables.
published() {
    found=$(psql -qAt -F ' ' -c "SELECT p.pubname, string_agg(r.prrelid\
::regclass::text, ' ') FROM pg_publication p LEFT JOIN pg_publication_rel r \
ON r.prpubid = p.oid GROUP BY 1")
    if [ "$found" != "$1" ]; then
        failures=$((failures + 1))
        echo "FAILED: the publications are: $found, not $1"
    fi
}

echo "a publication instead of triggers"
publication=pb_pgcachewatch_table_change_$channel
run 0 install --transport wal keyed
says out "CREATE PUBLICATION $publication"
says err "nothing was written: --commit does that"
published ""
psql -q -v ON_ERROR_STOP=1 -f "$work/out" || failures=$((failures + 1))
published "$publication keyed"
run 0 install --transport=wal --rows --commit keyed
is_empty out
says err "nothing to do: all of it is installed already"
triggers 0
run 1 install --transport wal --commit keyed orders
says err "public.orders has no primary key: each UPDATE and DELETE would fail"
says err "nothing was written"
for wrong in '--always' '--columns n' '--function-name f' '--trigger-name t'; do
    # shellcheck disable=SC2086
    run 1 install keyed --transport wal $wrong
    says err "the transport wal has no triggers"
done
run 1 install keyed --publication-name p
says err "the transport notify has no publication"
run 0 uninstall --commit
says err "nothing to do"
published "$publication keyed"
run 0 uninstall --transport wal
says out "DROP PUBLICATION IF EXISTS $publication;"
published "$publication keyed"
run 0 uninstall --transport wal --commit keyed
says err "done: drop publication $publication"
published ""
run 0 install --transport wal --commit --publication-name 'A b' keyed
published "A b keyed"
run 0 uninstall --transport wal --commit --publication-name 'A b'
published ""
run 1 install --transport wal keyed \
    --channel-name 12345678901234567890123456789012345
says err "unless you name the publication"
run 1 listen --transport wal \
    --channel-name 12345678901234567890123456789012345
says err "name the publication"

echo "failures"
run 1 install --commit orders nothing
says err "nothing: there is no such table"
says err "nothing was written"
run 1 install --commit shown
says err "a view"
run 1 install --commit orders --channel-name \
    aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
says err "64 bytes"
triggers 0
run 1 install orders --pg-port 1
says err "pgcachewatch: connection to server"

echo "which server"
run 1 install orders --pg-database pgcw_no_such
says err 'database "pgcw_no_such" does not exist'
run 0 install orders --pg-dsn "postgresql:///$database"
run 1 install orders --pg-dsn "dbname=pgcw_no_such"
run 0 install orders --pg-dsn "dbname=pgcw_no_such" --pg-database "$database"
PGDSN="dbname=pgcw_no_such"
export PGDSN
run 1 install orders
run 0 install orders --pg-dsn "dbname=$database"
run 0 install orders --pg-database "$database"
unset PGDSN

echo "passwords"
for dsn in 'postgresql://u:hunter2@%%/x' 'password=top hunter2 x' \
    'host=/nowhere password=hunter2 user=u' \
    'postgresql://u:hunter2@127.0.0.1:1/x'; do
    for command in 'install orders' uninstall 'listen --seconds 1' \
        'emit --table orders --operation insert'; do
        # shellcheck disable=SC2086
        run 1 $command --pg-dsn "$dsn"
        if grep -q hunter2 "$work/out" "$work/err"; then
            failures=$((failures + 1))
            echo "FAILED: a password is shown: $command --pg-dsn $dsn"
            cat "$work/err"
        fi
    done
done

echo "emit and listen"
run 0 emit --operation update --table orders --schema public
says out "sent: update of public.orders on channel $channel"
run 0 emit --operation delete --table orders --transport wal --key 7
says out "sent: delete of orders on channel $channel, keys: 1"
message=$(psql -qAt <<end
SELECT NULL FROM pg_create_logical_replication_slot('s', 'pgoutput', true);
\! '$tool' emit --operation delete --table orders --transport wal >/dev/null
SELECT encode(substr(data, 11), 'escape') FROM
    pg_logical_slot_get_binary_changes('s', NULL, NULL, 'proto_version', '1',
    'publication_names', 'p', 'messages', 'true')
    WHERE get_byte(data, 0) = ascii('M');
end
)
case $message in
*"$channel"*'{"operation":"delete","table":"orders"'*) ;;
*)
    failures=$((failures + 1))
    echo "FAILED: the message in the write-ahead log is: $message"
    ;;
esac

# live: wait until the listener that runs in the background is live.
live() {
    for _ in $(seq 200); do
        if grep -q ': live' "$work/listen.err"; then
            return
        fi
        sleep 0.05
    done
    failures=$((failures + 1))
    echo "FAILED: the listener is not live"
    cat "$work/listen.err"
}

# listen WORD…: in the background, until it is live.
listen() {
    : >"$work/listen.err"
    "$tool" listen --seconds 30 "$@" >"$work/out" 2>"$work/listen.err" &
    pid=$!
    live
}

# ended CODE: wait for it.
ended() {
    wait "$pid"
    code=$?
    if [ "$code" != "$1" ]; then
        failures=$((failures + 1))
        echo "FAILED: listen ended with $code, not $1"
        cat "$work/listen.err"
    fi
}

run 0 install --commit orders
listen --count 2
psql -q -c 'INSERT INTO orders VALUES (1)' -c 'DELETE FROM orders'
ended 0
says out " insert   public.orders "
says out " delete   public.orders "
says out " ms"
listen --json --count=1 --pg-dsn "dbname=$database"
psql -q -c 'TRUNCATE orders'
ended 0
says out '"operation":"truncate","schema":"public","table":"orders"'
says out '"latency_ms":'
run 0 install --commit --rows keyed
listen --count 1
psql -q -c 'INSERT INTO keyed SELECT generate_series(1, 7)'
ended 0
says out " public.keyed [1, 2, 3, 4, 5, and 2 more] "
listen --json --count 1
run 0 emit --operation delete --table keyed --key 1 '["a", "b"]' --key=-5
cp "$work/out" "$work/emit"
ended 0
says out '"keys":["1","[\"a\", \"b\"]","-5"]'
run 0 uninstall keyed --commit
run 1 listen --transport wal --seconds 1
says err "pgcachewatch install --transport wal"
run 0 install --transport wal keyed --commit
listen --transport wal --json --count 3
psql -q -c 'INSERT INTO keyed VALUES (8)' -c 'DELETE FROM keyed WHERE id = 8'
"$tool" emit --transport wal --operation update --table orders --key 5 \
    >"$work/emit"
ended 0
says out '"operation":"insert","schema":"public","table":"keyed"'
says out '"operation":"delete","schema":"public","table":"keyed"'
says out '"keys":["8"]'
says out '"operation":"update","schema":"","table":"orders"'
says out '"keys":["5"]'
listen --transport wal --count 1 --publication-name "$publication" \
    --channel-name other
psql -q -c 'TRUNCATE keyed'
ended 0
says out " truncate public.keyed "
run 0 uninstall --transport wal --commit
listen --count 1
psql -q -c "SELECT pg_notify('$channel', 'no event')" >/dev/null
psql -q -c 'TRUNCATE orders'
ended 0
if ! grep -q '^pgcachewatch: gap: undecodable$' "$work/listen.err"; then
    failures=$((failures + 1))
    echo "FAILED: no gap on standard error"
fi
listen --json --count 1 --max-latency 1
psql -q -c 'BEGIN' -c 'SELECT pg_sleep(0.01)' \
    -c "SELECT pg_notify('$channel', 'no event')" \
    -c 'TRUNCATE orders' -c 'COMMIT' >/dev/null
ended 0
says out '{"gap":["undecodable"]}'
says out '"operation":"truncate"'
if ! grep -q 'of "public.orders" was heard after .* max_latency_ms, 1;' \
    "$work/listen.err"; then
    failures=$((failures + 1))
    echo "FAILED: no warning of a late event"
fi
listen --count 1
"$tool" emit --operation insert --table "$(printf 'a\033[31m\302\233b')" \
    >"$work/emit"
ended 0
says out 'a\x1b[31m\xc2b'
for signal in INT TERM HUP; do
    listen
    kill -s $signal "$pid"
    ended 0
    is_empty out
done
: >"$work/listen.err"
{
    "$tool" listen --seconds 30 2>"$work/listen.err"
    echo $? >"$work/code"
} | head -n 1 >"$work/out" &
pid=$!
live
for n in 1 2 3; do
    psql -q -c "INSERT INTO orders VALUES ($n)"
    sleep 0.1
done
ended 0
if [ "$(cat "$work/code")" != 0 ]; then
    failures=$((failures + 1))
    echo "FAILED: a closed pipe is no clean end"
fi
listen --seconds 1
ended 0

# on_terminal WORD…: the demo, with its output kept; needs util-linux.
on_terminal() {
    env "$@" timeout 60 script -qec "'$tool' demo --seconds 1 --rows 1000 \
--writes-per-second 20 --pg-database $database" /dev/null \
        </dev/null >"$work/out" 2>&1
    code=$?
    if [ $code != 0 ]; then
        failures=$((failures + 1))
        echo "FAILED: the demo on a terminal ended with $code"
        cat "$work/out"
    fi
}

# no_escape TEXT: an escape sequence that the last output must not have.
no_escape() {
    if grep -qF -e "$(printf '\033')$1" "$work/out"; then
        failures=$((failures + 1))
        echo "FAILED: there is an escape sequence $1"
    fi
}

echo "demo"
run 2 demo --writes-per-second 99999999
says err "--writes-per-second is 0 to"
run 2 demo --readers 99999
says err "--readers is 1 to"
escape=$(printf '\033')
if command -v script >/dev/null; then
    on_terminal TERM=xterm
    says out "loading rows: "
    says out "${escape}[?25l" # the cursor goes, and comes back
    says out "${escape}[?25h"
    says out "${escape}[11A" # drawn again in the same place
    says out "elapsed / remaining"
    says out "listener                            live"
    says out "${escape}[32m           0${escape}[0m" # stale reads, in green
    on_terminal TERM=xterm NO_COLOR=1
    says out "${escape}[11A"
    no_escape "[32m"
    on_terminal TERM=dumb
    says out "stale reads found       0"
    no_escape "["
else
    echo "no script: the demo's screen is not looked at"
fi
{
    timeout 30 "$tool" demo --seconds 60 --rows 1000 \
        --pg-database "$database" 2>"$work/err"
    echo $? >"$work/code"
} | head -n 1 >"$work/out"
if [ "$(cat "$work/code")" != 1 ]; then
    failures=$((failures + 1))
    echo "FAILED: the demo ended with $(cat "$work/code") on a closed pipe"
fi
says err "the output is closed"

echo "plain psql"
for _ in 1 2; do
    psql -q -v table=orders -f "$sql/install.sql" || failures=$((failures + 1))
    triggers 4
done
run 0 install orders
says err "nothing to do"
psql -q -v table='"Mixed Case"' -v channel=c -f "$sql/install.sql" ||
    failures=$((failures + 1))
triggers 8
for wrong in table=nothing table=shown \
    channel=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; do
    if psql -q -v table=orders -v "$wrong" -f "$sql/install.sql" \
        2>"$work/err"; then
        failures=$((failures + 1))
        echo "FAILED: psql installs with $wrong"
    fi
done
for _ in 1 2; do
    psql -q -v table=keyed -v transport=wal -f "$sql/install.sql" ||
        failures=$((failures + 1))
    published "$publication keyed"
done
for wrong in table=orders transport=post channel=12345678901234567890123456789012345; do
    if psql -q -v table=keyed -v transport=wal -v "$wrong" \
        -f "$sql/install.sql" 2>"$work/err"; then
        failures=$((failures + 1))
        echo "FAILED: psql publishes with $wrong"
    fi
done
psql -q -v transport=wal -f "$sql/uninstall.sql" || failures=$((failures + 1))
published ""
psql -q -f "$sql/uninstall.sql" || failures=$((failures + 1))
triggers 4
psql -q -v table='"Mixed Case"' -v channel=c -f "$sql/uninstall.sql" ||
    failures=$((failures + 1))
triggers 0

echo "$failures failures"
[ "$failures" = 0 ]
