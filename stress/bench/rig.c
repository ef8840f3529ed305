/* SPDX-License-Identifier: MIT */
#include "rig.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void
rig_result(const struct bench_options *options, const char *parameters,
           const char *metric, const char *unit, double *figures)
{
    bench_results_add(
        &(struct bench_result){"pgcachewatch", parameters, metric, unit, NULL},
        figures, options->repetitions);
}

struct rig_key
rig_key_of(char space, uint32_t number)
{
    struct rig_key key;
    char text[RIG_KEY_BYTES + 1];

    (void)snprintf(text, sizeof(text), "%c:%014" PRIu32, space, number);
    memcpy(key.bytes, text, sizeof(key.bytes));
    return key;
}

struct pgcw_listener *
rig_open_listener(void)
{
    struct pgcw_listener *listener;
    struct pgcw_error error;

    if (pgcw_listener_open(NULL, &listener, &error) != PGCW_OK) {
        bench_fail("%s", error.detail);
    }
    return listener;
}

struct pgcw_cache *
rig_open_cache(struct pgcw_listener *listener, uint64_t max_entries)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache;
    struct pgcw_error error;

    options.max_entries = max_entries;
    options.max_bytes = UINT64_C(1) << 40;
    if (pgcw_cache_create(listener, &options, &cache, &error) != PGCW_OK) {
        bench_fail("%s", error.detail);
    }
    return cache;
}

enum pgcw_status
rig_put(struct pgcw_cache *cache, const struct rig_key *key, const char *table)
{
    static const char value[RIG_VALUE_BYTES] = {1};
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_bytes bytes = {key->bytes, RIG_KEY_BYTES};
    struct pgcw_tag tag = {"public", table, bytes};

    options.tags = &tag;
    options.tag_count = 1;
    return pgcw_cache_put(cache, bytes,
                          (struct pgcw_bytes){value, sizeof(value)},
                          pgcw_cache_stamp(cache), &options);
}

bool
rig_is_hit(struct pgcw_cache *cache, const struct rig_key *key)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    bool is_hit =
        pgcw_cache_lookup(cache, (struct pgcw_bytes){key->bytes, RIG_KEY_BYTES},
                          &value) == PGCW_OK &&
        *(const char *)value.data == 1;
    pgcw_read_end();
    return is_hit;
}
