# SPDX-License-Identifier: MIT
# cmake -DSQL=<project>/sql -DSCRIPT=pgcachewatch--0.1.0.sql
#     -P make_extension.cmake
#
# Writes the script of the extension: the queries of sql/ as functions, then
# what is written by hand in sql/extension/. So the tool and the extension
# have one SQL.

cmake_minimum_required(VERSION 3.24)

set(script "")

# query(function "channel;function" "comment text, …"): sql/function.sql as
# pgcachewatch.sql_function(). psql's variables become $1, $2 …, in the order
# given; by their names they could be taken for columns.
function(query file variables columns)
    file(READ ${SQL}/${file}.sql text)
    string(FIND "${text}" "\n\\g" end)
    string(FIND "${text}" "\$pgcw_query\$" mark)
    if(end EQUAL -1 OR NOT mark EQUAL -1)
        message(FATAL_ERROR "${file}.sql: not a query that ends with \\g")
    endif()
    string(SUBSTRING "${text}" 0 ${end} text)
    set(number 0)
    foreach(variable IN LISTS variables)
        math(EXPR number "${number} + 1")
        string(REPLACE ":'${variable}'" "\$${number}" text "${text}")
    endforeach()
    if(text MATCHES ":'[a-z_]+'")
        message(FATAL_ERROR "${file}.sql: not given: ${CMAKE_MATCH_0}")
    endif()
    list(TRANSFORM variables REPLACE ".+" "text")
    list(JOIN variables ", " types)
    string(APPEND script
        "CREATE FUNCTION pgcachewatch.sql_${file}(${types})\n"
        "RETURNS TABLE (${columns})\n"
        "LANGUAGE sql STABLE AS \$pgcw_query\$\n${text}\n\$pgcw_query\$;\n\n")
    set(script "${script}" PARENT_SCOPE)
endfunction()

set(steps "comment text, statement text, problem text")
query(names "transport;channel;function_name;trigger_name;publication_name"
    "function text, trigger text, publication text, problem text")
query(table "table" "table_oid oid, problem text")
query(function "channel;function" "${steps}")
query(triggers "function;trigger;table_oids;rows;columns;always" "${steps}")
query(remove "function;trigger;table_oids" "${steps}")

file(READ ${SQL}/extension/watch.sql watch)
file(READ ${SQL}/extension/ddl.sql ddl)
file(WRITE ${SCRIPT}
    "-- Generated from sql/ by cmake/make_extension.cmake.\n"
    "\\echo Use \"CREATE EXTENSION pgcachewatch\" to load this file. \\quit\n\n"
    "CREATE SCHEMA pgcachewatch;\n\n"
    "${script}${watch}\n${ddl}")
