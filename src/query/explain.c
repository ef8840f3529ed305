/* SPDX-License-Identifier: MIT */
/* Says on which tables a statement depends, or why it is not cached. */
#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/alloc.h"
#include "base/status.h"
#include "listener/refusal.h"
#include "query/load.h"
#include "query/query.h"

/* "public.a, public.b", and a NUL. */
static enum pgcw_status
list_tables(const struct pgcwi_load *load, struct pgcw_buffer *tables)
{
    size_t room = 1;
    size_t used = 0;
    enum pgcw_status status;
    char *list;

    for (int i = 0; i < PQntuples(load->relations); i++) {
        room += strlen(pgcwi_load_name(load, i)) + strlen(", ");
    }
    list = pgcwi_alloc(room);
    if (list == NULL) {
        return PGCW_NO_MEMORY;
    }
    list[0] = '\0';
    for (int i = 0; i < PQntuples(load->relations); i++) {
        if (pgcwi_load_is_tag(load, i)) {
            used += (size_t)snprintf(list + used, room - used, "%s%s",
                                     used == 0 ? "" : ", ",
                                     pgcwi_load_name(load, i));
        }
    }
    status = pgcw_buffer_set(tables, (struct pgcw_bytes){list, used + 1});
    pgcwi_free(list);
    return status;
}

static enum pgcw_status
explain_load(const struct pgcwi_load *load, struct pgcw_buffer *tables,
             struct pgcw_error *error)
{
    char reason[PGCWI_REASON_BYTES];

    if (pgcwi_load_judge(load, reason) != PGCWI_LOAD_CACHEABLE) {
        return pgcwi_error_set(error, PGCW_UNSUPPORTED, "%s", reason);
    }
    return list_tables(load, tables) == PGCW_OK
               ? PGCW_OK
               : pgcwi_error_set(error, PGCW_NO_MEMORY,
                                 "no memory for a list of tables");
}

/* With what is known of it: why it is not cacheable, or run it. */
static enum pgcw_status
explain(const struct pgcwi_dependency *dependency, PGconn *connection,
        struct pgcwi_load *load, const struct pgcw_query *query,
        struct pgcw_error *error)
{
    enum pgcw_status status;

    if (!dependency->is_cacheable) {
        return pgcwi_error_set(error, PGCW_UNSUPPORTED, "%s",
                               dependency->reason);
    }
    if (pgcwi_dependency_reads_now(dependency, query)) {
        return pgcwi_error_set(error, PGCW_UNSUPPORTED, "%s",
                               PGCWI_DEPENDENCY_READS_NOW);
    }
    status = pgcwi_load_run(load, connection, query, error);
    if (status == PGCW_OK && load->relations == NULL) {
        status = pgcwi_refusal_set(error, connection, load->rows, "execute");
    }
    return status;
}

enum pgcw_status
pgcw_query_explain(struct pgcw_query_cache *cache, PGconn *connection,
                   const struct pgcw_query *query, struct pgcw_buffer *tables,
                   struct pgcw_error *error)
{
    struct pgcwi_dependency dependency;
    struct pgcwi_load load = {.dependency = &dependency,
                              .trigger_function = cache->trigger_function,
                              .publication = cache->publication};
    enum pgcw_status status = pgcwi_query_check(query, error);

    if (status != PGCW_OK) {
        return status;
    }
    if (PQtransactionStatus(connection) != PQTRANS_IDLE &&
        PQstatus(connection) == CONNECTION_OK) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the connection is not idle");
    }
    status = pgcwi_dependency_find(connection, query, &cache->trust,
                                   &dependency, error);
    if (status != PGCW_OK) {
        return status;
    }
    status = explain(&dependency, connection, &load, query, error);
    if (status == PGCW_OK) {
        status = explain_load(&load, tables, error);
    }
    pgcwi_load_fini(&load);
    pgcwi_dependency_fini(&dependency);
    return status;
}
