#!/bin/sh
# SPDX-License-Identifier: MIT
# packages.sh build | check
#
# Installs the Debian packages that are missing: what it takes to build the
# library, the tool and its demo, or to run every check as well. Needs root,
# or sudo; asks nothing, and does nothing if all is there.
set -eu

build="gcc libc6-dev cmake ninja-build pkgconf libpq-dev liburcu-dev
    libck-dev libjansson-dev libxxhash-dev postgresql"
check="$build libcmocka-dev g++ clang clang-tidy clang-format llvm
    libclang-rt-dev binutils util-linux spin pgbouncer openssl relacy-dev patch
    valgrind libmicrohttpd-dev libuv1-dev wrk curl
    netcat-openbsd"

case ${1:-build} in
build) wanted=$build ;;
check) wanted=$check ;;
*)
    echo "usage: $0 build | check" >&2
    exit 2
    ;;
esac

is_installed()
{
    case $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) in
    *" ok installed") return 0 ;;
    *) return 1 ;;
    esac
}

if ! command -v dpkg-query >/dev/null; then
    echo "Not a Debian system: expecting to find, by other names:" $wanted
    exit 0
fi

missing=
for package in $wanted; do
    is_installed "$package" || missing="$missing $package"
done
if [ -z "$missing" ]; then
    exit 0
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root=sudo
    if ! command -v sudo >/dev/null; then
        echo "These packages are missing, and there is no sudo. As root:" >&2
        echo "    apt-get install$missing" >&2
        exit 1
    fi
fi

# A server of Debian's own is not needed: the tests and the demo start theirs.
# The file stands only while packages are installed.
no_cluster=/etc/postgresql-common/createcluster.d/pgcachewatch.conf
keeps_cluster_away=no
case " $missing " in
*" postgresql "*)
    if [ ! -e "$no_cluster" ]; then
        $as_root mkdir -p "${no_cluster%/*}"
        echo "create_main_cluster = false" |
            $as_root tee "$no_cluster" >/dev/null
        keeps_cluster_away=yes
    fi
    ;;
esac
finish()
{
    if [ "$keeps_cluster_away" = yes ]; then
        $as_root rm -f "$no_cluster"
    fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "Installing${as_root:+ with $as_root}:$missing"
$as_root apt-get -qq update
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install $missing
