/* SPDX-License-Identifier: MIT */
/* One client of the proxy and its server. Owned by the proxy's thread. */
#ifndef TESTS_SUPPORT_FAULT_LINK_H
#define TESTS_SUPPORT_FAULT_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAULT_LINK_BYTES 65536
#define FAULT_LINK_TICK_MS 5
#define FAULT_LINK_TICKS 128

struct fault_link {
    int client;
    int server;
    bool is_begun;     /* the client's first message was forwarded */
    bool is_swallowed; /* nothing is forwarded any more */
    uint64_t came[FAULT_LINK_TICKS]; /* from the server, until each tick */
    uint64_t taken;                  /* of these */
    size_t held_bytes;               /* the start of a message */
    unsigned char held[FAULT_LINK_BYTES];
};

/* NULL: no memory, and both are closed. */
struct fault_link *fault_link_create(int client, int server);
void fault_link_end(struct fault_link *link, bool is_orderly);
/* With no time to linger, closing sends a reset. */
void fault_link_reset(int fd);

bool fault_link_send(int fd, const unsigned char *bytes, size_t count);
bool fault_link_send_slowly(int fd, const unsigned char *bytes, size_t count);
bool fault_link_swallow(int fd);
bool fault_link_forward_from_client(struct fault_link *link);

/* Read from the server at most so much, behind what is held. */
bool fault_link_take(struct fault_link *link, size_t limit);
/* Of the whole message at `bytes`; 0 if it is not whole. */
size_t fault_link_message_bytes(const unsigned char *bytes, size_t count);
/* Of what was held, so much is done with. False: a message is too large. */
bool fault_link_drop_held(struct fault_link *link, size_t done);

/* The line is as slow as it can be: nothing that is there has come yet. */
void fault_link_begin_slow(struct fault_link *link);
/* From `last` to `now`, the ticks of a slow line; how much may be taken that
 * came `delay` ticks ago. */
size_t fault_link_tick(struct fault_link *link, uint64_t last, uint64_t now,
                       uint64_t delay);

#endif
