# SPDX-License-Identifier: MIT
# Installs the library, moves the whole prefix, and there builds and runs the
# consumers: found by CMake, by pkg-config, shared and static, C and C++.

cmake_minimum_required(VERSION 3.24)

set(prefix ${WORK}/moved)
file(REMOVE_RECURSE ${WORK})

function(run)
    execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY
        OUTPUT_VARIABLE output)
    set(output "${output}" PARENT_SCOPE)
endfunction()

# runs(program): its one line of output is the version.
function(runs program)
    run(${program})
    if(NOT output STREQUAL "${VERSION}\n")
        message(FATAL_ERROR "${program} printed \"${output}\"")
    endif()
    message(STATUS "${program}: ok")
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
file(RENAME ${WORK}/installed ${prefix})

# The tool finds its library.
run(${prefix}/bin/pgcachewatch --version)
if(NOT output STREQUAL "pgcachewatch ${VERSION}\n")
    message(FATAL_ERROR "The tool printed \"${output}\"")
endif()

# Found by CMake.
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${CONSUMER}/consumer -B ${WORK}/build
    -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_C_COMPILER=${CC}
    -DCMAKE_CXX_COMPILER=${CXX} -DVERSION=${VERSION})
run(${CMAKE_COMMAND} --build ${WORK}/build)
runs(${WORK}/build/consumer)
runs(${WORK}/build/consumer_static)
if(CXX)
    runs(${WORK}/build/consumer_cpp)
endif()

# Found by pkg-config.
file(GLOB_RECURSE pc ${prefix}/*/pgcachewatch.pc)
get_filename_component(pc_folder ${pc} DIRECTORY)
get_filename_component(library_folder ${pc_folder} DIRECTORY)
set(ENV{PKG_CONFIG_PATH} ${pc_folder})
function(pkg_config variable)
    run(${PKG_CONFIG} ${ARGN} pgcachewatch)
    string(STRIP "${output}" output)
    separate_arguments(flags UNIX_COMMAND "${output}")
    set(${variable} ${flags} PARENT_SCOPE)
endfunction()

pkg_config(compile --cflags)
pkg_config(link --libs)
pkg_config(link_all --static --libs)
if(NOT compile MATCHES "^-I[^;]*$")
    message(FATAL_ERROR "More than our headers in Cflags: ${compile}")
endif()
set(c ${CONSUMER}/consumer/consumer.c)
set(cpp ${CONSUMER}/consumer/consumer.cpp)
run(${CC} -std=c11 ${compile} ${c} -o ${WORK}/shared ${link}
    -Wl,-rpath,${library_folder})
runs(${WORK}/shared)
list(REMOVE_ITEM link_all -lpgcachewatch)
run(${CC} -std=c11 ${compile} ${c} -o ${WORK}/static
    ${library_folder}/libpgcachewatch.a ${link_all})
runs(${WORK}/static)
if(CXX)
    run(${CXX} -std=c++11 ${compile} ${cpp} -o ${WORK}/shared_cpp ${link}
        -Wl,-rpath,${library_folder})
    runs(${WORK}/shared_cpp)
endif()

# The examples, as their README says; not those whose library is not here.
set(examples ${prefix}/share/doc/libpgcachewatch-dev/examples)
file(STRINGS ${examples}/README.md lines REGEX "^cc ")
set(compiled 0)
foreach(line IN LISTS lines)
    string(REGEX MATCH "pgcachewatch libpq[^)]*" needs "${line}")
    separate_arguments(needs)
    execute_process(COMMAND ${PKG_CONFIG} --exists ${needs}
        RESULT_VARIABLE is_missing)
    if(is_missing)
        message(STATUS "Left out: ${line}")
        continue()
    endif()
    string(REGEX REPLACE "^cc " "${CC} -Wall -Wextra -Werror " line "${line}")
    execute_process(COMMAND sh -ec "${line}" WORKING_DIRECTORY ${examples}
        COMMAND_ERROR_IS_FATAL ANY)
    math(EXPR compiled "${compiled} + 1")
endforeach()
if(compiled LESS 3)
    message(FATAL_ERROR "Too few examples in ${examples}/README.md")
endif()
message(STATUS "${compiled} examples compile")

# The program in the README, as a reader would paste it.
if(NOT EXISTS ${README})
    return()
endif()
file(READ ${README} text)
string(FIND "${text}" "\n```c\n" begin)
if(begin EQUAL -1)
    message(FATAL_ERROR "No C program in ${README}")
endif()
math(EXPR begin "${begin} + 6")
string(SUBSTRING "${text}" ${begin} -1 text)
string(FIND "${text}" "\n```" length)
string(SUBSTRING "${text}" 0 ${length} text)
file(WRITE ${WORK}/readme.c "${text}\n")
set(ENV{PKG_CONFIG_PATH} ${pc_folder})
pkg_config(compile_with_libpq --cflags libpq)
pkg_config(link_with_libpq --libs libpq)
run(${CC} -std=c11 -Wall -Wextra -Werror ${compile_with_libpq}
    ${WORK}/readme.c -o ${WORK}/readme ${link_with_libpq})
message(STATUS "The program in the README compiles")
