/* SPDX-License-Identifier: MIT */
/*
 * Cached results of SELECT statements, which find their tables themselves.
 *
 * pgcw_query_exec() takes what PQexecParams() takes. The first call of a
 * statement looks at it: which functions, views and types it uses. If nothing
 * but writes to its tables can change its result, the result is kept, with
 * the tables that were read as its tags, and given to whoever asks the same,
 * until one of the tables changes. Everything else is simply executed; why,
 * tells pgcw_query_explain().
 *
 * What is refused: statements that write or lock rows; several in one; those
 * that tell the time, as with now() or a date 'today'; volatile functions;
 * functions, operators and aggregates of your own that are not declared; the
 * system's catalogs and views; temporary and foreign tables, materialized
 * views, sequences; tables with row security; tables without triggers that
 * tell of every change, or, with PGCW_TRANSPORT_WAL, not in the listener's
 * publication.
 *
 * The same means: the same database, session user and role, schemas that are
 * searched, settings that results depend on (as TimeZone), text, parameters
 * with their types and formats, and result format.
 *
 * No event tells of DDL. A table that is altered, a view that is replaced, a
 * partition attached, a right revoked: the next load sees it, a hit does not.
 * After such a change call pgcw_query_cache_forget(), or set a ttl_ms.
 *
 * The triggers must be on each partition and inheritance child that is read,
 * and on every table above it, as either can be written to. A publication
 * needs only the partitioned table, and each inheritance child by itself;
 * TRUNCATE of a partition by its own name is not told there.
 */
#ifndef PGCACHEWATCH_QUERY_H
#define PGCACHEWATCH_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/cache.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* libpq's PGresult */
struct pgcw_listener;
struct pgcw_query_cache;

/**
 * A function of the user's, declared as safe in a cached query: its result
 * depends on its arguments and on these tables only.
 */
struct pgcw_query_function {
    /** As in SQL, all overloads of it: `public.price_of`, or `price_of` in
     * whatever schema. */
    const char *name;
    /** The tables that it reads, with their schemas, as in SQL: views are no
     * tables. */
    const char *const *tables;
    size_t table_count;
};

/** Start with PGCW_QUERY_OPTIONS_INIT; zero always means the default. */
struct pgcw_query_options {
    size_t size;
    /**
     * Limits, times and strategy of the cache of results. NULL: all defaults.
     * on_removal and weigh are the library's own, and must be NULL.
     */
    const struct pgcw_cache_options *cache;
    /** Functions that are safe. What the system brings needs no word here. */
    const struct pgcw_query_function *functions;
    size_t function_count;
    /** Names of extensions all of whose functions are safe and read no
     * tables: `citext`. */
    const char *const *extensions;
    size_t extension_count;
    /**
     * The function that the triggers call, without a schema. NULL: the one
     * that pgcw_install_plan() makes for the listener's channel. Of no meaning
     * with PGCW_TRANSPORT_WAL.
     */
    const char *trigger_function;
    /** Cache also what is read from tables without such triggers, or outside
     * of the publication: their changes are told in another way, or not at
     * all. */
    bool ignores_triggers;
};

#define PGCW_QUERY_OPTIONS_INIT                                \
    {                                                          \
        sizeof(struct pgcw_query_options), 0, 0, 0, 0, 0, 0, 0 \
    }

/** A statement and its parameters: as PQexecParams() takes them. */
struct pgcw_query {
    const char *command;
    int parameter_count;
    /** Oids. NULL, or 0 in it: the server chooses. */
    const unsigned int *types;
    /** NULL in it: an SQL NULL. */
    const char *const *values;
    /** For parameters in binary format only. */
    const int *lengths;
    /** 0: text, 1: binary. NULL: all text. */
    const int *formats;
    /** 0: text, 1: binary. */
    int result_format;
};

/** What a query gave; for pgcw_query_release(). */
struct pgcw_query_result {
    /**
     * Read it with PQntuples(), PQgetvalue() and the like, which any number of
     * threads may do at the same time. Never PQclear() it.
     */
    const struct pg_result *rows;
    /** Whether others may be given the same one. NULL: they are not. */
    struct pgcw_pin *pin;
};

