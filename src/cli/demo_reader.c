/* SPDX-License-Identifier: MIT */
/* A thread that reads rows through the caches, as a server would. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "cli/demo_threads.h"

#define VALUE_BYTES 1024

struct pgcwi_demo_random
pgcwi_demo_thread_random(const struct pgcwi_demo_thread *thread)
{
    struct pgcwi_demo_random seed = {
        ((uint64_t)thread->run->options->seed << 32) + thread->number};
    return (struct pgcwi_demo_random){pgcwi_demo_random_next(&seed)};
}

struct reader {
    const struct pgcwi_demo_run *run;
    PGconn *connection;
    uint32_t table;
};

static enum pgcw_status
fail_load(struct pgcw_error *error, enum pgcw_status status, const char *detail)
{
    error->status = status;
    snprintf(error->detail, sizeof(error->detail), "%s", detail);
    return status;
}

static enum pgcw_status
store(const PGresult *result, int64_t id, struct pgcw_fill *fill,
      struct pgcw_error *error)
{
    char bytes[VALUE_BYTES];
    struct pgcwi_demo_value head = {
        id, strtoll(PQgetvalue(result, 0, 0), NULL, 10)};
    size_t payload_bytes = (size_t)PQgetlength(result, 0, 1);
    if (payload_bytes > sizeof(bytes) - sizeof(head)) {
        return fail_load(error, PGCW_TOO_LARGE, "a payload is too long");
    }
    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + sizeof(head), PQgetvalue(result, 0, 1), payload_bytes);
    return pgcw_fill_set_value(
        fill, (struct pgcw_bytes){bytes, sizeof(head) + payload_bytes});
}

static enum pgcw_status
depend_on_row(const struct reader *reader, const char *id,
              struct pgcw_fill *fill)
{
    char table[16];
    struct pgcw_tag tag = {reader->run->schema, table, {id, strlen(id)}};
    snprintf(table, sizeof(table), "items_%02u", (unsigned)reader->table);
    return pgcw_fill_add_tag(fill, &tag);
}

/* The loader: one row, by its primary key. */
static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    struct reader *reader = context;
    char name[8];
    char text[24];
    int64_t id;
    memcpy(&id, key.data, sizeof(id));
    snprintf(name, sizeof(name), "r%u", (unsigned)reader->table);
    snprintf(text, sizeof(text), "%lld", (long long)id);
    const char *const parameters[] = {text};
    PGresult *result =
        PQexecPrepared(reader->connection, name, 1, parameters, NULL, NULL, 0);
    enum pgcw_status status;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = fail_load(error, PGCW_LOAD_FAILED,
                           PQerrorMessage(reader->connection));
    } else if (PQntuples(result) != 1) {
        status = fail_load(error, PGCW_NOT_FOUND, "the row is not there");
    } else {
        status = store(result, id, fill, error);
    }
    if (status == PGCW_OK && reader->run->options->has_row_keys) {
        status = depend_on_row(reader, text, fill);
    }
    PQclear(result);
    return status;
}

static bool
read_one(struct pgcwi_demo_run *run, struct reader *reader, uint64_t row,
         struct pgcw_buffer *value)
{
    int64_t id = pgcwi_demo_id_of(row);
    struct pgcw_error error = {.status = PGCW_OK};
    reader->table = pgcwi_demo_table_of(row);
    int64_t known = pgcwi_demo_oracle_known(run->oracle, row);
    enum pgcw_status status = pgcw_cache_fetch(
        run->caches[reader->table], (struct pgcw_bytes){&id, sizeof(id)},
        (struct pgcw_loader){load, reader}, value, &error);
    if (status != PGCW_OK) {
        return pgcwi_demo_fail(run, "a reader cannot read: %s: %s",
                               pgcw_status_text(status), error.detail);
    }
    return pgcwi_demo_check(run, row, known, value->data, value->size);
}

void *
pgcwi_demo_read(void *context)
{
    struct pgcwi_demo_thread *thread = context;
    struct pgcwi_demo_run *run = thread->run;
    struct pgcwi_demo_random random = pgcwi_demo_thread_random(thread);
    struct reader reader = {
        .run = run,
        .connection = pgcwi_demo_connect(run, "pgcachewatch demo reader")};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    bool goes_on =
        reader.connection != NULL &&
        pgcwi_demo_prepare(run, reader.connection, 'r',
                           "SELECT version, payload FROM", "WHERE id = $1");
    while (goes_on && !pgcwi_demo_is_stopping(run)) {
        uint64_t row = pgcwi_demo_zipf_draw(run->zipf, &random);
        goes_on = read_one(run, &reader, row, &value);
    }
    pgcw_buffer_free(&value);
    PQfinish(reader.connection);
    return NULL;
}
