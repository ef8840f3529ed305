/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/server_client.h"

#define STOP_WITHIN_MS 50

const char *const bench_subject_names[BENCH_SUBJECTS] = {"pgcachewatch",
                                                         "raw libpq loop"};
const char *const bench_databases[BENCH_SUBJECTS] = {"pgcw_bench_ours",
                                                     "pgcw_bench_raw"};
static bool is_first_result = true;

void
bench_give_up(const char *what)
{
    (void)fprintf(stderr, "gives up: %s\n", what);
    exit(1);
}

static int64_t
read_clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t
bench_now_ns(void)
{
    return read_clock_ns(CLOCK_MONOTONIC);
}

int64_t
bench_cpu_ns(void)
{
    return read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

int64_t
bench_thread_cpu_ns(void)
{
    return read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void
bench_read_options(struct bench_options *options, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            options->is_quick = true;
            options->repetitions = 1;
            options->seconds = 0.2;
        } else if (strcmp(argv[i], "--repetitions") == 0 && i + 1 < argc) {
            options->repetitions = (int)strtol(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc) {
            options->seconds = strtod(argv[++i], NULL);
        } else {
            options->repetitions = 0;
        }
    }
    if (options->repetitions < 1 || options->repetitions > 1000 ||
        !(options->seconds > 0)) {
        (void)fprintf(stderr,
                      "usage: %s [--repetitions N] [--seconds N] "
                      "[--quick]\n",
                      argv[0]);
        exit(2);
    }
}

void
bench_make_databases(PGconn *servers[BENCH_SUBJECTS])
{
    for (int i = 0; i < BENCH_SUBJECTS; i++) {
        servers[i] = server_make_database(bench_databases[i]);
        if (servers[i] == NULL) {
            bench_give_up("no database");
        }
    }
}

void
bench_drop_databases(PGconn *servers[BENCH_SUBJECTS])
{
    for (int i = 0; i < BENCH_SUBJECTS; i++) {
        server_drop_database(servers[i], bench_databases[i]);
    }
}

void
bench_begin(const char *bench, const char *question, const char *loop)
{
    printf("{\"bench\": \"%s\", \"question\": \"%s\",\n \"loop\": \"%s\",\n"
           " \"results\": [",
           bench, question, loop);
}

static int
compare(const void *left, const void *right)
{
    double a = *(const double *)left;
    double b = *(const double *)right;

    return a < b ? -1 : a > b;
}

double
bench_quantile(double *values, size_t count, double share)
{
    qsort(values, count, sizeof(*values), compare);
    size_t place = (size_t)(share * (double)count);
    return values[place < count ? place : count - 1];
}

void
bench_result(const char *subject, const char *parameters, const char *metric,
             const char *unit, double *values, int count)
{
    double median = bench_quantile(values, (size_t)count, 0.5);

    printf("%s\n  {\"subject\": \"%s\", %s\"metric\": \"%s\", "
           "\"unit\": \"%s\", \"median\": %.6g, \"min\": %.6g, "
           "\"max\": %.6g, \"repetitions\": %d}",
           is_first_result ? "" : ",", subject, parameters, metric, unit,
           median, values[0], values[count - 1], count);
    (void)fprintf(stderr, "%-15s %s%s: %.6g %s\n", subject, parameters, metric,
                  median, unit);
    is_first_result = false;
}

void
bench_end(void)
{
    printf("\n ]}\n");
}

static void *
hear(void *context)
{
    struct bench_raw *raw = context;
    struct pollfd socket = {.fd = PQsocket(raw->connection), .events = POLLIN};
    uint64_t heard_count = 0;

    /* relaxed: only ends the loop */
    while (!atomic_load_explicit(&raw->is_stopping, memory_order_relaxed)) {
        PGnotify *notification;

        (void)poll(&socket, 1, STOP_WITHIN_MS);
        if (PQconsumeInput(raw->connection) != 1) {
            bench_give_up(PQerrorMessage(raw->connection));
        }
        while ((notification = PQnotifies(raw->connection)) != NULL) {
            heard_count++;
            /* relaxed: a number; nothing else is read because of it */
            atomic_store_explicit(&raw->heard_count, heard_count,
                                  memory_order_relaxed);
            PQfreemem(notification);
        }
    }
    return NULL;
}

void
bench_raw_open(struct bench_raw *raw, const char *database)
{
    atomic_init(&raw->heard_count, 0);
    atomic_init(&raw->is_stopping, false);
    raw->connection = server_connect(database);
    if (raw->connection == NULL ||
        !server_run(raw->connection, "LISTEN " BENCH_CHANNEL) ||
        pthread_create(&raw->thread, NULL, hear, raw) != 0) {
        bench_give_up("no raw loop");
    }
}

void
bench_raw_close(struct bench_raw *raw)
{
    /* relaxed: the join that follows orders the rest */
    atomic_store_explicit(&raw->is_stopping, true, memory_order_relaxed);
    (void)pthread_join(raw->thread, NULL);
    PQfinish(raw->connection);
}

uint64_t
bench_raw_heard(const struct bench_raw *raw)
{
    /* relaxed: as above */
    return atomic_load_explicit(&raw->heard_count, memory_order_relaxed);
}

void
bench_ours_open(struct bench_ours *ours, const char *database)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_cache_options cache_options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_error error = {PGCW_OK, "", ""};
    char dsn[64];

    (void)snprintf(dsn, sizeof(dsn), "dbname=%s", database);
    options.dsn = dsn;
    options.channel = BENCH_CHANNEL;
    if (pgcw_listener_open(&options, &ours->listener, &error) != PGCW_OK ||
        pgcw_cache_create(ours->listener, &cache_options, &ours->cache,
                          &error) != PGCW_OK) {
        bench_give_up(error.detail);
    }
}

void
bench_ours_close(struct bench_ours *ours)
{
    pgcw_cache_destroy(ours->cache);
    pgcw_listener_close(ours->listener);
}

void
bench_ours_put(const struct bench_ours *ours, const char *key)
{
    struct pgcw_bytes bytes = {key, strlen(key)};
    struct pgcw_tag tag = {.table = "orders", .key = bytes};
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.tags = &tag;
    options.tag_count = 1;
    if (pgcw_cache_put(ours->cache, bytes, bytes, pgcw_cache_stamp(ours->cache),
                       &options) != PGCW_OK) {
        bench_give_up("a value is not stored");
    }
}

bool
bench_ours_has(const struct bench_ours *ours, const char *key)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    enum pgcw_status status = pgcw_cache_lookup(
        ours->cache, (struct pgcw_bytes){key, strlen(key)}, &value);
    pgcw_read_end();
    return status == PGCW_OK;
}
