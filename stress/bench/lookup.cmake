# SPDX-License-Identifier: MIT
# A hit, many at once, and the memory of an entry: beside in-process peers.

set(subject_sources subjects.c subject_library.c subject_floor.c
    subject_cds_lfht.c subject_ck_ht.c subject_mutex_lru.c subject_rwlock.c)
set(subject_libraries PkgConfig::URCU_MEMB PkgConfig::URCU_CDS PkgConfig::CK)
set(subject_definitions "")

if(PGCW_BUILD_BENCH)
    enable_language(CXX)
    find_package(TBB REQUIRED)
    find_package(libcuckoo REQUIRED)
    find_package(Java REQUIRED COMPONENTS Development Runtime)
    find_file(CAFFEINE_JAR caffeine.jar PATHS /usr/share/java REQUIRED)
    set(classes ${CMAKE_CURRENT_BINARY_DIR}/classes)
    add_custom_command(OUTPUT ${classes}/Caffeine.class
        COMMAND ${Java_JAVAC_EXECUTABLE} -encoding UTF-8 -cp ${CAFFEINE_JAR}
            -d ${classes} ${CMAKE_CURRENT_LIST_DIR}/Caffeine.java
        DEPENDS ${CMAKE_CURRENT_LIST_DIR}/Caffeine.java
        VERBATIM)
    list(APPEND subject_sources subject_tbb.cpp subject_libcuckoo.cpp
        subject_caffeine.c ${classes}/Caffeine.class)
    list(APPEND subject_libraries TBB::tbb libcuckoo::libcuckoo)
    list(APPEND subject_definitions BENCH_HAS_ALL_PEERS
        BENCH_JAVA="${Java_JAVA_EXECUTABLE}"
        BENCH_CLASS_PATH="${classes}:${CAFFEINE_JAR}")
endif()

function(bench_lookup_target target)
    pgcw_target_defaults(${target})
    set_target_properties(${target} PROPERTIES
        CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    target_include_directories(${target} PRIVATE
        ${CMAKE_CURRENT_SOURCE_DIR}/.. ${PROJECT_SOURCE_DIR}/include
        ${XXHASH_INCLUDE_DIRS})
    target_link_libraries(${target} PRIVATE
        pgcachewatch ${subject_libraries} Threads::Threads m)
endfunction()

add_library(bench_subjects OBJECT ${subject_sources} results.c workload.c
    ../support.c)
bench_lookup_target(bench_subjects)
target_compile_definitions(bench_subjects PRIVATE ${subject_definitions})

# Through the shared library, as a user has it.
foreach(name lookup lookup_many memory)
    add_executable(bench_${name} ${name}.c)
    bench_lookup_target(bench_${name})
    target_link_libraries(bench_${name} PRIVATE bench_subjects)
    set_target_properties(bench_${name} PROPERTIES OUTPUT_NAME ${name}
        RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bench)
    # Locks of others are not told to ThreadSanitizer.
    if(TARGET test_server AND NOT PGCW_SANITIZE STREQUAL "thread")
        pgcw_server_test(stress.bench_${name}_smoke stress
            $<TARGET_FILE:bench_${name}> --quick)
    endif()
endforeach()
