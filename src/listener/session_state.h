/* SPDX-License-Identifier: MIT */
/* One connection of a listener, and its two parts: until LIVE, and from then
 * on. */
#ifndef PGCWI_LISTENER_SESSION_STATE_H
#define PGCWI_LISTENER_SESSION_STATE_H

#include "listener/connection.h"
#include "listener/heartbeat.h"
#include "listener/listener.h"

#define PGCWI_PROBE_CHANNEL_BYTES 32
#define PGCWI_COMMAND_BYTES 512

/* owned by the listener's thread */
struct pgcwi_session {
    struct pgcw_listener *listener;
    struct pgcwi_connection connection;
    struct pgcwi_connection second;      /* open only while probing a pooler */
    char fence_sql[PGCWI_COMMAND_BYTES]; /* "" without a pooler */
    struct pgcwi_heartbeat heartbeat;
    struct pgcwi_fence fence;    /* the newest that was sent */
    struct pgcwi_fence answered; /* the newest that was answered */
    bool is_answered_unpushed;   /* the ring was full, or memory short */
    int64_t live_deadline_ns;    /* until then LIVE must be reached */
    char probe_channel[PGCWI_PROBE_CHANNEL_BYTES];
    bool is_probe_heard;
    int probe_pid; /* of the server process that sent it */
};

static inline bool
pgcwi_session_is_stopping(const struct pgcwi_session *session)
{
    return pgcwi_listener_is_stopping(session->listener);
}

/* Take in what has been read from the connection; fails if some may be lost.
 */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_session_hear_all(struct pgcwi_session *session, struct pgcw_error *error);

/* Connect, LISTEN, and see that what is sent is heard. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_session_open(struct pgcwi_session *session, struct pgcw_error *error);

#endif
