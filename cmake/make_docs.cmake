# SPDX-License-Identifier: MIT
# cmake -DROOT=<project> -DOUTPUT=<folder> -DVERSION=0.1.0 -DDOXYGEN=doxygen
#     -P make_docs.cmake
#
# Makes OUTPUT/html and OUTPUT/man/man3 from the public headers. Fails on each
# of Doxygen's warnings, but for fields and macros whose name says it all.

cmake_minimum_required(VERSION 3.24)

file(REMOVE_RECURSE ${OUTPUT})
file(MAKE_DIRECTORY ${OUTPUT})
configure_file(${CMAKE_CURRENT_LIST_DIR}/Doxyfile.in ${OUTPUT}/Doxyfile @ONLY)
execute_process(COMMAND ${DOXYGEN} ${OUTPUT}/Doxyfile
    COMMAND_ERROR_IS_FATAL ANY)

file(STRINGS ${OUTPUT}/warnings warnings)
list(FILTER warnings EXCLUDE REGEX
    "Member [^ ]+ \\((variable|macro definition)\\) of .* is not documented")
if(warnings)
    list(JOIN warnings "\n" warnings)
    message(FATAL_ERROR "${warnings}")
endif()

# Pages of fields would stand in everybody's section 3, as size(3); what is
# left begins with our name, so pin.h(3) is pgcachewatch_pin.h(3).
file(GLOB pages RELATIVE ${OUTPUT}/man/man3 ${OUTPUT}/man/man3/*)
foreach(page IN LISTS pages)
    set(path ${OUTPUT}/man/man3/${page})
    if(page MATCHES "[.]h[.]3$" AND NOT page STREQUAL "pgcachewatch.h.3")
        file(RENAME ${path} ${OUTPUT}/man/man3/pgcachewatch_${page})
    elseif(NOT page MATCHES "^(pgcw_|PGCW_|pgcachewatch)")
        file(REMOVE ${path})
    else()
        file(READ ${path} text)
        if(text MATCHES "^[.]so man3/(.*[.]h[.]3)\n*$"
                AND NOT CMAKE_MATCH_1 STREQUAL "pgcachewatch.h.3")
            file(WRITE ${path} ".so man3/pgcachewatch_${CMAKE_MATCH_1}\n")
        endif()
    endif()
endforeach()

# Doxygen has links that lead nowhere, of an enumeration or so.
file(GLOB pages ${OUTPUT}/man/man3/*)
foreach(page IN LISTS pages)
    file(READ ${page} text)
    if(text MATCHES "^[.]so ([^\n]+)")
        if(NOT EXISTS ${OUTPUT}/man/${CMAKE_MATCH_1})
            file(REMOVE ${page})
        endif()
    endif()
endforeach()

# Each function that is exported has its page.
file(STRINGS ${ROOT}/tests/abi/symbols.txt functions)
foreach(function IN LISTS functions)
    if(NOT EXISTS ${OUTPUT}/man/man3/${function}.3)
        message(SEND_ERROR "${function}(): no page")
    endif()
endforeach()
