/* SPDX-License-Identifier: MIT */
/*
 * A listener: its thread, its state, and the parts between.
 *
 * Model: one thread owns the connection and drives the state machine; it
 * waits only in poll(), on the socket and on a wakeup. Other threads read
 * the state, ask for a sync, or tell it to stop.
 */
#ifndef PGCWI_LISTENER_LISTENER_H
#define PGCWI_LISTENER_LISTENER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <pgcachewatch/listener.h>

#include "base/log.h"
#include "base/wakeup.h"
#include "listener/attachment.h"
#include "listener/counters.h"
#include "listener/freshness.h"
#include "listener/settings.h"
#include "listener/subscription.h"
#include "listener/worker_pool.h"

struct pgcw_listener {
    /* immutable after open */
    struct pgcwi_settings settings;
    struct pgcwi_worker_pool *pool;
    struct pgcwi_wakeup wakeup;
    pthread_t thread;
    bool has_thread;
    /* guarded by their own locks, or shared */
    struct pgcwi_log log;
    struct pgcwi_attachments attachments;
    struct pgcwi_subscriptions subscriptions;
    struct pgcwi_freshness freshness;
    struct pgcwi_listener_counters counters;
    /* shared */
    _Atomic int state;
    _Atomic bool is_stopping;
    /* guarded by opening_lock: the end of the first attempt to connect */
    pthread_mutex_t opening_lock;
    pthread_cond_t has_opened;
    bool is_first_attempt_over;
    struct pgcw_error first_error;
};

struct pgcwi_attachments *
pgcwi_listener_attachments(struct pgcw_listener *listener);

/* By the listener's thread. `reason` may be NULL. */
void pgcwi_listener_set_state(struct pgcw_listener *listener,
                              enum pgcw_listener_state state,
                              const char *reason);
bool pgcwi_listener_is_stopping(const struct pgcw_listener *listener);

/* The begin of a sync: a ticket for pgcwi_freshness_wait(), which threads that
 * apply must not call. */
uint64_t pgcwi_listener_ask_for_sync(struct pgcw_listener *listener);

struct pollfd;

/* poll() on some descriptors, which may be none, and on the wakeup. Sets the
 * revents of each. */
void pgcwi_listener_poll(struct pgcw_listener *listener, struct pollfd *sockets,
                         size_t count, int64_t deadline_ns);

#endif
