/* SPDX-License-Identifier: MIT */
/* Results of calls, and the details of a failure. */
#ifndef PGCACHEWATCH_STATUS_H
#define PGCACHEWATCH_STATUS_H

#include <pgcachewatch/export.h>

PGCW_BEGIN_DECLS

/** Result of a call. Values are never renumbered; new ones are appended. */
enum pgcw_status {
    PGCW_OK = 0,
    /** An argument or option is not allowed; the detail names it. */
    PGCW_INVALID_ARGUMENT = 1,
    /** Memory could not be had; nothing was changed. */
    PGCW_NO_MEMORY = 2,
    /** An option that this version of the library does not know is set; or
     * this process is a child of fork(): see pgcachewatch.h. */
    PGCW_UNSUPPORTED = 3,
    /** The time given was not enough. */
    PGCW_TIMEOUT = 4,
    /** PostgreSQL is not reached, or not listened to; the detail says why. */
    PGCW_DISCONNECTED = 5,
    /** PostgreSQL refused; sqlstate and detail have its words. */
    PGCW_REFUSED = 6,
    /** The cache has no valid value for the key. */
    PGCW_MISS = 7,
    /** The caller now holds the lease of the key and should load it. */
    PGCW_LEASED = 8,
    /**
     * Another caller is loading the key, or max_loads loads of the cache run.
     *
     * Ask again when that load has ended: its lease is filled or abandoned, or
     * its fetch has returned. Nobody is called back for it. A server with one
     * event loop has that lease itself, so it knows; it should ask then, and
     * not take the other's value. Else ask by a timer, say after 1 ms, then 2,
     * 4, up to 50: it costs a lookup, and a lock for a moment. Once
     * lease_timeout_ms, of a fetch load_timeout_ms, is over, the first who asks
     * gets a lease, whatever has become of the other.
     */
    PGCW_BUSY = 9,
    /** A single value is larger than the whole cache may be. */
    PGCW_TOO_LARGE = 10,
    /** A loader failed without a more telling status. */
    PGCW_LOAD_FAILED = 11,
    /** The operating system refused; the detail names the call. */
    PGCW_SYSTEM_ERROR = 12,
    /** A defect of the library; please report the detail. */
    PGCW_INTERNAL = 13,
    /** The database has no value for the key. */
    PGCW_NOT_FOUND = 14,
    /** A value read from a standby may be older than an event that was
     * applied; nothing is stored. Later it may be accepted. */
    PGCW_BEHIND = 15
};

/**
 * Details of a failure, in the caller's memory.
 *
 * Written only when a call fails, and always complete then. Its size is
 * frozen.
 */
struct pgcw_error {
    enum pgcw_status status;
    /** Five characters from PostgreSQL, or an empty string. */
    char sqlstate[6];
    /** One line of text, never with a password. */
    char detail[246];
};

/**
 * Return the name of a status, such as "no memory".
 *
 * @return a string constant; "unknown status" for a value not in the list
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API const char *pgcw_status_text(enum pgcw_status status);

PGCW_END_DECLS

#endif
