/* SPDX-License-Identifier: MIT */
/* A cache of results, and of what is known of statements. */
#include <stdio.h>

#include <libpq-fe.h>

#include <pgcachewatch/strategy.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/status.h"
#include "cache/forked.h"
#include "listener/listener.h"
#include "query/query.h"

/* Statements are fewer than results, and what is known of them is small. */
#define STATEMENTS_MAX 10000

static void
clear_result(void *context, struct pgcw_bytes key, struct pgcw_bytes value,
             enum pgcw_removal_cause cause)
{
    (void)context;
    (void)key;
    (void)cause;
    PQclear(pgcwi_kept_rows_of(value));
}

static size_t
weigh_result(void *context, struct pgcw_bytes key, struct pgcw_bytes value)
{
    (void)context;
    (void)key;
    return PQresultMemorySize(pgcwi_kept_rows_of(value));
}

static void
free_dependency(void *context, struct pgcw_bytes key, struct pgcw_bytes value,
                enum pgcw_removal_cause cause)
{
    struct pgcwi_dependency *dependency = pgcwi_kept_statement_of(value);

    (void)context;
    (void)key;
    (void)cause;
    pgcwi_dependency_fini(dependency);
    pgcwi_free(dependency);
}

static size_t
weigh_dependency(void *context, struct pgcw_bytes key, struct pgcw_bytes value)
{
    struct pgcwi_dependency *dependency = pgcwi_kept_statement_of(value);

    (void)context;
    (void)key;
    return sizeof *dependency + PQresultMemorySize(dependency->facts);
}

static enum pgcw_decision
keep(void *context, const struct pgcw_event *event)
{
    (void)context;
    (void)event;
    return PGCW_KEEP;
}

static enum pgcw_status
create_results(struct pgcw_query_cache *cache,
               const struct pgcw_query_options *options,
               struct pgcw_error *error)
{
    struct pgcw_cache_options known;
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof known, options->cache, error);

    if (status != PGCW_OK) {
        return status;
    }
    if (known.on_removal != NULL || known.weigh != NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "cache: on_removal and weigh must be NULL");
    }
    known.size = sizeof known;
    known.on_removal = clear_result;
    known.weigh = weigh_result;
    return pgcw_cache_create(cache->listener, &known, &cache->results, error);
}

static enum pgcw_status
create_statements(struct pgcw_query_cache *cache, struct pgcw_error *error)
{
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    enum pgcw_status status;

    callbacks.decide = keep;
    options.max_entries = STATEMENTS_MAX;
    options.on_removal = free_dependency;
    options.weigh = weigh_dependency;
    status = pgcw_strategy_create(&callbacks, &options.strategy, error);
    if (status != PGCW_OK) {
        return status;
    }
    status =
        pgcw_cache_create(cache->listener, &options, &cache->statements, error);
    if (status != PGCW_OK) {
        pgcw_strategy_destroy(options.strategy);
    }
    return status;
}

static enum pgcw_status
name_what_tells(struct pgcw_query_cache *cache,
                const struct pgcw_query_options *options,
                struct pgcw_error *error)
{
    static const char usual[] = "fn_pgcachewatch_table_change_";
    char name[sizeof usual + sizeof cache->listener->settings.channel];

    if (options->ignores_triggers) {
        return PGCW_OK;
    }
    if (cache->listener->settings.options.transport == PGCW_TRANSPORT_WAL) {
        cache->publication = cache->listener->settings.publication;
        return PGCW_OK;
    }
    snprintf(name, sizeof name, "%s%s", usual,
             cache->listener->settings.channel);
    cache->trigger_function = pgcwi_strdup(
        options->trigger_function == NULL ? name : options->trigger_function);
    return cache->trigger_function != NULL
               ? PGCW_OK
               : pgcwi_error_set(error, PGCW_NO_MEMORY,
                                 "no memory for a cache of results");
}

static enum pgcw_status
init(struct pgcw_query_cache *cache, const struct pgcw_query_options *options,
     struct pgcw_error *error)
{
    enum pgcw_status status = pgcwi_trust_init(&cache->trust, options, error);

    if (status == PGCW_OK) {
        status = name_what_tells(cache, options, error);
    }
    if (status == PGCW_OK) {
        status = create_statements(cache, error);
    }
    if (status == PGCW_OK) {
        /* the last, as it takes the user's strategy */
        status = create_results(cache, options, error);
    }
    return status;
}

enum pgcw_status
pgcw_query_cache_create(struct pgcw_listener *listener,
                        const struct pgcw_query_options *options,
                        struct pgcw_query_cache **out, struct pgcw_error *error)
{
    struct pgcw_query_options known;
    struct pgcw_query_cache *cache;
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof known, options, error);

    if (status != PGCW_OK) {
        return status;
    }
    cache = pgcwi_alloc_array(1, sizeof *cache);
    if (cache == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a cache of results");
    }
    cache->listener = listener;
    status = init(cache, &known, error);
    if (status != PGCW_OK) {
        pgcw_query_cache_destroy(cache);
        return status;
    }
    *out = cache;
    return PGCW_OK;
}

void
pgcw_query_cache_destroy(struct pgcw_query_cache *cache)
{
    if (cache == NULL || pgcwi_forked_is_child()) {
        return;
    }
    pgcw_cache_destroy(cache->results);
    pgcw_cache_destroy(cache->statements);
    pgcwi_trust_fini(&cache->trust);
    pgcwi_free(cache->trigger_function);
    pgcwi_free(cache);
}

void
pgcw_query_cache_forget(struct pgcw_query_cache *cache)
{
    pgcw_cache_invalidate_all(cache->statements);
    pgcw_cache_invalidate_all(cache->results);
}

void
pgcw_query_cache_read_stats(struct pgcw_query_cache *cache,
                            struct pgcw_cache_stats *stats)
{
    pgcw_cache_read_stats(cache->results, stats);
}
