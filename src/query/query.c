/* SPDX-License-Identifier: MIT */
/* Executes statements, or takes their results from the cache. */
#include "query/query.h"

#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#include <pgcachewatch/listener.h>

#include "base/alloc.h"
#include "base/status.h"
#include "listener/listener.h"
#include "listener/refusal.h"
#include "query/key.h"
#include "query/load.h"
#include "query/session.h"

/* A statement that is refused may become another one by DDL. */
#define REFUSAL_TTL_MS 60000

/* One call, as its loaders see it. */
struct request {
    struct pgcw_query_cache *cache;
    PGconn *connection;
    struct pgcwi_session *session;
    const struct pgcw_query *query;
    struct pgcw_bytes statement_key;
    /* What the loader has executed, and could not or may not be kept. */
    PGresult *rows;
    bool has_executed;
};

enum pgcw_status
pgcwi_query_check(const struct pgcw_query *query, struct pgcw_error *error)
{
    if (query->command == NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the query has no command");
    }
    if (query->parameter_count < 0) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "parameter_count is negative");
    }
    return PGCW_OK;
}

static bool
is_failure(const PGresult *rows)
{
    ExecStatusType status = PQresultStatus(rows);

    return rows == NULL || status == PGRES_FATAL_ERROR ||
           status == PGRES_BAD_RESPONSE;
}

static enum pgcw_status
execute(PGconn *connection, const struct pgcw_query *query,
        struct pgcw_query_result *result, struct pgcw_error *error)
{
    PGresult *rows = PQexecParams(
        connection, query->command, query->parameter_count, query->types,
        query->values, query->lengths, query->formats, query->result_format);

    if (is_failure(rows)) {
        enum pgcw_status status =
            pgcwi_refusal_set(error, connection, rows, "execute");

        PQclear(rows);
        return status;
    }
    *result = (struct pgcw_query_result){rows, NULL};
    return PGCW_OK;
}

static enum pgcw_status
refuse(const struct request *request, const char *reason,
       struct pgcw_error *error)
{
    pgcwi_log_write(&request->cache->listener->log, PGCW_LOG_DEBUG,
                    "not cached: %s: %s", reason, request->query->command);
    return pgcwi_error_set(error, PGCW_UNSUPPORTED, "%s", reason);
}

/* What was found becomes the value, or is freed. */
static enum pgcw_status
settle(struct request *request, struct pgcwi_dependency *dependency,
       struct pgcw_fill *fill, struct pgcw_error *error)
{
    enum pgcw_status status =
        pgcwi_session_check(request->connection, request->session, error);

    if (status == PGCW_OK) {
        const struct pgcwi_kept_statement kept = {dependency};

        status =
            pgcw_fill_set_value(fill, (struct pgcw_bytes){&kept, sizeof(kept)});
    }
    if (status == PGCW_OK && !dependency->is_cacheable) {
        pgcw_fill_set_ttl_ms(fill, REFUSAL_TTL_MS);
    }
    if (status != PGCW_OK) {
        pgcwi_dependency_fini(dependency);
    }
    return status;
}

/* The loader of statements. */
static enum pgcw_status
look(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    struct request *request = context;
    struct pgcwi_dependency *dependency =
        pgcwi_alloc_array(1, sizeof *dependency);
    /* its commands change no setting, but libpq's events cannot know */
    struct pgcwi_session session = *request->session;
    enum pgcw_status status;

    (void)key;
    if (dependency == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a statement");
    }
    status = pgcwi_dependency_find(request->connection, request->query,
                                   &request->cache->trust, dependency, error);
    *request->session = session;
    if (status == PGCW_OK) {
        status = settle(request, dependency, fill, error);
    }
    if (status != PGCW_OK) {
        pgcwi_free(dependency);
    }
    return status;
}
static enum pgcw_status
add_tags(const struct pgcwi_load *load, struct pgcw_fill *fill)
{
    for (int i = 0; i < PQntuples(load->relations); i++) {
        struct pgcw_tag tag = {
            .schema = PQgetvalue(load->relations, i, PGCWI_RELATION_SCHEMA),
            .table = PQgetvalue(load->relations, i, PGCWI_RELATION_TABLE)};
        enum pgcw_status status = PGCW_OK;

        if (pgcwi_load_is_tag(load, i)) {
            status = pgcw_fill_add_tag(fill, &tag);
        }
        if (status != PGCW_OK) {
            return status;
        }
    }
    return PGCW_OK;
}

