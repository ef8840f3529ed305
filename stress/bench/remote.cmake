# SPDX-License-Identifier: MIT
# Peers behind a socket. Each program starts the servers that it needs, but for
# PostgreSQL, and tells of those that are not installed. Through the shared
# library, as a user has it.
if(NOT TARGET pgcachewatch_commands)
    return()
endif()

# pgcw_remote_bench(name source...): stress/bench/NAME.c, as bench/NAME.
function(pgcw_remote_bench name)
    set(folder ${PROJECT_SOURCE_DIR}/stress/bench)
    list(TRANSFORM ARGN PREPEND ${folder}/)
    add_executable(bench_${name} ${folder}/${name}.c ${ARGN}
        ${folder}/turns.c ${folder}/peer.c ${folder}/peer_place.c
        ${folder}/peer_tree.c ${PROJECT_SOURCE_DIR}/stress/support.c
        ${PROJECT_SOURCE_DIR}/tests/support/server_client.c)
    pgcw_target_defaults(bench_${name})
    target_compile_definitions(bench_${name} PRIVATE
        BENCH_FOLDER="${folder}")
    target_include_directories(bench_${name} PRIVATE
        ${folder} ${PROJECT_SOURCE_DIR}/stress ${PROJECT_SOURCE_DIR}/tests
        ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(bench_${name} PRIVATE pgcachewatch_commands
        pgcachewatch PkgConfig::LIBPQ Threads::Threads)
    set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
    if(TARGET test_server AND NOT PGCW_SANITIZE STREQUAL "thread")
        pgcw_server_test(stress.bench_${name}_smoke stress
            $<TARGET_FILE:bench_${name}> --quick)
    endif()
endfunction()

pgcw_remote_bench(query query_pgpool.c query_python.c)

# The clients of these are needed with PGCW_BUILD_BENCH only.
if(PGCW_BUILD_BENCH)
    pkg_check_modules(MEMCACHED REQUIRED IMPORTED_TARGET libmemcached)
    pkg_check_modules(HIREDIS REQUIRED IMPORTED_TARGET hiredis)
    pgcw_remote_bench(remote remote_memcached.c remote_ours.c remote_redis.c
        remote_tracking.c tracked_table.c)
    target_include_directories(bench_remote PRIVATE ${XXHASH_INCLUDE_DIRS})
    target_link_libraries(bench_remote PRIVATE
        PkgConfig::MEMCACHED PkgConfig::HIREDIS)
endif()
