/* SPDX-License-Identifier: MIT */
/* Hears what changes: a connection, a thread, a ring, and workers. */
#ifndef PGCACHEWATCH_LISTENER_H
#define PGCACHEWATCH_LISTENER_H

#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/event.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/log.h>
#include <pgcachewatch/stats.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

struct pgcw_listener;

/** Where a listener is. Caches serve only while it is PGCW_LISTENER_LIVE. */
enum pgcw_listener_state {
    /** Not started, or closed. */
    PGCW_LISTENER_OFF = 0,
    /** A connection is being made. */
    PGCW_LISTENER_CONNECTING = 1,
    /** LISTEN is committed; waiting for a NOTIFY of its own. */
    PGCW_LISTENER_PROBING = 2,
    /** Every change is heard. */
    PGCW_LISTENER_LIVE = 3,
    /** A heartbeat is late: perhaps nothing is heard any more. */
    PGCW_LISTENER_DOUBT = 4,
    /** Not connected; waiting to try again. */
    PGCW_LISTENER_DOWN = 5
};

/**
 * Return the name of a state: "off", "connecting", "probing", "live",
 * "doubt" or "down".
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API const char *pgcw_listener_state_text(enum pgcw_listener_state state);

/**
 * Told of each new state.
 *
 * @param reason  one line, valid during the call; empty if there is none
 *
 * Threads: the listener's own, one at a time. Must not block, nor call
 * pgcw_listener_close() or pgcw_listener_sync().
 */
typedef void pgcw_listener_state_fn(void *context,
                                    enum pgcw_listener_state state,
                                    const char *reason);

/**
 * Told of each event, after every cache of the listener has applied it.
 *
 * Threads: library threads, one event at a time, in commit order. Must not
 * block: the events behind it wait. Must not create or destroy a cache of
 * this listener, nor close it, nor call pgcw_listener_sync().
 */
typedef void pgcw_event_fn(void *context, const struct pgcw_event *event);

/** Start with PGCW_LISTENER_OPTIONS_INIT; zero always means the default. */
struct pgcw_listener_options {
    size_t size;
    /**
     * Connection string or URI in libpq's form. NULL: the PG* environment.
     * libpq's documentation, chapter "Connection Strings".
     */
    const char *dsn;
    /** At most 63 bytes. NULL: PGCW_DEFAULT_CHANNEL. */
    const char *channel;
    /** Threads that decode and apply. Default 2, at most 64. The listener's
     * own thread does so too, which is faster, where nothing waits and no code
     * of yours could hold it up: without `on_event`, and if no cache has a
     * strategy of pgcw_strategy_create() or a filter with a predicate. */
    uint32_t worker_count;
    /** Messages that may wait; a power of two, 4 to 2^24. Default 65536. */
    uint32_t ring_capacity;
    /** From the start of a connection to LIVE. Default 5000. */
    uint32_t connect_timeout_ms;
    /** A heartbeat is sent when so long none was. Default 500. */
    uint32_t heartbeat_interval_ms;
    /**
     * A heartbeat not answered so long puts all in doubt. Default 1000.
     *
     * The next is sent when the one before is answered and its interval is
     * over. So while the listener is LIVE it has heard all that was committed
     * so long ago, plus once more the same or heartbeat_interval_ms, whichever
     * is longer. It is applied later by what waits in the ring, and by what a
     * predicate takes.
     */
    uint32_t heartbeat_timeout_ms;
    /** First delay after a lost connection. Default 50. */
    uint32_t reconnect_min_ms;
    /** Largest delay. Default 5000. */
    uint32_t reconnect_max_ms;
    /** 1: pgcw_listener_open() does not wait for LIVE, and cannot fail
     * because the server is not there. Default 0. */
    uint32_t open_in_background;
    /** Lines that matter less are not made. Default PGCW_LOG_WARNING. */
    enum pgcw_log_level log_level;
    /** NULL: silent. */
    pgcw_log_fn *log;
    void *log_context;
    pgcw_listener_state_fn *on_state;
    void *on_state_context;
    pgcw_event_fn *on_event;
    void *on_event_context;
    /** An event heard longer than this after it was sent is logged as a
     * warning and counted; it is applied like any other. The two times are
     * by two clocks, and the first is the start of the writer's transaction.
     * At most 2^32 - 1. Default 0: off. */
    uint64_t max_latency_ms;
    /** Default PGCW_TRANSPORT_NOTIFY. */
    enum pgcw_transport transport;
    /** The publication's name, of at most 63 bytes, as PostgreSQL stores it;
     * only with PGCW_TRANSPORT_WAL. NULL:
     * pb_pgcachewatch_table_change_<channel>, which pgcw_install_plan() makes;
     * the channel may then have 34 bytes. */
    const char *publication;
    /** 1: caches store values that are read from standbys: see
     * pgcw_fill_set_read_lsn(). With PGCW_TRANSPORT_NOTIFY each heartbeat then
     * asks for the position of the WAL, which costs the server a little more
     * than an empty query; PGCW_TRANSPORT_WAL does so anyway. Default 0. */
    uint32_t replica_fills;
    /** What pg_stat_activity calls the connections, in 1 to 63 bytes; goes
     * before what the dsn says. `pgcachewatch status` shows those whose name
     * is pgcachewatch or begins with "pgcachewatch:". NULL: what the dsn says,
     * else pgcachewatch. PGAPPNAME and service files, which name the program's
     * other connections, do not count. */
    const char *application_name;
};

