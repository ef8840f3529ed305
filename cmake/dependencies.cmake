# SPDX-License-Identifier: MIT
# What must be installed. All that is missing is named at once, with the
# Debian package that has it.

find_package(Threads REQUIRED)
find_package(PkgConfig)
if(NOT PkgConfig_FOUND)
    message(FATAL_ERROR "pkg-config not found: apt-get install pkg-config")
endif()

set(pgcw_missing "")

# pgcw_dependency(LIBPQ libpq-dev libpq>=14): makes PkgConfig::LIBPQ.
macro(pgcw_dependency prefix debian_package module)
    pkg_check_modules(${prefix} QUIET IMPORTED_TARGET ${module})
    if(NOT ${prefix}_FOUND)
        string(APPEND pgcw_missing
            "  ${module} not found: apt-get install ${debian_package}\n")
    endif()
endmacro()

pgcw_dependency(LIBPQ libpq-dev libpq>=14)
pgcw_dependency(URCU_MEMB liburcu-dev liburcu-memb>=0.13)
pgcw_dependency(CK libck-dev ck>=0.7)
pgcw_dependency(JANSSON libjansson-dev jansson>=2.10)
pgcw_dependency(XXHASH libxxhash-dev libxxhash>=0.8)
if(PGCW_BUILD_TESTS)
    pgcw_dependency(CMOCKA libcmocka-dev cmocka>=1.1)
    pgcw_dependency(URCU_CDS liburcu-dev liburcu-cds>=0.13) # to compare with
endif()

if(pgcw_missing)
    message(FATAL_ERROR "These libraries are needed:\n${pgcw_missing}"
        "cmake/packages.sh installs them all.")
endif()

# What the tool's `top` needs beside them; else the tool is built without it.
option(PGCW_BUILD_TOP "Build pgcachewatch top, if libcurl and ncurses are there"
    ON)
set(PGCW_HAS_TOP OFF)
if(PGCW_BUILD_TOP)
    pkg_check_modules(CURL QUIET IMPORTED_TARGET libcurl>=7.85)
    pkg_check_modules(NCURSES QUIET ncursesw>=6)
    if(CURL_FOUND AND NCURSES_FOUND)
        set(PGCW_HAS_TOP ON)
    else()
        message(STATUS "The tool is built without top: "
            "apt-get install libcurl4-openssl-dev libncurses-dev")
    endif()
endif()
