/* SPDX-License-Identifier: MIT */
/* One change in PostgreSQL, as the triggers tell it. */
#ifndef PGCACHEWATCH_EVENT_H
#define PGCACHEWATCH_EVENT_H

#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

struct pg_conn; /* libpq's PGconn */

/** The channel that is used unless another is named. */
#define PGCW_DEFAULT_CHANNEL "ch_pgcachewatch_table_change"

/** How changes come out of the server. */
enum pgcw_transport {
    /** Triggers that call pg_notify(). NOTIFY takes a lock of the whole
     * cluster at commit, which bounds the commits of those who write. */
    PGCW_TRANSPORT_NOTIFY = 0,
    /** Logical decoding of a publication: no triggers, and no lock. Needs
     * PostgreSQL 14, wal_level = logical, and for each listener the attribute
     * REPLICATION, one of max_wal_senders and of max_replication_slots. */
    PGCW_TRANSPORT_WAL = 1
};

/** What was done to a table. Bits, so that a filter is a sum of them. */
enum pgcw_operation {
    PGCW_INSERT = 1,
    PGCW_UPDATE = 2,
    PGCW_DELETE = 4,
    PGCW_TRUNCATE = 8
};

/** Every operation: the default of a filter. */
#define PGCW_ALL_OPERATIONS 15u

/** One change. Strings are never NULL; they live as long as the callback. */
struct pgcw_event {
    enum pgcw_operation operation;
    /** Grows in commit order; some numbers are not those of events. */
    uint64_t number;
    const char *channel;
    /** Empty if the trigger does not send it (the Python library's). */
    const char *schema;
    const char *table;
    /** Start of the writer's transaction by the server's clock; what logical
     * decoding tells has its commit instead. Unix µs. */
    int64_t sent_at_us;
    /** When this process heard of it, by its own clock; Unix µs. */
    int64_t received_at_us;
    /**
     * The primary keys of the rows that were changed: UTF-8, each followed by
     * a NUL that its size does not count. An update that changes a key has
     * the old and the new one. A statement may come as several events.
     *
     * A key of one column is the value's text, whatever the settings of the
     * writer's session. It is what `id::text` gives: an integer in digits, text
     * as it is, a uuid in lower case, a numeric with its zeros (1.50), an enum
     * by its label; also boolean, inet, macaddr, bit and time. But bytea is \\x
     * and hex digits in lower case; date and timestamp are ISO 8601,
     * 2026-11-22T18:57:00.5; timestamptz is that in UTC, with a Z behind it.
     *
     * A key of several columns is the text of a JSON array of these, in the
     * order of the primary key, as PostgreSQL gives it for
     * `json_build_array(a::text, b::text)::text`: ["1", "x"].
     */
    const struct pgcw_bytes *keys;
    /** 0: any row of the table may have changed. So it is where the triggers
     * do not tell rows; where the table has no primary key, or one of another
     * type (float, interval, arrays, types of extensions); for more than 1000
     * keys or 8 payloads; for a key of some 7 kB; for TRUNCATE. */
    size_t key_count;
};

/**
 * Return the name of an operation: "insert", "update", "delete", "truncate".
 *
 * @return a string constant; "unknown" for another value
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API const char *pgcw_operation_text(enum pgcw_operation operation);

/**
 * Find an operation by its name.
 *
 * @param[in]  text       "insert", "update", "delete" or "truncate"
 * @param[out] operation  set only on PGCW_OK
 * @retval PGCW_OK                found
 * @retval PGCW_INVALID_ARGUMENT  no operation has that name
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_operation_from_text(const char *text, enum pgcw_operation *operation);

/**
 * Send an event by hand, as a trigger would. Listeners with
 * PGCW_TRANSPORT_WAL do not hear it.
 *
 * It is sent with pg_notify(), so it reaches the listeners when the
 * connection's transaction commits: at once outside of a transaction block.
 *
 * @param[in,out] connection  open, idle; used until return
 * @param[in]     event       channel, operation, table and, if not empty,
 *                            schema and keys are sent; sent_at_us 0 means the
 *                            transaction's start by the server's clock;
 *                            number and received_at_us are not sent
 * @param[out]    error       may be NULL; written only on failure
 * @retval PGCW_OK                the server has accepted it
 * @retval PGCW_INVALID_ARGUMENT  a name is empty or over 63 bytes, the
 *                                operation is none, or a key has a NUL
 * @retval PGCW_NO_MEMORY         nothing was sent
 * @retval PGCW_REFUSED           the server refused: a key is not UTF-8, or
 *                                the keys do not fit into one payload
 * @retval PGCW_DISCONNECTED      the connection is not usable
 *
 * Threads: one at a time per connection. Blocks: until the server answers.
 * Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_event_emit(struct pg_conn *connection, const struct pgcw_event *event,
                struct pgcw_error *error);

/**
 * Send an event by hand to listeners with PGCW_TRANSPORT_WAL.
 *
 * As pgcw_event_emit(), but as a message in the write-ahead log, of the
 * connection's transaction, so it takes no lock of the cluster at commit, and
 * its keys may be of any size. Listeners with PGCW_TRANSPORT_NOTIFY do not
 * hear it. Below wal_level = logical the server takes it as well, and nobody
 * hears it.
 *
 * Parameters, results and threads are those of pgcw_event_emit().
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_event_emit_wal(struct pg_conn *connection, const struct pgcw_event *event,
                    struct pgcw_error *error);

PGCW_END_DECLS

#endif
