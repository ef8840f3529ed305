/* SPDX-License-Identifier: MIT */
/* A key and its hash, computed once a call. */
#ifndef PGCWI_CACHE_KEY_HASH_H
#define PGCWI_CACHE_KEY_HASH_H

#include <stdint.h>

#include <pgcachewatch/bytes.h>

struct pgcwi_key {
    struct pgcw_bytes bytes;
    uint64_t hash;
};

/* XXH3 of 64 bits. `seed` is the cache's own, so that nobody who chooses
 * keys can choose collisions. */
struct pgcwi_key pgcwi_key_make(struct pgcw_bytes bytes, uint64_t seed);

/* A seed that differs from process to process. */
uint64_t pgcwi_key_random_seed(void);

#endif
