#!/bin/sh
# SPDX-License-Identifier: MIT
# test_cached_query.sh CACHED_QUERY TOOL
#
# Lines are given to the example one by one, through a pipe that stays open.
name=cached_query
needs=mkfifo
program=$1
tool=$2
. "$(dirname "$0")/support.sh"

sql() {
    psql -qAtX -c "$1"
}
# ask LINE: its answer is a line more.
ask() {
    lines=$(($(wc -l <"$work/query.out") + 1))
    echo "$1" >&3
    within "an answer to $1" has_lines || exit 1
    answer=$(tail -n 1 "$work/query.out")
}
has_lines() {
    test "$(wc -l <"$work/query.out")" -ge "$lines"
}
# gives TEXT LINE: for within
gives() {
    ask "$2"
    test "$answer" = "$1"
}
"$program" 2>"$work/usage.err"
expect "exit code without a statement" $? 1
grep -q "SELECT with one parameter" "$work/usage.err" || fail "no usage"
sql "CREATE TABLE products (id int PRIMARY KEY, name text, price numeric);
     INSERT INTO products VALUES (1, 'salt', 0.5), (42, 'tea', 9.99)"
"$tool" install products --commit >"$work/install" || fail "install"

mkfifo "$work/lines"
start query sh -c 'exec "$0" "$1" <"$2"' "$program" \
    'SELECT name, price FROM products WHERE id = $1' "$work/lines"
exec 3>"$work/lines"
tab=$(printf '\t')
ask 42
expect "product 42" "$answer" "tea${tab}9.99"
ask 1
expect "product 1" "$answer" "salt${tab}0.5"

echo "what is asked again is not read again"
sql "ALTER TABLE products DISABLE TRIGGER USER;
     UPDATE products SET price = 10 WHERE id = 42;
     ALTER TABLE products ENABLE TRIGGER USER" # nobody is told
ask 42
expect "product 42, from the cache" "$answer" "tea${tab}9.99"

echo "a change that is told is seen"
sql "UPDATE products SET price = 11 WHERE id = 42"
within "it is seen" gives "tea${tab}11" 42

echo "an error is told, and does no harm"
echo x >&3
within "the error is told" grep -q "invalid input syntax" "$work/query.err"
ask 1
expect "product 1" "$answer" "salt${tab}0.5"
exec 3>&-
wait "$process"
expect "its exit code" $? 0
conclude
