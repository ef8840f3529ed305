# SPDX-License-Identifier: MIT
# How tests are declared. Labels: unit, postgres, stress, api, abi, model,
# convention; and night, for what takes long: `ctest -L night`, which the
# check leaves out.

# Where the server of this build tree leaves word of itself; for stress/ too.
set(PGCW_TEST_SERVER_DIR ${PROJECT_BINARY_DIR}/tests/server_is_here
    CACHE INTERNAL "")

# pgcw_test_program(target source): built by default, with everything visible.
function(pgcw_test_program target source)
    add_executable(${target} ${source})
    pgcw_target_defaults(${target})
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/tests)
    # The commands first: an archive is searched for what is missing so far.
    if(TARGET pgcachewatch_commands)
        target_link_libraries(${target} PRIVATE pgcachewatch_commands)
    endif()
    target_link_libraries(${target} PRIVATE pgcachewatch_testing
        PkgConfig::CMOCKA PkgConfig::LIBPQ PkgConfig::JANSSON
        PkgConfig::URCU_MEMB Threads::Threads)
endfunction()

# pgcw_unit_test(queue/ring): tests/queue/test_ring.c, as unit.queue.ring.
function(pgcw_unit_test path)
    get_filename_component(folder ${path} DIRECTORY)
    get_filename_component(name ${path} NAME)
    set(target test_${folder}_${name})
    pgcw_test_program(${target}
        ${PROJECT_SOURCE_DIR}/tests/${folder}/test_${name}.c)
    add_test(NAME unit.${folder}.${name} COMMAND ${target})
    set_tests_properties(unit.${folder}.${name} PROPERTIES
        LABELS unit TIMEOUT 60 ENVIRONMENT "${PGCW_TEST_ENVIRONMENT}")
endfunction()

# pgcw_server_test(name label command...): a test that finds PGHOST and the
# like in its environment. They use one server, hence one at a time; who wants
# to restart it calls `"$PGCW_TEST_SERVER" restart "$PGCW_TEST_SERVER_DIR"`.
function(pgcw_server_test name label)
    add_test(NAME ${name} COMMAND
        sh ${PROJECT_SOURCE_DIR}/tests/support/with_server.sh
        ${PGCW_TEST_SERVER_DIR} ${ARGN})
    set_tests_properties(${name} PROPERTIES
        LABELS ${label} TIMEOUT 300 SKIP_RETURN_CODE 77
        FIXTURES_REQUIRED postgres_server RESOURCE_LOCK postgres_server
        ENVIRONMENT "${PGCW_TEST_ENVIRONMENT}")
    set_property(TEST ${name} APPEND PROPERTY ENVIRONMENT
        PGCW_TEST_SERVER=$<TARGET_FILE:test_server>
        PGCW_TEST_SERVER_DIR=${PGCW_TEST_SERVER_DIR})
endfunction()

# pgcw_postgres_test(install): tests/postgres/test_install.c.
function(pgcw_postgres_test name)
    set(target test_postgres_${name})
    pgcw_test_program(${target}
        ${PROJECT_SOURCE_DIR}/tests/postgres/test_${name}.c)
    pgcw_server_test(postgres.${name} postgres $<TARGET_FILE:${target}>)
endfunction()

# Its program once more, with the other transport.
function(pgcw_postgres_test_wal name)
    pgcw_server_test(postgres.${name}.wal postgres
        ${CMAKE_COMMAND} -E env PGCW_TEST_TRANSPORT=wal
        $<TARGET_FILE:test_postgres_${name}>)
endfunction()

# pgcw_stress(ring_mpmc [POSTGRES]): stress/ring_mpmc.c, for two seconds.
function(pgcw_stress name)
    cmake_parse_arguments(PARSE_ARGV 1 arg "POSTGRES" "" "")
    set(target stress_${name})
    pgcw_test_program(${target} ${PROJECT_SOURCE_DIR}/stress/${name}.c)
    target_sources(${target} PRIVATE ${PROJECT_SOURCE_DIR}/stress/support.c)
    target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/stress)
    set_target_properties(${target} PROPERTIES
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/stress
        OUTPUT_NAME ${name})
    if(arg_POSTGRES)
        pgcw_server_test(stress.${name} stress
            $<TARGET_FILE:${target}> --seconds 2)
    else()
        add_test(NAME stress.${name} COMMAND ${target} --seconds 2)
        set_tests_properties(stress.${name} PROPERTIES
            LABELS stress TIMEOUT 120 ENVIRONMENT "${PGCW_TEST_ENVIRONMENT}")
    endif()
    # Two cores at least: a race needs company, and nothing beside it.
    set_tests_properties(stress.${name} PROPERTIES PROCESSORS 2)
endfunction()

# pgcw_night_test(name timeout command...): starts what servers it needs.
function(pgcw_night_test name timeout)
    add_test(NAME night.${name} COMMAND ${ARGN})
    set_tests_properties(night.${name} PROPERTIES
        LABELS night TIMEOUT ${timeout} RUN_SERIAL ON
        ENVIRONMENT "${PGCW_TEST_ENVIRONMENT}")
endfunction()

# The server of all tests of one ctest run.
if(TARGET pgcachewatch_commands)
    add_executable(test_server ${PROJECT_SOURCE_DIR}/tests/support/server.c)
    pgcw_target_defaults(test_server)
    target_include_directories(test_server PRIVATE
        ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
    target_link_libraries(test_server PRIVATE
        pgcachewatch_commands pgcachewatch)
    set_target_properties(test_server PROPERTIES OUTPUT_NAME server)
    foreach(verb start stop)
        add_test(NAME postgres.server.${verb}
            COMMAND test_server ${verb} ${PGCW_TEST_SERVER_DIR})
        set_tests_properties(postgres.server.${verb} PROPERTIES
            TIMEOUT 120 SKIP_RETURN_CODE 77
            ENVIRONMENT "${PGCW_TEST_ENVIRONMENT}")
    endforeach()
    set_tests_properties(postgres.server.start PROPERTIES
        FIXTURES_SETUP postgres_server)
    set_tests_properties(postgres.server.stop PROPERTIES
        FIXTURES_CLEANUP postgres_server)
endif()
