/* SPDX-License-Identifier: MIT */
/*
 * The shared library, as a user has it: only what its headers have. A cache
 * serves only while its listener is live, hence a server is needed.
 *
 * In the variant each entry depends on a row of its own.
 */
#include "subject.h"

#include <stdio.h>

#include <pgcachewatch/pgcachewatch.h>

struct store {
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
};

static struct store plain;
static struct store tagged;

static bool
put(struct pgcw_cache *cache, const struct bench_key *key, bool has_tag)
{
    static const char value[BENCH_VALUE_BYTES] = {1};
    struct pgcw_bytes bytes = {key->bytes, BENCH_KEY_BYTES};
    struct pgcw_tag tag = {"public", "orders", bytes};
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.tags = &tag;
    options.tag_count = has_tag ? 1 : 0;
    enum pgcw_status status =
        pgcw_cache_put(cache, bytes, (struct pgcw_bytes){value, sizeof(value)},
                       pgcw_cache_stamp(cache), &options);
    if (status != PGCW_OK) {
        (void)fprintf(stderr, "put: %s\n", pgcw_status_text(status));
    }
    return status == PGCW_OK;
}

static bool
open_store(struct store *store, const struct bench_key *keys,
           uint32_t key_count)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_error error;
    bool is_put = true;

    options.max_entries = key_count;
    options.max_bytes = UINT64_MAX;
    if (pgcw_listener_open(NULL, &store->listener, &error) != PGCW_OK ||
        pgcw_cache_create(store->listener, &options, &store->cache, &error) !=
            PGCW_OK) {
        (void)fprintf(stderr, "%s\n", error.detail);
        return false;
    }
    for (uint32_t i = 0; i < key_count && is_put; i++) {
        is_put = put(store->cache, &keys[i], store == &tagged);
    }
    return is_put;
}

static bool
open_plain(const struct bench_key *keys, uint32_t key_count)
{
    return open_store(&plain, keys, key_count);
}

static bool
open_tagged(const struct bench_key *keys, uint32_t key_count)
{
    return open_store(&tagged, keys, key_count);
}

static void
close_store(struct store *store)
{
    pgcw_cache_destroy(store->cache);
    pgcw_listener_close(store->listener);
    *store = (struct store){NULL, NULL};
}

static void
close_plain(void)
{
    close_store(&plain);
}

static void
close_tagged(void)
{
    close_store(&tagged);
}

static inline unsigned
hit(struct pgcw_cache *cache, const struct bench_key *key)
{
    struct pgcw_bytes bytes = {key->bytes, BENCH_KEY_BYTES};
    struct pgcw_bytes value;
    unsigned found = 0;

    pgcw_read_begin();
    if (pgcw_cache_lookup(cache, bytes, &value) == PGCW_OK) {
        found = *(const unsigned char *)value.data;
    }
    pgcw_read_end();
    return found;
}

static inline unsigned
hit_plain(const struct bench_key *key)
{
    return hit(plain.cache, key);
}

static inline unsigned
hit_tagged(const struct bench_key *key)
{
    return hit(tagged.cache, key);
}

static size_t
look_up_plain(const struct bench_key *keys, size_t count, bool is_dependent)
{
    return bench_look_up(hit_plain, keys, count, is_dependent);
}

static size_t
look_up_tagged(const struct bench_key *keys, size_t count, bool is_dependent)
{
    return bench_look_up(hit_tagged, keys, count, is_dependent);
}

struct pgcw_cache *
subject_library_cache(void)
{
    return plain.cache;
}

const struct bench_subject subject_library = {
    .name = "pgcachewatch",
    .note = "through the shared library, a read section for each hit",
    .open = open_plain,
    .close = close_plain,
    .look_up = look_up_plain,
};

const struct bench_subject subject_library_row_tag = {
    .name = "pgcachewatch",
    .variant = "row tags",
    .note = "through the shared library; each entry depends on a row",
    .open = open_tagged,
    .close = close_tagged,
    .look_up = look_up_tagged,
};
