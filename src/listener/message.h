/* SPDX-License-Identifier: MIT */
/*
 * What the listener's thread tells the workers, and the memory for it.
 *
 * Model: one thread copies, any may release. What is released is kept for the
 * next, so that as long as few messages wait none is allocated; at most
 * PGCWI_MESSAGES_SPARE are kept, of the size of what they have carried.
 * Released ones are a stack, of which the one thread takes all at once, so that
 * none can come back while another is about to be pushed on it. Progress:
 * release is lock-free, copy is wait-free, but for malloc(). (In a queue where
 * a producer that is kept from running stops the others, workers that share
 * few processors have waited for each other most of the time.)
 */
#ifndef PGCWI_LISTENER_MESSAGE_H
#define PGCWI_LISTENER_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event/payload.h"
#include "listener/freshness.h"

#define PGCWI_MESSAGES_SPARE 256

enum pgcwi_message_kind {
    PGCWI_MESSAGE_PAYLOAD,
    PGCWI_MESSAGE_CHANGE,
    PGCWI_MESSAGE_FENCE,
    PGCWI_MESSAGE_GAP
};

struct pgcwi_message {
    uint64_t number;
    enum pgcwi_message_kind kind;
    uint32_t gap_reasons; /* what was lost just before it */
    struct pgcwi_fence fence;
    int64_t received_at_us;
    struct pgcwi_change *change;
    const char *payload; /* without a terminator */
    size_t payload_bytes;
};

static inline bool
pgcwi_message_is_event(const struct pgcwi_message *message)
{
    return message->kind == PGCWI_MESSAGE_PAYLOAD ||
           message->kind == PGCWI_MESSAGE_CHANGE;
}

struct pgcwi_message_block;

struct pgcwi_messages {
    /* owned by the thread that copies */
    struct pgcwi_message_block *spare;
    /* shared */
    _Atomic(struct pgcwi_message_block *) released;
    _Atomic uint32_t spare_count; /* of both, and a few that come or go */
};

void pgcwi_messages_init(struct pgcwi_messages *messages);
/* All that were copied are released. */
void pgcwi_messages_fini(struct pgcwi_messages *messages);

/* Together with its payload; with its change, which is the copy's then. NULL:
 * no memory. For release. */
struct pgcwi_message *pgcwi_messages_copy(struct pgcwi_messages *messages,
                                          const struct pgcwi_message *message);
/* Not what its change owns. */
void pgcwi_messages_release(struct pgcwi_messages *messages,
                            struct pgcwi_message *message);

#endif
