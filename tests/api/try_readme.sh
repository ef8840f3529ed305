#!/bin/sh
# SPDX-License-Identifier: MIT
# try_readme.sh README FOLDER
#
# Does what the README's "A complete program" says to someone who has the
# library and the tool: its psql and pgcachewatch lines, its program, and how
# that is compiled. Then the program is asked, and the price changes: by a
# write that no trigger tells, after which the answer must be the old one,
# for it is a hit; and by one that is told, after which it must be the new one.
# Needs the server of PGHOST and the like; the table `products` must be free.
set -eu
readme=$1
mkdir -p "$2"
cd "$2"
rm -f answers questions prices

# What stands in the README's blocks of a language, within the section.
blocks()
{
    awk -v wanted="$1" '
        /^## / { is_here = $0 == "## A complete program" }
        /^```/ { is_block = is_here && $0 == "```" wanted; next }
        is_block' "$readme"
}

blocks c >prices.c
blocks sh | grep -E '^(psql|pgcachewatch) ' >prepare.sh
blocks sh | grep -E '^cc ' >compile.sh
for file in prices.c prepare.sh compile.sh; do
    [ -s "$file" ] || { echo "nothing for $file in $readme" >&2 && exit 1; }
done

program=
finish()
{
    [ -z "$program" ] || kill "$program" 2>/dev/null || true
    pgcachewatch uninstall --commit products >/dev/null 2>&1 || true
    psql -qX -c "DROP TABLE IF EXISTS products" || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

for step in prepare compile; do
    cat "$step.sh"
    sh -eux "$step.sh" >"$step.log" 2>&1 || { cat "$step.log" && exit 1; }
done

# Line by line, as on a terminal.
mkfifo questions
: >answers # it is opened for the program only once the questions are
stdbuf -oL ./prices <questions >answers &
program=$!
exec 3>questions

# ask: prints the answer to `42`
asked=0
ask()
{
    asked=$((asked + 1))
    echo 42 >&3
    tries=0
    while [ "$(wc -l <answers)" -lt "$asked" ]; do
        tries=$((tries + 1))
        if [ "$tries" -gt 600 ]; then
            echo "no answer within a minute" >&2
            exit 1
        fi
        sleep 0.1
    done
    answer=$(tail -n 1 answers)
}

# expect ANSWER WHEN
expect()
{
    ask
    echo "$2: $answer"
    [ "$answer" = "$1" ] || { echo "expected: $1" >&2 && exit 1; }
}

expect "42 costs 9.99" "first"
expect "42 costs 9.99" "again"
psql -qX -c "SET session_replication_role = replica" \
    -c "UPDATE products SET price = 1.11 WHERE id = '42'"
expect "42 costs 9.99" "after a write that nobody tells, still a hit"
psql -qX -c "UPDATE products SET price = 8.88 WHERE id = '42'"
tries=0
ask
while [ "$answer" != "42 costs 8.88" ] && [ "$tries" -lt 600 ]; do
    tries=$((tries + 1))
    sleep 0.05
    ask
done
expect "42 costs 8.88" "after a write that is told"
exec 3>&-
wait "$program"
program=
