/* SPDX-License-Identifier: MIT */
/* A loader of many keys, and calls that use it. */
#ifndef TESTS_SUPPORT_LOAD_MANY_H
#define TESTS_SUPPORT_LOAD_MANY_H

#include <pgcachewatch/many.h>

#include "support/load.h"

#define KEYS_MAX 8

/*
 * Gives each key the text, a colon and the key as its value; a key that
 * begins with "absent" none. Each fill gets the tag of the row of its key.
 */
struct load_many {
    struct pgcw_cache *cache;
    enum pgcw_status status;
    const char *text;
    struct pgcw_error error;
    /* what it does in the middle; may be NULL */
    void (*middle)(struct load_many *load);
    bool has_tags;
    struct gate has_begun;
    struct gate may_end;
    atomic_uint count;
    atomic_uint key_count;
};

#define LOAD_MANY_OF(cache, text)                                            \
    {                                                                        \
        (cache), PGCW_OK, (text), {PGCW_OK, "", ""}, NULL, false, GATE_INIT, \
            GATE_INIT, 0, 0                                                  \
    }

static inline unsigned
count_of(const atomic_uint *count)
{
    /* relaxed: read after the threads that load were joined */
    return atomic_load_explicit(count, memory_order_relaxed);
}

static inline enum pgcw_status
fill_one(const struct load_many *load, struct pgcw_bytes key,
         struct pgcw_fill *fill)
{
    struct pgcw_tag tag = {"public", "orders", key};
    char text[100];

    if (load->has_tags && pgcw_fill_add_tag(fill, &tag) != PGCW_OK) {
        return PGCW_INTERNAL;
    }
    if (key.size >= 6 && memcmp(key.data, "absent", 6) == 0) {
        return PGCW_OK;
    }
    (void)snprintf(text, sizeof(text), "%s:%.*s", load->text, (int)key.size,
                   (const char *)key.data);
    return pgcw_fill_set_value(fill, bytes_of(text));
}

static inline enum pgcw_status
load_many_as_told(void *context, const struct pgcw_bytes *keys,
                  struct pgcw_fill *const *fills, size_t count,
                  struct pgcw_error *error)
{
    struct load_many *load = context;
    enum pgcw_status status = PGCW_OK;

    /* relaxed: only counts */
    atomic_fetch_add_explicit(&load->count, 1, memory_order_relaxed);
    /* relaxed: as above */
    atomic_fetch_add_explicit(&load->key_count, (unsigned)count,
                              memory_order_relaxed);
    gate_open(&load->has_begun);
    if (load->middle != NULL) {
        load->middle(load);
    }
    for (size_t i = 0; i < count && status == PGCW_OK; i++) {
        status = fill_one(load, keys[i], fills[i]);
    }
    if (load->status != PGCW_OK) {
        *error = load->error;
        return load->status;
    }
    return status;
}

static inline void
wait_until_told_many(struct load_many *load)
{
    gate_wait(&load->may_end);
}

/* A call for the keys up to the first NULL, maybe in a thread of its own. */
struct fetch_many {
    struct load_many *load;
    const char *keys[KEYS_MAX];
    pthread_t thread;
    struct pgcw_item items[KEYS_MAX];
    enum pgcw_status status;
    struct pgcw_error error;
};

static inline void *
run_fetch_many(void *context)
{
    struct fetch_many *fetch = context;
    struct pgcw_many_loader loader = {load_many_as_told, fetch->load};
    size_t count = 0;

    for (; count < KEYS_MAX && fetch->keys[count] != NULL; count++) {
        fetch->items[count].key = bytes_of(fetch->keys[count]);
    }
    fetch->status = pgcw_cache_fetch_many(fetch->load->cache, fetch->items,
                                          count, loader, &fetch->error);
    return NULL;
}

static inline void
start_fetch_many(struct fetch_many *fetch)
{
    if (pthread_create(&fetch->thread, NULL, run_fetch_many, fetch) != 0) {
        abort();
    }
}

static inline bool
item_has(const struct pgcw_item *item, const char *text)
{
    return item->status == PGCW_OK && item->pin != NULL &&
           is_text(pgcw_pin_value(item->pin), text);
}

static inline void
release_items(struct fetch_many *fetch)
{
    for (int i = 0; i < KEYS_MAX; i++) {
        pgcw_pin_release(fetch->items[i].pin);
        fetch->items[i].pin = NULL;
    }
}

/* Joins the thread. */
static inline void
end_fetch_many(struct fetch_many *fetch)
{
    pthread_join(fetch->thread, NULL);
}

#endif
