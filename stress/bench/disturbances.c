/* SPDX-License-Identifier: MIT */
/* What is done to the cache while it is read: see readers.c. */
#include "readers.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "support.h"

#define PER_SECOND 100000
#define PATIENCE_NS (30 * RIG_NS_PER_SECOND)
#define OWN_TABLE "read"
#define OTHER_TABLE "written"

static void
put(struct scene *scene, const struct rig_key *key, const char *table)
{
    enum pgcw_status status;
    int64_t deadline_ns = stress_now_ns() + PATIENCE_NS;

    /* as much may wait to be freed as may */
    while ((status = rig_put(scene->cache, key, table)) == PGCW_NO_MEMORY &&
           stress_now_ns() < deadline_ns) {
    }
    if (status != PGCW_OK) {
        bench_fail("put: %s", pgcw_status_text(status));
    }
}

static void
step_arithmetic(struct scene *scene, int64_t now_ns)
{
    struct stress_random random = {(uint64_t)now_ns | 1};

    for (unsigned i = 0; i < 100; i++) {
        (void)stress_random_next(&random);
    }
    scene->steps += random.state != 0;
}

static void
step_memory(struct scene *scene, int64_t now_ns)
{
    static struct {
        _Alignas(64) char bytes[64];
    } lines[1u << 20];
    struct stress_random random = {(uint64_t)now_ns | 1};

    for (unsigned i = 0; i < 100; i++) {
        lines[stress_random_next(&random) % BENCH_COUNT_OF(lines)].bytes[0]++;
    }
    scene->steps++;
}

static void
step_keys(struct scene *scene, int64_t now_ns)
{
    while ((now_ns - scene->begin_ns) * PER_SECOND >
           (int64_t)scene->steps * RIG_NS_PER_SECOND) {
        const struct rig_key *key = &scene->victims[scene->steps++ % VICTIMS];

        pgcw_cache_invalidate(scene->cache,
                              (struct pgcw_bytes){key->bytes, RIG_KEY_BYTES});
    }
}

static void
invalidate_row(struct scene *scene, const struct rig_key *key)
{
    struct pgcw_tag tag = {"public", OTHER_TABLE, {key->bytes, RIG_KEY_BYTES}};

    if (pgcw_cache_invalidate_tag(scene->cache, &tag) != PGCW_OK) {
        bench_fail("a row was not invalidated");
    }
}

static void
step_rows(struct scene *scene, int64_t now_ns)
{
    while ((now_ns - scene->begin_ns) * PER_SECOND >
           (int64_t)scene->steps * RIG_NS_PER_SECOND) {
        invalidate_row(scene, &scene->victims[scene->steps++ % VICTIMS]);
    }
}

static void
prepare_everything(struct scene *scene)
{
    for (uint32_t i = 0; i < scene->other_count; i++) {
        struct rig_key key = rig_key_of('o', i);

        put(scene, &key, OTHER_TABLE);
    }
}

static struct pgcw_cache_stats
stats_of(struct scene *scene)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    pgcw_cache_read_stats(scene->cache, &stats);
    return stats;
}

static void
wait_everything(struct scene *scene)
{
    struct pgcw_event event = {.operation = PGCW_UPDATE,
                               .channel = PGCW_DEFAULT_CHANNEL,
                               .schema = "public",
                               .table = OTHER_TABLE};
    int64_t deadline_ns = stress_now_ns() + PATIENCE_NS;
    struct timespec moment = {0, 1000000};
    struct pgcw_cache_stats stats;
    struct pgcw_error error;

    if (pgcw_event_emit(scene->connection, &event, &error) != PGCW_OK) {
        bench_fail("emit: %s", error.detail);
    }
    do {
        (void)nanosleep(&moment, NULL);
        stats = stats_of(scene);
    } while ((stats.entries > scene->key_count || stats.reclaim_waiting > 0) &&
             stress_now_ns() < deadline_ns);
    if (stats.entries > scene->key_count) {
        bench_fail("%" PRIu64 " invalid entries are still there",
                   stats.entries);
    }
}

static void
step_eviction(struct scene *scene, int64_t now_ns)
{
    struct rig_key key = rig_key_of('e', scene->next_stored);

    (void)now_ns;
    if (rig_put(scene->cache, &key, OTHER_TABLE) == PGCW_OK) {
        scene->next_stored++;
        scene->steps++;
    }
}

const struct disturbance quiet = {"quiet", NULL, NULL, NULL};
const struct disturbance disturbances[] = {
    {"arithmetic", NULL, step_arithmetic, NULL},
    {"memory", NULL, step_memory, NULL},
    {"keys", NULL, step_keys, NULL},
    {"rows", NULL, step_rows, NULL},
    {"everything", prepare_everything, NULL, wait_everything},
};
const unsigned disturbance_count = BENCH_COUNT_OF(disturbances);
const struct disturbance eviction = {"eviction", NULL, step_eviction, NULL};

void
restore_missing(struct scene *scene)
{
    for (uint32_t i = 0; i < scene->key_count; i++) {
        if (!rig_is_hit(scene->cache, &scene->keys[i])) {
            put(scene, &scene->keys[i], OWN_TABLE);
        }
    }
}

static bool
are_all_hits(struct scene *scene)
{
    bool are_all = true;

    for (uint32_t i = 0; i < scene->key_count && are_all; i++) {
        are_all = rig_is_hit(scene->cache, &scene->keys[i]);
    }
    return are_all;
}

void
find_victims(struct scene *scene)
{
    uint32_t found = 0;

    restore_missing(scene);
    for (uint32_t i = 0; found < VICTIMS; i++) {
        struct rig_key key = rig_key_of('v', i);

        pgcw_cache_invalidate(scene->cache,
                              (struct pgcw_bytes){key.bytes, RIG_KEY_BYTES});
        invalidate_row(scene, &key);
        if (are_all_hits(scene)) {
            scene->victims[found++] = key;
        } else {
            restore_missing(scene);
        }
    }
}