/* Set only on PGCW_OK, for pgcw_pin_release(). */
static enum pgcw_status
find_statement(struct request *request, struct pgcw_pin **pin,
               struct pgcwi_dependency **dependency, struct pgcw_error *error)
{
    const struct pgcw_loader loader = {.load = look, .context = request};
    enum pgcw_status status = pgcw_cache_fetch_pinned(
        request->cache->statements, request->statement_key, loader, pin, error);

    if (status == PGCW_OK) {
        *dependency = pgcwi_kept_statement_of(pgcw_pin_value(*pin));
    }
    return status;
}

/*
 * A definition has changed since the statement was looked at. Look again: if
 * it is then as the load has seen it, that is what was loaded.
 */
static enum pgcw_status
judge_anew(struct request *request, struct pgcwi_load *load,
           struct pgcw_error *error)
{
    char reason[PGCWI_REASON_BYTES];
    const struct pgcwi_dependency *old = load->dependency;
    struct pgcwi_dependency *dependency;
    struct pgcw_pin *pin;
    enum pgcw_status status;

    pgcw_cache_invalidate(request->cache->statements, request->statement_key);
    status = find_statement(request, &pin, &dependency, error);
    if (status != PGCW_OK) {
        return status;
    }
    load->dependency = dependency;
    if (!dependency->is_cacheable) {
        status = refuse(request, dependency->reason, error);
    } else if (strcmp(dependency->vouched, old->vouched) != 0 ||
               pgcwi_load_judge(load, reason) != PGCWI_LOAD_CACHEABLE) {
        status = refuse(request, "a definition has changed meanwhile", error);
    }
    load->dependency = old;
    pgcw_pin_release(pin);
    return status;
}

static enum pgcw_status
judge(struct request *request, struct pgcwi_load *load,
      struct pgcw_error *error)
{
    char reason[PGCWI_REASON_BYTES];

    if (load->relations == NULL) {
        return refuse(request, "another server connection was had", error);
    }
    if (!pgcwi_session_take(request->session, load->session)) {
        return refuse(request, PGCWI_SESSION_HAS_CHANGED, error);
    }
    switch (pgcwi_load_judge(load, reason)) {
    case PGCWI_LOAD_CACHEABLE:
        return PGCW_OK;
    case PGCWI_LOAD_OUTDATED:
        return judge_anew(request, load, error);
    case PGCWI_LOAD_REFUSED:
        break;
    }
    return refuse(request, reason, error);
}

/* The rows become the value; or the caller's, who gets them once. */
static enum pgcw_status
keep(struct request *request, struct pgcwi_load *load, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    enum pgcw_status status = judge(request, load, error);

    if (status == PGCW_OK) {
        status = add_tags(load, fill);
    }
    if (status == PGCW_OK) {
        const struct pgcwi_kept_rows kept = {load->rows};

        status =
            pgcw_fill_set_value(fill, (struct pgcw_bytes){&kept, sizeof(kept)});
    }
    if (status != PGCW_OK) {
        PQclear(request->rows);
        request->rows = load->rows;
    }
    load->rows = NULL; /* the cache's, or the request's */
    return status;
}

static enum pgcw_status
run(struct request *request, const struct pgcwi_dependency *dependency,
    struct pgcw_fill *fill, struct pgcw_error *error)
{
    struct pgcwi_load load = {.dependency = dependency,
                              .trigger_function =
                                  request->cache->trigger_function,
                              .publication = request->cache->publication,
                              .asker = request->session};
    enum pgcw_status status =
        pgcwi_load_run(&load, request->connection, request->query, error);

