/* SPDX-License-Identifier: MIT */
/* What a loader has told of a value. */
#ifndef PGCWI_CACHE_FILL_H
#define PGCWI_CACHE_FILL_H

#include <pgcachewatch/fill.h>

#include "cache/key_hash.h"
#include "cache/tags.h"

struct pgcw_fill {
    struct pgcwi_tags *tags;
    struct pgcwi_slots slots;
    struct pgcw_buffer value;
    uint64_t read_lsn; /* 0: from the primary */
    uint32_t ttl_ms;   /* 0: as the cache says */
    bool has_value;
    bool is_absent;
};

void pgcwi_fill_init(struct pgcw_fill *fill, struct pgcwi_tags *tags,
                     const struct pgcwi_key *key);
void pgcwi_fill_fini(struct pgcw_fill *fill);

#endif
