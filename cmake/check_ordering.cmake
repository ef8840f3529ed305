# SPDX-License-Identifier: MIT
# cmake -DROOT=<project> -P check_ordering.cmake
#
# Holds that the order of memory is argued where it is chosen: every ordered
# atomic says in the 8 lines above with what it pairs, every relaxed one why
# that is enough, none leaves the order to the default, and fences stand only
# at the seam to Concurrency Kit and liburcu.

cmake_minimum_required(VERSION 3.24)
include(${CMAKE_CURRENT_LIST_DIR}/violations.cmake)

set(distance 8)
set(ordered "memory_order_(acquire|release|acq_rel|seq_cst|consume)")
set(unnamed "atomic_(load|store|exchange|fetch_[a-z]+")
string(APPEND unnamed "|compare_exchange_(weak|strong)")
string(APPEND unnamed "|flag_test_and_set|flag_clear)[ ]*[(]")
set(fence "atomic_(thread|signal)_fence|__sync_synchronize")
string(APPEND fence "|cmm_smp_|ck_pr_fence")
set(seam "^(queue/ring[.]c$|cache/)")

# is_near(variable lines index word): is the word in this line or those above?
function(is_near variable lines index word)
    set(${variable} FALSE PARENT_SCOPE)
    math(EXPR first "${index} - ${distance}")
    if(first LESS 0)
        set(first 0)
    endif()
    math(EXPR count "${index} - ${first} + 1")
    list(SUBLIST lines ${first} ${count} near)
    if("${near}" MATCHES "${word}")
        set(${variable} TRUE PARENT_SCOPE)
    endif()
endfunction()

function(check_line file lines index line)
    math(EXPR number "${index} + 1")
    set(place "src/${file}:${number}")
    if(line MATCHES "${ordered}")
        is_near(found "${lines}" ${index} "Pairs with")
        if(NOT found)
            violation("${place}: ordered atomic without \"Pairs with\"")
        endif()
    endif()
    if(line MATCHES "memory_order_relaxed")
        is_near(found "${lines}" ${index} "relaxed:")
        if(NOT found)
            violation("${place}: relaxed atomic without \"relaxed:\"")
        endif()
    endif()
    if(line MATCHES "${unnamed}")
        violation("${place}: atomic that does not name its order")
    endif()
    if(line MATCHES "${fence}" AND NOT file MATCHES "${seam}")
        violation("${place}: fence outside of the seam")
    endif()
    if(line MATCHES "(^|[^A-Za-z_])volatile([^A-Za-z_]|$)")
        violation("${place}: volatile")
    endif()
endfunction()

file(GLOB_RECURSE files RELATIVE ${ROOT}/src ${ROOT}/src/*.[ch])
foreach(file IN LISTS files)
    file(STRINGS ${ROOT}/src/${file} suspicious LIMIT_COUNT 1
        REGEX "atomic_|memory_order|volatile|__sync_|cmm_smp_|ck_pr_")
    if(suspicious STREQUAL "")
        continue()
    endif()
    read_lines(${ROOT}/src/${file} lines)
    set(index 0)
    foreach(line IN LISTS lines)
        check_line("${file}" "${lines}" ${index} "${line}")
        math(EXPR index "${index} + 1")
    endforeach()
endforeach()

report_violations()
