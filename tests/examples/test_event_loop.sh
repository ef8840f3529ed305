#!/bin/sh
# SPDX-License-Identifier: MIT
# test_event_loop.sh EVENT_LOOP HTTP_SERVER
#
# Asks the example with nc: values, what there is not, and in an outage.
name=event_loop
needs=nc
program=$1
. "$(dirname "$0")/support.sh"

# ask LINE…: prints the answers, sorted.
ask() {
    printf '%s\n' "$@" | timeout 20 nc -N 127.0.0.1 "$port" |
        LC_ALL=C sort
}
# answers TEXT LINE…: for within
answers() {
    wanted=$1
    shift
    test "$(ask "$@")" = "$wanted"
}
sql() {
    psql -qAtX -c "$1"
}

"$program" 70000 2>"$work/usage.err"
expect "exit code of a bad port" $? 2
"$2" --create || exit 1
start loop "$program" 0
within "it listens" has_output || exit 1
port=$(awk '{print $2}' "$work/loop.out")

echo "values, twice; what there is not; what cannot be"
expect "answers" "$(ask 42 7 42 5000 042 5000)" "042 is no id
42 {\"id\":42,\"name\":\"product 42\",\"price\":0.42}
42 {\"id\":42,\"name\":\"product 42\",\"price\":0.42}
5000 not found
5000 not found
7 {\"id\":7,\"name\":\"product 7\",\"price\":0.07}"
expect "a line that is too long" "$(ask 12345678901234567890123)" ""

echo "all thousand, each twice"
expect "answers" "$({ seq 1000; seq 1000; } |
    timeout 20 nc -N 127.0.0.1 "$port" |
    grep -c '"name":"product ')" 2000

echo "changes are seen"
sql "UPDATE products SET name = 'tea' WHERE id = 42;
     INSERT INTO products VALUES (5000, 'new', 1)" >/dev/null
within "the update is seen" answers \
    '42 {"id":42,"name":"tea","price":0.42}' 42
within "the insert is seen" answers \
    '5000 {"id":5000,"name":"new","price":1.00}' 5000

echo "the server goes, and comes back"
psql -q -d "$admin" -c "ALTER DATABASE $PGDATABASE ALLOW_CONNECTIONS false" \
    -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = '$PGDATABASE'" >"$work/ended"
within "the database is away" answers "42 error: the database is away" 42
psql -q -d "$admin" -c "ALTER DATABASE $PGDATABASE ALLOW_CONNECTIONS true"
within "the database is back" answers \
    '42 {"id":42,"name":"tea","price":0.42}' 42
ends_well
conclude
