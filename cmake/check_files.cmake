# SPDX-License-Identifier: MIT
# cmake -DROOT=<project> [-DMAX_LINES=500] -P check_files.cmake
#
# Holds what stands at the root, how long a file may be, and that each names
# its licence.

cmake_minimum_required(VERSION 3.24)
include(${CMAKE_CURRENT_LIST_DIR}/violations.cmake)

if(NOT MAX_LINES)
    set(MAX_LINES 500)
endif()
set(root_entries src include sql tests stress cmake build CMakeLists.txt
    CHANGELOG.md README.md LICENSE CMakePresets.json)

file(GLOB entries RELATIVE ${ROOT} ${ROOT}/*)
foreach(entry IN LISTS entries)
    if(NOT entry MATCHES "^[.]" AND NOT entry IN_LIST root_entries)
        violation("${entry}: does not belong at the root")
    endif()
endforeach()

file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/src/*.[ch]
    ${ROOT}/include/*.[ch] ${ROOT}/stress/*.py ${ROOT}/tests/*.py)
list(FILTER files EXCLUDE REGEX "^tests/convention/planted/")
foreach(file IN LISTS files)
    read_lines(${ROOT}/${file} lines)
    list(LENGTH lines length)
    if(length GREATER MAX_LINES)
        violation("${file}: ${length} lines, more than ${MAX_LINES}")
    endif()
endforeach()

set(patterns "")
foreach(folder src include sql tests stress cmake)
    foreach(name *.c *.h *.cpp *.py *.java *.sql *.sh *.cmake *.pml
            CMakeLists.txt)
        list(APPEND patterns ${ROOT}/${folder}/${name})
    endforeach()
endforeach()
file(GLOB_RECURSE files RELATIVE ${ROOT} ${patterns})
list(FILTER files EXCLUDE REGEX "^tests/convention/planted/")
list(APPEND files CMakeLists.txt)
foreach(file IN LISTS files)
    file(STRINGS ${ROOT}/${file} head LIMIT_COUNT 3)
    if(NOT "${head}" MATCHES "SPDX-License-Identifier: MIT")
        violation("${file}: no SPDX line")
    endif()
endforeach()

report_violations()
