/* SPDX-License-Identifier: MIT */
/*
 * Bulk read-through: pgcw_cache_fetch_many().
 *
 * Model: the missing keys become parts, each with a seat in the flight of its
 * key: its owner's, or a waiter's. In a round all flights that we own are
 * loaded and completed first, and only then do we wait for others'. So who
 * waits owns no flight that is not completed, and there is no circle of those
 * who wait, whatever the order of their keys. Parts that got nothing from
 * another's flight have a seat anew, in the next round.
 */
#include <pgcachewatch/many.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/status.h"
#include "cache/age.h"
#include "cache/fetch.h"
#include "cache/outage.h"
#include "cache/pin.h"
#include "cache/refresh.h"

/* A missing key. */
struct part {
    struct pgcw_item *item;
    struct pgcwi_key key;
    bool is_repeated; /* the part before has the same key: as that fares */
    bool is_waiting;
    struct pgcwi_seat seat;
    struct pgcwi_load load;
    struct pgcwi_entry *old; /* held; NULL: this is no refresh */
    /* the result; PGCW_BUSY: nothing was had yet */
    enum pgcw_status status;
    struct pgcwi_entry *entry; /* held */
    struct pgcw_fill fill;
};

struct batch {
    struct pgcw_cache *cache;
    struct pgcw_many_loader loader;
    struct pgcw_error error;   /* of a part; status PGCW_OK: none has failed */
    int64_t place_deadline_ns; /* until then a load must have begun */
    struct part *parts;
    size_t part_count;
    /* of the round: the parts to load, and what the loader is given */
    struct part **own;
    struct pgcw_bytes *keys;
    struct pgcw_fill **fills;
    size_t own_count;
};

/* PGCW_LEASED: the caller has a valid value, pinned, and shall refresh it. */
static void
take_hit(struct pgcw_cache *cache, struct pgcw_item *item)
{
    struct pgcwi_key key = pgcwi_cache_key(cache, item->key);
    struct pgcwi_entry *entry = NULL;
    enum pgcw_status status =
        pgcwi_cache_pin(cache, &key, PGCWI_ANY_AGE, &entry);

    item->pin = NULL;
    item->status = pgcwi_pin_give(status, entry, &item->pin);
    if (status == PGCW_OK && pgcwi_refresh_claim(cache, entry)) {
        item->status = PGCW_LEASED;
    }
}

static bool
is_missing(const struct pgcw_item *item)
{
    return item->status == PGCW_MISS || item->status == PGCW_LEASED;
}

static bool
batch_init(struct batch *batch, size_t part_count)
{
    batch->parts = pgcwi_alloc_array(part_count, sizeof(*batch->parts));
    batch->own = pgcwi_alloc_array(part_count, sizeof(void *));
    batch->keys = pgcwi_alloc_array(part_count, sizeof(*batch->keys));
    batch->fills = pgcwi_alloc_array(part_count, sizeof(void *));
    return batch->parts != NULL && batch->own != NULL && batch->keys != NULL &&
           batch->fills != NULL;
}

static void
batch_fini(struct batch *batch)
{
    pgcwi_free(batch->parts);
    pgcwi_free(batch->own);
    pgcwi_free(batch->keys);
    pgcwi_free(batch->fills);
}

/* By hash, then by bytes: those of the same key stand together. */
static int
compare(const void *left, const void *right)
{
    const struct part *a = left;
    const struct part *b = right;

    if (a->key.hash != b->key.hash) {
        return a->key.hash < b->key.hash ? -1 : 1;
    }
    if (a->key.bytes.size != b->key.bytes.size) {
        return a->key.bytes.size < b->key.bytes.size ? -1 : 1;
    }
    return a->key.bytes.size == 0 ? 0
                                  : memcmp(a->key.bytes.data, b->key.bytes.data,
                                           a->key.bytes.size);
}

static void
forget_old(struct part *part)
{
    pgcwi_reclaim_release(part->old);
    part->old = NULL;
}

/* An old value whose key has a second part is invalid: that one missed it. */
static void
mark_repeated(struct batch *batch)
{
    for (size_t i = 1; i < batch->part_count; i++) {
        struct part *part = &batch->parts[i];

        part->is_repeated = compare(part - 1, part) == 0;
        if (part->is_repeated) {
            forget_old(part - 1);
            forget_old(part);
        }
    }
}

static void
make_parts(struct batch *batch, struct pgcw_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct part *part = &batch->parts[batch->part_count];

        if (is_missing(&items[i])) {
            part->item = &items[i];
            part->key = pgcwi_cache_key(batch->cache, items[i].key);
            part->old =
                items[i].pin != NULL ? pgcwi_pin_entry(items[i].pin) : NULL;
            part->status = PGCW_BUSY;
            items[i].pin = NULL;
            batch->part_count++;
        }
    }
    qsort(batch->parts, batch->part_count, sizeof(*batch->parts), compare);
    mark_repeated(batch);
}

