# SPDX-License-Identifier: MIT
# Peers behind a socket. Each program starts the servers that it needs, but for
# PostgreSQL, and tells of those that are not installed.
if(NOT TARGET pgcachewatch_commands)
    return()
endif()

function(bench_remote_target name)
    pgcw_bench(${name} ${ARGN} turns.c peer.c peer_place.c peer_tree.c
        ${server_client})
    target_compile_definitions(bench_${name} PRIVATE
        BENCH_FOLDER="${CMAKE_CURRENT_SOURCE_DIR}")
    target_include_directories(bench_${name} PRIVATE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(bench_${name} PRIVATE pgcachewatch_commands)
endfunction()

bench_remote_target(query query_pgpool.c query_python.c)

# The clients of these are needed with PGCW_BUILD_BENCH only.
if(PGCW_BUILD_BENCH)
    pkg_check_modules(MEMCACHED REQUIRED IMPORTED_TARGET libmemcached)
    pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
    bench_remote_target(remote remote_memcached.c remote_ours.c remote_redis.c
        remote_tracking.c tracked_table.c)
    target_include_directories(bench_remote PRIVATE ${XXHASH_INCLUDE_DIRS})
    target_link_libraries(bench_remote PRIVATE
        PkgConfig::MEMCACHED PkgConfig::HIREDIS)
endif()
