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

/** What a strategy wants done. */
enum pgcw_decision {
    PGCW_KEEP = 0,
    /** Invalidate what depends on the event's table, or on the rows that it
     * tells; and every value without a tag. See struct pgcw_tag. */
    PGCW_INVALIDATE = 1,
    /** Invalidate everything: events before this one were kept back. */
    PGCW_INVALIDATE_ALL = 2
};

/** A strategy; give it to one cache, which owns it from then on. */
struct pgcw_strategy;

/**
 * Looks at one event and decides.
 *
 * Threads: library threads, one callback at a time and events in commit
 * order for all caches of a listener. Must not block: the events behind it
 * wait. Must not create or destroy a cache, nor close the listener. This
 * holds for the other callbacks of a strategy too.
 */
typedef enum pgcw_decision
pgcw_strategy_decide_fn(void *context, const struct pgcw_event *event);

/**
 * Tells when the strategy wants to be called without an event.
 *
 * Asked often; only the other callbacks may change the answer. Asked first by
 * pgcw_cache_create(), in the caller's thread.
 *
 * @return CLOCK_MONOTONIC in nanoseconds; INT64_MAX: not at all
 */
typedef int64_t pgcw_strategy_due_fn(void *context);

/**
 * Decides because its time has come; PGCW_INVALIDATE means all, as there is
 * no event. If it leaves `due` in the past it is called again at once.
 *
 * An event is shown to the strategy only after `expire` for a time that has
 * passed before.
 *
 * @param now_ns  CLOCK_MONOTONIC in nanoseconds, not before `due`
 */
typedef enum pgcw_decision pgcw_strategy_expire_fn(void *context,
                                                   int64_t now_ns);

/**
 * Told that events may have been lost, and that the cache was flushed for
 * it: what the strategy knows of events before can be forgotten. Called
 * before the next event or expiry.
 */
typedef void pgcw_strategy_gap_fn(void *context);

/** Frees a strategy's context, after its last callback. May be NULL. */
typedef void pgcw_strategy_destroy_fn(void *context);

/** A strategy of one's own; start with PGCW_STRATEGY_OPTIONS_INIT. */
struct pgcw_strategy_options {
    size_t size;
    pgcw_strategy_decide_fn *decide;
    pgcw_strategy_destroy_fn *destroy;
    void *context;
    /** Both, or both NULL: a strategy without a timer. */
    pgcw_strategy_due_fn *due;
    pgcw_strategy_expire_fn *expire;
    /** May be NULL. */
    pgcw_strategy_gap_fn *on_gap;
};

#define PGCW_STRATEGY_OPTIONS_INIT                             \
    {                                                          \
        sizeof(struct pgcw_strategy_options), 0, 0, 0, 0, 0, 0 \
    }

/**
 * Make a strategy from callbacks of one's own.
 *
 * @param[in]  options   `decide` is required; not kept by reference
 * @param[out] strategy  set only on PGCW_OK; give it to pgcw_cache_create()
 *                       or to pgcw_strategy_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made; `context` is the strategy's now
 * @retval PGCW_INVALID_ARGUMENT  no `decide`, or one of `due` and `expire`
 *                                without the other
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
 * Says whether an event that passed the rest of the filter passes it.
 *
 * Threads and limits are those of pgcw_strategy_decide_fn.
 */
typedef bool pgcw_predicate_fn(void *context, const struct pgcw_event *event);

/**
 * The events that a strategy is shown. All zero: every event of the channel.
 *
 * An event without a schema (the Python library's triggers send none) passes
 * for a table of that name in any schema: at worst a needless reload.
 *
 * It stands inside of other structs, so it will not grow.
 */
struct pgcw_event_filter {
    /** The tables to watch; none means every table. Copied. */
    const struct pgcw_table *tables;
    size_t table_count;
    /** Sum of enum pgcw_operation; 0 means PGCW_ALL_OPERATIONS. */
    uint32_t operations;
    /** Has the last word on what passed so far. May be NULL. */
    pgcw_predicate_fn *predicate;
    void *predicate_context;
};

#define PGCW_EVENT_FILTER_INIT \
    {                          \
        0, 0, 0, 0, 0          \
    }

/** Start with PGCW_GREEDY_OPTIONS_INIT. */
struct pgcw_greedy_options {
    size_t size;
    struct pgcw_event_filter filter;
};

#define PGCW_GREEDY_OPTIONS_INIT                                   \
    {                                                              \
        sizeof(struct pgcw_greedy_options), PGCW_EVENT_FILTER_INIT \
    }

/**
 * Make the strategy that invalidates on each event that passes its filter.
 *
 * @param[in]  options   NULL for all defaults; not kept by reference
 * @param[out] strategy  set only on PGCW_OK; give it to pgcw_cache_create()
 *                       or to pgcw_strategy_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made
 * @retval PGCW_INVALID_ARGUMENT  a name in the filter is missing, empty or over
 *                                63 bytes, or `operations` has an unknown bit
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_greedy_create(const struct pgcw_greedy_options *options,
                   struct pgcw_strategy **strategy, struct pgcw_error *error);

/** The longest sequence. */
#define PGCW_SEQUENCE_MAX 1024

