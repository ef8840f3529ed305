#!/bin/sh
# SPDX-License-Identifier: MIT
# debian_files.sh FOLDER VERSION CONTACT
#
# Makes of installed files what Debian wants them to be: man pages are
# compressed, and beside each `copyright` stands a changelog, which is
# CHANGELOG.md in Debian's form. What is not released yet is of VERSION, and
# has the date of SOURCE_DATE_EPOCH, or of now.
set -eu
folder=$1
version=$2
contact=$3
changelog=$(cd "$(dirname "$0")/.." && pwd)/CHANGELOG.md

find "$folder" -path '*/man/man[0-9]/*.[0-9]' -type f \
    -exec gzip -9nf {} +

# date_of DAY: as a changelog has it; "" is now
date_of()
{
    if [ -n "$1" ]; then
        LC_ALL=C date -uR -d "$1"
    elif [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
        LC_ALL=C date -uR -d "@$SOURCE_DATE_EPOCH"
    else
        LC_ALL=C date -uR
    fi
}

# What is said of one change stands in $text until it is whole.
finish_text()
{
    [ -z "$text" ] || printf '%s\n' "$text" | fold -s -w 74 |
        sed -e "1s/^/  $mark /" -e '2,$s/^/    /' -e 's/ *$//'
    text=
}

# finish_release: its last line
finish_release()
{
    finish_text
    [ -z "$is_release" ] || printf '\n -- %s  %s\n\n' "$contact" \
        "$(date_of "$day")"
}

debian_changelog()
{
    is_release=
    text=
    while IFS= read -r line; do
        case $line in
        "## ["*)
            finish_release
            name=${line#"## ["}
            name=${name%%"]"*}
            [ "$name" != Unreleased ] || name=$version
            day=
            case $line in
            *" - "*) day=${line##*" - "} ;;
            esac
            is_release=yes
            printf 'pgcachewatch (%s) unstable; urgency=medium\n\n' "$name"
            ;;
        "# "* | "") finish_text ;;
        "### "*)
            finish_text
            printf '  [ %s ]\n' "${line#"### "}"
            ;;
        "- "*)
            finish_text
            mark='*'
            text=${line#"- "}
            ;;
        *)
            [ -n "$text" ] || mark=' '
            [ -z "$is_release" ] || text="${text:+$text }${line#"  "}"
            ;;
        esac
    done <"$changelog"
    finish_release
}

work=$(mktemp)
trap 'rm -f "$work"' EXIT
debian_changelog | gzip -9n >"$work"
find "$folder" -path '*/share/doc/*/copyright' | while IFS= read -r copyright; do
    install -m 644 "$work" "${copyright%/*}/changelog.gz"
done
