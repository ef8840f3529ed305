/* SPDX-License-Identifier: MIT */
/*
 * One connection's life: connect, LISTEN, probe, serve.
 *
 * The order is the promise P3. LISTEN is committed before anything else, so
 * what is committed after it will be heard. Then a NOTIFY to a channel of
 * the session's own must return: if a transaction pooler stands between,
 * LISTEN went to another server connection, and it never does. Only then are
 * the caches flushed and opened, and LIVE is told.
 */
#ifndef PGCWI_LISTENER_SESSION_H
#define PGCWI_LISTENER_SESSION_H

#include "listener/listener.h"

/*
 * Run until the connection is lost or cannot be made, or the listener is
 * told to stop (PGCW_OK). The caches are closed then. `has_been_live` is set
 * if LIVE was reached.
 */
enum pgcw_status pgcwi_session_run(struct pgcw_listener *listener,
                                   bool *has_been_live,
                                   struct pgcw_error *error);

#endif
