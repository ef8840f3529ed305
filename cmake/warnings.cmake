# SPDX-License-Identifier: MIT
# Warnings that gcc 12 and clang 14 both know and that the code is free of.

set(PGCW_WARNINGS
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wundef
    -Wvla -Wswitch-enum)
set(PGCW_C_WARNINGS
    -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition)
if(CMAKE_C_COMPILER_ID MATCHES "Clang")
    # Finds what the ordering check cannot: `++` and `=` on an atomic.
    list(APPEND PGCW_C_WARNINGS -Watomic-implicit-seq-cst)
elseif(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    # snprintf() is how texts are cut to fit, here.
    list(APPEND PGCW_C_WARNINGS -Wno-format-truncation)
endif()
if(PGCW_WERROR)
    list(APPEND PGCW_WARNINGS -Werror)
endif()

function(pgcw_warnings target)
    target_compile_options(${target} PRIVATE ${PGCW_WARNINGS}
        "$<$<COMPILE_LANGUAGE:C>:${PGCW_C_WARNINGS}>")
endfunction()
