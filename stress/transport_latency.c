/* SPDX-License-Identifier: MIT */
/*
 * How long after COMMIT has returned a change is applied, by each transport.
 *
 *     transport_latency [TRANSACTIONS [ROWS]]
 *
 * One thread updates a row, of a table for each transport in turn, and waits
 * until the cache has applied it; where that is before COMMIT has returned, the
 * latency is negative. Then one transaction updates ROWS rows, in a process for
 * each transport, of which the memory is told. That is done with the default
 * heartbeat_timeout_ms, where a listener that is behind for longer is in doubt
 * and its cache closed, and with a long one, where it only takes its time.
 *
 * Prints a line of JSON each. The exit code is the verdict: 1 if a value from
 * before a change was cached when it was told as applied, or if a sync did not
 * end.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pgcachewatch/pgcachewatch.h>

#include "base/clock.h"
#include "support/door.h"
#include "support/server_client.h"
#include "support/versions.h"

#define DATABASE "pgcw_stress_latency"
#define DEFAULT_TRANSACTIONS 2000
#define DEFAULT_ROWS 1000000
#define WARM_UP 50
#define MAX_TRANSACTIONS 100000
#define TRANSPORTS 2

struct path {
    /* immutable after start */
    const char *name;
    const char *channel;
    enum pgcw_transport transport;
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
    pthread_mutex_t lock;
    pthread_cond_t has_applied;
    /* guarded by lock */
    uint64_t applied_count;
    int64_t applied_ns;
    int64_t unserved_since_ns; /* 0: it is LIVE */
    int64_t unserved_ns;       /* before that */
};

static struct path paths[TRANSPORTS] = {
    {.name = "notify",
     .channel = "ch_latency",
     .transport = PGCW_TRANSPORT_NOTIFY,
     .lock = PTHREAD_MUTEX_INITIALIZER,
     .has_applied = PTHREAD_COND_INITIALIZER},
    {.name = "wal",
     .channel = "ch_latency",
     .transport = PGCW_TRANSPORT_WAL,
     .lock = PTHREAD_MUTEX_INITIALIZER,
     .has_applied = PTHREAD_COND_INITIALIZER},
};
static int failure_count;

static void
fail(const struct path *path, const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", path->name, what);
    failure_count++;
}

static void
note_applied(void *context, const struct pgcw_event *event)
{
    struct path *path = context;
    int64_t now_ns = pgcwi_clock_monotonic_ns();

    (void)event;
    (void)pthread_mutex_lock(&path->lock);
    path->applied_count++;
    path->applied_ns = now_ns;
    (void)pthread_cond_signal(&path->has_applied);
    (void)pthread_mutex_unlock(&path->lock);
}

static void
note_state(void *context, enum pgcw_listener_state state, const char *reason)
{
    struct path *path = context;
    int64_t now_ns = pgcwi_clock_monotonic_ns();

    (void)reason;
    (void)pthread_mutex_lock(&path->lock);
    if (path->unserved_since_ns != 0) {
        path->unserved_ns += now_ns - path->unserved_since_ns;
    }
    path->unserved_since_ns = state == PGCW_LISTENER_LIVE ? 0 : now_ns;
    (void)pthread_mutex_unlock(&path->lock);
}

/* How long it has not been LIVE. */
static int64_t
unserved_ns_of(struct path *path)
{
    (void)pthread_mutex_lock(&path->lock);
    int64_t ns = path->unserved_ns;
    if (path->unserved_since_ns != 0) {
        ns += pgcwi_clock_monotonic_ns() - path->unserved_since_ns;
    }
    (void)pthread_mutex_unlock(&path->lock);
    return ns;
}

/* When so many were applied; -1: not within PATIENCE_MS. */
static int64_t
await_applied(struct path *path, uint64_t count)
{
    struct timespec end;
    int result = 0;

    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_MS / 1000;
    (void)pthread_mutex_lock(&path->lock);
    while (path->applied_count < count && result == 0) {
        result = pthread_cond_timedwait(&path->has_applied, &path->lock, &end);
    }
    int64_t applied_ns = path->applied_count < count ? -1 : path->applied_ns;
    (void)pthread_mutex_unlock(&path->lock);
    return applied_ns;
}

