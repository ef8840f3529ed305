/* SPDX-License-Identifier: MIT */
/* Decides, event by event, whether a cache is invalidated. */
#ifndef PGCACHEWATCH_STRATEGY_H
#define PGCACHEWATCH_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/event.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

/** What a strategy wants done because of an event. */
enum pgcw_decision { PGCW_KEEP = 0, PGCW_INVALIDATE = 1 };

/** A strategy; give it to one cache, which owns it from then on. */
struct pgcw_strategy;

/**
 * Looks at one event and decides.
 *
 * Threads: library threads, one event at a time and in commit order for all
 * caches of a listener. Must not block: the events behind it wait. Must not
 * create or destroy a cache, nor close the listener.
 */
typedef enum pgcw_decision
pgcw_strategy_decide_fn(void *context, const struct pgcw_event *event);

/** Frees a strategy's context, after the last event. May be NULL. */
typedef void pgcw_strategy_destroy_fn(void *context);

/** A strategy of one's own; start with PGCW_STRATEGY_OPTIONS_INIT. */
struct pgcw_strategy_options {
    size_t size;
    pgcw_strategy_decide_fn *decide;
    pgcw_strategy_destroy_fn *destroy;
    void *context;
};

#define PGCW_STRATEGY_OPTIONS_INIT                    \
    {                                                 \
        sizeof(struct pgcw_strategy_options), 0, 0, 0 \
    }

/**
 * Make a strategy from callbacks of one's own.
 *
 * @param[in]  options   `decide` is required; not kept by reference
 * @param[out] strategy  set only on PGCW_OK; give it to pgcw_cache_create()
 *                       or to pgcw_strategy_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made; `context` is the strategy's now
 * @retval PGCW_INVALID_ARGUMENT  no `decide`
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_strategy_create(const struct pgcw_strategy_options *options,
                     struct pgcw_strategy **strategy, struct pgcw_error *error);

/** A table that a strategy watches. */
struct pgcw_table {
    /** NULL: a table of this name in any schema. */
    const char *schema;
    /** As PostgreSQL stores it: not quoted, not folded. */
    const char *name;
};

/**
 * Says whether an event that passed the filter shall invalidate.
 *
 * Threads and limits are those of pgcw_strategy_decide_fn.
 */
typedef bool pgcw_predicate_fn(void *context, const struct pgcw_event *event);

/** What a greedy strategy reacts to; start with PGCW_GREEDY_OPTIONS_INIT. */
struct pgcw_greedy_options {
    size_t size;
    /** The tables to watch; none means every table of the channel. Copied. */
    const struct pgcw_table *tables;
    size_t table_count;
    /** Sum of enum pgcw_operation; 0 means PGCW_ALL_OPERATIONS. */
    uint32_t operations;
    /** May be NULL: then every event that passes the filter invalidates. */
    pgcw_predicate_fn *predicate;
    void *predicate_context;
};

#define PGCW_GREEDY_OPTIONS_INIT                          \
    {                                                     \
        sizeof(struct pgcw_greedy_options), 0, 0, 0, 0, 0 \
    }

/**
 * Make the strategy that invalidates on each event that passes its filter.
 *
 * An event without a schema (the Python library's triggers send none) passes
 * the filter for a table of that name in any schema: at worst a needless
 * reload.
 *
 * @param[in]  options   NULL for all defaults; not kept by reference
 * @param[out] strategy  set only on PGCW_OK; give it to pgcw_cache_create()
 *                       or to pgcw_strategy_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made
 * @retval PGCW_INVALID_ARGUMENT  a name is missing, empty or over 63 bytes,
 *                                or `operations` has an unknown bit
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_greedy_create(const struct pgcw_greedy_options *options,
                   struct pgcw_strategy **strategy, struct pgcw_error *error);

/**
 * Free a strategy that no cache has taken. Accepts NULL.
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_strategy_destroy(struct pgcw_strategy *strategy);

PGCW_END_DECLS

#endif
