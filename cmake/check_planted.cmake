# SPDX-License-Identifier: MIT
# cmake -DCHECK=<name> -DROOT=<planted> -DEXPECTED=<file> -P check_planted.cmake
#
# Runs a check on a tree with planted violations: it must fail, and name
# exactly those that are expected.

cmake_minimum_required(VERSION 3.24)

execute_process(
    COMMAND ${CMAKE_COMMAND} -DROOT=${ROOT} -DMAX_LINES=14
        -P ${CMAKE_CURRENT_LIST_DIR}/check_${CHECK}.cmake
    RESULT_VARIABLE result OUTPUT_VARIABLE found ERROR_QUIET)
file(READ ${EXPECTED} expected)
if(result EQUAL 0)
    message(FATAL_ERROR "The planted violations were not found.")
elseif(NOT found STREQUAL expected)
    message(FATAL_ERROR "Expected:\n${expected}\nFound:\n${found}")
endif()
