# SPDX-License-Identifier: MIT
# cmake -DROOT=<project> -P check_layering.cmake
#
# Holds who may include what: a folder of src/ itself and those before it in
# the pipeline; the tool only itself and the public headers; an example only
# the public headers and files that lie beside it, so that it can be copied; a
# foreign library only where it is at home; the public headers only the
# standard's.

cmake_minimum_required(VERSION 3.24)
set(layers
    base event queue cache strategy listener metrics query install)
set(home_of_ck "^queue/ring[.]c$")
set(home_of_urcu "^cache/")
set(home_of_xxhash "^cache/")
set(home_of_libpq "^(listener|query|install|cli|examples)/")
set(home_of_jansson "^cli/")
set(home_of_curl "^cli/scrape[.]c$")
set(home_of_curses "^cli/top_screen[.]c$")
set(home_of_microhttpd "^examples/http_")
set(home_of_uv "^examples/event_")

include(${CMAKE_CURRENT_LIST_DIR}/violations.cmake)

function(check_foreign file header)
    foreach(library ck urcu xxhash libpq jansson curl curses microhttpd uv)
        if(library STREQUAL "libpq")
            set(pattern "^(libpq-|libpq/|pg_config|postgres)")
        elseif(library STREQUAL "curses")
            set(pattern "^n?cursesw?[./]")
        else()
            set(pattern "^${library}([./_-]|hash)")
        endif()
        if(header MATCHES "${pattern}"
                AND NOT file MATCHES "${home_of_${library}}")
            violation(
                "src/${file}: <${header}>: ${library} is not at home here")
        endif()
    endforeach()
endfunction()

function(check_layer file header)
    string(REGEX REPLACE "/.*" "" from "${file}")
    string(REGEX REPLACE "/.*" "" to "${header}")
    if(from STREQUAL "examples")
        if(header MATCHES "/")
            violation("src/${file}: \"${header}\": not beside this example")
        endif()
        return()
    elseif(from STREQUAL to)
        return()
    endif()
    list(FIND layers "${from}" from_index)
    list(FIND layers "${to}" to_index)
    if(from STREQUAL "cli")
        violation("src/${file}: \"${header}\": the tool uses public headers")
    elseif(to_index EQUAL -1)
        violation("src/${file}: \"${header}\": not the path of a layer")
    elseif(from_index LESS to_index)
        violation("src/${file}: \"${header}\": ${to} comes after ${from}")
    endif()
endfunction()

file(GLOB_RECURSE files RELATIVE ${ROOT}/src ${ROOT}/src/*.[ch])
foreach(file IN LISTS files)
    string(REGEX REPLACE "/.*" "" layer "${file}")
    if(NOT layer IN_LIST layers AND NOT layer MATCHES "^(cli|examples)$")
        violation("src/${file}: ${layer} is no layer")
    endif()
    file(STRINGS ${ROOT}/src/${file} includes REGEX "^[ \t]*#[ \t]*include")
    foreach(line IN LISTS includes)
        if(line MATCHES "<([^>]+)>")
            check_foreign(${file} ${CMAKE_MATCH_1})
        elseif(line MATCHES "\"([^\"]+)\"")
            check_layer(${file} ${CMAKE_MATCH_1})
        endif()
    endforeach()
endforeach()

file(GLOB_RECURSE files RELATIVE ${ROOT}/include ${ROOT}/include/*.h)
foreach(file IN LISTS files)
    file(STRINGS ${ROOT}/include/${file} includes
        REGEX "^[ \t]*#[ \t]*include")
    foreach(line IN LISTS includes)
        if(NOT line MATCHES "<(pgcachewatch/[a-z]+|std[a-z]+)[.]h>")
            violation("include/${file}: ${line}: not the standard's")
        endif()
    endforeach()
endforeach()

report_violations()