/* What a part has in the end, or PGCW_BUSY. */
static void
conclude(struct batch *batch, struct part *part, enum pgcw_status status,
         const struct pgcw_error *error)
{
    if (part->old != NULL) {
        status =
            pgcwi_refresh_settle(batch->cache, status, part->old, &part->entry);
        part->old = NULL;
    }
    part->status = status;
    if (part->entry == NULL && status != PGCW_BUSY) {
        batch->error = *error;
        pgcwi_fetch_explain(batch->cache, status, &batch->error);
    }
}

/* Without a load of our own: the old value, or what the cache has now. */
static void
take_cached(struct batch *batch, struct part *part)
{
    if (part->old != NULL) {
        part->entry = part->old;
        part->old = NULL;
        part->status = PGCW_OK;
        return;
    }
    const struct pgcw_error unexplained = {.status = PGCW_OK};
    enum pgcw_status status =
        pgcwi_cache_pin(batch->cache, &part->key, PGCWI_ANY_AGE, &part->entry);
    conclude(batch, part, status == PGCW_MISS ? PGCW_BUSY : status,
             &unexplained);
}

/* Without a load, for whatever reason. */
static void
take_nothing(struct batch *batch, struct part *part, enum pgcw_status status)
{
    const struct pgcw_error unexplained = {.status = PGCW_OK};

    conclude(batch, part, status, &unexplained);
}

static void
take_own(struct batch *batch, struct part *part)
{
    struct pgcwi_flight *flight = part->seat.flight;

    part->load = (struct pgcwi_load){
        .cache = batch->cache,
        .key = &part->key,
        .stamp =
            flight != NULL ? flight->stamp : pgcw_cache_stamp(batch->cache),
        .flight = flight,
    };
    pgcwi_fill_init(&part->fill, &batch->cache->tags, &part->key);
    batch->own[batch->own_count] = part;
    batch->keys[batch->own_count] = part->key.bytes;
    batch->fills[batch->own_count] = &part->fill;
    batch->own_count++;
}

static void
take_seat(struct batch *batch, struct part *part)
{
    struct pgcw_cache *cache = batch->cache;
    struct pgcwi_want want = {&part->key, part->old, PGCWI_ANY_AGE,
                              cache->load_timeout_ns};

    if (pgcwi_outage_miss(cache) != PGCW_MISS) {
        take_nothing(batch, part, PGCW_DISCONNECTED);
        return;
    }
    if (!pgcwi_stamps_is_open(&cache->stamps)) {
        part->seat.flight = NULL;
        take_own(batch, part);
        return;
    }
    switch (pgcwi_fetch_join(cache, &want, &part->seat)) {
    case PGCWI_JOIN_OWNER:
        take_own(batch, part);
        break;
    case PGCWI_JOIN_WAITER:
        part->is_waiting = part->old == NULL;
        if (part->old != NULL) {
            pgcwi_flight_leave(part->seat.flight);
            take_cached(batch, part);
        }
        break;
    case PGCWI_JOIN_CACHED:
        take_cached(batch, part);
        break;
    case PGCWI_JOIN_NO_MEMORY:
        take_nothing(batch, part, PGCW_NO_MEMORY);
        break;
    }
}

static void
finish_own(struct batch *batch, struct part *part, enum pgcw_status status,
           struct pgcw_error error)
{
    if (part->old != NULL) {
        pgcwi_cache_count(batch->cache, PGCWI_REFRESHES);
    }
    if (status == PGCW_OK && !part->fill.has_value) {
        status = PGCW_NOT_FOUND;
    }
    status = pgcwi_fetch_finish(&part->load, status, &part->fill, &error,
                                &part->entry);
    pgcwi_fill_fini(&part->fill);
    conclude(batch, part, status, &error);
}

static void
postpone_own(struct batch *batch)
{
    for (size_t i = 0; i < batch->own_count; i++) {
        if (batch->own[i]->seat.flight != NULL) {
            pgcwi_flight_postpone(batch->own[i]->seat.flight,
                                  batch->place_deadline_ns);
        }
    }
}

static void
begin_own(struct batch *batch)
{
    struct pgcw_stamp stamp = pgcw_cache_stamp(batch->cache);
    int64_t deadline_ns =
        pgcwi_clock_monotonic_ns() + batch->cache->load_timeout_ns;

    for (size_t i = 0; i < batch->own_count; i++) {
        struct part *part = batch->own[i];

        part->load.stamp = stamp;
        if (part->seat.flight != NULL) {
            pgcwi_flight_begin(part->seat.flight, stamp, deadline_ns);
        }
    }
}

/* One for all of them, which then begin. */
static enum pgcw_status
take_place(struct batch *batch)
{
    if (pgcwi_load_limit_try(&batch->cache->load_limit)) {
        return PGCW_OK;
    }
    postpone_own(batch);
    enum pgcw_status status =
        pgcwi_fetch_wait_for_place(batch->cache, batch->place_deadline_ns);
    if (status == PGCW_OK) {
        begin_own(batch);
    }
    return status;
}

