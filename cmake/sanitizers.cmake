# SPDX-License-Identifier: MIT
# PGCW_SANITIZE: flags for every target, and the environment of every test.

set(PGCW_TEST_ENVIRONMENT "")
set(sanitize_flags "")
if(PGCW_SANITIZE STREQUAL "thread")
    set(tsan_supp ${PROJECT_SOURCE_DIR}/cmake/tsan.supp)
    set(sanitize_flags -fno-omit-frame-pointer)
    list(APPEND PGCW_TEST_ENVIRONMENT
        "TSAN_OPTIONS=suppressions=${tsan_supp}:exitcode=66:halt_on_error=0")
elseif(PGCW_SANITIZE STREQUAL "address,undefined")
    set(sanitize_flags
        -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
    list(APPEND PGCW_TEST_ENVIRONMENT
        "ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1"
        "UBSAN_OPTIONS=print_stacktrace=1")
elseif(NOT PGCW_SANITIZE STREQUAL "")
    message(FATAL_ERROR "PGCW_SANITIZE is \"${PGCW_SANITIZE}\": "
        "it may be empty, \"address,undefined\" or \"thread\"")
endif()

function(pgcw_sanitize target)
    if(NOT PGCW_SANITIZE STREQUAL "")
        target_compile_options(${target} PRIVATE
            -fsanitize=${PGCW_SANITIZE} ${sanitize_flags})
        target_link_options(${target} PRIVATE -fsanitize=${PGCW_SANITIZE})
    endif()
    if(PGCW_FUZZ)
        target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
    if(PGCW_SANITIZE STREQUAL "thread")
        target_compile_definitions(${target} PRIVATE PGCWI_TSAN)
    endif()
endfunction()

# For a file that orders memory in ways which ThreadSanitizer does not see and
# that tells it by hand instead (base/annotate.h). At -O0 a copy would be a
# call, which is intercepted all the same; hence -O2.
function(pgcw_sanitize_by_hand source)
    if(PGCW_SANITIZE STREQUAL "thread")
        set_property(SOURCE ${source} APPEND PROPERTY
            COMPILE_OPTIONS -O2 -fno-sanitize=thread)
    endif()
endfunction()
