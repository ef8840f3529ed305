/* SPDX-License-Identifier: MIT */
#include "listener/message.h"

#include <string.h>

#include "base/alloc.h"

/* A change, or most payloads. A full ring holds as many, so no more than they
 * need; those that are kept grow to what they have carried. */
#define LEAST_ROOM_BYTES sizeof(struct pgcwi_change)

struct pgcwi_message_block {
    struct pgcwi_message message; /* first: see of() */
    struct pgcwi_message_block *next;
    size_t room_bytes;
    _Alignas(struct pgcwi_change) char room[];
};

static struct pgcwi_message_block *
of(struct pgcwi_message *message)
{
    return (struct pgcwi_message_block *)message;
}

void
pgcwi_messages_init(struct pgcwi_messages *messages)
{
    messages->spare = NULL;
    atomic_init(&messages->released, NULL);
    atomic_init(&messages->spare_count, 0);
}

static uint32_t
count_spare(struct pgcwi_messages *messages, uint32_t more)
{
    /* relaxed: only a bound; nothing else is read because of its value */
    return atomic_fetch_add_explicit(&messages->spare_count, more,
                                     memory_order_relaxed);
}

static struct pgcwi_message_block *
take_spare(struct pgcwi_messages *messages)
{
    if (messages->spare == NULL) {
        /*
         * ORDER: this look before our use of what was released.
         * Pairs with: pgcwi_messages_release(). Without it: a worker could
         * still read a message while it is written over with the next.
         */
        messages->spare = atomic_exchange_explicit(&messages->released, NULL,
                                                   memory_order_acquire);
    }
    struct pgcwi_message_block *block = messages->spare;
    if (block != NULL) {
        messages->spare = block->next;
        (void)count_spare(messages, UINT32_MAX); /* one less */
    }
    return block;
}

void
pgcwi_messages_fini(struct pgcwi_messages *messages)
{
    struct pgcwi_message_block *block;

    while ((block = take_spare(messages)) != NULL) {
        pgcwi_free(block);
    }
}

static struct pgcwi_message_block *
make(struct pgcwi_messages *messages, size_t room_bytes)
{
    struct pgcwi_message_block *block = take_spare(messages);

    if (block != NULL && block->room_bytes >= room_bytes) {
        return block;
    }
    pgcwi_free(block);
    block = pgcwi_alloc(sizeof(*block) + room_bytes);
    if (block != NULL) {
        block->room_bytes = room_bytes;
    }
    return block;
}

struct pgcwi_message *
pgcwi_messages_copy(struct pgcwi_messages *messages,
                    const struct pgcwi_message *message)
{
    struct pgcwi_message_block *block =
        make(messages, message->payload_bytes > LEAST_ROOM_BYTES
                           ? message->payload_bytes
                           : LEAST_ROOM_BYTES);

    if (block == NULL) {
        return NULL;
    }
    block->message = *message;
    if (message->change != NULL) {
        block->message.change = (struct pgcwi_change *)(void *)block->room;
        *block->message.change = *message->change;
    } else if (message->payload_bytes > 0) {
        memcpy(block->room, message->payload, message->payload_bytes);
        block->message.payload = block->room;
    }
    return &block->message;
}

void
pgcwi_messages_release(struct pgcwi_messages *messages,
                       struct pgcwi_message *message)
{
    struct pgcwi_message_block *block = of(message);

    if (count_spare(messages, 1) >= PGCWI_MESSAGES_SPARE) {
        (void)count_spare(messages, UINT32_MAX); /* one less */
        pgcwi_free(block);
        return;
    }
    /* relaxed: only to be found unchanged; what it points to is not read */
    block->next =
        atomic_load_explicit(&messages->released, memory_order_relaxed);
    /*
     * ORDER: our use of the message before it can be found.
     * Pairs with: take_spare(). Without it: see there.
     * relaxed: if it fails, as above
     */
    while (!atomic_compare_exchange_weak_explicit(
        &messages->released, &block->next, block, memory_order_release,
        memory_order_relaxed)) {
    }
}
