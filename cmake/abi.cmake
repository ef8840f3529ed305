# SPDX-License-Identifier: MIT
# abi.symbols: the shared library exports what tests/abi/symbols.txt lists. To
# refresh the list, with a line in CHANGELOG.md:
#
#     cmake --build build/debug --target abi_refresh

find_program(NM NAMES nm REQUIRED)
set(check_symbols ${CMAKE_COMMAND} -DNM=${NM}
    -DLIBRARY=$<TARGET_FILE:pgcachewatch>
    -DLIST=${PROJECT_SOURCE_DIR}/tests/abi/symbols.txt)
set(check_symbols_script ${PROJECT_SOURCE_DIR}/cmake/check_symbols.cmake)

add_test(NAME abi.symbols COMMAND ${check_symbols} -P ${check_symbols_script})
set_tests_properties(abi.symbols PROPERTIES LABELS abi TIMEOUT 30)
add_custom_target(abi_refresh
    COMMAND ${check_symbols} -DREFRESH=ON -P ${check_symbols_script}
    DEPENDS pgcachewatch VERBATIM)
