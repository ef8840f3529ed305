/* SPDX-License-Identifier: MIT */
/* A cache that refreshes ahead, and a value that is due. */
#ifndef TESTS_SUPPORT_REFRESH_H
#define TESTS_SUPPORT_REFRESH_H

#include "base/clock.h"
#include "support/load.h"

#define REFRESH_AFTER_MS 60000u
#define LOAD_TIMEOUT_MS 20000u
#define TTL_MS 600000u

static inline int
init(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.refresh_after_ms = REFRESH_AFTER_MS;
    options.load_timeout_ms = LOAD_TIMEOUT_MS;
    options.ttl_ms = TTL_MS;
    *state = open_cache_with(&options);
    return 0;
}

static inline int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

static inline void
pass_ms(uint32_t milliseconds)
{
    pgcwi_clock_advance_ns(milliseconds * PGCWI_NS_PER_MS);
}

/* The cache now has a value that is due. */
static inline void
put_old(struct pgcw_cache *cache)
{
    assert_int_equal(put_text(cache, "key", "old"), PGCW_OK);
    pass_ms(REFRESH_AFTER_MS);
}

#endif
