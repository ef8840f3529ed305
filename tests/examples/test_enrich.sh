#!/bin/sh
# SPDX-License-Identifier: MIT
# test_enrich.sh ENRICH
#
# Rows that were there, that come one by one, that come in masses, and that
# come while nobody listens.
name=enrich
needs=
program=$1
. "$(dirname "$0")/support.sh"

sql() {
    psql -qAtX -c "$1"
}
# are_enriched COUNT: for within
are_enriched() {
    test "$(sql "SELECT count(*) FROM users WHERE enriched_at IS NOT NULL")" \
        = "$1"
}

"$program" --nothing 2>"$work/usage.err"
expect "exit code of an unknown option" $? 2
"$program" --create || exit 1
"$program" --create || fail "--create, once more"
sql "INSERT INTO users (mail) VALUES ('before@example.org')"
start worker "$program"
within "what was there" are_enriched 1

echo "rows of all kinds"
sql "INSERT INTO users (mail) VALUES ('ann@example.net')"
sql "INSERT INTO users (mail) VALUES ('no address')"
within "one by one" are_enriched 3
expect "domains" "$(sql "SELECT string_agg(coalesce(domain, '-'), ' '
    ORDER BY id) FROM users")" "example.org example.net -"
sql "INSERT INTO users (mail)
    SELECT n || '@mass.example' FROM generate_series(1, 1100) n"
within "more than an event tells" are_enriched 1103

echo "a gap"
psql -q -d "$admin" -c "ALTER DATABASE $PGDATABASE ALLOW_CONNECTIONS false" \
    -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = '$PGDATABASE'" >"$work/ended"
psql -q -d "$admin" -c "ALTER DATABASE $PGDATABASE ALLOW_CONNECTIONS true"
sql "INSERT INTO users (mail) VALUES ('gap@example.org')"
within "what was inserted meanwhile" are_enriched 1104

echo "two workers: each row once"
first=$process
start second "$program"
within "the second listens" sh -c "test \"\$(psql -qAtX -c \"SELECT count(*)
    FROM pg_stat_activity WHERE datname = '$PGDATABASE'
    AND application_name LIKE 'pgcachewatch%'\")\" = 2"
sql "INSERT INTO users (mail)
    SELECT n || '@both.example' FROM generate_series(1, 200) n"
within "all" are_enriched 1304
ends_well
process=$first
ends_well
expect "lines of both" "$(cat "$work/worker.out" "$work/second.out" |
    sort | uniq | wc -l)" 1304
expect "lines, none twice" "$(cat "$work/worker.out" "$work/second.out" |
    wc -l)" 1304
conclude
