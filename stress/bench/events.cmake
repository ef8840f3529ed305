# SPDX-License-Identifier: MIT
# The event path beside a raw libpq loop; through the shared library, as a
# user has it. Here only that they run.
foreach(name latency drain lifetime)
    add_executable(bench_${name} ${CMAKE_CURRENT_LIST_DIR}/${name}.c
        ${CMAKE_CURRENT_LIST_DIR}/events.c
        ${PROJECT_SOURCE_DIR}/tests/support/server_client.c)
    pgcw_target_defaults(bench_${name})
    target_include_directories(bench_${name} PRIVATE
        ${CMAKE_CURRENT_LIST_DIR} ${PROJECT_SOURCE_DIR}/tests)
    target_link_libraries(bench_${name} PRIVATE pgcachewatch
        PkgConfig::LIBPQ Threads::Threads)
    set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
    if(TARGET test_server AND NOT PGCW_SANITIZE STREQUAL "thread")
        pgcw_server_test(stress.bench_${name}_smoke stress
            $<TARGET_FILE:bench_${name}> --quick)
    endif()
endforeach()