#define PGCW_LISTENER_OPTIONS_INIT                                          \
    {                                                                       \
        sizeof(struct pgcw_listener_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            (enum pgcw_log_level)0, 0, 0, 0, 0, 0, 0, 0,                    \
            (enum pgcw_transport)0, 0, 0, 0                                 \
    }

/**
 * Connect to PostgreSQL and start to watch a channel.
 *
 * From then on the listener reconnects by itself whenever the connection is
 * lost, with delays that grow from reconnect_min_ms to reconnect_max_ms; of
 * what is PGCW_REFUSED it tries again only every reconnect_max_ms. A second
 * connection is made for a moment where a pooler is found to be between, to
 * see that notifications pass. Its threads block all signals. libpq looks up a
 * host's name without a limit of time, so that comes on top of
 * connect_timeout_ms.
 *
 * @param[in]  options   NULL for all defaults; not kept by reference
 * @param[out] listener  set only on PGCW_OK; give it to
 *                       pgcw_listener_close()
 * @param[out] error     may be NULL; written only on failure
 * @retval PGCW_OK                LIVE; or started, with open_in_background
 * @retval PGCW_INVALID_ARGUMENT  an option is out of range; detail names it
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
 * @retval PGCW_NO_MEMORY         nothing was started
 * @retval PGCW_SYSTEM_ERROR      no thread or descriptor could be had
 * @retval PGCW_DISCONNECTED      the server was not reached, or does not let
 *                                in now; detail has the text, sqlstate is set
 *                                if the server gave one
 * @retval PGCW_REFUSED           waiting will not heal it: a wrong password or
 *                                name, no privilege, a standby, a pooler that
 *                                is not in session mode; detail has the
 *                                server's words and the way out
 * @retval PGCW_TIMEOUT           not LIVE within connect_timeout_ms
 *
 * Threads: any. Blocks: until LIVE or connect_timeout_ms. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_listener_open(const struct pgcw_listener_options *options,
                   struct pgcw_listener **listener, struct pgcw_error *error);

/**
 * Stop a listener and free it. Accepts NULL.
 *
 * Its caches must have been destroyed and its subscriptions closed before,
 * and no other call with the listener may be under way.
 *
 * Threads: any but the library's. Blocks: until its threads have ended,
 * which is not longer than the running callback, or libpq's look-up of a
 * host's name. Signals: unsafe.
 */
PGCW_API void pgcw_listener_close(struct pgcw_listener *listener);

/**
 * Return where the listener is.
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API enum pgcw_listener_state
pgcw_listener_read_state(const struct pgcw_listener *listener);

/**
 * Wait until every commit acknowledged before this call is applied (P7).
 *
 * Read your own writes: after it, no cache of the listener gives a value
 * older than what this thread, or one that told it so, has committed.
 *
 * @param timeout_ms  how long to wait at most
 * @retval PGCW_OK        it is so
 * @retval PGCW_TIMEOUT   not within the time, for example because the
 *                        connection is down
 * @retval PGCW_INTERNAL  called by a library thread, which would wait for
 *                        itself
 *
 * Threads: any but the library's. Blocks: one round trip to the server, and
 * what waits in the ring, at most timeout_ms. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_listener_sync(struct pgcw_listener *listener, uint32_t timeout_ms);

/**
 * Return the moment up to which every commit is known to be applied (P6).
 *
 * @return CLOCK_MONOTONIC in nanoseconds; 0 if nothing is known yet. It
 *         advances with each heartbeat that is answered.
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API int64_t pgcw_listener_horizon_ns(const struct pgcw_listener *listener);

/**
 * Read the counters of a listener.
 *
 * @param[in,out] stats  set `size` first, as PGCW_LISTENER_STATS_INIT does
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API void pgcw_listener_read_stats(const struct pgcw_listener *listener,
                                       struct pgcw_listener_stats *stats);

PGCW_END_DECLS

#endif
