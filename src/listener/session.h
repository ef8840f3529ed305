/* SPDX-License-Identifier: MIT */
/*
 * One opened source's life: connect, see that every change is heard, serve.
 *
 * The order is the promise P3: only when the source is open, and hears every
 * change, the caches are flushed and opened, and LIVE is told.
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
