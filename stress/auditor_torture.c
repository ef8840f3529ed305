/* SPDX-License-Identifier: MIT */
/*
 * The auditor watches while threads write and read, and the listener's server
 * process is ended while there are writes: it must find nothing missed. Then
 * it is given what is broken, a cache that is deaf and a table whose changes
 * are not told: it must find out.
 *
 * Any later event makes the whole cache invalid, and hides that one was lost.
 * So writes come in bursts, the listener is ended near the end of some, and in
 * the quiet after it the auditor has the time to look twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support.h"
#include "support/server_client.h"
#include "support/versions.h"

#define DATABASE "pgcw_stress_auditor"
#define CHANNEL "ch_auditor"
#define PUBLICATION "pb_pgcachewatch_table_change_" CHANNEL
#define PATIENCE_MS 20000
#define NS_PER_MS INT64_C(1000000)
#define ROWS 8
#define HITS_A_ROUND 100
#define CYCLE_MS 600
#define BURST_MS 100
#define LAST_MS 10 /* of a burst */
#define LOOK_AGAIN_MS 300

static struct stress stress = {.thread_count = 4, .seconds = 2};
static struct pgcw_listener *listener;
static struct pgcw_cache *cache;
static struct pgcw_auditor *auditor;
static PGconn *auditors; /* the auditor's own connection */
static _Atomic uint64_t write_count;
static _Atomic uint64_t read_count;
static _Atomic uint64_t end_count;

struct thread {
    unsigned int number;
    int64_t last_cycle; /* in which it ended a listener */
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

static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    char sql[80];
    int id;

    (void)context;
    (void)error;
    memcpy(&id, key.data, sizeof(id));
    (void)snprintf(sql, sizeof(sql), "SELECT version FROM orders WHERE id = %d",
                   id);
    int64_t version = server_number(auditors, sql);
    return version < 0
               ? PGCW_LOAD_FAILED
               : pgcw_fill_set_value(
                     fill, (struct pgcw_bytes){&version, sizeof(version)});
}

/* Runs on the auditor's thread. */
static void
tell(void *context, const struct pgcw_finding *finding)
{
    int64_t versions[2];

    (void)context;
    if (finding->verdict != PGCW_VERDICT_MISSED) {
        return;
    }
    memcpy(&versions[0], finding->cached.data, sizeof(versions[0]));
    memcpy(&versions[1], finding->loaded.data, sizeof(versions[1]));
    stress_fail(&stress, "missed: %lld is cached, %lld was read %lld ms ago",
                (long long)versions[0], (long long)versions[1],
                (long long)(finding->late_ns / NS_PER_MS));
}

static struct pgcw_auditor_stats
audit_stats(void)
{
    struct pgcw_auditor_stats stats = PGCW_AUDITOR_STATS_INIT;

    pgcw_auditor_read_stats(auditor, &stats);
    return stats;
}

static void
close_all(void)
{
    pgcw_auditor_stop(auditor);
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    auditor = NULL;
    cache = NULL;
    listener = NULL;
}

/* `table` NULL: the cache heeds every event. */
static bool
open_cache(const struct pgcw_table *table)
{
    struct pgcw_greedy_options greedy = PGCW_GREEDY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    greedy.filter.tables = table;
    greedy.filter.table_count = table != NULL ? 1 : 0;
    if (pgcw_greedy_create(&greedy, &options.strategy, NULL) != PGCW_OK) {
        return false;
    }
    if (pgcw_cache_create(listener, &options, &cache, NULL) != PGCW_OK) {
        pgcw_strategy_destroy(options.strategy);
        return false;
    }
    return true;
}

/* The auditor looks twice, a heartbeat apart: short where it is to find
 * something, so that it does so soon. */
static bool
open_all(uint32_t heartbeat_interval_ms, const struct pgcw_table *table,
         pgcw_finding_fn *on_finding)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_auditor_options audit = PGCW_AUDITOR_OPTIONS_INIT;

    options.channel = CHANNEL;
    options.transport = stress.transport;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_interval_ms = heartbeat_interval_ms;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 10;
    audit.load = load;
    audit.sample_every = 1;
    audit.max_per_second = 1000;
    audit.on_finding = on_finding;
    return pgcw_listener_open(&options, &listener, NULL) == PGCW_OK &&
           open_cache(table) &&
           pgcw_auditor_start(listener, cache, &audit, &auditor, NULL) ==
               PGCW_OK;
}

static void
pause_ms(long duration_ms)
{
    struct timespec pause = {.tv_nsec = duration_ms * NS_PER_MS};

    /* the pace of writes and faults, not a wait for something */
    (void)nanosleep(&pause, NULL);
}

static int64_t
in_cycle_ms(void)
{
    return stress_now_ns() / NS_PER_MS % CYCLE_MS;
}

static void
write_in_burst(PGconn *server, int row)
{
    if (in_cycle_ms() >= BURST_MS) {
        pause_ms(5);
        return;
    }
    if (versions_raise(server, "orders", row + 1) < 0) {
        stress_fail(&stress, "a row cannot be written");
    }
    count(&write_count, 1);
    pause_ms(1);
}

