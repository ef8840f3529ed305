/* SPDX-License-Identifier: MIT */
/* pgcwi_key_make() for where a call of it would be felt. */
#ifndef PGCWI_CACHE_KEY_HASH_INLINE_H
#define PGCWI_CACHE_KEY_HASH_INLINE_H

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "cache/key_hash.h"

static inline __attribute__((always_inline)) struct pgcwi_key
pgcwi_key_make_inline(struct pgcw_bytes bytes, uint64_t seed)
{
    return (struct pgcwi_key){
        .bytes = bytes,
        .hash = XXH3_64bits_withSeed(bytes.data, bytes.size, seed),
    };
}

#endif
