/* SPDX-License-Identifier: MIT */
/*
 * One transaction with very many notifications: nothing is lost, and memory
 * stays bounded.
 *
 *     big_transaction [NOTIFICATIONS]
 *
 * A row changes in the middle of it. After a sync no old value of the row may
 * be cached, and every notification was either applied or became a flush. It
 * is done with workers that do their work, and with a strategy that is stuck
 * until all was heard, so that the ring is full; each three times, as memory
 * must not grow with the number of transactions. Prints a line of JSON each;
 * the exit code is the verdict.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <pgcachewatch/pgcachewatch.h>

#include "base/clock.h"
#include "support/door.h"
#include "support/server_client.h"
#include "support/versions.h"

#define DATABASE "pgcw_stress_big"
#define CHANNEL "ch_big"
#define DEFAULT_COUNT 1000000
#define TRANSACTIONS 3
#define RING 65536 /* the default */
/* What the ring holds, of short payloads, and what else there is. */
#define LIMIT_BYTES (RING * UINT64_C(256) + (UINT64_C(8) << 20))

struct run {
    const char *name;
    uint64_t notification_count; /* of a transaction */
    PGconn *server;
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
    struct door door;
    bool is_stuck;
    int failure_count;
};

static void
fail(struct run *run, const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", run->name, what);
    run->failure_count++;
}

/* The most that the process ever had. */
static uint64_t
peak_bytes(void)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)usage.ru_maxrss * 1024;
}

static struct pgcw_listener_stats
stats_of(const struct run *run)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    pgcw_listener_read_stats(run->listener, &stats);
    return stats;
}

static enum pgcw_decision
decide(void *context, const struct pgcw_event *event)
{
    struct run *run = context;

    if (run->is_stuck) {
        door_pass(&run->door);
    }
    /* only a flush makes anything invalid, and the event of the row */
    return event->table[0] == 'o' ? PGCW_INVALIDATE : PGCW_KEEP;
}

static bool
open_run(struct run *run)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options cache_options = PGCW_CACHE_OPTIONS_INIT;

    options.channel = CHANNEL;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.ring_capacity = RING;
    callbacks.decide = decide;
    callbacks.context = run;
    return pgcw_listener_open(&options, &run->listener, NULL) == PGCW_OK &&
           pgcw_strategy_create(&callbacks, &cache_options.strategy, NULL) ==
               PGCW_OK &&
           pgcw_cache_create(run->listener, &cache_options, &run->cache,
                             NULL) == PGCW_OK;
}

/* The payloads differ: the server would fold them. */
static bool
notify_all(PGconn *server, uint64_t first, uint64_t last)
{
    return server_runf(server,
                       "SELECT count(pg_notify('" CHANNEL "',"
                       " json_build_object('operation', 'insert', 'table',"
                       " i::text, 'sent_at', now())::text))"
                       " FROM generate_series(%" PRIu64 ", %" PRIu64 ") AS i",
                       first, last);
}

static bool
commit_notifications(struct run *run)
{
    uint64_t half = run->notification_count / 2;

    return server_run(run->server, "BEGIN") &&
           notify_all(run->server, 1, half) &&
           versions_raise(run->server, "orders", 1) > 0 &&
           notify_all(run->server, half + 1, run->notification_count) &&
           server_run(run->server, "COMMIT");
}

/* Until so many were heard; false: not within PATIENCE_MS. */
static bool
await_heard(struct run *run, uint64_t count)
{
    int64_t end_ns = pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

    while (stats_of(run).messages_heard < count) {
        if (pgcwi_clock_monotonic_ns() > end_ns ||
            !server_run(run->server, "SELECT pg_sleep(0.001)")) {
            return false;
        }
    }
    return true;
}

