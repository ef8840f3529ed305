#!/bin/sh
# SPDX-License-Identifier: MIT
# with_server.sh DIR PROGRAM [ARGUMENT…]
#
# Runs a program with the environment of the server that `server start DIR`
# has started. Exits 77, which ctest takes as skipped, if there is none.
set -eu
dir=$1
shift
if [ ! -f "$dir/env" ]; then
    echo "no PostgreSQL server in $dir: skipped"
    exit 77
fi
. "$dir/env"
exec "$@"
