#!/bin/sh
# SPDX-License-Identifier: MIT
# test_extension.sh TOOL PROGRAM…
#
# The extension on the server of PGHOST and the like, which has its files: the
# test programs, then the real tool beside it, and a dump that is restored.
set -u
tool=$1
shift
failures=0
from=pgcw_test_dumped
to=pgcw_test_restored
admin=$PGDATABASE
channel=ch_pgcachewatch_table_change
PGOPTIONS='-c client_min_messages=error'
export PGOPTIONS
unset PGDSN
work=$(mktemp -d) || exit 1

drop()
{
    psql -qX -d "$admin" -c "DROP DATABASE IF EXISTS $from WITH (FORCE)" \
        -c "DROP DATABASE IF EXISTS $to WITH (FORCE)"
}
finish()
{
    drop
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

fails()
{
    failures=$((failures + 1))
    echo "FAILED: $1"
}

# sql TEXT…: each as a statement of its own.
sql()
{
    for text in "$@"; do
        psql -qXAt -v ON_ERROR_STOP=1 -c "$text" || fails "$text"
    done
}

# says TEXT WORD…: a command, which must work, says so.
says()
{
    expected=$1
    shift
    timeout 30 "$@" >"$work/out" 2>&1 || fails "$*"
    grep -qF -e "$expected" "$work/out" || {
        fails "$* does not say: $expected"
        cat "$work/out"
    }
}

for program in "$@"; do
    "$program" || fails "$program"
done

drop
psql -qX -d "$admin" -c "CREATE DATABASE $from" -c "CREATE DATABASE $to" ||
    exit 1
export PGDATABASE=$from

echo "the tool on what the extension has made"
sql 'CREATE EXTENSION pgcachewatch' \
    'CREATE TABLE orders (id int PRIMARY KEY, n int)' \
    'CREATE TABLE "Mixed Case" (id int PRIMARY KEY)' \
    "SELECT pgcachewatch.watch('orders', rows => true)" >/dev/null
says "installed, rows are told" "$tool" status orders
says "public.orders: installed" "$tool" doctor orders
says "nothing to do" "$tool" install --rows --commit orders
sql 'ALTER TABLE orders DISABLE TRIGGER ALL'
says "is disabled" "$tool" status
sql 'ALTER TABLE orders ENABLE TRIGGER ALL'
says "drop function" "$tool" uninstall --commit
[ "$(sql 'SELECT count(*) FROM pgcachewatch.watched()')" = 0 ] ||
    fails "uninstall leaves something"

echo "a dump, restored"
sql "SELECT pgcachewatch.watch('orders', rows => true)" \
    "SELECT pgcachewatch.watch('\"Mixed Case\"', channel => 'ch 2')" \
    "INSERT INTO orders SELECT i, i FROM generate_series(1, 9) AS i" >/dev/null
described="SELECT tgrelid::regclass::text, pg_get_triggerdef(oid), tgenabled
    FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2"
sql "$described" >"$work/before"
[ "$(wc -l <"$work/before")" -eq 8 ] || fails "8 triggers before the dump"
pg_dump -Fc -f "$work/dump" || fails "pg_dump"
pg_restore --exit-on-error -d "$to" "$work/dump" || fails "pg_restore"
PGDATABASE=$to
sql "$described" >"$work/after"
diff "$work/before" "$work/after" || fails "other triggers after a restore"
says "installed, rows are told" "$tool" status orders
says "nothing to do" "$tool" install --rows --commit orders
[ -z "$(sql "SELECT pgcachewatch.watch('orders', rows => true)")" ] ||
    fails "watch() does something after a restore"
psql -qX -c 'DROP EXTENSION pgcachewatch' 2>"$work/out" &&
    fails "DROP EXTENSION works although a restored table is watched"
psql -X -c "LISTEN $channel" -c 'INSERT INTO orders VALUES (11, 11)' \
    -c 'ALTER TABLE orders ADD x int' -c 'DROP TABLE orders' >"$work/heard"
[ "$(grep -c '"insert".*"keys" : \["11"\]' "$work/heard")" = 1 ] ||
    fails "an INSERT after a restore is not heard"
[ "$(grep -c '"truncate".*"orders"' "$work/heard")" = 2 ] ||
    fails "ALTER and DROP after a restore are not heard"

[ "$failures" -eq 0 ] || exit 1
echo "it works"