static void
read_row(PGconn *server, int row)
{
    if (versions_fetch(cache, server, "orders", row + 1) < 0) {
        stress_fail(&stress, "a row cannot be read");
    }
    for (int i = 0; i < HITS_A_ROUND; i++) {
        (void)versions_lookup(cache, row + 1);
    }
    count(&read_count, 1);
}

/* Once in every other cycle, as the flush hides what was lost before it;
 * later than meant on a machine that is busy. */
static void
end_listeners_in_burst(PGconn *server, struct thread *thread)
{
    int64_t cycle = stress_now_ns() / (CYCLE_MS * NS_PER_MS);

    if (cycle < thread->last_cycle + 2 || in_cycle_ms() < BURST_MS - LAST_MS) {
        pause_ms(2);
        return;
    }
    thread->last_cycle = cycle;
    int64_t ended = server_end_listeners(server);
    if (ended > 0) {
        count(&end_count, (uint64_t)ended);
    }
}

/* Thread 0 ends listeners, the even ones write, the odd ones read. */
static void *
run(void *context)
{
    struct thread *thread = context;
    struct stress_random random = stress_random_of(&stress, thread->number);
    PGconn *server = server_connect(DATABASE);

    if (server == NULL) {
        stress_fail(&stress, "no connection");
    }
    while (server != NULL && !stress_is_over(&stress)) {
        int row = (int)stress_random_below(&random, ROWS);

        if (thread->number == 0) {
            end_listeners_in_burst(server, thread);
        } else if (thread->number % 2 == 0) {
            write_in_burst(server, row);
        } else {
            read_row(server, row);
        }
    }
    PQfinish(server);
    return NULL;
}

/* What it found while all was right, but for the listener's connection. */
static struct pgcw_auditor_stats
audit_what_is_right(void)
{
    struct pgcw_auditor_stats stats = PGCW_AUDITOR_STATS_INIT;
    struct thread threads[64];

    for (unsigned int i = 0; i < stress.thread_count; i++) {
        threads[i] = (struct thread){.number = i};
    }
    if (!open_all(LOOK_AGAIN_MS, NULL, tell)) {
        stress_fail(&stress, "nothing to audit");
    } else {
        stress_run_threads(&stress, run, threads, sizeof(threads[0]));
        stats = audit_stats();
    }
    close_all();
    if (stats.same == 0 || stats.undecided > 0) {
        stress_fail(&stress, "%llu the same, %llu undecided",
                    (unsigned long long)stats.same,
                    (unsigned long long)stats.undecided);
    }
    return stats;
}

/* Returns after how many milliseconds it was found. */
static unsigned long long
audit_what_is_broken(PGconn *server, const char *what,
                     const struct pgcw_table *table)
{
    int64_t begin_ns = stress_now_ns();
    int64_t end_ns = begin_ns + PATIENCE_MS * NS_PER_MS;
    uint64_t missed = 0;

    if (!open_all(20, table, NULL)) {
        stress_fail(&stress, "nothing to audit");
        close_all();
        return 0;
    }
    while (missed == 0 && stress_now_ns() < end_ns) {
        for (int row = 0; row < ROWS; row++) {
            read_row(server, row);
            (void)versions_raise(server, "orders", row + 1);
            read_row(server, row);
        }
        missed = audit_stats().missed;
    }
    close_all();
    if (missed == 0) {
        stress_fail(&stress, "%s is not noticed", what);
    }
    return (unsigned long long)((stress_now_ns() - begin_ns) / NS_PER_MS);
}

int
main(int argc, char **argv)
{
    const struct pgcw_table another = {"public", "another"};
    PGconn *server;

    stress_start(&stress, "auditor_torture", argc, argv);
    server = server_make_database(DATABASE);
    if (server == NULL || setenv("PGDATABASE", DATABASE, 1) != 0 ||
        !server_make_table(server, "orders", ROWS, CHANNEL) ||
        stress.thread_count < 3 || stress.thread_count > 64 ||
        (auditors = server_connect(DATABASE)) == NULL) {
        return 2;
    }
    struct pgcw_auditor_stats stats = audit_what_is_right();
    unsigned long long deaf_ms =
        audit_what_is_broken(server, "a deaf cache", &another);
    (void)server_run(server, stress.transport == PGCW_TRANSPORT_WAL
                                 ? "ALTER PUBLICATION " PUBLICATION
                                   " DROP TABLE orders"
                                 : "ALTER TABLE orders DISABLE TRIGGER ALL");
    unsigned long long mute_ms =
        audit_what_is_broken(server, "a mute table", NULL);
    PQfinish(auditors);
    server_drop_database(server, DATABASE);
    if (counted(&end_count) == 0) {
        stress_fail(&stress, "the connection was never lost");
    }
    return stress_finish(
        &stress,
        "%llu ended, %llu writes, %llu reads; %llu audited: %llu same, %llu "
        "raced, %llu late (at most %llu us), %llu missed; a deaf cache is "
        "noticed in %llu ms, a mute table in %llu ms",
        counted(&end_count), counted(&write_count), counted(&read_count),
        (unsigned long long)stats.audited, (unsigned long long)stats.same,
        (unsigned long long)stats.raced, (unsigned long long)stats.late,
        (unsigned long long)(stats.max_late_ns / 1000),
        (unsigned long long)stats.missed, deaf_ms, mute_ms);
}
