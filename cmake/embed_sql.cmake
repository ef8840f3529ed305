# SPDX-License-Identifier: MIT
# cmake -DFILES=a.sql;b.sql -DSOURCE=sql.c -DHEADER=sql.h -P embed_sql.cmake
#
# Each byte becomes a character constant: so any byte is kept, no quoting can
# go wrong, and the length is not limited as that of a string literal is.

set(declarations "")
set(definitions "")
foreach(file IN LISTS FILES)
    get_filename_component(name ${file} NAME_WE)
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
    # Twelve constants a line: a line without end is hard on tools.
    string(REPEAT "'.x..'," 12 twelve)
    string(REGEX REPLACE "(${twelve})" "\\1\n    " bytes "${bytes}")
    string(APPEND declarations "extern const char pgcwi_sql_${name}[];\n")
    string(APPEND definitions
        "\n/* sql/${name}.sql */\nconst char pgcwi_sql_${name}[] = {\n"
        "    ${bytes}'\\0'};\n")
endforeach()

file(WRITE ${HEADER}
    "/* Generated from sql/ by cmake/embed_sql.cmake. */\n"
    "#ifndef PGCWI_INSTALL_SQL_H\n#define PGCWI_INSTALL_SQL_H\n\n"
    "${declarations}\n#endif\n")
file(WRITE ${SOURCE}
    "/* Generated from sql/ by cmake/embed_sql.cmake. */\n"
    "#include \"install/sql.h\"\n${definitions}")
