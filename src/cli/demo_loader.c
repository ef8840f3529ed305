/* SPDX-License-Identifier: MIT */
#include "cli/demo_loader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#define VALUE_BYTES 1024

bool
pgcwi_demo_loader_open(struct pgcwi_demo_loader *loader,
                       struct pgcwi_demo_run *run, const char *name)
{
    *loader = (struct pgcwi_demo_loader){
        .run = run, .connection = pgcwi_demo_connect(run, name)};
    return loader->connection != NULL &&
           pgcwi_demo_prepare(run, loader->connection, 'r',
                              "SELECT version, payload FROM", "WHERE id = $1");
}

void
pgcwi_demo_loader_close(struct pgcwi_demo_loader *loader)
{
    PQfinish(loader->connection);
}

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
depend_on_row(const struct pgcwi_demo_loader *loader, const char *id,
              struct pgcw_fill *fill)
{
    char table[16];
    struct pgcw_tag tag = {loader->run->schema, table, {id, strlen(id)}};
    snprintf(table, sizeof(table), "items_%02u", (unsigned)loader->table);
    return pgcw_fill_add_tag(fill, &tag);
}

enum pgcw_status
pgcwi_demo_load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
                struct pgcw_error *error)
{
    const struct pgcwi_demo_loader *loader = context;
    char name[8];
    char text[24];
    int64_t id;
    memcpy(&id, key.data, sizeof(id));
    snprintf(name, sizeof(name), "r%u", (unsigned)loader->table);
    snprintf(text, sizeof(text), "%lld", (long long)id);
    const char *const parameters[] = {text};
    PGresult *result =
        PQexecPrepared(loader->connection, name, 1, parameters, NULL, NULL, 0);
    enum pgcw_status status;
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = fail_load(error, PGCW_LOAD_FAILED,
                           PQerrorMessage(loader->connection));
    } else if (PQntuples(result) != 1) {
        status = fail_load(error, PGCW_NOT_FOUND, "the row is not there");
    } else {
        status = store(result, id, fill, error);
    }
    if (status == PGCW_OK && loader->run->options->has_row_keys) {
        status = depend_on_row(loader, text, fill);
    }
    PQclear(result);
    return status;
}
