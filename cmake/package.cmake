# SPDX-License-Identifier: MIT
# Debian packages of the components of install.cmake, for package.sh:
# libpgcachewatch0, libpgcachewatch-dev, pgcachewatch (the tool), and
# postgresql-15-pgcachewatch (the extension, for the PostgreSQL that is here).

get_target_property(soversion pgcachewatch SOVERSION)
set(library_package libpgcachewatch${soversion})
set(development_package libpgcachewatch-dev)
set(tool_package pgcachewatch)
set(extension_package postgresql-${PGCW_PG_MAJOR}-pgcachewatch)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME pgcachewatch)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
# As Debian's own tools are told who packs.
set(contact "pgcachewatch <pgcachewatch@localhost>")
if(DEFINED ENV{DEBFULLNAME} AND DEFINED ENV{DEBEMAIL})
    set(contact "$ENV{DEBFULLNAME} <$ENV{DEBEMAIL}>")
endif()
set(CPACK_PACKAGE_CONTACT "${contact}" CACHE STRING
    "Who builds the Debian packages: Name <address>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "${PROJECT_DESCRIPTION}")
set(CPACK_PACKAGING_INSTALL_PREFIX ${CMAKE_INSTALL_PREFIX})
set(packaged library development tool)
if(TARGET pgcachewatch_extension AND PGCW_PG_MAJOR)
    list(APPEND packaged extension)
endif()
set(CPACK_COMPONENTS_ALL ${packaged})
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_STRIP_FILES ON)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/debian_files.cmake)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")

set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME ${library_package})
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SHLIBDEPS ON)
# dpkg calls ldconfig once, after all packages.
set(triggers ${PROJECT_BINARY_DIR}/debian/triggers)
file(CONFIGURE OUTPUT ${triggers} CONTENT "activate-noawait ldconfig\n")
set(CPACK_DEBIAN_LIBRARY_PACKAGE_CONTROL_EXTRA ${triggers})
set(CPACK_COMPONENT_LIBRARY_DESCRIPTION
    "A cache for threaded C servers. PostgreSQL says what changed, by triggers
and NOTIFY or by logical decoding, and what depends on it is invalid before
the next lookup. A hit takes no lock.")

# With the libraries of those who link statically.
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME ${development_package})
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "${library_package} (= ${PROJECT_VERSION}), libpq-dev, liburcu-dev")
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION
    "For development: headers, man pages made of them, the static library, and
what CMake and pkg-config look for.")

set(CPACK_DEBIAN_TOOL_PACKAGE_NAME ${tool_package})
set(CPACK_DEBIAN_TOOL_PACKAGE_SECTION database)
set(CPACK_DEBIAN_TOOL_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
set(CPACK_DEBIAN_TOOL_PACKAGE_DEPENDS
    "${library_package} (= ${PROJECT_VERSION})")
set(CPACK_COMPONENT_TOOL_DESCRIPTION
    "The tool: installs and removes the triggers, prints events as they come,
shows a cache at work, and live what a running process does.")

set(CPACK_DEBIAN_EXTENSION_PACKAGE_NAME ${extension_package})
set(CPACK_DEBIAN_EXTENSION_PACKAGE_SECTION database)
set(CPACK_DEBIAN_EXTENSION_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_EXTENSION_PACKAGE_DEPENDS "postgresql-${PGCW_PG_MAJOR}")
set(CPACK_COMPONENT_EXTENSION_DESCRIPTION
    "For the server: CREATE EXTENSION pgcachewatch, then watch() makes the
triggers of a table, and ALTER and DROP of it are told as well.")

# Where Debian looks for the licence; elsewhere the sources have it.
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    foreach(component IN LISTS packaged)
        install(FILES ${PROJECT_SOURCE_DIR}/LICENSE
            DESTINATION share/doc/${${component}_package}
            RENAME copyright COMPONENT ${component})
    endforeach()
endif()

include(CPack)
