/* SPDX-License-Identifier: MIT */
/*
 * No read is older than an invalidation that was finished before it (P1).
 *
 * The database is an array of versions. A writer raises the version of a
 * key, invalidates, and then says that the version is applied. A reader
 * takes the applied version first, reads by whatever way the cache offers,
 * and must not get less. The loads take their time between reading the
 * database and storing, so that many are overtaken; some fail. Time runs
 * fast, so that values become due for a refresh.
 */
#include "support.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/many.h>

#include "base/clock.h"
#include "cache/cache.h"

#define KEY_COUNT 16u
#define LONGEST_LOAD 2000u /* short steps */
#define OPERATIONS_BETWEEN_LOOKS 64u
#define ITEMS_MAX 6u

struct world {
    /* immutable after start */
    struct stress *stress;
    struct pgcw_cache *cache;
    /* shared; a key's are written by one thread */
    _Atomic uint64_t written[KEY_COUNT];
    _Atomic uint64_t applied[KEY_COUNT];
};

struct worker {
    struct world *world;
    unsigned int number;
    struct stress_random random;
    struct pgcw_buffer buffer;
    uint64_t invalidation_count;
    uint64_t read_count;
};

static struct pgcw_bytes
key_of(const uint32_t *key)
{
    return (struct pgcw_bytes){key, sizeof(*key)};
}

/* What a SELECT would give, after a while. */
static uint64_t
load_version(struct worker *worker, uint32_t key)
{
    /*
     * ORDER: our stamp, taken before, before this look at the database.
     * Pairs with: commit(). Without it: the load would see less than the
     * notification that its stamp covers.
     */
    uint64_t version = atomic_load_explicit(&worker->world->written[key],
                                            memory_order_acquire);

    stress_random_delay(&worker->random, LONGEST_LOAD);
    return version;
}

static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    uint32_t number;

    (void)error;
    memcpy(&number, key.data, sizeof(number));
    uint64_t version = load_version(context, number);
    return pgcw_fill_set_value(fill,
                               (struct pgcw_bytes){&version, sizeof(version)});
}

static enum pgcw_status
load_or_fail(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
             struct pgcw_error *error)
{
    struct worker *worker = context;

    return stress_random_below(&worker->random, 16) == 0
               ? PGCW_LOAD_FAILED
               : load(context, key, fill, error);
}

static enum pgcw_status
load_many(void *context, const struct pgcw_bytes *keys,
          struct pgcw_fill *const *fills, size_t count,
          struct pgcw_error *error)
{
    struct worker *worker = context;
    enum pgcw_status status = PGCW_OK;

    if (stress_random_below(&worker->random, 16) == 0) {
        return PGCW_LOAD_FAILED;
    }
    for (size_t i = 0; i < count && status == PGCW_OK; i++) {
        status = load(context, keys[i], fills[i], error);
    }
    return status;
}

static void
invalidate(struct worker *worker, uint32_t key)
{
    struct pgcw_cache *cache = worker->world->cache;

    switch (stress_random_below(&worker->random, 8)) {
    case 0:
        pgcwi_cache_flush(cache);
        break;
    case 1:
        pgcwi_stamps_close(&cache->stamps);
        pgcwi_stamps_open(&cache->stamps);
        break;
    case 2:
    case 3:
        pgcw_cache_invalidate_all(cache);
        break;
    default:
        pgcw_cache_invalidate(cache, key_of(&key));
        break;
    }
    worker->invalidation_count++;
}

/* What a commit and its event do, to a key that is ours alone. */
static void
commit(struct worker *worker, uint32_t key)
{
    struct world *world = worker->world;
    /* relaxed: only we write it */
    uint64_t version =
        atomic_load_explicit(&world->written[key], memory_order_relaxed) + 1;

    /*
     * ORDER: the version before the invalidation, which is release, too.
     * Pairs with: load_version(). Without it: see there.
     */
    atomic_store_explicit(&world->written[key], version, memory_order_release);
    stress_random_delay(&worker->random, LONGEST_LOAD / 4);
    invalidate(worker, key);
    /*
     * ORDER: the invalidation before the word that it is applied.
     * Pairs with: applied_version(). Without it: a reader would expect too
     * much.
     */
    atomic_store_explicit(&world->applied[key], version, memory_order_release);
    if (stress_random_below(&worker->random, 16) == 0) {
        (void)pgcwi_cache_sweep(world->cache);
    }
}

