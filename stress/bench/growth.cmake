# SPDX-License-Identifier: MIT
# How cost grows, and whether readers feel what others do. Through the shared
# library, as a user has it.
find_package(Threads REQUIRED)
foreach(name growth invalidate readers)
    add_executable(bench_${name} ${CMAKE_CURRENT_LIST_DIR}/${name}.c
        ${CMAKE_CURRENT_LIST_DIR}/rig.c ${CMAKE_CURRENT_LIST_DIR}/rig_times.c)
    if(name STREQUAL "readers")
        target_sources(bench_readers PRIVATE
            ${CMAKE_CURRENT_LIST_DIR}/disturbances.c)
    endif()
    pgcw_target_defaults(bench_${name})
    target_include_directories(bench_${name} PRIVATE
        ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(bench_${name} PRIVATE pgcachewatch PkgConfig::LIBPQ
        Threads::Threads)
    set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
    if(TARGET test_server AND NOT PGCW_SANITIZE STREQUAL "thread")
        pgcw_server_test(stress.bench_${name}_smoke stress
            $<TARGET_FILE:bench_${name}> --quick)
    endif()
endforeach()
