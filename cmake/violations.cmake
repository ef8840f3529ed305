# SPDX-License-Identifier: MIT
# Collects what a check finds, and fails at the end if there is anything.

function(violation text)
    set_property(GLOBAL APPEND_STRING PROPERTY violations "${text}\n")
endfunction()

function(report_violations)
    get_property(violations GLOBAL PROPERTY violations)
    if(NOT "${violations}" STREQUAL "")
        # Plain lines, for message() would wrap them.
        string(STRIP "${violations}" violations)
        execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${violations}")
        message(FATAL_ERROR "The conventions are not kept.")
    endif()
endfunction()

# read_lines(path variable): a list of lines; what CMake's lists cannot hold
# is replaced, so the text is good for looking only.
function(read_lines path variable)
    file(READ ${path} text)
    string(REPLACE ";" " " text "${text}")
    string(REPLACE "[" "(" text "${text}")
    string(REPLACE "]" ")" text "${text}")
    string(REPLACE "\\" "/" text "${text}")
    string(REGEX REPLACE "\n$" "" text "${text}")
    string(REPLACE "\n" " ;" text "${text}")
    set(${variable} "${text}" PARENT_SCOPE)
endfunction()
