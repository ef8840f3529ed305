/* SPDX-License-Identifier: MIT */
/* Compares what a cache serves with the database, now and then. */
#ifndef PGCACHEWATCH_AUDITOR_H
#define PGCACHEWATCH_AUDITOR_H

#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/fill.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

struct pgcw_cache;
struct pgcw_listener;

/**
 * Reads a value of the database for a hit, and says how the two differ.
 *
 * Values are compared byte by byte: a value that holds pointers cannot be
 * audited. A strategy that keeps events back, or lets only some through,
 * leaves values old on purpose, which is found, too. So is a loader that
 * reads from a standby, which is behind.
 *
 * What it cannot know: it sees one hit and one read. A change that is undone
 * before the read is not seen. Whatever makes the value invalid counts as its
 * event: one of another row in the same slot, an invalidation of yours, or
 * the flush after a gap; so what was missed may be counted as raced or late.
 * That a value is evicted, replaced or expires meanwhile makes no difference.
 * And it cannot tell an event that is lost from one that PostgreSQL holds
 * back: a server process that is stopped within its COMMIT, after others can
 * see it and before it has told the listeners, for a heartbeat_interval_ms.
 * (The next NOTIFY of anybody in the database would bring that event.)
 */
struct pgcw_auditor;

/** How a hit compares with the database. */
enum pgcw_verdict {
    /** The same bytes. */
    PGCW_VERDICT_SAME = 1,
    /** Another value, but the old one was invalid when it had been read: the
     * change and its event came meanwhile. */
    PGCW_VERDICT_RACED = 2,
    /** The old value was still valid when the new one had been read, but no
     * longer once the horizon had passed: as P6 promises. */
    PGCW_VERDICT_LATE = 3,
    /**
     * It was still valid when the horizon had passed, and when that was
     * tried a second time, a heartbeat_interval_ms later, as a commit can be
     * read shortly before it is acknowledged. Nobody has told of the change:
     * a trigger is missing, or switched off; a tag names the wrong table or
     * row; a strategy lets it not through; or the library is wrong.
     */
    PGCW_VERDICT_MISSED = 4
};

/** A hit whose value was not the database's; valid during the call. */
struct pgcw_finding {
    enum pgcw_verdict verdict;
    struct pgcw_bytes key;
    /** `data` NULL: the cache said that there is none. */
    struct pgcw_bytes cached;
    /** `data` NULL: the database has none. */
    struct pgcw_bytes loaded;
    /** From the end of the read until the old value was seen to be invalid;
     * at most that, as it is looked for after a sync. 0 if it was raced; if
     * it was missed, the time until now. */
    int64_t late_ns;
};

/**
 * Told of each hit that was not the same.
 *
 * Threads: the auditor's, one call at a time. Cannot stop the auditor.
 */
typedef void pgcw_finding_fn(void *context, const struct pgcw_finding *finding);

/** Start with PGCW_AUDITOR_OPTIONS_INIT; zero always means the default. */
struct pgcw_auditor_options {
    size_t size;
    /** Reads the value as the loader of a fetch does, from the primary, but
     * on the auditor's thread: give it a connection of its own. */
    pgcw_loader_fn *load;
    void *load_context;
    /** Every so many hits of a thread one may be looked at. Default 1000. */
    uint32_t sample_every;
    /** Most reads of the database in a second, and less if they are slow.
     * Default 10, at most 1000. */
    uint32_t max_per_second;
    /** May be NULL. */
    pgcw_finding_fn *on_finding;
    void *on_finding_context;
};

#define PGCW_AUDITOR_OPTIONS_INIT                             \
    {                                                         \
        sizeof(struct pgcw_auditor_options), 0, 0, 0, 0, 0, 0 \
    }

/** Counters of an auditor; start with PGCW_AUDITOR_STATS_INIT. */
struct pgcw_auditor_stats {
    size_t size;
    /** Hits whose key was read from the database: the next five together. */
    uint64_t audited;
    uint64_t same;
    uint64_t raced;
    uint64_t late;
    uint64_t missed;
    /** The loader failed, or the auditor was stopped: nothing is known. */
    uint64_t undecided;
    /** Hits that were not looked at, as they were invalid already. */
    uint64_t outdated;
    /** The largest late_ns of those that were late. */
    uint64_t max_late_ns;
};

#define PGCW_AUDITOR_STATS_INIT                                   \
    {                                                             \
        sizeof(struct pgcw_auditor_stats), 0, 0, 0, 0, 0, 0, 0, 0 \
    }

/**
 * Begin to audit a cache, in a thread of its own.
 *
 * A hit that is sampled does two atomic read-modify-writes more; the others
 * pay for a look at their thread's own counter. Without an auditor, a hit
 * costs what it does for on_hit, which is looked for with the same load.
 *
 * @param[in]  listener  the cache's; must outlive the auditor
 * @param[in]  cache     must outlive the auditor; has one at a time
 * @param[in]  options   `load` must be set; not kept by reference
 * @param[out] auditor   set only on PGCW_OK; give it to pgcw_auditor_stop()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                it runs
 * @retval PGCW_INVALID_ARGUMENT  an option is out of range; detail names it.
 *                                Or the cache has an auditor, or follows
 *                                another listener
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set; or this
 *                                is a child of fork()
 * @retval PGCW_NO_MEMORY         nothing was started
 * @retval PGCW_SYSTEM_ERROR      no thread could be had
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_auditor_start(struct pgcw_listener *listener, struct pgcw_cache *cache,
                   const struct pgcw_auditor_options *options,
                   struct pgcw_auditor **auditor, struct pgcw_error *error);

/**
 * Stop an auditor and free it. Accepts NULL. Before the cache is destroyed.
 *
 * Threads: any but the library's, hence no callback: there it does nothing
 * but log an error. Blocks: until the running load or callback has returned,
 * and 10 ms. Signals: unsafe.
 */
PGCW_API void pgcw_auditor_stop(struct pgcw_auditor *auditor);

/**
 * Read the counters of an auditor.
 *
 * @param[in,out] stats  set `size` first, as PGCW_AUDITOR_STATS_INIT does
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_auditor_read_stats(struct pgcw_auditor *auditor,
                                      struct pgcw_auditor_stats *stats);

/**
 * Return the name of a verdict: "same", "raced", "late" or "missed".
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API const char *pgcw_verdict_text(enum pgcw_verdict verdict);

PGCW_END_DECLS

#endif
