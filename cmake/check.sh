#!/bin/sh
# SPDX-License-Identifier: MIT
# check.sh
#
# Installs the packages that are missing, then builds and runs every test:
# with gcc and clang, optimised and not, and under the sanitizers. Stops at
# the first stage that fails. What is built stays in build/, so that the next
# time is quick.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"

jobs=$(nproc 2>/dev/null || echo 2)
began=$(date +%s)
stages=0
stage="nothing"
work=

finish()
{
    result=$?
    [ -z "$work" ] || rm -f "$work"
    seconds=$(($(date +%s) - began))
    echo
    if [ "$result" -eq 0 ]; then
        echo "PASSED: all $stages stages, in $seconds s"
    else
        echo "FAILED: $stage, after $seconds s (result $result)"
    fi
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading()
{
    stages=$((stages + 1))
    stage=$1
    echo
    echo "== $stage ($(($(date +%s) - began)) s)"
}

# quietly COMMAND…: its output is shown only if it fails.
work=$(mktemp)
quietly()
{
    "$@" >"$work" 2>&1 || {
        result=$?
        cat "$work"
        return "$result"
    }
}

# build NAME PRESET COMPILER [OPTION…]: in build/NAME.
build()
{
    name=$1 preset=$2 compiler=$3
    shift 3
    quietly cmake --preset "$preset" -B "build/$name" \
        -DCMAKE_C_COMPILER="$compiler" "$@"
    quietly cmake --build "build/$name" --parallel "$jobs"
}

# check NAME [CTEST OPTION…]
check()
{
    name=$1
    shift
    PGCW_SERVER_REQUIRED=1 PGCW_SPIN_REQUIRED=1 PGCW_RELACY_REQUIRED=1 \
        $without_aslr ctest --test-dir "build/$name" --output-on-failure \
        --no-tests=error --parallel "$jobs" -LE night "$@"
}

heading "packages"
sh cmake/packages.sh check

# ThreadSanitizer finds its memory taken if addresses are too random.
without_aslr=
if setarch "$(uname -m)" -R true 2>/dev/null; then
    without_aslr="setarch $(uname -m) -R"
fi

# Programs of one thread, most of whose work the server does.
sql="dependency|doctor|example_(cached_query|enrich)|extension|install|names"
sql="$sql|publication|published|rows|scratch_server|status|tool|triggers"
sql="$sql|wal_keys"
# Servers that come and go: they are waited for, and the threads are the same.
waiting="failover|pooler|refusals|tls"

heading "gcc: unit, api, abi, postgres, stress, model, convention"
build debug debug gcc
check debug

heading "gcc, optimised: unit, api, abi, postgres, stress"
build check-release release gcc -DPGCW_BUILD_TESTS=ON -DPGCW_WERROR=ON
check check-release -E "postgres[.].*(demo|liveness|$sql|$waiting)"

heading "clang, AddressSanitizer, LeakSanitizer, UBSan: unit, postgres, stress"
build asan asan clang
check asan

heading "ThreadSanitizer by gcc: unit, postgres, stress"
build tsan tsan gcc
check tsan -E "postgres[.].*(exit|hostile|$sql|$waiting)"

heading "ThreadSanitizer by clang: unit and stress of what threads share"
build check-tsan-clang tsan clang
check check-tsan-clang -R "^(unit[.](cache|listener|queue|query)|stress)[.]"
