/* SPDX-License-Identifier: MIT */
/* A loader that does as it is told, and says what was done with it. */
#ifndef TESTS_SUPPORT_LOAD_H
#define TESTS_SUPPORT_LOAD_H

#include <sched.h>
#include <stdatomic.h>

#include "support/cache.h"
#include "support/gate.h"

struct load {
    struct pgcw_cache *cache;
    /* what it returns; the text only with PGCW_OK, NULL writes nothing */
    enum pgcw_status status;
    const char *text;
    struct pgcw_error error;
    /* what it does in the middle; may be NULL */
    void (*middle)(struct load *load);
    struct gate has_begun;
    struct gate may_end;
    atomic_uint count;
};

#define LOAD_OF(cache, text)                                          \
    {                                                                 \
        (cache), PGCW_OK, (text), {PGCW_OK, "", ""}, NULL, GATE_INIT, \
            GATE_INIT, 0                                              \
    }

static inline unsigned
load_count(const struct load *load)
{
    /* relaxed: read after the threads that load were joined */
    return atomic_load_explicit(&load->count, memory_order_relaxed);
}

static inline enum pgcw_status
load_as_told(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
             struct pgcw_error *error)
{
    struct load *load = context;

    (void)key;
    /* relaxed: only a count */
    atomic_fetch_add_explicit(&load->count, 1, memory_order_relaxed);
    gate_open(&load->has_begun);
    if (load->middle != NULL) {
        load->middle(load);
    }
    if (load->status != PGCW_OK) {
        *error = load->error;
        return load->status;
    }
    return load->text != NULL ? pgcw_fill_set_value(fill, bytes_of(load->text))
                              : PGCW_OK;
}

static inline struct pgcw_loader
loader_of(struct load *load)
{
    return (struct pgcw_loader){.load = load_as_told, .context = load};
}

/* For `middle`. */
static inline void
wait_until_told(struct load *load)
{
    gate_wait(&load->may_end);
}

static inline void
wait_for_waiters(struct pgcw_cache *cache, uint64_t waiter_count)
{
    while (stats_of(cache).flight_waits < waiter_count) {
        sched_yield();
    }
}

static inline void
wait_for_place_waits(struct pgcw_cache *cache, uint64_t count)
{
    while (stats_of(cache).place_waits < count) {
        sched_yield();
    }
}

/* A fetch in a thread of its own. */
struct fetch {
    struct pgcw_cache *cache;
    const char *key;
    struct pgcw_loader loader;
    pthread_t thread;
    enum pgcw_status status;
    struct pgcw_buffer value;
    struct pgcw_error error;
};

static inline void *
run_fetch(void *context)
{
    struct fetch *fetch = context;

    fetch->status =
        pgcw_cache_fetch(fetch->cache, bytes_of(fetch->key), fetch->loader,
                         &fetch->value, &fetch->error);
    return NULL;
}

static inline void
start_fetch_with(struct fetch *fetch, struct pgcw_cache *cache, const char *key,
                 struct pgcw_loader loader)
{
    *fetch = (struct fetch){.cache = cache, .key = key, .loader = loader};
    if (pthread_create(&fetch->thread, NULL, run_fetch, fetch) != 0) {
        abort();
    }
}

static inline void
start_fetch(struct fetch *fetch, const char *key, struct load *load)
{
    start_fetch_with(fetch, load->cache, key, loader_of(load));
}

/* Joins the thread. Whether it got this text, or, for NULL, a failure. */
static inline bool
end_fetch_with(struct fetch *fetch, const char *text)
{
    pthread_join(fetch->thread, NULL);
    bool is_as_told = text != NULL ? fetch->status == PGCW_OK &&
                                         holds_text(&fetch->value, text)
                                   : fetch->status != PGCW_OK;
    pgcw_buffer_free(&fetch->value);
    return is_as_told;
}

/* A fetch in this thread: whether it got this text. */
static inline bool
fetches_text(struct load *load, const char *key, const char *text)
{
    struct fetch fetch = {
        .cache = load->cache, .key = key, .loader = loader_of(load)};

    run_fetch(&fetch);
    bool is_as_told = fetch.status == PGCW_OK && holds_text(&fetch.value, text);
    pgcw_buffer_free(&fetch.value);
    return is_as_told;
}

#endif