static bool
look_up(struct worker *worker, uint32_t key, uint64_t *version)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    bool is_hit = pgcw_cache_lookup(worker->world->cache, key_of(&key),
                                    &value) == PGCW_OK;
    if (is_hit) {
        memcpy(version, value.data, sizeof(*version));
    }
    pgcw_read_end();
    return is_hit;
}

static bool
fetch(struct worker *worker, uint32_t key, uint64_t *version)
{
    struct pgcw_loader loader = {load_or_fail, worker};

    if (pgcw_cache_fetch(worker->world->cache, key_of(&key), loader,
                         &worker->buffer, NULL) != PGCW_OK) {
        return false;
    }
    memcpy(version, worker->buffer.data, sizeof(*version));
    return true;
}

static bool
fetch_pinned(struct worker *worker, uint32_t key, uint64_t *version)
{
    struct pgcw_loader loader = {load_or_fail, worker};
    struct pgcw_pin *pin;

    if (pgcw_cache_fetch_pinned(worker->world->cache, key_of(&key), loader,
                                &pin, NULL) != PGCW_OK) {
        return false;
    }
    memcpy(version, pgcw_pin_value(pin).data, sizeof(*version));
    pgcw_pin_release(pin);
    return true;
}

static bool
acquire(struct worker *worker, uint32_t key, uint64_t *version)
{
    struct pgcw_lease *lease;
    enum pgcw_status status = pgcw_cache_acquire(
        worker->world->cache, key_of(&key), &worker->buffer, &lease);

    if (status == PGCW_LEASED) {
        *version = load_version(worker, key);
        (void)pgcw_lease_fill(
            lease, (struct pgcw_bytes){version, sizeof(*version)}, NULL);
        return true;
    }
    if (status == PGCW_OK) {
        memcpy(version, worker->buffer.data, sizeof(*version));
    }
    return status == PGCW_OK;
}

static bool
put(struct worker *worker, uint32_t key, uint64_t *version)
{
    struct pgcw_cache *cache = worker->world->cache;
    struct pgcw_stamp stamp = pgcw_cache_stamp(cache);

    *version = load_version(worker, key);
    return pgcw_cache_put(cache, key_of(&key),
                          (struct pgcw_bytes){version, sizeof(*version)}, stamp,
                          NULL) == PGCW_OK;
}

static uint64_t
applied_version(const struct worker *worker, uint32_t key)
{
    /*
     * ORDER: our look at what is applied before our look at the cache.
     * Pairs with: commit(). Without it: see there.
     */
    return atomic_load_explicit(&worker->world->applied[key],
                                memory_order_acquire);
}

static void
check(struct worker *worker, const char *way, uint64_t version,
      uint64_t applied)
{
    worker->read_count++;
    if (version < applied) {
        stress_fail(worker->world->stress,
                    "by %s: version %" PRIu64 ", but %" PRIu64 " was applied",
                    way, version, applied);
    }
}

static void
read_one(struct worker *worker, uint32_t key)
{
    static const struct {
        const char *name;
        bool (*read)(struct worker *, uint32_t, uint64_t *);
    } ways[] = {{"lookup", look_up},  {"lookup", look_up},
                {"lookup", look_up},  {"fetch", fetch},
                {"fetch", fetch},     {"fetch_pinned", fetch_pinned},
                {"acquire", acquire}, {"put", put}};
    uint32_t way = stress_random_below(&worker->random, 8);
    uint64_t applied = applied_version(worker, key);
    uint64_t version;

    if (ways[way].read(worker, key, &version)) {
        check(worker, ways[way].name, version, applied);
    }
}

