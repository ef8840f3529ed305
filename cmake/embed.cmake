# SPDX-License-Identifier: MIT
# pgcw_embed_sql(SOURCES_VARIABLE file...)
#
# Turns SQL files into string constants of the library: sql/uninstall.sql
# becomes `extern const char pgcwi_sql_uninstall[];`, declared in the generated
# header "install/sql.h". Appends the generated .c file to the variable; the
# headers' folder is PGCW_GENERATED_DIR.

set(PGCW_GENERATED_DIR ${PROJECT_BINARY_DIR}/generated)

function(pgcw_embed_sql sources_variable)
    set(header ${PGCW_GENERATED_DIR}/install/sql.h)
    set(source ${PGCW_GENERATED_DIR}/install/sql.c)
    list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/sql/
        OUTPUT_VARIABLE files)
    add_custom_command(
        OUTPUT ${source} ${header}
        COMMAND ${CMAKE_COMMAND} "-DFILES=${files}" -DSOURCE=${source}
            -DHEADER=${header} -P ${PROJECT_SOURCE_DIR}/cmake/embed_sql.cmake
        DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed_sql.cmake
        COMMENT "Embedding sql/"
        VERBATIM)
    set(${sources_variable} ${${sources_variable}} ${source} ${header}
        PARENT_SCOPE)
endfunction()
