/* SPDX-License-Identifier: MIT */
/*
 * More notifications than a small ring takes: the socket is drained all the
 * same, so the server's queue stays empty; what is dropped flushes; and in
 * each pause, after a sync, no cached value is older than the table's.
 */
#include <stdio.h>
#include <stdlib.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support.h"
#include "support/server_client.h"
#include "support/versions.h"

#define DATABASE "pgcw_stress_flood"
#define CHANNEL "ch_stress"
#define PATIENCE_MS 20000
#define ROWS 32
#define BURST 2000

static struct stress stress = {.thread_count = 3, .seconds = 2};
static struct pgcw_listener *small_ring;
static struct pgcw_listener *large_ring;
static struct pgcw_cache *caches[2];

struct writer {
    unsigned int number;
};

static void
flood(PGconn *server, unsigned int writer)
{
    /* a row changes in the middle: it must not be missed among the rest */
    if (!server_runf(server,
                     "BEGIN; SELECT pg_notify('" CHANNEL "', json_build_object("
                     "'operation', 'update', 'table', '%u_' || i,"
                     " 'sent_at', now())::text)"
                     " FROM generate_series(1, %d) AS i;"
                     "UPDATE orders SET version = version + 1"
                     " WHERE id %% %u = %u; COMMIT",
                     writer, BURST, stress.thread_count, writer)) {
        stress_fail(&stress, "the flood was refused");
    }
}

static void
warm_caches(PGconn *server)
{
    for (int id = 1; id <= ROWS; id++) {
        (void)versions_fetch(caches[0], server, "orders", id);
        (void)versions_fetch(caches[1], server, "orders", id);
    }
}

/* The table may have changed meanwhile, but it never goes back. */
static void
check_row(PGconn *server, int id)
{
    char sql[80];

    (void)snprintf(sql, sizeof(sql), "SELECT version FROM orders WHERE id = %d",
                   id);
    int64_t version = server_number(server, sql);
    if (pgcw_listener_sync(small_ring, PATIENCE_MS) != PGCW_OK ||
        pgcw_listener_sync(large_ring, PATIENCE_MS) != PGCW_OK) {
        stress_fail(&stress, "sync took too long");
        return;
    }
    for (int i = 0; i < 2; i++) {
        int64_t cached = versions_lookup(caches[i], id);

        if (cached != -1 && cached < version) {
            stress_fail(&stress, "cache %d has %lld, the table had %lld", i,
                        (long long)cached, (long long)version);
        }
    }
}

static void *
run(void *context)
{
    const struct writer *writer = context;
    struct stress_random random = stress_random_of(&stress, writer->number);
    PGconn *server = server_connect(DATABASE);

    if (server == NULL) {
        stress_fail(&stress, "no connection");
    }
    while (server != NULL && !stress_is_over(&stress)) {
        warm_caches(server);
        flood(server, writer->number);
        check_row(server, 1 + (int)stress_random_below(&random, ROWS));
    }
    PQfinish(server);
    return NULL;
}

/* With it, all go through the ring; without, the listener's thread helps. */
static void
ignore(void *context, const struct pgcw_event *event)
{
    (void)context;
    (void)event;
}

static struct pgcw_listener *
open_listener(uint32_t ring_capacity, pgcw_event_fn *on_event,
              struct pgcw_cache **cache)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *listener = NULL;
    /* so that only a flush, or its own event, can invalidate a cache */
    const struct pgcw_table orders = {NULL, "orders"};
    struct pgcw_greedy_options greedy = PGCW_GREEDY_OPTIONS_INIT;
    struct pgcw_cache_options cache_options = PGCW_CACHE_OPTIONS_INIT;

    greedy.filter.tables = &orders;
    greedy.filter.table_count = 1;
    options.channel = CHANNEL;
    options.ring_capacity = ring_capacity;
    options.on_event = on_event;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    if (pgcw_greedy_create(&greedy, &cache_options.strategy, NULL) != PGCW_OK ||
        pgcw_listener_open(&options, &listener, NULL) != PGCW_OK ||
        pgcw_cache_create(listener, &cache_options, cache, NULL) != PGCW_OK) {
        (void)fprintf(stderr, "no listener\n");
        exit(2);
    }
    return listener;
}

static void
check_quiet(PGconn *server)
{
    if (server_number(server, "SELECT ceil(1e6 * "
                              "pg_notification_queue_usage())") != 0) {
        stress_fail(&stress, "the server's queue is not empty");
    }
    for (int id = 1; id <= ROWS; id++) {
        check_row(server, id);
    }
}

int
main(int argc, char **argv)
{
    struct pgcw_listener_stats small = PGCW_LISTENER_STATS_INIT;
    struct pgcw_listener_stats large = PGCW_LISTENER_STATS_INIT;
    struct writer writers[64];
    PGconn *server;

    stress_start(&stress, "notify_flood", argc, argv);
    server = server_make_database(DATABASE);
    if (server == NULL || setenv("PGDATABASE", DATABASE, 1) != 0 ||
        !server_make_table(server, "orders", ROWS, CHANNEL) ||
        stress.thread_count > 64) {
        return 2;
    }
    small_ring = open_listener(16, ignore, &caches[0]);
    large_ring = open_listener(1u << 20, NULL, &caches[1]);
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        writers[i].number = i;
    }
    int64_t began_ns = stress_now_ns();
    stress_run_threads(&stress, run, writers, sizeof(writers[0]));
    check_quiet(server);
    double seconds = (double)(stress_now_ns() - began_ns) / 1e9;
    pgcw_listener_read_stats(small_ring, &small);
    pgcw_listener_read_stats(large_ring, &large);
    pgcw_cache_destroy(caches[0]);
    pgcw_cache_destroy(caches[1]);
    pgcw_listener_close(small_ring);
    pgcw_listener_close(large_ring);
    server_drop_database(server, DATABASE);
    if (small.messages_dropped == 0) {
        stress_fail(&stress, "the small ring was never full");
    }
    if (large.messages_dropped != 0) {
        stress_fail(&stress, "the large ring was full");
    }
    return stress_finish(&stress,
                         "%llu heard, %llu dropped by the small ring, "
                         "%.0f events/s",
                         (unsigned long long)large.messages_heard,
                         (unsigned long long)small.messages_dropped,
                         (double)large.events_applied / seconds);
}
