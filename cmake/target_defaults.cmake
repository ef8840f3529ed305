# SPDX-License-Identifier: MIT
# pgcw_target_defaults(target): what every target of the project is built with.

include(CheckPIESupported)
check_pie_supported()

function(pgcw_target_defaults target)
    set_target_properties(${target} PROPERTIES
        C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
        POSITION_INDEPENDENT_CODE ON)
    target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
    pgcw_warnings(${target})
    pgcw_sanitize(${target})
    if(PGCW_SANITIZE STREQUAL "")
        target_compile_options(${target} PRIVATE -fstack-protector-strong
            $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
            $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=2>)
        target_link_options(${target} PRIVATE
            -Wl,-z,relro -Wl,-z,now -Wl,--no-undefined -Wl,--as-needed)
    endif()
endfunction()