/** Start with PGCW_WINDOWED_SEQUENCE_OPTIONS_INIT. */
struct pgcw_windowed_sequence_options {
    size_t size;
    struct pgcw_event_filter filter;
    /** The oldest first. Copied. */
    const enum pgcw_operation *operations;
    /** 1 to PGCW_SEQUENCE_MAX. */
    size_t operation_count;
};

#define PGCW_WINDOWED_SEQUENCE_OPTIONS_INIT                                    \
    {                                                                          \
        sizeof(struct pgcw_windowed_sequence_options), PGCW_EVENT_FILTER_INIT, \
            0, 0                                                               \
    }

/**
 * Make the strategy that invalidates when the operations of the last events
 * that passed its filter are a given sequence.
 *
 * A match may share events with the one before: after insert, insert, insert
 * a sequence of two inserts has matched twice. Any other event between the
 * operations breaks the sequence, also one that somebody sends by hand.
 *
 * @param[in]  options   not kept by reference
 * @param[out] strategy  set only on PGCW_OK; give it to pgcw_cache_create()
 *                       or to pgcw_strategy_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made
 * @retval PGCW_INVALID_ARGUMENT  as pgcw_greedy_create(); or the sequence is
 *                                empty or too long, or has an operation that
 *                                is none or that the filter holds back
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status pgcw_windowed_sequence_create(
    const struct pgcw_windowed_sequence_options *options,
    struct pgcw_strategy **strategy, struct pgcw_error *error);

/** Start with PGCW_WINDOWED_COUNT_OPTIONS_INIT; one limit at least. */
struct pgcw_windowed_count_options {
    size_t size;
    struct pgcw_event_filter filter;
    /** 0: the number of events does not matter. */
    uint32_t max_events;
    /** After the first event of the window; 0: the time does not matter. */
    uint32_t max_ms;
};

#define PGCW_WINDOWED_COUNT_OPTIONS_INIT                                       \
    {                                                                          \
        sizeof(struct pgcw_windowed_count_options), PGCW_EVENT_FILTER_INIT, 0, \
            0                                                                  \
    }

/**
 * Make the strategy that gathers the events that pass its filter, and
 * invalidates once for all of them: when there are `max_events`, or `max_ms`
 * after the first, whichever is sooner. Then it starts anew.
 *
 * Until then the cache serves what it has. The time is kept without further
 * events.
 *
 * @param[in]  options   not kept by reference
 * @param[out] strategy  set only on PGCW_OK; give it to pgcw_cache_create()
 *                       or to pgcw_strategy_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made
 * @retval PGCW_INVALID_ARGUMENT  as pgcw_greedy_create(); or both limits are 0
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_windowed_count_create(const struct pgcw_windowed_count_options *options,
                           struct pgcw_strategy **strategy,
                           struct pgcw_error *error);

/** Start with PGCW_TIMED_SPACING_OPTIONS_INIT. */
struct pgcw_timed_spacing_options {
    size_t size;
    struct pgcw_event_filter filter;
    /** At least 1. */
    uint32_t spacing_ms;
};

#define PGCW_TIMED_SPACING_OPTIONS_INIT                                      \
    {                                                                        \
        sizeof(struct pgcw_timed_spacing_options), PGCW_EVENT_FILTER_INIT, 0 \
    }

/**
 * Make the strategy that invalidates on an event that was sent more than
 * `spacing_ms` after the one that last did.
 *
 * It goes by sent_at_us, the server's clock; before the first invalidation by
 * the time of this call. An event said to be sent after it was received
 * counts as sent then for those behind it, so that a wrong clock, or a wrong
 * event, cannot silence them. What is not let through is not made up for: a
 * change soon after another is seen only with the next invalidation.
 *
 * @param[in]  options   not kept by reference
 * @param[out] strategy  set only on PGCW_OK; give it to pgcw_cache_create()
 *                       or to pgcw_strategy_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made
 * @retval PGCW_INVALID_ARGUMENT  as pgcw_greedy_create(); or no spacing
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_timed_spacing_create(const struct pgcw_timed_spacing_options *options,
                          struct pgcw_strategy **strategy,
                          struct pgcw_error *error);

/** Start with PGCW_TIMED_INTERVAL_OPTIONS_INIT. */
struct pgcw_timed_interval_options {
    size_t size;
    struct pgcw_event_filter filter;
    /** At least 1. */
    uint32_t interval_ms;
};

#define PGCW_TIMED_INTERVAL_OPTIONS_INIT                                      \
    {                                                                         \
        sizeof(struct pgcw_timed_interval_options), PGCW_EVENT_FILTER_INIT, 0 \
    }

/**
 * Make the strategy that invalidates every `interval_ms`, counted from this
 * call, whatever happens, also without any event.
 *
 * With a filter (anything in it is set) it passes over the intervals in which
 * no event passed. A time that could not be kept is not made up for; the next
 * ones are where they would have been.
 *
 * @param[in]  options   not kept by reference
 * @param[out] strategy  set only on PGCW_OK; give it to pgcw_cache_create()
 *                       or to pgcw_strategy_destroy()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                made
 * @retval PGCW_INVALID_ARGUMENT  as pgcw_greedy_create(); or no interval
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_timed_interval_create(const struct pgcw_timed_interval_options *options,
                           struct pgcw_strategy **strategy,
                           struct pgcw_error *error);

/**
 * Free a strategy that no cache has taken. Accepts NULL.
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_strategy_destroy(struct pgcw_strategy *strategy);

PGCW_END_DECLS

#endif
