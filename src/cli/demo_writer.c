/* SPDX-License-Identifier: MIT */
/* A thread that changes rows, and says what it is about to commit. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "cli/demo_threads.h"

#define CANNOT_WRITE "a writer cannot write"
#define SYNC_EVERY 16
#define SYNC_TIMEOUT_MS 2000
#define NO_ROOM_PAUSE_NS INT64_C(1000000)

/* "items_00" to "items_15"; another name is not ours. */
static bool
find_table(const char *name, uint32_t *table)
{
    for (uint32_t i = 0; i < PGCWI_DEMO_TABLES; i++) {
        char ours[16];
        snprintf(ours, sizeof(ours), "items_%02u", (unsigned)i);
        if (strcmp(name, ours) == 0) {
            *table = i;
            return true;
        }
    }
    return false;
}

static void
note_rows(struct pgcwi_demo_run *run, uint32_t table,
          const struct pgcw_event *event)
{
    int64_t now_ns = pgcwi_demo_now_ns();
    for (size_t i = 0; i < event->key_count; i++) {
        long long id = strtoll(event->keys[i].data, NULL, 10);
        if (id > 0) {
            pgcwi_demo_oracle_row_event(run->oracle,
                                        pgcwi_demo_row_of(table, id), now_ns);
        }
    }
}

/* Runs on a library thread, when every cache has applied the event. Anyone
 * may send on the channel. */
void
pgcwi_demo_on_event(void *context, const struct pgcw_event *event)
{
    struct pgcwi_demo_run *run = context;
    uint32_t table;
    if (strcmp(event->schema, run->schema) != 0 ||
        !find_table(event->table, &table)) {
        return;
    }
    if (run->options->transport == PGCW_TRANSPORT_WAL) {
        note_rows(run, table, event);
    } else {
        pgcwi_demo_oracle_event(run->oracle, table, event->sent_at_us,
                                pgcwi_demo_now_ns());
    }
}

/* In a transaction; learns which version it is, and when that began. */
static bool
update(struct pgcwi_demo_run *run, PGconn *connection,
       struct pgcwi_demo_write *write)
{
    char name[8];
    char id[24];
    snprintf(name, sizeof(name), "w%u",
             (unsigned)pgcwi_demo_table_of(write->row));
    snprintf(id, sizeof(id), "%lld", (long long)pgcwi_demo_id_of(write->row));
    const char *const parameters[] = {id};
    PGresult *result =
        PQexecPrepared(connection, name, 1, parameters, NULL, NULL, 0);
    bool is_done =
        PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    if (is_done) {
        write->version = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
        write->sent_at_us = strtoll(PQgetvalue(result, 0, 1), NULL, 10);
    } else {
        pgcwi_demo_fail(run, CANNOT_WRITE ": %s", PQerrorMessage(connection));
    }
    PQclear(result);
    return is_done;
}

/* Wait for room rather than commit what nobody would look for. */
static bool
announce(struct pgcwi_demo_run *run, struct pgcwi_demo_write write)
{
    while (!pgcwi_demo_oracle_register(run->oracle, write)) {
        if (!pgcwi_demo_wait_until(run,
                                   pgcwi_demo_now_ns() + NO_ROOM_PAUSE_NS)) {
            return false;
        }
    }
    return true;
}

static bool
write_one(struct pgcwi_demo_run *run, PGconn *connection,
          struct pgcwi_demo_write *write)
{
    if (!pgcwi_demo_execute(run, connection, "BEGIN", CANNOT_WRITE) ||
        !update(run, connection, write) || !announce(run, *write) ||
        !pgcwi_demo_execute(run, connection, "COMMIT", CANNOT_WRITE)) {
        return false;
    }
    pgcwi_demo_oracle_acknowledge(run->oracle, *write, pgcwi_demo_now_ns());
    return true;
}

/* P7: after a sync the own write is seen, by everybody. */
static bool
read_own_write(struct pgcwi_demo_run *run, struct pgcwi_demo_write write,
               struct pgcw_buffer *value)
{
    int64_t id = pgcwi_demo_id_of(write.row);
    int64_t started_ns = pgcwi_demo_now_ns();
    enum pgcw_status status =
        pgcw_listener_sync(run->listener, SYNC_TIMEOUT_MS);
    if (status == PGCW_TIMEOUT) {
        return true; /* while the listener reconnects */
    }
    if (status != PGCW_OK) {
        return pgcwi_demo_fail(run, "sync: %s", pgcw_status_text(status));
    }
    pgcwi_demo_oracle_synced(run->oracle, started_ns);
    status = pgcw_cache_get(run->caches[pgcwi_demo_table_of(write.row)],
                            (struct pgcw_bytes){&id, sizeof(id)}, value);
    if (status == PGCW_MISS) {
        return true;
    }
    if (status != PGCW_OK) {
        return pgcwi_demo_fail(run, "get: %s", pgcw_status_text(status));
    }
    return pgcwi_demo_check(run, write.row, write.version, value->data,
                            value->size);
}

static void
write_until_stopped(struct pgcwi_demo_thread *thread, PGconn *connection)
{
    struct pgcwi_demo_run *run = thread->run;
    struct pgcwi_demo_random random = pgcwi_demo_thread_random(thread);
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    uint32_t rate = run->options->writes_per_second;
    int64_t pause_ns = rate == 0 ? 0 : PGCWI_DEMO_NS_PER_SECOND / rate;
    /* not all at the same moment */
    int64_t next_ns =
        pgcwi_demo_now_ns() +
        (int64_t)pgcwi_demo_random_below(&random, (uint64_t)pause_ns + 1);
    for (uint64_t count = 1; pgcwi_demo_wait_until(run, next_ns); count++) {
        struct pgcwi_demo_write write = {
            .row = pgcwi_demo_random_below(&random, run->options->rows)};
        if (!write_one(run, connection, &write) ||
            (count % SYNC_EVERY == 0 && !read_own_write(run, write, &value))) {
            break;
        }
        next_ns += pause_ns;
    }
    pgcw_buffer_free(&value);
}

void *
pgcwi_demo_write(void *context)
{
    struct pgcwi_demo_thread *thread = context;
    struct pgcwi_demo_run *run = thread->run;
    PGconn *connection = pgcwi_demo_connect(run, "pgcachewatch demo writer");
    if (connection != NULL &&
        pgcwi_demo_prepare(
            run, connection, 'w', "UPDATE",
            "SET version = version + 1 WHERE id = $1 RETURNING version, "
            "(extract(epoch FROM now()) * 1000000)::bigint")) {
        write_until_stopped(thread, connection);
    }
    PQfinish(connection);
    return NULL;
}