/* Whoever waits for one of them tries for himself. */
static void
give_up_own(struct batch *batch, enum pgcw_status status)
{
    for (size_t i = 0; i < batch->own_count; i++) {
        struct part *part = batch->own[i];

        if (part->seat.flight != NULL) {
            pgcwi_flight_complete(part->seat.flight, PGCW_BUSY, NULL, NULL);
        }
        pgcwi_fill_fini(&part->fill);
        take_nothing(batch, part, status);
    }
    batch->own_count = 0;
}

static void
load_own(struct batch *batch)
{
    struct pgcw_error error = {.status = PGCW_OK};
    enum pgcw_status status;

    if (batch->own_count == 0) {
        return;
    }
    status = take_place(batch);
    if (status != PGCW_OK) {
        give_up_own(batch, status);
        return;
    }
    pgcwi_cache_count(batch->cache, PGCWI_LOADS);
    int64_t begun_ns = pgcwi_clock_monotonic_ns();
    status = batch->loader.load(batch->loader.context, batch->keys,
                                batch->fills, batch->own_count, &error);
    pgcwi_load_limit_give_back(&batch->cache->load_limit);
    status = pgcwi_fetch_judge(batch->cache, status, begun_ns, &error);
    for (size_t i = 0; i < batch->own_count; i++) {
        finish_own(batch, batch->own[i], status, error);
    }
    batch->own_count = 0;
}

static void
wait_for_other(struct batch *batch, struct part *part)
{
    struct pgcw_error error = {.status = PGCW_OK};
    enum pgcw_status status =
        pgcwi_fetch_wait(batch->cache, &part->seat, batch->place_deadline_ns,
                         &part->entry, &error);

    part->is_waiting = false;
    if (status == PGCW_BEHIND) {
        status = PGCW_BUSY; /* in the next round he may have to load it */
    }
    conclude(batch, part, status, &error);
}

/* Whether another round is needed. */
static bool
run_round(struct batch *batch)
{
    struct part *end = batch->parts + batch->part_count;
    bool is_done = true;

    for (struct part *part = batch->parts; part < end; part++) {
        if (part->status == PGCW_BUSY && !part->is_repeated) {
            take_seat(batch, part);
        }
    }
    load_own(batch);
    for (struct part *part = batch->parts; part < end; part++) {
        if (part->is_waiting) {
            wait_for_other(batch, part);
        }
        is_done = is_done && (part->status != PGCW_BUSY || part->is_repeated);
    }
    return !is_done;
}

static void
give_all(struct batch *batch)
{
    struct part *end = batch->parts + batch->part_count;

    for (struct part *part = batch->parts; part < end; part++) {
        if (part->is_repeated) {
            part->status = part[-1].status;
            part->entry = part[-1].entry;
        }
        if (part->is_repeated && part->entry != NULL) {
            pgcwi_entry_hold(part->entry);
        }
    }
    for (struct part *part = batch->parts; part < end; part++) {
        part->item->status =
            pgcwi_pin_give(part->status, part->entry, &part->item->pin);
    }
}

/* No memory for the parts. */
static void
give_up(struct batch *batch, struct pgcw_item *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (items[i].status == PGCW_LEASED) {
            items[i].status = PGCW_OK; /* with the old value, as a hit */
        } else if (items[i].status == PGCW_MISS) {
            items[i].status = pgcwi_error_set(&batch->error, PGCW_NO_MEMORY,
                                              "no memory for a load");
        }
    }
}

static void
load_missing(struct batch *batch, struct pgcw_item *items, size_t count,
             size_t missing_count)
{
    if (batch_init(batch, missing_count)) {
        make_parts(batch, items, count);
        while (run_round(batch)) {
        }
        give_all(batch);
    } else {
        give_up(batch, items, count);
    }
    batch_fini(batch);
}

static enum pgcw_status
refuse(struct pgcw_item *items, size_t count, struct pgcw_error *error)
{
    for (size_t i = 0; i < count; i++) {
        items[i].pin = NULL;
        items[i].status = PGCW_INVALID_ARGUMENT;
    }
    return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                           "at most %d items in a call", PGCW_ITEMS_MAX);
}

enum pgcw_status
pgcw_cache_fetch_many(struct pgcw_cache *cache, struct pgcw_item *items,
                      size_t count, struct pgcw_many_loader loader,
                      struct pgcw_error *error)
{
    struct batch batch = {
        .cache = cache,
        .loader = loader,
        .place_deadline_ns =
            pgcwi_clock_monotonic_ns() + cache->load_timeout_ns,
    };
    size_t missing_count = 0;

    if (count > PGCW_ITEMS_MAX) {
        return refuse(items, count, error);
    }
    for (size_t i = 0; i < count; i++) {
        take_hit(cache, &items[i]);
        missing_count += is_missing(&items[i]);
        if (items[i].status == PGCW_DISCONNECTED) {
            pgcwi_fetch_explain(cache, PGCW_DISCONNECTED, &batch.error);
        }
    }
    if (missing_count > 0) {
        load_missing(&batch, items, count, missing_count);
    }
    if (error != NULL && batch.error.status != PGCW_OK) {
        *error = batch.error;
    }
    return batch.error.status;
}
