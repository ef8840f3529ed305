/* SPDX-License-Identifier: MIT */
#include "events.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "results.h"
#include "support/server_client.h"

#define STOP_WITHIN_MS 50

const char *const bench_subject_names[BENCH_SUBJECTS] = {"pgcachewatch",
                                                         "raw libpq loop"};
const char *const bench_databases[BENCH_SUBJECTS] = {"pgcw_bench_ours",
                                                     "pgcw_bench_raw"};

void
bench_make_databases(PGconn *servers[BENCH_SUBJECTS])
{
    for (int i = 0; i < BENCH_SUBJECTS; i++) {
        servers[i] = server_make_database(bench_databases[i]);
        if (servers[i] == NULL) {
            bench_fail("no database");
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
            bench_fail("%s", PQerrorMessage(raw->connection));
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
        bench_fail("no raw loop");
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
        bench_fail("%s", error.detail);
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
        bench_fail("a value is not stored");
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
