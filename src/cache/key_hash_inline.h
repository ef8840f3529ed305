/* SPDX-License-Identifier: MIT */
/* The hash of a key, for where a call of pgcwi_key_make() would be felt. */
#ifndef PGCWI_CACHE_KEY_HASH_INLINE_H
#define PGCWI_CACHE_KEY_HASH_INLINE_H

#include <stdbool.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cache/key_hash.h"

#define PGCWI_KEY_SHORT_BYTES 16

static inline bool
pgcwi_key_is_short(struct pgcw_bytes key)
{
    return key.size <= PGCWI_KEY_SHORT_BYTES;
}

/* Told of the size, the compiler keeps the few instructions for short keys. */
static inline __attribute__((always_inline, flatten)) uint64_t
pgcwi_key_hash_short(struct pgcw_bytes key, uint64_t seed)
{
    if (!pgcwi_key_is_short(key)) {
        __builtin_unreachable();
    }
    return XXH3_64bits_withSeed(key.data, key.size, seed);
}

#endif
