/* SPDX-License-Identifier: MIT */
/* What is measured: tables that hold the same keys. */
#ifndef STRESS_BENCH_LOOKUP_H
#define STRESS_BENCH_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_KEY_BYTES 16
#define BENCH_VALUE_BYTES 32

struct bench_key {
    char bytes[BENCH_KEY_BYTES];
};

struct bench_subject {
    const char *name;
    /* Put every key in; false after it has said why not. */
    bool (*open)(const struct bench_key *keys, uint32_t key_count);
    void (*close)(void);
    /*
     * Look keys up, a read section for each, and look at the value. The
     * number of hits. A thread must have read from the library before.
     */
    size_t (*look_up)(const struct bench_key *keys, const uint32_t *drawn,
                      size_t count);
};

extern const struct bench_subject bench_library;
extern const struct bench_subject bench_bare_table;

#endif
