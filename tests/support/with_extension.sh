#!/bin/sh
# SPDX-License-Identifier: MIT
# with_extension.sh SERVER EXTENSION PROGRAM [ARGUMENT…]
#
# Runs a program once with each PostgreSQL that this machine has, each as a
# server of its own that finds the files of the folder EXTENSION as if they
# were installed. PATH begins with the programs of that PostgreSQL.
#
# A server looks for extensions by a path that is relative to its own program.
# So a tree with a copy of the program, and links for all else, is enough, and
# nothing is written where the machine's PostgreSQL is.
set -eu
server=$1
extension=$2
shift 2

work=$(mktemp -d)
chmod 755 "$work" # as root, the server runs as somebody else
running=
finish()
{
    [ -z "$running" ] || "$server" stop "$running" || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# where FOLDER WHAT: as its pg_config says.
where()
{
    "$1/pg_config" "--$2"
}

# make_tree BIN TREE
make_tree()
{
    share=$(where "$1" sharedir)
    library=$(where "$1" pkglibdir)
    mkdir -p "$2$1" "$2$share/extension" "$2$(dirname "$library")"
    cp "$1/postgres" "$1/initdb" "$1/pg_config" "$2$1"
    for program in psql pg_dump pg_restore; do
        ln -s "$1/$program" "$2$1"
    done
    ln -s "$library" "$2$library"
    for file in "$share"/*; do
        [ "$file" = "$share/extension" ] || ln -s "$file" "$2$share"
    done
    for file in "$share"/extension/*; do
        case $file in
        */pgcachewatch*) ;; # of an installation
        *) ln -s "$file" "$2$share/extension" ;;
        esac
    done
    cp "$extension"/pgcachewatch* "$2$share/extension"
}

tried=0
for bin in /usr/lib/postgresql/*/bin "$(pg_config --bindir 2>/dev/null)"; do
    [ -x "$bin/postgres" ] && [ -x "$bin/pg_config" ] || continue
    tree=$work/tree$bin
    [ ! -d "$tree" ] || continue # twice in the list
    make_tree "$bin" "$work/tree"
    "$tree/postgres" --version
    running=$work/server_$tried
    PATH=$tree:$PATH "$server" start "$running"
    (
        . "$running/env"
        PATH=$tree:$PATH
        export PATH
        "$@"
    )
    "$server" stop "$running"
    running=
    tried=$((tried + 1))
done
if [ "$tried" -eq 0 ]; then
    echo "no PostgreSQL server here: skipped"
    [ -z "${PGCW_SERVER_REQUIRED:-}" ] || exit 1
    exit 77
fi
