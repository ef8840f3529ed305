#!/bin/sh
# SPDX-License-Identifier: MIT
# packages.sh build | check | bench | package | page
#
# Installs the Debian packages that are missing: what it takes to build the
# library, the tool and its demo, to run every check as well, to measure
# beside the peers (stress/bench/run.sh), to make Debian packages and try them
# (package.sh, try_package.sh), or to look at the example's page in a browser
# (ctest -R night.page). Needs root, or sudo; asks nothing, and does nothing if
# all is there. No service is started.
set -eu

build="gcc libc6-dev cmake ninja-build pkgconf libpq-dev liburcu-dev
    libck-dev libjansson-dev libxxhash-dev libcurl4-openssl-dev libncurses-dev
    postgresql"
check="$build libcmocka-dev python3-pyte g++ clang clang-tidy clang-format llvm
    libclang-rt-dev binutils util-linux spin pgbouncer openssl relacy-dev patch
    valgrind python3 python3-prometheus-client gnuplot-nox doxygen
    abigail-tools dpkg-dev file libmicrohttpd-dev libuv1-dev wrk curl
    netcat-openbsd"
package="$build doxygen dpkg-dev file lintian mmdebstrap"
# Whom the benchmarks compare with, what loads them, and what draws.
bench="$check libcaffeine-java default-jdk-headless libtbb-dev libcuckoo-dev
    memcached libmemcached-dev redis-server libhiredis-dev pgpool2
    python3-asyncpg"
page="$check chromium chromium-driver fonts-dejavu-core"

case ${1:-build} in
build) wanted=$build ;;
check) wanted=$check ;;
bench) wanted=$bench ;;
package) wanted=$package ;;
page) wanted=$page ;;
*)
    echo "usage: $0 build | check | bench | package | page" >&2
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

# Servers of Debian's own are not needed: the tests, the demo and the
# benchmarks start theirs. The two files stand only while packages are
# installed, and a machine's own stay as they are.
no_cluster=/etc/postgresql-common/createcluster.d/pgcachewatch.conf
no_services=/usr/sbin/policy-rc.d
written=
finish()
{
    if [ -n "$written" ]; then
        $as_root rm -f $written
    fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# keep_away FILE: written from standard input, unless it is there.
keep_away()
{
    [ ! -e "$1" ] || return 0
    $as_root mkdir -p "${1%/*}"
    written="$written $1"
    $as_root tee "$1" >/dev/null
}
case " $missing " in
*" postgresql "*)
    keep_away "$no_cluster" <<END
create_main_cluster = false
END
    ;;
esac

services=
for package in memcached redis-server pgpool2; do
    case " $missing " in
    *" $package "*) services="$services $package" ;;
    esac
done
if [ -n "$services" ]; then
    keep_away "$no_services" <<END
#!/bin/sh
# Written by pgcachewatch's cmake/packages.sh, for the time it installs:
# 101 forbids to start what Debian would start at once.
case \$1 in
memcached* | redis* | pgpool*) exit 101 ;;
esac
END
    case " $written " in
    *" $no_services "*) $as_root chmod 755 "$no_services" ;;
    *)
        allowed=0
        "$no_services" memcached start >/dev/null 2>&1 || allowed=$?
        [ "$allowed" -eq 101 ] ||
            echo "$no_services of this machine may start:$services" >&2
        ;;
    esac
fi

echo "Installing${as_root:+ with $as_root}:$missing"
$as_root apt-get -qq update
$as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install $missing

# Nor at the next boot.
for service in $services; do
    $as_root update-rc.d "$service" disable >/dev/null 2>&1 ||
        echo "$service may start at the next boot" >&2
done
