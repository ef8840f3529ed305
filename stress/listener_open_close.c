/* SPDX-License-Identifier: MIT */
/*
 * Listeners open and close, with caches, while a writer goes on: nothing
 * hangs, no thread or descriptor is left, and what was synced is not missed.
 * Some close while they still connect.
 */
#include <stdio.h>
#include <stdlib.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support.h"
#include "support/process.h"
#include "support/server_client.h"
#include "support/versions.h"

#define DATABASE "pgcw_stress_open_close"
#define CHANNEL "ch_stress"

static struct stress stress = {.thread_count = 4, .seconds = 2};
static _Atomic uint64_t open_count;

struct opener {
    unsigned int number;
};

static void
use_cache(struct pgcw_listener *listener, PGconn *server, int id)
{
    struct pgcw_cache *cache = NULL;

    if (pgcw_cache_create(listener, NULL, &cache, NULL) != PGCW_OK) {
        stress_fail(&stress, "no cache");
        return;
    }
    (void)versions_fetch(cache, server, "orders", id);
    int64_t version = versions_raise(server, "orders", id);
    if (pgcw_listener_sync(listener, PATIENCE_MS) != PGCW_OK) {
        stress_fail(&stress, "sync took too long");
    }
    int64_t fetched = versions_fetch(cache, server, "orders", id);
    if (fetched < version) {
        stress_fail(&stress, "version %lld, but %lld is synced",
                    (long long)fetched, (long long)version);
    }
    pgcw_cache_destroy(cache);
}

static void
open_and_close(struct stress_random *random, PGconn *server, int id)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error;

    options.channel = CHANNEL;
    options.worker_count = 1 + stress_random_below(random, 4);
    options.ring_capacity = 4u << stress_random_below(random, 8);
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.open_in_background = stress_random_below(random, 2);
    if (pgcw_listener_open(&options, &listener, &error) != PGCW_OK) {
        stress_fail(&stress, "open: %s", error.detail);
        return;
    }
    if (stress_random_below(random, 3) > 0) {
        use_cache(listener, server, id);
    } else {
        stress_random_delay(random, 1000000);
    }
    pgcw_listener_close(listener);
    /* relaxed: a count, read after the join */
    atomic_fetch_add_explicit(&open_count, 1, memory_order_relaxed);
}

static void *
run(void *context)
{
    const struct opener *opener = context;
    struct stress_random random = stress_random_of(&stress, opener->number);
    PGconn *server = server_connect(DATABASE);

    if (server == NULL) {
        stress_fail(&stress, "no connection");
    }
    while (server != NULL && !stress_is_over(&stress)) {
        open_and_close(&random, server, 1 + (int)opener->number);
    }
    PQfinish(server);
    return NULL;
}

int
main(int argc, char **argv)
{
    struct opener openers[64];
    PGconn *server;

    stress_start(&stress, "listener_open_close", argc, argv);
    start_rcu_thread();
    server = server_make_database(DATABASE);
    if (server == NULL || setenv("PGDATABASE", DATABASE, 1) != 0 ||
        !server_make_table(server, "orders", 64, CHANNEL) ||
        stress.thread_count > 64) {
        return 2;
    }
    int descriptors = count_descriptors();
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        openers[i].number = i;
    }
    stress_run_threads(&stress, run, openers, sizeof(openers[0]));
    if (await_library_threads(0) != 0) {
        stress_fail(&stress, "%d threads are left", count_library_threads());
    }
    if (count_descriptors() != descriptors) {
        stress_fail(&stress, "%d descriptors were open, %d are", descriptors,
                    count_descriptors());
    }
    server_drop_database(server, DATABASE);
    return stress_finish(
        &stress, "%llu listeners",
        (unsigned long long)atomic_load_explicit(
            &open_count, memory_order_relaxed)); /* relaxed: joined */
}
