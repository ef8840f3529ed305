/* SPDX-License-Identifier: MIT */
/* Who is measured: caches and tables that hold the same keys. */
#ifndef STRESS_BENCH_SUBJECT_H
#define STRESS_BENCH_SUBJECT_H

#include "workload.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bench_figures {
    double ns_per_hit; /* processor time, the mean of the threads */
    double hits_per_second;
    bool has_missed;
};

/*
 * Look keys up, one by one and each protected by itself, and look at the
 * first byte of the value, which is 1. Returns the sum.
 *
 * Independent lookups: a processor may begin one while it waits for the last.
 * Dependent ones: it may not, as what the last one found says which key is
 * next.
 */
typedef size_t bench_look_up_fn(const struct bench_key *keys, size_t count,
                                bool is_dependent);

/* Returns the value's first byte, or 0 if the key is not there. */
typedef unsigned bench_hit_fn(const struct bench_key *key);

/*
 * Both loops, around a subject's own hit(): inlined with it, so that neither
 * costs a call.
 */
static inline __attribute__((always_inline)) size_t
bench_look_up(bench_hit_fn *hit, const struct bench_key *keys, size_t count,
              bool is_dependent)
{
    size_t sum = 0;
    unsigned found = 1;

    if (is_dependent) {
        for (size_t i = 0; i < count && found != 0; i += found) {
            found = hit(&keys[i]);
            sum += found;
        }
    } else {
        for (size_t i = 0; i < count; i++) {
            sum += hit(&keys[i]);
        }
    }
    return sum;
}

/* One that runs in a process of its own, and there measures itself. */
struct subject_process {
    /* Hand over what was drawn; false after it has said why not. */
    bool (*draw)(const struct bench_workload *workload);
    bool (*run)(unsigned thread_count, double seconds, bool is_dependent,
                struct bench_figures *figures);
    /* Bytes that open() took, where that process counts them itself. */
    double (*memory_bytes)(void);
};

struct bench_subject {
    const char *name;
    const char *variant; /* NULL: its plain form */
    const char *note;    /* how it is configured */
    /* Put every key in, in that order; false after it has said why not. */
    bool (*open)(const struct bench_key *keys, uint32_t key_count);
    void (*close)(void);
    /* Each thread calls this before its first look_up(). May be NULL. */
    bool (*enter)(void);
    /* And this after its last. May be NULL. */
    void (*leave)(void);
    /* NULL if it is another process. */
    bench_look_up_fn *look_up;
    const struct subject_process *process;
};

extern const struct bench_subject *const bench_subjects[]; /* NULL at the end */

/* JSON: its variant, if it is one, and how many entries it has. */
void bench_subject_parameters(const struct bench_subject *subject,
                              uint32_t entry_count, char *text, size_t bytes);

extern const struct bench_subject subject_library;
extern const struct bench_subject subject_library_row_tag;
extern const struct bench_subject subject_floor;
extern const struct bench_subject subject_cds_lfht;
extern const struct bench_subject subject_cds_lfht_array;
extern const struct bench_subject subject_ck_ht;
extern const struct bench_subject subject_mutex_lru;
extern const struct bench_subject subject_rwlock;
/* with PGCW_BUILD_BENCH */
extern const struct bench_subject subject_caffeine;
extern const struct bench_subject subject_libcuckoo;
extern const struct bench_subject subject_tbb;

struct pgcw_cache;
/* Of subject_library, while it is open. */
struct pgcw_cache *subject_library_cache(void);

#ifdef __cplusplus
}
#endif

#endif
