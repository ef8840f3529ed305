# SPDX-License-Identifier: MIT
# The conventions as tests. `ctest -L convention`; format and tidy are there
# if their tools are.

file(GLOB_RECURSE format_files CONFIGURE_DEPENDS
    ${PROJECT_SOURCE_DIR}/include/*.h ${PROJECT_SOURCE_DIR}/src/*.[ch]
    ${PROJECT_SOURCE_DIR}/tests/*.[ch] ${PROJECT_SOURCE_DIR}/stress/*.[ch])
list(FILTER format_files EXCLUDE REGEX "/tests/convention/planted/")

function(pgcw_convention name)
    add_test(NAME convention.${name} COMMAND ${ARGN})
    set_tests_properties(convention.${name} PROPERTIES
        LABELS convention TIMEOUT 60)
endfunction()

foreach(check layering ordering files)
    pgcw_convention(${check} ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR}
        -P ${PROJECT_SOURCE_DIR}/cmake/check_${check}.cmake)
    pgcw_convention(${check}.finds_what_is_planted ${CMAKE_COMMAND}
        -DCHECK=${check}
        -DROOT=${PROJECT_SOURCE_DIR}/tests/convention/planted
        -DEXPECTED=${PROJECT_SOURCE_DIR}/tests/convention/${check}.expected
        -P ${PROJECT_SOURCE_DIR}/cmake/check_planted.cmake)
endforeach()

find_program(CLANG_FORMAT NAMES clang-format-14 clang-format)
if(CLANG_FORMAT)
    pgcw_convention(format ${CLANG_FORMAT} --dry-run -Werror ${format_files})
endif()

# The manual has no link that leads nowhere, and a page for each function.
if(DOXYGEN)
    pgcw_convention(docs ${pgcw_make_docs}
        -DOUTPUT=${PROJECT_BINARY_DIR}/docs_test
        -P ${PROJECT_SOURCE_DIR}/cmake/make_docs.cmake)
endif()

# What stress/mutants.sh takes out is still there.
find_program(PATCH NAMES patch)
if(PATCH)
    file(GLOB mutants CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/stress/mutants/*)
    foreach(mutant ${mutants})
        get_filename_component(name ${mutant} NAME_WE)
        pgcw_convention(mutant.${name} ${PATCH} -p0 -F0 --dry-run --force
            -d ${PROJECT_SOURCE_DIR} -i ${mutant})
    endforeach()
endif()

# Each file is linted again only when it or a header has changed.
function(pgcw_tidy)
    get_property(sources GLOBAL PROPERTY PGCW_SOURCES)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS
        ${PROJECT_SOURCE_DIR}/include/*.h ${PROJECT_SOURCE_DIR}/src/*.h)
    foreach(folder ${LIBPQ_INCLUDE_DIRS} ${XXHASH_INCLUDE_DIRS}
            ${URCU_MEMB_INCLUDE_DIRS} ${CK_INCLUDE_DIRS} ${PGCW_GENERATED_DIR}
            ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
        list(APPEND flags -I${folder})
    endforeach()
    foreach(source IN LISTS sources)
        set(stamp ${PROJECT_BINARY_DIR}/tidy/${source}.stamp)
        get_filename_component(folder ${stamp} DIRECTORY)
        file(MAKE_DIRECTORY ${folder})
        add_custom_command(OUTPUT ${stamp}
            COMMAND ${CLANG_TIDY} --quiet ${PROJECT_SOURCE_DIR}/src/${source}
                -- -std=c11 -D_POSIX_C_SOURCE=200809L ${flags}
            COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
            DEPENDS ${PROJECT_SOURCE_DIR}/src/${source} ${headers}
                ${PROJECT_SOURCE_DIR}/.clang-tidy
            COMMENT "Linting ${source}"
            VERBATIM)
        list(APPEND stamps ${stamp})
    endforeach()
    add_custom_target(tidy DEPENDS ${stamps})
    add_dependencies(tidy pgcachewatch)
    if(CMAKE_GENERATOR STREQUAL "Ninja")
        set(to_the_end -- -k 0)
    endif()
    pgcw_convention(tidy ${CMAKE_COMMAND}
        --build ${PROJECT_BINARY_DIR} --target tidy ${to_the_end})
    set_tests_properties(convention.tidy PROPERTIES
        TIMEOUT 1200 RUN_SERIAL ON)
endfunction()

find_program(CLANG_TIDY NAMES clang-tidy-14 clang-tidy)
if(CLANG_TIDY)
    pgcw_tidy()
endif()
