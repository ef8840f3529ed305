# SPDX-License-Identifier: MIT
# The extension: `CREATE EXTENSION pgcachewatch`. Its two files are written to
# PGCW_EXTENSION_DIR, and installed as the component "extension".
#
# PostgreSQL looks only where it is installed itself. Where that is under our
# prefix, as with /usr, they go there. Elsewhere they stay under the prefix, as
# an installation writes nothing outside of it unless told so:
#     -DPGCW_PG_EXTENSION_DIR="$(pg_config --sharedir)/extension"

#
# To go on from an earlier version, ALTER EXTENSION ... UPDATE looks for a
# script pgcachewatch--<earlier>--<later>.sql beside these, which replaces what
# has changed (CREATE OR REPLACE FUNCTION). There is no earlier version yet.

find_program(PGCW_PG_CONFIG NAMES pg_config)
set(pg_major "")
if(PGCW_PG_CONFIG)
    execute_process(COMMAND ${PGCW_PG_CONFIG} --version
        OUTPUT_VARIABLE pg_version COMMAND_ERROR_IS_FATAL ANY)
    execute_process(COMMAND ${PGCW_PG_CONFIG} --sharedir
        OUTPUT_VARIABLE pg_share COMMAND_ERROR_IS_FATAL ANY
        OUTPUT_STRIP_TRAILING_WHITESPACE)
    if(pg_version MATCHES "([0-9]+)")
        set(pg_major ${CMAKE_MATCH_1})
    endif()
endif()
set(PGCW_PG_MAJOR "${pg_major}" CACHE STRING
    "The PostgreSQL whose package of the extension is made")
set(PGCW_PG_EXTENSION_DIR "" CACHE PATH
    "Where the extension is installed; empty: where pg_config says, if that \
is under the prefix")

set(extension_destination "${PGCW_PG_EXTENSION_DIR}")
if(extension_destination STREQUAL "")
    cmake_path(IS_PREFIX CMAKE_INSTALL_PREFIX "${pg_share}" is_under_prefix)
    if(pg_share AND is_under_prefix)
        file(RELATIVE_PATH extension_destination
            ${CMAKE_INSTALL_PREFIX} ${pg_share}/extension)
    else()
        set(extension_destination ${CMAKE_INSTALL_DATADIR}/postgresql)
        cmake_path(APPEND extension_destination ${PGCW_PG_MAJOR} extension)
        message(STATUS "The extension: PostgreSQL will look for it in "
            "${pg_share}/extension; PGCW_PG_EXTENSION_DIR installs it there")
    endif()
endif()

set(PGCW_EXTENSION_DIR ${PROJECT_BINARY_DIR}/extension)
set(control ${PGCW_EXTENSION_DIR}/pgcachewatch.control)
set(script ${PGCW_EXTENSION_DIR}/pgcachewatch--${PROJECT_VERSION}.sql)
configure_file(${PROJECT_SOURCE_DIR}/sql/extension/pgcachewatch.control.in
    ${control} @ONLY)
set(sources names.sql table.sql function.sql triggers.sql remove.sql
    extension/watch.sql extension/ddl.sql)
list(TRANSFORM sources PREPEND ${PROJECT_SOURCE_DIR}/sql/)
add_custom_command(
    OUTPUT ${script}
    COMMAND ${CMAKE_COMMAND} -DSQL=${PROJECT_SOURCE_DIR}/sql
        -DSCRIPT=${script} -P ${PROJECT_SOURCE_DIR}/cmake/make_extension.cmake
    DEPENDS ${sources} ${PROJECT_SOURCE_DIR}/cmake/make_extension.cmake
    COMMENT "Writing the extension"
    VERBATIM)
add_custom_target(pgcachewatch_extension ALL DEPENDS ${script})

install(FILES ${control} ${script}
    DESTINATION ${extension_destination} COMPONENT extension)