/* Some may be the same. */
static void
read_many(struct worker *worker)
{
    struct pgcw_many_loader loader = {load_many, worker};
    uint32_t count = 1 + stress_random_below(&worker->random, ITEMS_MAX);
    struct pgcw_item items[ITEMS_MAX];
    uint32_t keys[ITEMS_MAX];
    uint64_t applied[ITEMS_MAX];
    uint64_t version;

    for (uint32_t i = 0; i < count; i++) {
        keys[i] = stress_random_below(&worker->random, KEY_COUNT);
        items[i].key = key_of(&keys[i]);
        applied[i] = applied_version(worker, keys[i]);
    }
    bool has_all = pgcw_cache_fetch_many(worker->world->cache, items, count,
                                         loader, NULL) == PGCW_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (items[i].status != PGCW_OK && has_all) {
            stress_fail(worker->world->stress, "a failure was not told");
        }
        if (items[i].status == PGCW_OK) {
            memcpy(&version, pgcw_pin_value(items[i].pin).data,
                   sizeof(version));
            check(worker, "fetch_many", version, applied[i]);
        }
        pgcw_pin_release(items[i].pin);
    }
}

static void
read_somehow(struct worker *worker, uint32_t key)
{
    if (stress_random_below(&worker->random, 8) == 0) {
        read_many(worker);
    } else {
        read_one(worker, key);
    }
    if (stress_random_below(&worker->random, 16) == 0) {
        pgcwi_clock_advance_ns(PGCWI_NS_PER_MS);
    }
}

/* Every fourth thread writes, the first among them. */
static void *
work(void *context)
{
    struct worker *worker = context;
    struct world *world = worker->world;
    unsigned int writer_count = (world->stress->thread_count + 3) / 4;
    bool is_writer = worker->number % 4 == 0;

    worker->random = stress_random_of(world->stress, worker->number);
    while (!stress_is_over(world->stress)) {
        for (uint32_t i = 0; i < OPERATIONS_BETWEEN_LOOKS; i++) {
            uint32_t key = stress_random_below(&worker->random, KEY_COUNT);

            if (!is_writer) {
                read_somehow(worker, key);
            } else if (key % writer_count == worker->number / 4) {
                commit(worker, key);
            }
        }
    }
    pgcw_buffer_free(&worker->buffer);
    return NULL;
}

static struct pgcw_cache *
open_cache(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    options.refresh_after_ms = 1;
    if (pgcwi_cache_open(&options, &cache, NULL) != PGCW_OK) {
        (void)fprintf(stderr, "no cache\n");
        exit(1);
    }
    pgcwi_stamps_open(&cache->stamps);
    return cache;
}

int
main(int argc, char **argv)
{
    static struct worker workers[256];
    struct stress stress = {.thread_count = 8, .seconds = 10};
    static struct world world;
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;
    uint64_t read_count = 0;
    uint64_t invalidation_count = 0;

    stress_start(&stress, "cache_read_vs_invalidate", argc, argv);
    world.stress = &stress;
    world.cache = open_cache();
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        workers[i].world = &world;
        workers[i].number = i;
    }
    stress_run_threads(&stress, work, workers, sizeof(workers[0]));
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        read_count += workers[i].read_count;
        invalidation_count += workers[i].invalidation_count;
    }
    pgcw_cache_read_stats(world.cache, &stats);
    if (stress.thread_count > 1 && stats.fills_refused_stale == 0) {
        stress_fail(&stress, "no load was overtaken: nothing was tried");
    }
    if (stress.thread_count > 1 && stats.refreshes == 0) {
        stress_fail(&stress, "no value was refreshed: nothing was tried");
    }
    pgcwi_cache_close(world.cache);
    return stress_finish(&stress,
                         "%" PRIu64 " reads, %" PRIu64 " hits, %" PRIu64
                         " invalidations, %" PRIu64 " loads overtaken, %" PRIu64
                         " refreshes",
                         read_count, stats.hits, invalidation_count,
                         stats.fills_refused_stale, stats.refreshes);
}
