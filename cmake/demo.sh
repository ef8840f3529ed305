#!/bin/sh
# SPDX-License-Identifier: MIT
# demo.sh [OPTION…]
#
# Installs the packages that are missing, builds the release, and runs the
# demo with the options given: see `pgcachewatch demo --help`.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

echo "== Packages"
sh cmake/packages.sh build

echo "== Building in build/release"
cmake --preset release
cmake --build --preset release --target pgcachewatch_cli

echo "== pgcachewatch demo $*"
exec build/release/bin/pgcachewatch demo "$@"
