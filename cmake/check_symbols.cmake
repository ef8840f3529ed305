# SPDX-License-Identifier: MIT
# cmake -DNM=nm -DLIBRARY=lib.so -DLIST=symbols.txt [-DREFRESH=ON]
#     -P check_symbols.cmake
#
# Compares what a shared library defines for others with a list, or writes
# the list.

cmake_minimum_required(VERSION 3.24)

execute_process(COMMAND ${NM} -D --defined-only ${LIBRARY}
    OUTPUT_VARIABLE output COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "[A-Za-z] [^ \n]+\n" symbols "${output}")
list(TRANSFORM symbols REPLACE "^. ([^\n]+)\n" "\\1")
list(SORT symbols)
if(REFRESH)
    list(JOIN symbols "\n" text)
    file(WRITE ${LIST} "${text}\n")
    return()
endif()

file(STRINGS ${LIST} listed)
set(added ${symbols})
set(removed ${listed})
list(REMOVE_ITEM added ${listed})
list(REMOVE_ITEM removed ${symbols})
if(added OR removed)
    message(FATAL_ERROR "The exported symbols are not those of ${LIST}.\n"
        "Exported, not listed: ${added}\nListed, not exported: ${removed}")
endif()
