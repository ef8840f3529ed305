/* SPDX-License-Identifier: MIT */
/* The shared library, as a user has it. */
#include "bench_lookup.h"

#include <stdio.h>

#include <pgcachewatch/pgcachewatch.h>

static struct pgcw_listener *listener;
static struct pgcw_cache *cache;

static bool
fill(const struct bench_key *keys, uint32_t key_count)
{
    static const char value[BENCH_VALUE_BYTES] = {1};

    for (uint32_t i = 0; i < key_count; i++) {
        enum pgcw_status status = pgcw_cache_put(
            cache, (struct pgcw_bytes){keys[i].bytes, BENCH_KEY_BYTES},
            (struct pgcw_bytes){value, sizeof(value)}, pgcw_cache_stamp(cache),
            NULL);

        if (status != PGCW_OK) {
            (void)fprintf(stderr, "put: %s\n", pgcw_status_text(status));
            return false;
        }
    }
    return true;
}

static bool
open_library(const struct bench_key *keys, uint32_t key_count)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_error error;

    options.max_entries = key_count;
    options.max_bytes = UINT64_C(1) << 32;
    if (pgcw_listener_open(NULL, &listener, &error) != PGCW_OK ||
        pgcw_cache_create(listener, &options, &cache, &error) != PGCW_OK) {
        (void)fprintf(stderr, "%s\n", error.detail);
        return false;
    }
    return fill(keys, key_count);
}

static void
close_library(void)
{
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    cache = NULL;
    listener = NULL;
}

static size_t
look_up(const struct bench_key *keys, const uint32_t *drawn, size_t count)
{
    size_t hit_count = 0;

    for (size_t i = 0; i < count; i++) {
        struct pgcw_bytes key = {keys[drawn[i]].bytes, BENCH_KEY_BYTES};
        struct pgcw_bytes value;

        pgcw_read_begin();
        if (pgcw_cache_lookup(cache, key, &value) == PGCW_OK) {
            hit_count += *(const unsigned char *)value.data;
        }
        pgcw_read_end();
    }
    return hit_count;
}

const struct bench_subject bench_library = {"pgcachewatch", open_library,
                                            close_library, look_up};
