#!/bin/bash
# SPDX-License-Identifier: MIT
# test_completion.sh TOOL COMPLETION: what bash offers, as the user would see.
set -eu
tool=$1
# shellcheck disable=SC1090 # the file under test
. "$2"

# offers EXPECTED WORD…: the words after the tool's name, the last one begun.
offers()
{
    local expected=$1
    shift
    COMP_WORDS=("$tool" "$@")
    COMP_CWORD=$#
    local before=${COMP_WORDS[COMP_CWORD - 1]}
    _pgcachewatch "$tool" "${COMP_WORDS[COMP_CWORD]}" "$before"
    if [ "${COMPREPLY[*]-}" != "$expected" ]; then
        echo "after \"$*\": \"${COMPREPLY[*]-}\", not \"$expected\"" >&2
        exit 1
    fi
}

offers "install" in
offers "listen" li
offers "--help --version" --
offers "" nothing
offers "--pg-dsn --pg-host --pg-port --pg-user --pg-database --pg-password" emit --pg
offers "notify wal" install --transport ""
offers "wal" listen --transport w
offers "update" emit --operation u
offers "" install orders
offers "" unknown --x
offers "unix:/" top --once u

# Each command of the tool is offered, with each option of its help.
COMP_WORDS=("$tool" "")
COMP_CWORD=1
_pgcachewatch "$tool" "" "$tool"
commands=0
for command in "${COMPREPLY[@]}"; do
    case $command in -*) continue ;; esac
    commands=$((commands + 1))
    COMP_WORDS=("$tool" "$command" "--")
    COMP_CWORD=2
    _pgcachewatch "$tool" "--" "$command"
    told=$("$tool" "$command" --help | grep -c '^  --')
    if [ "${#COMPREPLY[@]}" -ne "$told" ] || [ "$told" -lt 3 ]; then
        echo "$command: ${#COMPREPLY[@]} options offered, of $told" >&2
        exit 1
    fi
done
[ "$commands" -ge 5 ] || { echo "only $commands commands" >&2 && exit 1; }
complete -p pgcachewatch
