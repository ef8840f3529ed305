# SPDX-License-Identifier: MIT
# cmake -DABIDW=abidw -DABIDIFF=abidiff -DLIBRARY=lib.so -DROOT=<project>
#     -DBASELINE=pgcachewatch-0.abi [-DREFRESH=ON] -P check_types.cmake
#
# Compares the types that the shared library's functions take and return with
# those of the baseline, or writes the baseline. What is new is no difference
# here: the list of symbols has it.

cmake_minimum_required(VERSION 3.24)

if(REFRESH)
    execute_process(COMMAND ${ABIDW} --headers-dir ${ROOT}/include
        --drop-private-types --exported-interfaces-only --no-corpus-path
        --no-comp-dir-path --no-show-locs --no-elf-needed --no-parameter-names
        --no-architecture --type-id-style hash --out-file ${BASELINE}
        ${LIBRARY} COMMAND_ERROR_IS_FATAL ANY)
    # No path of the machine that wrote it.
    file(READ ${BASELINE} text)
    string(REPLACE "${ROOT}/" "" text "${text}")
    file(WRITE ${BASELINE} "${text}")
    return()
endif()

execute_process(COMMAND ${ABIDIFF} --headers-dir2 ${ROOT}/include
    --drop-private-types --no-added-syms --no-show-locs
    --no-architecture
    --fail-no-debug-info ${BASELINE} ${LIBRARY}
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(NOT result EQUAL 0)
    message(FATAL_ERROR "The types are not those of ${BASELINE} "
        "(abidiff: ${result}):\n${output}")
endif()