    request->has_executed = true;
    if (status == PGCW_OK && is_failure(load.rows)) {
        status =
            pgcwi_refusal_set(error, request->connection, load.rows, "execute");
    } else if (status == PGCW_OK) {
        status = keep(request, &load, fill, error);
    }
    pgcwi_load_fini(&load);
    return status;
}

/* The loader of results. */
static enum pgcw_status
load_result(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
            struct pgcw_error *error)
{
    struct request *request = context;
    struct pgcwi_dependency *dependency;
    struct pgcw_pin *pin;
    enum pgcw_status status = find_statement(request, &pin, &dependency, error);

    (void)key;
    if (status != PGCW_OK) {
        return status;
    }
    if (!dependency->is_cacheable) {
        status = refuse(request, dependency->reason, error);
    } else if (pgcwi_dependency_reads_now(dependency, request->query)) {
        status = refuse(request, PGCWI_DEPENDENCY_READS_NOW, error);
    } else {
        status = run(request, dependency, fill, error);
    }
    pgcw_pin_release(pin);
    return status;
}

/* By the cache. What another thread failed to load, and what may not be
 * cached, is executed after all. */
static enum pgcw_status
fetch(struct request *request, struct pgcw_bytes key,
      struct pgcw_query_result *result, struct pgcw_error *error)
{
    const struct pgcw_loader loader = {.load = load_result, .context = request};
    struct pgcw_error failure;
    PGresult *rows;
    struct pgcw_pin *pin = NULL;
    enum pgcw_status status = pgcw_cache_fetch_pinned(
        request->cache->results, key, loader, &pin, &failure);

    if (status == PGCW_OK) {
        rows = pgcwi_kept_rows_of(pgcw_pin_value(pin));
        if (request->rows != NULL) {
            PQclear(request->rows); /* of a load that was not kept */
        }
    } else if (request->rows != NULL) {
        rows = request->rows;
    } else if (!request->has_executed) {
        return execute(request->connection, request->query, result, error);
    } else {
        if (error != NULL) {
            *error = failure;
        }
        return status;
    }
    *result = (struct pgcw_query_result){rows, pin};
    return PGCW_OK;
}

/* Whether the cache may be asked at all, without a look at the statement. */
static bool
is_in_question(const struct pgcw_query_cache *cache, const PGconn *connection)
{
    return PQtransactionStatus(connection) == PQTRANS_IDLE &&
           PQpipelineStatus(connection) == PQ_PIPELINE_OFF &&
           pgcw_listener_read_state(cache->listener) == PGCW_LISTENER_LIVE;
}

enum pgcw_status
pgcw_query_exec(struct pgcw_query_cache *cache, PGconn *connection,
                const struct pgcw_query *query,
                struct pgcw_query_result *result, struct pgcw_error *error)
{
    struct request request = {
        .cache = cache, .connection = connection, .query = query};
    struct pgcwi_query_key key;
    enum pgcw_status status = pgcwi_query_check(query, error);

    if (status != PGCW_OK) {
        return status;
    }
    if (!is_in_question(cache, connection)) {
        return execute(connection, query, result, error);
    }
    status = pgcwi_session_get(connection, &request.session, error);
    if (status != PGCW_OK) {
        return status;
    }
    if (request.session->is_standby) {
        return execute(connection, query, result, error);
    }
    if (pgcwi_query_key_init(&key, request.session, query) != PGCW_OK) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for a key");
    }
    request.statement_key = (struct pgcw_bytes){key.data, key.statement_size};
    status =
        fetch(&request, (struct pgcw_bytes){key.data, key.size}, result, error);
    pgcwi_query_key_fini(&key);
    return status;
}

void
pgcw_query_release(struct pgcw_query_result *result)
{
    if (result->pin != NULL) {
        pgcw_pin_release(result->pin);
    } else {
        PQclear((PGresult *)result->rows);
    }
    *result = (struct pgcw_query_result){NULL, NULL};
}

void
pgcw_query_session_changed(PGconn *connection)
{
    pgcwi_session_forget(connection);
}