static bool
open_path(struct path *path, PGconn *server, int rows,
          uint32_t heartbeat_timeout_ms)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_error error = {.status = PGCW_OK};

    options.channel = path->channel;
    options.transport = path->transport;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = heartbeat_timeout_ms;
    options.on_event = note_applied;
    options.on_event_context = path;
    options.on_state = note_state;
    options.on_state_context = path;
    if (setenv("PGCW_TEST_TRANSPORT", path->name, 1) != 0 ||
        !server_make_table(server, path->name, rows, path->channel) ||
        pgcw_listener_open(&options, &path->listener, &error) != PGCW_OK ||
        pgcw_cache_create(path->listener, NULL, &path->cache, &error) !=
            PGCW_OK) {
        fail(path, error.detail);
        return false;
    }
    return true;
}

static void
close_path(struct path *path)
{
    pgcw_cache_destroy(path->cache);
    pgcw_listener_close(path->listener);
}

/* Nanoseconds from COMMIT's answer until it is applied. */
static int64_t
measure(struct path *path, PGconn *server, uint64_t number)
{
    if (!versions_put(path->cache, 1, 0) ||
        versions_raise(server, path->name, 1) < 0) {
        fail(path, "nothing could be stored, or written");
        return 0;
    }
    int64_t committed_ns = pgcwi_clock_monotonic_ns();
    int64_t applied_ns = await_applied(path, number);

    if (applied_ns < 0) {
        fail(path, "it was not applied in time");
        return 0;
    }
    if (versions_lookup(path->cache, 1) != -1) {
        fail(path, "an old value is cached");
    }
    return applied_ns - committed_ns;
}

static int
compare(const void *left, const void *right)
{
    int64_t first = *(const int64_t *)left;
    int64_t second = *(const int64_t *)right;

    return (first > second) - (first < second);
}

static void
print_latencies(const struct path *path, int64_t *latencies, size_t count)
{
    size_t early = 0;

    qsort(latencies, count, sizeof(*latencies), compare);
    while (early < count && latencies[early] < 0) {
        early++;
    }
    (void)printf("{\"bench\": \"transport_latency\", \"transport\": \"%s\""
                 ", \"transactions\": %zu, \"p50_us\": %.1f, \"p99_us\": %.1f"
                 ", \"most_us\": %.1f, \"before_commit_returned\": %.3f}\n",
                 path->name, count, (double)latencies[count / 2] / 1e3,
                 (double)latencies[count * 99 / 100] / 1e3,
                 (double)latencies[count - 1] / 1e3,
                 (double)early / (double)count);
}

static void
measure_each(PGconn *server, size_t number,
             int64_t latencies[][MAX_TRANSACTIONS])
{
    for (int i = 0; i < TRANSPORTS; i++) {
        int64_t ns = measure(&paths[i], server, number);

        if (number > WARM_UP) {
            latencies[i][number - WARM_UP - 1] = ns;
        }
    }
}

static void
run_small(PGconn *server, size_t count)
{
    static int64_t latencies[TRANSPORTS][MAX_TRANSACTIONS];
    bool is_open = open_path(&paths[0], server, 1, 0) &&
                   open_path(&paths[1], server, 1, 0);

    for (size_t n = 1; is_open && n <= WARM_UP + count; n++) {
        measure_each(server, n, latencies);
        is_open = failure_count == 0;
    }
    for (int i = 0; i < TRANSPORTS; i++) {
        if (is_open) {
            print_latencies(&paths[i], latencies[i], count);
        }
        close_path(&paths[i]);
    }
}

struct big {
    int rows;
    uint32_t heartbeat_timeout_ms;
};

