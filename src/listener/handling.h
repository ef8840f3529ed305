/* SPDX-License-Identifier: MIT */
/*
 * What is done with a message: decode it, wait for its turn, apply it (P5).
 * The same for a worker and for the listener's thread: see
 * listener/worker_pool.h.
 */
#ifndef PGCWI_LISTENER_HANDLING_H
#define PGCWI_LISTENER_HANDLING_H

#include <stdbool.h>

#include "listener/latency.h"
#include "listener/message.h"
#include "queue/turn.h"

struct pgcwi_worker_pool_options;

struct pgcwi_handling {
    /* immutable after init */
    const struct pgcwi_worker_pool_options *options;
    /* owned by the thread whose turn it is */
    struct pgcwi_latency latency;
    /* shared */
    struct pgcwi_turn turn;
};

/* `options` must outlive it. */
void pgcwi_handling_init(struct pgcwi_handling *handling,
                         const struct pgcwi_worker_pool_options *options);
void pgcwi_handling_fini(struct pgcwi_handling *handling);

/* Of one thread. */
struct pgcwi_hand {
    struct pgcwi_handling *handling;
    struct pgcwi_payload_decoder *decoder;
    /* pgcwi_attachments_try_begin() was true; pgcwi_handle() ends it. */
    bool has_begun;
};

/* Takes what its change owns. */
void pgcwi_handle(const struct pgcwi_hand *hand,
                  const struct pgcwi_message *message);

#endif
