#!/bin/sh
# SPDX-License-Identifier: MIT
# package.sh [FOLDER]
#
# Builds the Debian packages libpgcachewatch0, libpgcachewatch-dev,
# pgcachewatch and postgresql-15-pgcachewatch, and leaves them in FOLDER, or
# build/package/debs. Needs what `cmake/packages.sh package` installs.
# DEBFULLNAME and DEBEMAIL, where they are set, say whose packages they are.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
debs=${1:-$root/build/package/debs}
work=$root/build/package

log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
quietly()
{
    "$@" >"$log" 2>&1 || {
        cat "$log" >&2
        exit 1
    }
}

# Debian's folders are those of /usr.
quietly cmake --preset release -S "$root" -B "$work" \
    -DCMAKE_INSTALL_PREFIX=/usr -DPGCW_BUILD_DOCS=ON
quietly cmake --build "$work" --parallel "$(nproc 2>/dev/null || echo 2)"
mkdir -p "$debs"
rm -f "$debs"/*pgcachewatch*.deb
umask 022
quietly cpack --config "$work/CPackConfig.cmake" -B "$debs"
rm -rf "$debs/_CPack_Packages"
ls "$debs"/*.deb