/* The most that the process ever had. */
static long
peak_kb(void)
{
    struct rusage usage = {0};

    (void)getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* Until the old value is gone; it is looked at every 100 microseconds. */
static int64_t
await_invalid(const struct path *path, int64_t since_ns)
{
    const struct timespec pause = {.tv_nsec = 100000};
    int64_t end_ns = since_ns + PATIENCE_MS * PGCWI_NS_PER_MS;

    while (versions_lookup(path->cache, 1) != -1 &&
           pgcwi_clock_monotonic_ns() < end_ns) {
        (void)nanosleep(&pause, NULL);
    }
    return pgcwi_clock_monotonic_ns() - since_ns;
}

static void
update_all(struct path *path, PGconn *server, const struct big *big)
{
    int64_t unserved_ns = unserved_ns_of(path);
    long before_kb = peak_kb();

    if (!versions_put(path->cache, 1, 0) ||
        !server_runf(server, "BEGIN; UPDATE %s SET version = version + 1",
                     path->name) ||
        !server_run(server, "COMMIT")) {
        fail(path, "the rows could not be written");
        return;
    }
    int64_t committed_ns = pgcwi_clock_monotonic_ns();
    int64_t invalid_ns = await_invalid(path, committed_ns);
    if (pgcw_listener_sync(path->listener, PATIENCE_MS) != PGCW_OK ||
        versions_lookup(path->cache, 1) != -1) {
        fail(path, "no sync, or an old value is cached after it");
    }
    int64_t synced_ns = pgcwi_clock_monotonic_ns() - committed_ns;
    (void)printf("{\"bench\": \"transport_latency_big\", \"transport\": \"%s\""
                 ", \"rows\": %d, \"heartbeat_timeout_ms\": %u"
                 ", \"invalid_ms\": %.1f, \"synced_ms\": %.1f"
                 ", \"not_live_ms\": %.1f, \"peak_kb_before\": %ld"
                 ", \"peak_kb\": %ld}\n",
                 path->name, big->rows, (unsigned)big->heartbeat_timeout_ms,
                 (double)invalid_ns / 1e6, (double)synced_ns / 1e6,
                 (double)(unserved_ns_of(path) - unserved_ns) / 1e6, before_kb,
                 peak_kb());
}

static bool
run_big(struct path *path, const struct big *big)
{
    PGconn *server = server_connect(DATABASE);
    bool is_open = server != NULL && open_path(path, server, big->rows,
                                               big->heartbeat_timeout_ms);

    if (is_open) {
        update_all(path, server, big);
    }
    close_path(path);
    PQfinish(server);
    return is_open;
}

/* In a process of its own, before this one has a thread. */
static void
run_big_apart(struct path *path, const struct big *big)
{
    int status = -1;
    pid_t child = fork();

    if (child == 0) {
        bool is_run = run_big(path, big);

        (void)fflush(stdout);
        _exit(is_run && failure_count == 0 ? 0 : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        fail(path, "the large transaction failed");
    }
}

int
main(int argc, char **argv)
{
    long transactions =
        argc > 1 ? strtol(argv[1], NULL, 10) : DEFAULT_TRANSACTIONS;
    long rows = argc > 2 ? strtol(argv[2], NULL, 10) : DEFAULT_ROWS;

    if (transactions < 1 || transactions > MAX_TRANSACTIONS || rows < 1 ||
        rows > INT32_MAX) {
        (void)fprintf(stderr,
                      "usage: transport_latency [TRANSACTIONS [ROWS]]\n");
        return 2;
    }
    PGconn *server = server_make_database(DATABASE);
    if (server == NULL || setenv("PGDATABASE", DATABASE, 1) != 0) {
        return 2;
    }
    for (int i = 0; i < TRANSPORTS; i++) {
        run_big_apart(&paths[i], &(struct big){(int)rows, 1000});
        run_big_apart(&paths[i], &(struct big){(int)rows, PATIENCE_MS});
    }
    run_small(server, (size_t)transactions);
    server_drop_database(server, DATABASE);
    return failure_count == 0 ? 0 : 1;
}
