# SPDX-License-Identifier: MIT
# pgcw_embed(SOURCES_VARIABLE prefix header file...)
#
# Turns files into string constants: with the prefix pgcwi_sql_ and the header
# install/sql.h, sql/uninstall.sql becomes
# `extern const char pgcwi_sql_uninstall[];`, declared in "install/sql.h".
# Appends the generated files to the variable; the headers' folder is
# PGCW_GENERATED_DIR.

set(PGCW_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)

function(pgcw_embed sources_variable prefix include)
    set(header ${PGCW_GENERATED_DIR}/${include})
    string(REGEX REPLACE "[.]h$" ".c" source ${header})
    set(script ${PROJECT_SOURCE_DIR}/cmake/embed_text.cmake)
    add_custom_command(
        OUTPUT ${source} ${header}
        COMMAND ${CMAKE_COMMAND} "-DFILES=${ARGN}" -DPREFIX=${prefix}
            -DINCLUDE=${include} -DSOURCE=${source} -DHEADER=${header}
            -P ${script}
        DEPENDS ${ARGN} ${script}
        COMMENT "Embedding ${include}"
        VERBATIM)
    set(${sources_variable} ${${sources_variable}} ${source} ${header}
        PARENT_SCOPE)
endfunction()
