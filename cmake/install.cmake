# SPDX-License-Identifier: MIT
# What `cmake --install` writes: library, headers, tool, SQL, and the files by
# which CMake and pkg-config find them.

include(CMakePackageConfigHelpers)