/**
 * Make a cache of results that follows a listener.
 *
 * @param[in]  listener  must outlive it; its database is the one to query
 * @param[in]  options   NULL for all defaults; not kept by reference
 * @param[out] cache     set only on PGCW_OK; give it to
 *                       pgcw_query_cache_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made
 * @retval PGCW_INVALID_ARGUMENT  an option is out of range; detail names it
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set; or this
 *                                is a child of fork()
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: any but the library's. Blocks: as pgcw_cache_create(). Signals:
 * unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status pgcw_query_cache_create(
    struct pgcw_listener *listener, const struct pgcw_query_options *options,
    struct pgcw_query_cache **cache, struct pgcw_error *error);

/**
 * Free it and all results. Accepts NULL. Every result must have been
 * released; connections need not be closed before.
 *
 * Threads: any but the library's. Blocks: as pgcw_cache_destroy(). Signals:
 * unsafe.
 */
PGCW_API void pgcw_query_cache_destroy(struct pgcw_query_cache *cache);

/**
 * Execute a statement, or take its result from the cache.
 *
 * A hit costs no round trip. Threads that miss the same at the same time
 * share one execution. Inside of a transaction block, on a standby, while the
 * listener is not LIVE, and if it may not be cached, the statement is
 * executed as PQexecParams() would.
 *
 * A load runs in a read-only transaction, READ COMMITTED. Before its first
 * load a statement is looked at in a transaction that is rolled back, see
 * pgcw_query_explain().
 *
 * The connection is one to the listener's database, on the primary. What is
 * known of its session (roles, search_path, settings) is kept with it, by
 * libpq's events, and asked for again after a command that may change it. A
 * change by set_config() inside of a SELECT is not noticed by a hit: call
 * pgcw_query_session_changed() after it.
 *
 * @param[in]  connection  in use by this thread alone; not in pipeline mode
 * @param[in]  query       borrowed during the call
 * @param[out] result      set only on PGCW_OK; for pgcw_query_release()
 * @param[out] error       may be NULL; written only on failure
 * @retval PGCW_OK                the result; may be one without rows
 * @retval PGCW_INVALID_ARGUMENT  no command, or parameter_count is negative
 * @retval PGCW_REFUSED           the server refused; sqlstate and detail have
 *                                its words. Nothing is cached
 * @retval PGCW_DISCONNECTED      the connection is lost
 * @retval PGCW_NO_MEMORY         nothing was executed, or its result was lost
 *
 * Threads: any; one at a time per connection. Blocks: never on a hit; else
 * until the server has answered, or another thread's load has ended. Signals:
 * unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_query_exec(struct pgcw_query_cache *cache, struct pg_conn *connection,
                const struct pgcw_query *query,
                struct pgcw_query_result *result, struct pgcw_error *error);

/**
 * Give a result back; it is empty then. One that is empty is accepted.
 *
 * Threads: any, before the cache is destroyed. Blocks: never. Signals:
 * unsafe.
 */
PGCW_API void pgcw_query_release(struct pgcw_query_result *result);

/**
 * Say on which tables a statement depends, or why it is not cached.
 *
 * Looks at it anew and executes it, and keeps nothing. To look, a function
 * pg_temp.pgcachewatch_statement is made of it and rolled back: that needs
 * the right TEMP on the database, and event triggers for CREATE FUNCTION
 * fire.
 *
 * @param[in]     connection  idle
 * @param[in]     query       borrowed during the call
 * @param[in,out] tables      on PGCW_OK, names as in SQL, with ", " between
 *                            and a NUL at the end
 * @param[out]    error       may be NULL; written only on failure
 * @retval PGCW_OK                it is cached
 * @retval PGCW_UNSUPPORTED       it is not; detail says why
 * @retval PGCW_INVALID_ARGUMENT  no command, parameter_count is negative, or
 *                                the connection is not idle
 * @retval PGCW_REFUSED           its execution failed; detail says how
 * @retval PGCW_DISCONNECTED      the connection is lost
 * @retval PGCW_NO_MEMORY         there was none
 *
 * Threads: any; one at a time per connection. Blocks: until the server has
 * answered. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_query_explain(struct pgcw_query_cache *cache, struct pg_conn *connection,
                   const struct pgcw_query *query, struct pgcw_buffer *tables,
                   struct pgcw_error *error);

/**
 * Forget what is known of a connection's session: the next query asks.
 *
 * Threads: the connection's. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_query_session_changed(struct pg_conn *connection);

/**
 * Forget all results, and what is known of statements: after DDL.
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_query_cache_forget(struct pgcw_query_cache *cache);

/**
 * Read the counters of the cache of results. A statement that may not be
 * cached counts as a miss, a load and a load failure each time; one that is
 * executed because of a transaction, or of the listener's state, not at all.
 *
 * @param[in,out] stats  set `size` first, as PGCW_CACHE_STATS_INIT does
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_query_cache_read_stats(struct pgcw_query_cache *cache,
                                          struct pgcw_cache_stats *stats);

PGCW_END_DECLS

#endif
