#!/bin/sh
# SPDX-License-Identifier: MIT
# with_server.sh DIR PROGRAM [ARGUMENT…]
#
# Runs a program with the environment of the server that `server start DIR`
# has started. If there is none it exits 77, which ctest takes as skipped; or
# it fails, if PGCW_SERVER_REQUIRED is set.
set -eu
dir=$1
shift
if [ ! -f "$dir/env" ]; then
    echo "no PostgreSQL server in $dir"
    [ -z "${PGCW_SERVER_REQUIRED:-}" ] || exit 1
    exit 77
fi
. "$dir/env"
exec "$@"
