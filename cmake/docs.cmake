# SPDX-License-Identifier: MIT
# `cmake --build build/debug --target docs` makes the manual of the headers by
# Doxygen: docs/html/index.html in the build folder, and the pages of section
# 3, which PGCW_BUILD_DOCS also installs.

option(PGCW_BUILD_DOCS "Make and install the man pages of the headers" OFF)

find_program(DOXYGEN NAMES doxygen)
if(NOT DOXYGEN)
    if(PGCW_BUILD_DOCS)
        message(FATAL_ERROR "PGCW_BUILD_DOCS needs doxygen: "
            "apt-get install doxygen")
    endif()
    return()
endif()

set(PGCW_DOCS_DIR ${PROJECT_BINARY_DIR}/docs)
set(pgcw_make_docs ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR}
    -DVERSION=${PROJECT_VERSION} -DDOXYGEN=${DOXYGEN})
get_target_property(documented pgcachewatch HEADER_SET)
add_custom_command(OUTPUT ${PGCW_DOCS_DIR}/Doxyfile
    COMMAND ${pgcw_make_docs} -DOUTPUT=${PGCW_DOCS_DIR}
        -P ${PROJECT_SOURCE_DIR}/cmake/make_docs.cmake
    DEPENDS ${documented} ${PROJECT_SOURCE_DIR}/cmake/Doxyfile.in
        ${PROJECT_SOURCE_DIR}/cmake/docs.sed
        ${PROJECT_SOURCE_DIR}/cmake/docs.md
        ${PROJECT_SOURCE_DIR}/cmake/patterns.md
        ${PROJECT_SOURCE_DIR}/cmake/comparison.md
        ${PROJECT_SOURCE_DIR}/src/examples/patterns.c
        ${PROJECT_SOURCE_DIR}/src/examples/event_loop.c
        ${PROJECT_SOURCE_DIR}/src/examples/cached_query.c
        ${PROJECT_SOURCE_DIR}/cmake/make_docs.cmake
    COMMENT "Making the manual of the headers"
    VERBATIM)
if(PGCW_BUILD_DOCS)
    set(with_all ALL)
endif()
add_custom_target(docs ${with_all} DEPENDS ${PGCW_DOCS_DIR}/Doxyfile)