static void
check_quiet(struct run *run, uint64_t heard_count)
{
    struct pgcw_listener_stats stats = stats_of(run);

    if (versions_lookup(run->cache, 1) != -1) {
        fail(run, "an old value is cached");
    }
    if (stats.messages_heard != heard_count ||
        stats.messages_dropped + stats.events_applied != heard_count) {
        fail(run, "a notification was lost");
    }
    if (pgcw_listener_read_state(run->listener) != PGCW_LISTENER_LIVE) {
        fail(run, "the listener is not LIVE");
    }
    if (server_number(run->server, "SELECT ceil(1e9 * "
                                   "pg_notification_queue_usage())") != 0) {
        fail(run, "the server's queue is not empty");
    }
}

/* Returns nanoseconds from its COMMIT to the end of a sync. */
static int64_t
run_transaction(struct run *run, uint64_t number)
{
    uint64_t heard_count = number * (run->notification_count + 1);

    door_init(&run->door);
    if (!versions_put(run->cache, 1, 0)) {
        fail(run, "nothing could be stored");
    }
    bool is_committed = commit_notifications(run);
    int64_t committed_ns = pgcwi_clock_monotonic_ns();
    bool is_heard = is_committed && await_heard(run, heard_count);

    door_open(&run->door);
    if (!is_heard ||
        pgcw_listener_sync(run->listener, PATIENCE_MS) != PGCW_OK) {
        fail(run, "not all was heard in time");
    }
    int64_t applied_ns = pgcwi_clock_monotonic_ns() - committed_ns;
    check_quiet(run, heard_count);
    door_fini(&run->door);
    return applied_ns;
}

/* Returns the number of failures. */
static int
run_all(PGconn *server, uint64_t count, bool is_stuck)
{
    struct run run = {.name = is_stuck ? "stuck" : "flowing",
                      .notification_count = count,
                      .server = server,
                      .is_stuck = is_stuck};
    uint64_t bytes[TRANSACTIONS + 1];
    int64_t longest_ns = 0;

    if (!open_run(&run)) {
        fail(&run, "no listener");
        return run.failure_count;
    }
    bytes[0] = peak_bytes();
    for (uint64_t i = 1; i <= TRANSACTIONS; i++) {
        int64_t applied_ns = run_transaction(&run, i);

        longest_ns = applied_ns > longest_ns ? applied_ns : longest_ns;
        bytes[i] = peak_bytes();
    }
    if (bytes[TRANSACTIONS] - bytes[0] > LIMIT_BYTES) {
        fail(&run, "it took more memory than the ring explains");
    }
    struct pgcw_listener_stats stats = stats_of(&run);
    (void)printf("{\"bench\": \"big_transaction\", \"workers\": \"%s\""
                 ", \"notifications\": %" PRIu64 ", \"applied\": %" PRIu64
                 ", \"dropped\": %" PRIu64
                 ", \"longest_from_commit_ms\": %.0f, \"resident_kb_before\":"
                 " %" PRIu64 ", \"grown_kb\": [%" PRIu64 ", %" PRIu64
                 ", %" PRIu64 "]}\n",
                 run.name, stats.messages_heard, stats.events_applied,
                 stats.messages_dropped, (double)longest_ns / 1e6,
                 bytes[0] / 1024, (bytes[1] - bytes[0]) / 1024,
                 (bytes[2] - bytes[0]) / 1024, (bytes[3] - bytes[0]) / 1024);
    pgcw_cache_destroy(run.cache);
    pgcw_listener_close(run.listener);
    return run.failure_count;
}

int
main(int argc, char **argv)
{
    uint64_t count =
        argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)DEFAULT_COUNT;
    PGconn *server;

    if (count < 2) {
        (void)fprintf(stderr, "usage: big_transaction [NOTIFICATIONS]\n");
        return 2;
    }
    server = server_make_database(DATABASE);
    if (server == NULL || setenv("PGDATABASE", DATABASE, 1) != 0 ||
        !server_make_table(server, "orders", 1, CHANNEL)) {
        return 2;
    }
    int failure_count = run_all(server, count, false);
    failure_count += run_all(server, count, true);
    server_drop_database(server, DATABASE);
    return failure_count == 0 ? 0 : 1;
}
