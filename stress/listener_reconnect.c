/* SPDX-License-Identifier: MIT */
/*
 * The listener's server process is ended at random while threads write,
 * sync, and read: what a thread knows to be committed and synced is never
 * missed, neither in the gap nor after it.
 */
#include <stdlib.h>
#include <time.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support.h"
#include "support/server_client.h"
#include "support/versions.h"

#define DATABASE "pgcw_stress_reconnect"
#define CHANNEL "ch_stress"
#define PATIENCE_MS 20000
#define ROWS 8

static struct stress stress = {.thread_count = 4, .seconds = 2};
static struct pgcw_listener *listener;
static struct pgcw_cache *cache;
/* Of each row, the newest version that is known to be synced. */
static _Atomic int64_t known[ROWS];
static _Atomic uint64_t sync_count;
static _Atomic uint64_t read_count;
static _Atomic uint64_t end_count;

struct thread {
    unsigned int number;
};

/* relaxed: counts, read after the join */
static void
count(_Atomic uint64_t *counter, uint64_t more)
{
    atomic_fetch_add_explicit(counter, more, memory_order_relaxed);
}

/* relaxed: see count() */
static unsigned long long
counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/*
 * ORDER: our look at the version before our read of the cache. Pairs with:
 * raise_known(). Without it: the read may miss what was synced.
 */
static int64_t
load_known(int row)
{
    return atomic_load_explicit(&known[row], memory_order_acquire);
}

/* ORDER: the sync before the version. Pairs with: load_known(). */
static void
raise_known(int row, int64_t version)
{
    int64_t before = load_known(row);

    while (before < version &&
           !atomic_compare_exchange_weak_explicit(&known[row], &before, version,
                                                  memory_order_release,
                                                  memory_order_relaxed)) {
    }
}

static void
write_and_sync(PGconn *server, int row)
{
    int64_t version = versions_raise(server, "orders", row + 1);

    if (version < 0 || pgcw_listener_sync(listener, PATIENCE_MS) != PGCW_OK) {
        stress_fail(&stress, "no sync of version %lld", (long long)version);
        return;
    }
    raise_known(row, version);
    count(&sync_count, 1);
}

static void
read_row(PGconn *server, int row)
{
    int64_t least = load_known(row);
    int64_t looked_up = versions_lookup(cache, row + 1);

    if (looked_up != -1 && looked_up < least) {
        stress_fail(&stress, "lookup gave %lld, but %lld is synced",
                    (long long)looked_up, (long long)least);
    }
    least = load_known(row);
    int64_t fetched = versions_fetch(cache, server, "orders", row + 1);
    if (fetched < least) {
        stress_fail(&stress, "fetch gave %lld, but %lld is synced",
                    (long long)fetched, (long long)least);
    }
    count(&read_count, 1);
}

static void
end_listeners(PGconn *server, struct stress_random *random)
{
    struct timespec pause = {
        .tv_nsec = 1000000L * (1 + (long)stress_random_below(random, 60)),
    };
    /* while it opens only now and then, or it never would be open */
    bool is_due = pgcw_listener_read_state(listener) == PGCW_LISTENER_LIVE ||
                  stress_random_below(random, 32) == 0;
    int64_t ended = is_due ? server_end_listeners(server) : 0;

    if (ended > 0) {
        count(&end_count, (uint64_t)ended);
    }
    /* the pace of the faults, not a wait for something */
    (void)nanosleep(&pause, NULL);
}

/* Thread 0 ends listeners, the even ones write, the odd ones read. */
static void *
run(void *context)
{
    const struct thread *thread = context;
    struct stress_random random = stress_random_of(&stress, thread->number);
    PGconn *server = server_connect(DATABASE);

    if (server == NULL) {
        stress_fail(&stress, "no connection");
    }
    while (server != NULL && !stress_is_over(&stress)) {
        int row = (int)stress_random_below(&random, ROWS);

        if (thread->number == 0) {
            end_listeners(server, &random);
        } else if (thread->number % 2 == 0) {
            write_and_sync(server, row);
        } else {
            read_row(server, row);
        }
    }
    PQfinish(server);
    return NULL;
}

static bool
open_all(void)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    options.channel = CHANNEL;
    options.transport = stress.transport;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 10;
    return pgcw_listener_open(&options, &listener, NULL) == PGCW_OK &&
           pgcw_cache_create(listener, NULL, &cache, NULL) == PGCW_OK;
}

int
main(int argc, char **argv)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;
    struct thread threads[64];
    PGconn *server;

    stress_start(&stress, "listener_reconnect", argc, argv);
    server = server_make_database(DATABASE);
    if (server == NULL || setenv("PGDATABASE", DATABASE, 1) != 0 ||
        !server_make_table(server, "orders", ROWS, CHANNEL) ||
        stress.thread_count < 3 || stress.thread_count > 64 || !open_all()) {
        return 2;
    }
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        threads[i].number = i;
    }
    stress_run_threads(&stress, run, threads, sizeof(threads[0]));
    if (pgcw_listener_sync(listener, PATIENCE_MS) != PGCW_OK) {
        stress_fail(&stress, "the last connection was not made again");
    }
    pgcw_listener_read_stats(listener, &stats);
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    server_drop_database(server, DATABASE);
    if (stats.connects < 2) {
        stress_fail(&stress, "the connection was never lost");
    }
    return stress_finish(
        &stress, "%llu ended, %llu connects, %llu syncs, %llu reads",
        counted(&end_count), (unsigned long long)stats.connects,
        counted(&sync_count), counted(&read_count));
}
