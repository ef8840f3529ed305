# SPDX-License-Identifier: MIT
# bash completion of pgcachewatch. Commands and options are those that the tool
# itself tells of, so that they are always the right ones.

# _pgcachewatch_options COMMAND: its options, a line each.
_pgcachewatch_options()
{
    "$1" "$2" --help 2>/dev/null |
        sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

_pgcachewatch()
{
    local tool=$1 word=$2 before=$3 command=${COMP_WORDS[1]} words=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="--help --version $("$tool" --help 2>/dev/null |
            sed -n '/^commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')"
    else
        case $before in
        --transport) words="notify wal" ;;
        --operation) words="insert update delete truncate" ;;
        --pg-host)
            mapfile -t COMPREPLY < <(compgen -A hostname -- "$word")
            return
            ;;
        *)
            case $word in
            -*) words=$(_pgcachewatch_options "$tool" "$command") ;;
            *) [ "$command" != top ] || words="127.0.0.1: http:// unix:/" ;;
            esac
            ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _pgcachewatch pgcachewatch
