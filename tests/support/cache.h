/* SPDX-License-Identifier: MIT */
/* Caches for tests: open, and without a listener. */
#ifndef TESTS_SUPPORT_CACHE_H
#define TESTS_SUPPORT_CACHE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache/cache.h"
#include "cache/reader.h"

static inline struct pgcw_cache *
open_cache_with(const struct pgcw_cache_options *options)
{
    struct pgcw_cache *cache = NULL;

    if (pgcwi_cache_open(options, &cache, NULL) != PGCW_OK) {
        (void)fprintf(stderr, "no cache for the test\n");
        abort();
    }
    pgcwi_stamps_open(&cache->stamps);
    return cache;
}

static inline struct pgcw_cache *
open_cache(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    return open_cache_with(&options);
}

static inline struct pgcw_bytes
bytes_of(const char *text)
{
    return (struct pgcw_bytes){text, strlen(text)};
}

static inline bool
is_text(struct pgcw_bytes bytes, const char *text)
{
    return bytes.size == strlen(text) &&
           (bytes.size == 0 || memcmp(bytes.data, text, bytes.size) == 0);
}

/* An entry with it is too large for a slab: it is allocated for itself. */
static inline const char *
large_text(void)
{
    static char text[PGCWI_SLAB_MOST_BYTES + 1];

    memset(text, 'x', sizeof(text) - 1);
    return text;
}

static inline bool
holds_text(const struct pgcw_buffer *buffer, const char *text)
{
    return is_text((struct pgcw_bytes){buffer->data, buffer->size}, text);
}

static inline enum pgcw_status
put_text(struct pgcw_cache *cache, const char *key, const char *value)
{
    return pgcw_cache_put(cache, bytes_of(key), bytes_of(value),
                          pgcw_cache_stamp(cache), NULL);
}

/* Whether a lookup is a hit with this text, or, for NULL, a miss. */
static inline bool
has_text(struct pgcw_cache *cache, const char *key, const char *text)
{
    struct pgcw_bytes value = {NULL, 0};
    bool is_as_told;

    pgcw_read_begin();
    if (pgcw_cache_lookup(cache, bytes_of(key), &value) == PGCW_OK) {
        is_as_told = text != NULL && is_text(value, text);
    } else {
        is_as_told = text == NULL;
    }
    pgcw_read_end();
    return is_as_told;
}

static inline bool
has_nothing(struct pgcw_cache *cache, const char *key)
{
    return has_text(cache, key, NULL);
}

static inline struct pgcw_cache_stats
stats_of(struct pgcw_cache *cache)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    pgcw_cache_read_stats(cache, &stats);
    return stats;
}

/* What was taken out of the table is freed, but for what is pinned. */
static inline void
wait_for_removals(struct pgcw_cache *cache)
{
    pthread_mutex_lock(&cache->write_lock);
    pgcwi_reader_begin(); /* liburcu wants to know its caller */
    pgcwi_reclaim_flush(&cache->reclaim);
    pgcwi_reader_end();
    pthread_mutex_unlock(&cache->write_lock);
    urcu_memb_barrier();
    PGCWI_TAKEN(&cache->reclaim);
}

static inline uint32_t
slot_of(const struct pgcw_cache *cache, const char *text)
{
    struct pgcwi_key key = pgcwi_cache_key(cache, bytes_of(text));

    return pgcwi_stamps_key_slot(&cache->stamps, key.hash);
}

/* A key that shares no slot with another one. */
static inline void
make_key_of_other_slot(const struct pgcw_cache *cache, const char *key,
                       char other[16])
{
    unsigned i = 0;

    do {
        (void)snprintf(other, 16, "other-%u", i++);
    } while (slot_of(cache, other) == slot_of(cache, key));
}

#endif
