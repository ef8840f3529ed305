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
    set_target_properties(${target} PROPERTIES
        CXX_STANDARD 17 CXX_STANDARD_REQUIRED ON CXX_EXTENSIONS OFF)
    target_include_directories(${target} PRIVATE ${XXHASH_INCLUDE_DIRS})
    target_link_libraries(${target} PRIVATE
        pgcachewatch ${subject_libraries} Threads::Threads m)
endfunction()

add_library(bench_subjects OBJECT ${subject_sources} workload.c)
pgcw_target_defaults(bench_subjects)
bench_lookup_target(bench_subjects)
target_link_libraries(bench_subjects PRIVATE bench_common)
target_compile_definitions(bench_subjects PRIVATE ${subject_definitions})

foreach(name lookup lookup_many memory)
    pgcw_bench(${name})
    bench_lookup_target(bench_${name})
    target_link_libraries(bench_${name} PRIVATE bench_subjects)
endforeach()
