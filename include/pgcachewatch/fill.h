/* SPDX-License-Identifier: MIT */
/* What goes into a cache: a value, what it depends on, how long it lives. */
#ifndef PGCACHEWATCH_FILL_H
#define PGCACHEWATCH_FILL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

/**
 * What a value depends on: a table, or one row of it.
 *
 * An event of the table makes the value invalid; for a row, one that has the
 * row's key, or none: see pgcw_event.key_count. Rows are hashed, so that
 * the event of another row may, at worst, cost a needless load.
 *
 * Name the table that has the trigger: for a partition, the partition too.
 */
struct pgcw_tag {
    /** NULL: a table of this name in any schema. */
    const char *schema;
    /** As PostgreSQL stores it: not quoted, not folded. */
    const char *table;
    /** The row's primary key, exactly as an event has it: see
     * pgcw_event.keys. `data` NULL: every row. */
    struct pgcw_bytes key;
};

/**
 * What a load has found, on its way into the cache.
 *
 * A value without a tag depends on the whole cache: every event that the
 * strategy lets through makes it invalid. So does one with more tags than
 * some thirty; and one of the tables after the first 16,384 of a cache.
 */
struct pgcw_fill;

/**
 * Give the value; the last one counts. Without, it is empty.
 *
 * @param bytes  copied
 * @retval PGCW_OK         it has a copy
 * @retval PGCW_NO_MEMORY  nothing was changed
 *
 * Threads: the loader's. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_fill_set_value(struct pgcw_fill *fill, struct pgcw_bytes bytes);

/**
 * Say what the value depends on; may be called for each row and table.
 *
 * @param tag  copied
 * @retval PGCW_OK                noted
 * @retval PGCW_INVALID_ARGUMENT  a name is empty or over 63 bytes: no event
 *                                could have it. The value now depends on the
 *                                whole cache, so it may still be stored
 *
 * Threads: the loader's. Blocks: never for long. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_fill_add_tag(struct pgcw_fill *fill, const struct pgcw_tag *tag);

/**
 * Say how long the value lives, instead of the cache's ttl_ms; for one that
 * does not exist, instead of absent_ttl_ms.
 *
 * @param ttl_ms  0: as the cache says
 *
 * Threads: the loader's. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_fill_set_ttl_ms(struct pgcw_fill *fill, uint32_t ttl_ms);

/**
 * Say that the value was read from a standby, and how far that had replayed.
 *
 * Such a value is stored only if it is known to show every event that the
 * cache has applied and that concerns it (P1). Else the fetch gives it to its
 * own caller, as old as the standby is, and caches nothing; whoever waits
 * loads for himself. The next fetch may have it stored.
 *
 * Ask the standby first, in a statement of its own, and then read:
 *
 *     SELECT pg_last_wal_replay_lsn()
 *
 * Not in the same statement, nor in a transaction that is REPEATABLE READ or
 * SERIALIZABLE: its snapshot would be older than the answer. On the same
 * connection, as another may lead to another standby. The standby must follow
 * the primary that the listener is connected to, on the same timeline.
 *
 * The listener needs replica_fills, or PGCW_TRANSPORT_WAL; without, no such
 * value is stored. The age of a value (max_age_ms, ttl_ms, refresh_after_ms)
 * counts from a moment whose commits the standby is known to have replayed.
 *
 * @param read_lsn  see pgcw_lsn_from_text(). 0: read from the primary
 *
 * Threads: the loader's. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_fill_set_read_lsn(struct pgcw_fill *fill, uint64_t read_lsn);

/**
 * Read a position in the WAL as PostgreSQL writes it, such as "16/B374D848".
 *
 * @param[in]  text  what pg_last_wal_replay_lsn() has returned
 * @param[out] lsn   set only on PGCW_OK
 * @retval PGCW_OK                it is one
 * @retval PGCW_INVALID_ARGUMENT  it is not
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status pgcw_lsn_from_text(const char *text,
                                                             uint64_t *lsn);

/**
 * Load the value of a key, usually with a SELECT.
 *
 * Start the SELECT in here, in a transaction that begins in here, on the
 * primary, or see pgcw_fill_set_read_lsn(): the stamp that makes a late fill
 * harmless was taken just before this call. In a transaction that was open
 * before, see transaction.h.
 *
 * It must not fetch the same key: it would wait for itself, until the load
 * is overdue.
 *
 * @param[in]     key    valid during the call
 * @param[in,out] fill   takes the value and its tags; valid during the call
 * @param[out]    error  never NULL; may be left alone
 * @return PGCW_OK if `fill` has the value; PGCW_NOT_FOUND if the database
 *         has none, which is cached if the cache has an absent_ttl_ms.
 *         Anything else goes to the caller of pgcw_cache_fetch() and to
 *         everybody who waits, and nothing is cached
 *
 * Threads: the one that called pgcw_cache_fetch(), which holds no lock.
 */
typedef enum pgcw_status pgcw_loader_fn(void *context, struct pgcw_bytes key,
                                        struct pgcw_fill *fill,
                                        struct pgcw_error *error);

/** A loader and what it needs. Initialise it by the fields' names, as more
 * may come; what is not named is 0. */
struct pgcw_loader {
    pgcw_loader_fn *load;
    void *context;
    /** A value that is in the cache counts only if it is no older, as with
     * pgcw_cache_lookup_fresh(); else it is loaded anew. 0: any. */
    uint32_t max_age_ms;
};

/** How a value is stored; start with PGCW_FILL_OPTIONS_INIT. */
struct pgcw_fill_options {
    size_t size;
    /** What it depends on; none: the whole cache. */
    const struct pgcw_tag *tags;
    size_t tag_count;
    /** 0: as the cache says. */
    uint32_t ttl_ms;
    /** The database has no value for the key: the value is not looked at,
     * and lookups say PGCW_NOT_FOUND. */
    bool is_absent;
    /** Read from a standby: see pgcw_fill_set_read_lsn(). */
    uint64_t read_lsn;
};

#define PGCW_FILL_OPTIONS_INIT                          \
    {                                                   \
        sizeof(struct pgcw_fill_options), 0, 0, 0, 0, 0 \
    }

PGCW_END_DECLS

#endif
