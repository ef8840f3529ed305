# SPDX-License-Identifier: MIT
# Run by CPack between installing and packing: see debian_files.sh.

execute_process(COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/debian_files.sh
    ${CPACK_TEMPORARY_DIRECTORY} ${CPACK_PACKAGE_VERSION}
    ${CPACK_PACKAGE_CONTACT} COMMAND_ERROR_IS_FATAL ANY)
