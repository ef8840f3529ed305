/* SPDX-License-Identifier: MIT */
/*
 * The seam between what tells of changes and those who are told: a session
 * knows a source by these methods only, and neither PostgreSQL's NOTIFY nor
 * its WAL.
 *
 * A source belongs to the listener's thread. It gives what it hears in commit
 * order, and each change only when a new snapshot of the primary shows it: so
 * whoever loads after a change was given loads it too.
 */
#ifndef PGCWI_LISTENER_SOURCE_H
#define PGCWI_LISTENER_SOURCE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/status.h>

#include "event/payload.h"

#define PGCWI_SOURCE_MAX_SOCKETS 2

struct pgcw_listener;
struct pgcwi_source;

enum pgcwi_heard_kind {
    PGCWI_HEARD_PAYLOAD, /* what somebody sent, not decoded yet */
    PGCWI_HEARD_CHANGE,
    PGCWI_HEARD_GAP,  /* anything may have changed */
    PGCWI_HEARD_FENCE /* the fence that was sent is answered */
};

struct pgcwi_heard {
    enum pgcwi_heard_kind kind;
    int64_t received_at_us;
    /* Of a fence: where the primary's WAL ended after it was sent; 0: not
     * known. */
    uint64_t position;
    /* Of a payload; valid during the call. */
    const char *payload;
    /* Of a change; whoever hears it takes what it owns. */
    struct pgcwi_change *change;
};

/* Called from open() and receive(). */
typedef void pgcwi_hear_fn(void *context, struct pgcwi_heard *heard);

struct pgcwi_source_methods {
    /*
     * Connect, and see to it that every change from now on is heard. Tells
     * the listener PROBING on the way. PGCW_OK also if the listener stops.
     */
    enum pgcw_status (*open)(struct pgcwi_source *source,
                             struct pgcw_error *error);
    /* Also of one that could not be opened; frees it. */
    void (*close)(struct pgcwi_source *source);
    /* What to poll for; returns how many. */
    size_t (*sockets)(const struct pgcwi_source *source,
                      struct pollfd sockets[PGCWI_SOURCE_MAX_SOCKETS]);
    /* When to call receive(), if no socket is ready before. */
    int64_t (*due_ns)(const struct pgcwi_source *source);
    /* Read the sockets that are ready, do what is due, and tell what is heard.
     * Fails if something may be lost. */
    enum pgcw_status (*receive)(struct pgcwi_source *source,
                                const struct pollfd *sockets,
                                struct pgcw_error *error);
    /*
     * Probe the connection; one at a time. When the answer is heard, every
     * commit acknowledged before this call has been heard.
     */
    enum pgcw_status (*send_fence)(struct pgcwi_source *source,
                                   struct pgcw_error *error);
};

struct pgcwi_source {
    const struct pgcwi_source_methods *methods;
    struct pgcw_listener *listener;
    int64_t live_deadline_ns; /* until then open() must be done */
    pgcwi_hear_fn *hear;
    void *hear_context;
    /* Set by the source when what must come before the fence's answer comes:
     * a long way to it is no reason to give the connection up. */
    bool is_alive;
};

/* NULL: no memory. */
struct pgcwi_source *pgcwi_notify_source_create(void);
struct pgcwi_source *pgcwi_wal_source_create(void);

#endif
