# SPDX-License-Identifier: MIT
# abi.symbols: the shared library exports what tests/abi/symbols.txt lists.
# abi.types: they take and return what they did in tests/abi/*.abi. To refresh
# both, with a line in CHANGELOG.md:
#
#     cmake --build build/debug --target abi_refresh

find_program(NM NAMES nm REQUIRED)
set(check_symbols ${CMAKE_COMMAND} -DNM=${NM}
    -DLIBRARY=$<TARGET_FILE:pgcachewatch>
    -DLIST=${PROJECT_SOURCE_DIR}/tests/abi/symbols.txt)
set(check_symbols_script ${PROJECT_SOURCE_DIR}/cmake/check_symbols.cmake)

add_test(NAME abi.symbols COMMAND ${check_symbols} -P ${check_symbols_script})
set_tests_properties(abi.symbols PROPERTIES LABELS abi TIMEOUT 30)
set(refresh COMMAND ${check_symbols} -DREFRESH=ON -P ${check_symbols_script})

# By gcc alone: another compiler describes the same types in another way.
find_program(ABIDW NAMES abidw)
find_program(ABIDIFF NAMES abidiff)
if(ABIDW AND ABIDIFF AND CMAKE_C_COMPILER_ID STREQUAL "GNU")
    set(check_types ${CMAKE_COMMAND} -DABIDW=${ABIDW} -DABIDIFF=${ABIDIFF}
        -DLIBRARY=$<TARGET_FILE:pgcachewatch> -DROOT=${PROJECT_SOURCE_DIR}
        -DBASELINE=${PROJECT_SOURCE_DIR}/tests/abi/pgcachewatch-0.abi)
    set(check_types_script ${PROJECT_SOURCE_DIR}/cmake/check_types.cmake)
    add_test(NAME abi.types COMMAND ${check_types} -P ${check_types_script})
    set_tests_properties(abi.types PROPERTIES LABELS abi TIMEOUT 60)
    list(APPEND refresh COMMAND ${check_types} -DREFRESH=ON
        -P ${check_types_script})
endif()

add_custom_target(abi_refresh ${refresh} DEPENDS pgcachewatch VERBATIM)
