/* SPDX-License-Identifier: MIT */
#include "support/versions.h"

#include <stdio.h>
#include <string.h>

#include "support/server_client.h"

struct source {
    PGconn *connection;
    const char *table;
};

static struct pgcw_bytes
key_of(const int *id)
{
    return (struct pgcw_bytes){id, sizeof(*id)};
}

static int64_t
version_in(const void *data, size_t size)
{
    int64_t version = -1;

    if (size == sizeof(version)) {
        memcpy(&version, data, sizeof(version));
    }
    return version;
}

static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    const struct source *source = context;
    char sql[128];
    int id;

    (void)error;
    memcpy(&id, key.data, sizeof(id));
    (void)snprintf(sql, sizeof(sql), "SELECT version FROM %s WHERE id = %d",
                   source->table, id);
    int64_t version = server_number(source->connection, sql);
    return version < 0
               ? PGCW_LOAD_FAILED
               : pgcw_fill_set_value(
                     fill, (struct pgcw_bytes){&version, sizeof(version)});
}

int64_t
versions_fetch(struct pgcw_cache *cache, PGconn *connection, const char *table,
               int id)
{
    struct source source = {connection, table};
    struct pgcw_loader loader = {load, &source};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    int64_t version = -1;

    if (pgcw_cache_fetch(cache, key_of(&id), loader, &value, NULL) == PGCW_OK) {
        version = version_in(value.data, value.size);
    }
    pgcw_buffer_free(&value);
    return version;
}

int64_t
versions_lookup(struct pgcw_cache *cache, int id)
{
    struct pgcw_bytes value;
    int64_t version = -1;

    pgcw_read_begin();
    if (pgcw_cache_lookup(cache, key_of(&id), &value) == PGCW_OK) {
        version = version_in(value.data, value.size);
    }
    pgcw_read_end();
    return version;
}

bool
versions_put(struct pgcw_cache *cache, int id, int64_t version)
{
    return pgcw_cache_put(cache, key_of(&id),
                          (struct pgcw_bytes){&version, sizeof(version)},
                          pgcw_cache_stamp(cache), NULL) == PGCW_OK;
}

int64_t
versions_raise(PGconn *connection, const char *table, int id)
{
    char sql[128];

    (void)snprintf(sql, sizeof(sql),
                   "UPDATE %s SET version = version + 1 WHERE id = %d"
                   " RETURNING version",
                   table, id);
    return server_number(connection, sql);
}
