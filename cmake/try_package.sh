#!/bin/sh
# SPDX-License-Identifier: MIT
# try_package.sh
#
# Tries the Debian packages: lintian finds no error in them; and, as a new user
# would, in a bare Debian 12, made for that in a temporary folder and removed
# again, it installs them by apt with nothing else, then a compiler and
# PostgreSQL, follows the README (tests/api/try_readme.sh), and makes the
# extension. Takes some minutes; needs root, and mmdebstrap
# (`cmake/packages.sh package`): else it says so and ends with 77.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)

skip()
{
    echo "skipped: $1"
    exit 77
}
[ "$(id -u)" -eq 0 ] || skip "only root can make a bare system"
for program in mmdebstrap doxygen dpkg-shlibdeps lintian; do
    command -v "$program" >/dev/null || skip "no $program"
done

began=$(date +%s)
say()
{
    echo "== $1 ($(($(date +%s) - began)) s)"
}
work=$(mktemp -d)
child=
finish()
{
    trap '' INT TERM
    # It unmounts and removes what it has made.
    [ -z "$child" ] || kill "$child" 2>/dev/null || true
    [ -z "$child" ] || wait "$child" || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "packages"
sh "$root/cmake/package.sh" "$work/debs"

# Only who gives packages to others can say where he is reached.
say "lintian"
lintian --fail-on error \
    --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog \
    "$work"/debs/*.deb

mkdir "$work/try"
cp "$work"/debs/*.deb "$root/README.md" "$root/tests/api/try_readme.sh" \
    "$work/try"
cat >"$work/try/try.sh" <<'END'
set -eu
export DEBIAN_FRONTEND=noninteractive
quietly() { "$@" >/tmp/log 2>&1 || { cat /tmp/log && exit 1; }; }
began=$(date +%s)
say() { echo "-- $1 ($(($(date +%s) - began)) s)"; }

say "apt-get install ./*.deb"
quietly apt-get update
quietly apt-get install -y --no-install-recommends /try/libpgcachewatch*.deb \
    /try/pgcachewatch_*.deb
pgcachewatch --version
pgcachewatch top --help >/dev/null
[ "$(ldd "$(command -v pgcachewatch)" | grep -c 'not found')" -eq 0 ]
[ -s /usr/share/man/man3/pgcw_cache_fetch.3.gz ] || echo "no man pages here"

say "a compiler, and a server"
quietly apt-get install -y --no-install-recommends gcc libc6-dev pkgconf \
    postgresql
# By its socket only: others may have the port.
pg_conftool 15 main set listen_addresses ''
pg_ctlcluster 15 main start
trap 'pg_ctlcluster -m fast 15 main stop' EXIT
su postgres -c "createuser --superuser root && createdb root"

say "the README"
sh /try/try_readme.sh /try/README.md /tmp/try

say "the extension"
quietly apt-get install -y --no-install-recommends /try/postgresql-15-*.deb
psql -qX -v ON_ERROR_STOP=1 -c 'CREATE EXTENSION pgcachewatch' \
    -c 'CREATE TABLE tried (id int PRIMARY KEY)' \
    -c "SELECT pgcachewatch.watch('tried', rows => true)" >/tmp/log
pgcachewatch status tried | grep -q 'rows are told'
psql -qX -c 'DROP EXTENSION pgcachewatch CASCADE' 2>/tmp/log

say "removal"
quietly apt-get remove -y libpgcachewatch0 libpgcachewatch-dev pgcachewatch \
    postgresql-15-pgcachewatch
left=$(find / -xdev -name '*pgcachewatch*' ! -path '/try/*' ! -path '/proc/*' \
    ! -path '/var/lib/dpkg/*' ! -path '/var/cache/*')
[ -z "$left" ] || { echo "left behind: $left" && exit 1; }
say "done"
END

# As this machine's apt reaches Debian.
apt-config dump | grep -E '^Acquire::(http|https|Check|Retries)' \
    >"$work/apt.conf" || true
set -- /etc/apt/sources.list.d/debian.sources
[ -f "$1" ] || set -- /etc/apt/sources.list
[ -f "$1" ] || set --

say "a bare Debian 12"
mmdebstrap --quiet --variant=minbase --format=null \
    --aptopt="$work/apt.conf" \
    --customize-hook="copy-in $work/try /" \
    --customize-hook='chroot "$1" sh /try/try.sh' \
    bookworm /dev/null "$@" &
child=$!
code=0
wait "$child" || code=$?
child=
[ "$code" -eq 0 ] || { echo "FAILED: $code" && exit 1; }
say "it works"
