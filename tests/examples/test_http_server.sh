#!/bin/sh
# SPDX-License-Identifier: MIT
# test_http_server.sh HTTP_SERVER LUA DASHBOARD
#
# Drives the example with curl and wrk, while rows change.
name=http_server
needs="curl wrk python3"
program=$1
lua=$2
dashboard=$3
tests=$(dirname "$0")
. "$tests/support.sh"

get() {
    curl -sS --max-time 20 "$url$1"
}
code() {
    curl -sS --max-time 20 -o "$work/body" -w '%{http_code}' "$@"
}
put() {
    code -X PUT -d "{\"name\": \"$2\", \"price\": $3}" "$url/products/$1"
}
# answers PATH TEXT: for within
answers() {
    test "$(get "$1")" = "$2"
}
has_code() {
    test "$(code "$url$1")" = "$2"
}
sql() {
    psql -qAtX -c "$1"
}
counter() {
    get /metrics | awk -v name="pgcachewatch_$1{" \
        'index($0, name) == 1 {print $NF}'
}

echo "mistakes"
"$program" --port 65536 2>"$work/usage.err"
expect "exit code of a bad port" $? 2
"$program" --port 0 2>"$work/usage.err"
expect "exit code without a table" $? 1
grep -q -e "--create" "$work/usage.err" || fail "no word of --create"
expect "help" "$("$program" --help | head -n 1)" \
    "usage: http_server [OPTION]..."

echo "creating"
"$program" --create || exit 1
"$program" --create || fail "--create, once more"
start server "$program" --port 0 --threads 2
server=$process
within "the server listens" has_output || exit 1
url=$(cat "$work/server.out")
"$program" --constant --port "${url##*:}" 2>"$work/usage.err"
expect "exit code where the port is taken" $? 1

echo "GET and PUT"
expect "health" "$(get /healthz)" live
expect "product 42" "$(get /products/42)" \
    '{"id":42,"name":"product 42","price":0.42}'
hits=$(counter cache_hits_total)
get /products/42 >/dev/null
expect "hits" "$(counter cache_hits_total)" $((hits + 1))
expect "PUT" "$(put 42 tea 9.99)" 200
expect "what was put" "$(get /products/42)" \
    '{"id":42,"name":"tea","price":9.99}'
expect "no such product" "$(code "$url/products/4200")" 404
expect "PUT of a new one" "$(put 4200 new 1)" 200
expect "the new one" "$(get /products/4200)" \
    '{"id":4200,"name":"new","price":1.00}'
expect "another spelling" "$(code "$url/products/042")" 404
expect "no JSON" "$(code -X PUT -d x "$url/products/1")" 400
expect "no price" "$(code -X PUT -d '{"name": "x"}' "$url/products/1")" 400
expect "a body too large" "$(head -c 5000 /dev/zero | tr '\0' x |
    code -X PUT --data-binary @- "$url/products/1")" 413
expect "DELETE" "$(code -X DELETE "$url/products/1")" 405

echo "another session's write"
sql "UPDATE products SET name = 'theirs' WHERE id = 42"
within "it is seen" answers /products/42 \
    '{"id":42,"name":"theirs","price":9.99}'

echo "what it tells of itself"
get /metrics >"$work/metrics"
python3 "$tests/../support/exposition.py" <"$work/metrics" ||
    fail "/metrics is not in the format"
python3 "$tests/check_dashboard.py" "$dashboard" "$work/metrics" ||
    fail "the dashboard and /metrics do not agree"
grep -q 'listener_state{.*state="live"} 1$' "$work/metrics" || fail "not live"
grep -q 'events_total{.*table="public.products"} [1-9]' "$work/metrics" ||
    fail "no event of the table"
get / >"$work/page"
grep -q '<title>pgcachewatch' "$work/page" || fail "no page"
grep -qE '(src|href)="?(https?:)?//' "$work/page" && fail "the page loads more"
expect "its type" "$(curl -sS -o "$work/body" -w '%{content_type}' "$url/")" \
    "text/html; charset=utf-8"

echo "under load: a PUT is seen by each GET after it"
start writer sh -c 'while psql -qX -c "UPDATE products
    SET price = price + 1 WHERE id % 50 = $1"; do set -- $((($1 + 1) % 50)); done' \
    writer 0
writer=$process
start wrk wrk -t 1 -c 8 -d 2 -s "$lua" "$url"
puts=0
while kill -0 "$process" 2>/dev/null; do
    puts=$((puts + 1))
    expect "PUT under load" "$(put 999999 load $puts)" 200
    expect "GET under load" "$(get /products/999999)" \
        "{\"id\":999999,\"name\":\"load\",\"price\":$puts.00}"
done
wait "$process"
kill "$writer"
grep '^result' "$work/wrk.out"
expect "failed requests of wrk" \
    "$(awk '/^result/ {print $3}' "$work/wrk.out")" 0
test "$(awk '/^result/ {print $2}' "$work/wrk.out")" -gt 100 ||
    fail "wrk did next to nothing"
test "$puts" -gt 3 || fail "only $puts writes under load"
for id in 1 50 51 500 1000; do
    sql "SELECT row_to_json(p) FROM products p WHERE id = $id" >"$work/row"
    within "row $id is as in the table" answers "/products/$id" \
        "$(cat "$work/row")"
done

echo "nobody tells what changes"
psql -q -d "$admin" -c "ALTER DATABASE $PGDATABASE ALLOW_CONNECTIONS false"
psql -q -d "$admin" -c "SELECT pg_terminate_backend(pid)
    FROM pg_stat_activity WHERE datname = '$PGDATABASE'
    AND application_name LIKE 'pgcachewatch%'" >"$work/ended"
within "/healthz says 503" has_code /healthz 503
# the connections of the threads are still there
expect "PUT meanwhile" "$(put 42 alone 2)" 200
expect "GET meanwhile" "$(get /products/42)" \
    '{"id":42,"name":"alone","price":2.00}'
expect "health" "$(code "$url/healthz")" 503
psql -q -d "$admin" -c "ALTER DATABASE $PGDATABASE ALLOW_CONNECTIONS true"
within "/healthz says 200" has_code /healthz 200

echo "the threads' connections are lost"
psql -q -d "$admin" -c "SELECT pg_terminate_backend(pid)
    FROM pg_stat_activity WHERE datname = '$PGDATABASE'" >"$work/ended"
expect "GET after that" "$(get /products/77)" \
    "$(sql "SELECT row_to_json(p) FROM products p WHERE id = 77")"
process=$server
ends_well

echo "without a cache, and without anything"
start bare "$program" --port 0 --no-cache
within "the server listens" has_output || exit 1
url=$(cat "$work/bare.out")
sql "UPDATE products SET name = 'direct' WHERE id = 42"
expect "product 42" "$(get /products/42)" \
    '{"id":42,"name":"direct","price":2.00}'
expect "PUT" "$(put 42 written 3)" 200
expect "health" "$(get /healthz)" live
expect "metrics, of which there are none" "$(code "$url/metrics")" 200
ends_well
start constant env PGHOST=/nowhere "$program" --port 0 --constant
within "the server listens" has_output || exit 1
url=$(cat "$work/constant.out")
expect "a constant" "$(get /products/42)" \
    '{"id":42,"name":"product 42","price":0.42}'
expect "PUT" "$(put 42 tea 1)" 405
ends_well
conclude
