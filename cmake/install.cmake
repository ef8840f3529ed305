# SPDX-License-Identifier: MIT
# What `cmake --install` writes: library, headers, tool, SQL, and the files by
# which CMake and pkg-config find them. The components are Debian's packages:
# see package.cmake.

include(CMakePackageConfigHelpers)

install(TARGETS pgcachewatch pgcachewatch_static
    EXPORT pgcachewatch-targets
    LIBRARY COMPONENT library NAMELINK_COMPONENT development
    ARCHIVE COMPONENT development
    FILE_SET HEADERS COMPONENT development)
if(PGCW_BUILD_DOCS)
    install(DIRECTORY ${PGCW_DOCS_DIR}/man/man3
        DESTINATION ${CMAKE_INSTALL_MANDIR} COMPONENT development)
endif()

install(DIRECTORY ${PROJECT_SOURCE_DIR}/src/examples/
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/libpgcachewatch-dev/examples
    COMPONENT development
    FILES_MATCHING PATTERN "*.[ch]" PATTERN "README.md" PATTERN "*.html"
    PATTERN "*.json")

if(TARGET pgcachewatch_cli)
    # The tool finds the library wherever both are moved to; in /usr everybody
    # does.
    file(RELATIVE_PATH library_from_tool
        ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
    if(NOT CMAKE_INSTALL_PREFIX STREQUAL "/usr")
        set_target_properties(pgcachewatch_cli PROPERTIES
            INSTALL_RPATH "$ORIGIN/${library_from_tool}")
    endif()
    install(TARGETS pgcachewatch_cli COMPONENT tool)
    install(FILES ${PROJECT_SOURCE_DIR}/src/cli/pgcachewatch.bash
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
        RENAME pgcachewatch COMPONENT tool)
endif()
if(EXISTS ${PROJECT_SOURCE_DIR}/src/cli/pgcachewatch.1)
    install(FILES ${PROJECT_SOURCE_DIR}/src/cli/pgcachewatch.1
        DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT tool)
endif()
install(DIRECTORY ${PROJECT_SOURCE_DIR}/sql/
    DESTINATION ${CMAKE_INSTALL_DATADIR}/pgcachewatch COMPONENT tool
    FILES_MATCHING PATTERN "*.sql" PATTERN extension EXCLUDE)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pgcachewatch)
install(EXPORT pgcachewatch-targets NAMESPACE pgcachewatch::
    FILE pgcachewatch-targets.cmake DESTINATION ${config_dir}
    COMPONENT development)
configure_package_config_file(
    ${PROJECT_SOURCE_DIR}/cmake/pgcachewatch-config.cmake.in
    ${PROJECT_BINARY_DIR}/pgcachewatch-config.cmake
    INSTALL_DESTINATION ${config_dir})
write_basic_package_version_file(
    ${PROJECT_BINARY_DIR}/pgcachewatch-config-version.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/pgcachewatch-config.cmake
    ${PROJECT_BINARY_DIR}/pgcachewatch-config-version.cmake
    DESTINATION ${config_dir} COMPONENT development)

# Plain names in Libs.private: "Requires.private: ck" and the like would put
# the flags of those libraries into the users' command lines.
file(RELATIVE_PATH prefix_from_pc
    ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" prefix_from_pc "${prefix_from_pc}")
list(TRANSFORM PGCW_PRIVATE_LIBRARIES PREPEND "-l"
    OUTPUT_VARIABLE private_flags)
list(JOIN private_flags " " private_flags)
configure_file(${PROJECT_SOURCE_DIR}/cmake/pgcachewatch.pc.in
    ${PROJECT_BINARY_DIR}/pgcachewatch.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pgcachewatch.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
