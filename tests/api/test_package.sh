#!/bin/sh
# SPDX-License-Identifier: MIT
# test_package.sh BUILD README WORK VERSION
#
# Makes the Debian packages of a build folder, looks at what they need and
# hold, unpacks them, and tries the README with them, on the server of PGHOST.
# try_package.sh does so in a bare system, with those of a release.
set -eu
build=$1
readme=$2
work=$3
version=$4
here=$(cd "$(dirname "$0")" && pwd)

for program in cpack dpkg-deb dpkg-shlibdeps psql; do
    if ! command -v "$program" >/dev/null; then
        echo "no $program: skipped"
        exit 77
    fi
done
fail()
{
    echo "$1" >&2
    exit 1
}

rm -rf "$work"
mkdir -p "$work/root"
cpack --config "$build/CPackConfig.cmake" -B "$work/debs" \
    >"$work/log" 2>&1 || { cat "$work/log" >&2 && exit 1; }

# needs PACKAGE WHAT…: of its Depends
needs()
{
    depends=$(dpkg-deb -f "$work/debs/$1"_*.deb Depends)
    shift
    for what in "$@"; do
        case ", $depends," in
        *", $what,"* | *", $what ("*) ;;
        *) fail "$what is not among: $depends" ;;
        esac
    done
}
needs libpgcachewatch0 libc6 libpq5 liburcu8
needs libpgcachewatch-dev "libpgcachewatch0 (= $version)" libpq-dev
for deb in "$work"/debs/postgresql-*-pgcachewatch_*_all.deb; do
    [ -e "$deb" ] || continue # made without it: see the set of files
    extension=${deb##*/}
    extension=${extension%%_*}
    needs "$extension" "${extension%-pgcachewatch}"
    dpkg-deb -c "$deb" |
        grep -q "/extension/pgcachewatch--$version.sql$" ||
        fail "no script in $extension"
done
needs pgcachewatch "libpgcachewatch0 (= $version)" libpq5 libjansson4
if "$build/bin/pgcachewatch" --help | grep -q '^  top '; then
    needs pgcachewatch libcurl4 libncursesw6
else
    echo "this build has no top"
fi

# Nothing is in two of them, and nothing of an installation is left out.
for deb in "$work"/debs/*.deb; do
    dpkg-deb -c "$deb" | awk '$1 !~ /^d/ { print $6 }' >>"$work/files"
    dpkg-deb -x "$deb" "$work/root"
done
twice=$(sort "$work/files" | uniq -d)
[ -z "$twice" ] || fail "in two packages: $twice"
DESTDIR=$work/whole cmake --install "$build" >/dev/null
(cd "$work/whole" && find . ! -type d) | sort >"$work/expected"
# Of the man pages packages have compressed ones.
(cd "$work/root" && find . ! -type d) | sed 's|\(/man/.*\)\.gz$|\1|' |
    sort >"$work/found"
diff "$work/expected" "$work/found" || fail "another set of files"

prefix=$(dirname "$(dirname "$(find "$work/root" -path '*/bin/pgcachewatch')")")
pc=$(dirname "$(find "$prefix" -name pgcachewatch.pc)")
export PATH="$prefix/bin:$PATH"
export PKG_CONFIG_PATH="$pc" LD_LIBRARY_PATH="${pc%/pkgconfig}"
export PGDATABASE=pgcw_try_package PGOPTIONS="-c client_min_messages=error"
trap 'psql -qX -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE"' EXIT
psql -qX -d postgres -c "DROP DATABASE IF EXISTS $PGDATABASE" \
    -c "CREATE DATABASE $PGDATABASE"
sh "$here/try_readme.sh" "$readme" "$work/try"
