/* SPDX-License-Identifier: MIT */
/* What a cache does when nobody says what has changed. */
#ifndef PGCACHEWATCH_OUTAGE_H
#define PGCACHEWATCH_OUTAGE_H

#include <pgcachewatch/export.h>

PGCW_BEGIN_DECLS

/** What a cache does while its listener is not LIVE (P2). */
enum pgcw_outage {
    /** Lookups miss, each fetch loads by itself, and nothing is stored. */
    PGCW_OUTAGE_BYPASS = 0,
    /**
     * For stale_max_ms after the listener left LIVE, what was valid then is
     * served: unless its TTL is over, or the caller, or an event that is
     * heard all the same, has made it invalid. Attempts to connect that fail
     * do not make that time longer. For other keys, and afterwards, it is as
     * with PGCW_OUTAGE_BYPASS. When the listener is LIVE again everything is
     * invalid, as ever (P3).
     *
     * A connection that is silent is only noticed by its heartbeat. So a
     * value may be older than stale_max_ms, by as much as it may be while the
     * listener is LIVE: see heartbeat_timeout_ms.
     */
    PGCW_OUTAGE_SERVE_STALE = 1,
    /** Lookups, fetches and acquire say PGCW_DISCONNECTED, and no loader is
     * called: where nothing stale may be served, and the database must be
     * spared. */
    PGCW_OUTAGE_ERROR = 2
};

PGCW_END_DECLS

#endif
