/* SPDX-License-Identifier: MIT */
/*
 * Stands between a client and the test server, and fails on demand.
 *
 * Model: one thread owns all connections. A new mode is in force, for
 * connections that are there and for new ones, when the call returns.
 */
#ifndef TESTS_SUPPORT_FAULT_PROXY_H
#define TESTS_SUPPORT_FAULT_PROXY_H

#include <stddef.h>
#include <stdint.h>

enum fault_proxy_mode {
    FAULT_PROXY_PASS,
    /* nothing is forwarded, and nothing is lost */
    FAULT_PROXY_STALL,
    /* new connections are reset */
    FAULT_PROXY_REFUSE,
    /* notifications are swallowed, as behind a transaction-pooling proxy */
    FAULT_PROXY_DEAF,
    /* nothing comes from the server, and nothing is lost */
    FAULT_PROXY_STALL_ANSWERS,
    /* all is taken and nothing arrives; what was there then, or came in it,
     * stays so for ever */
    FAULT_PROXY_SWALLOW,
    /* what comes from the server comes byte by byte */
    FAULT_PROXY_DRIBBLE,
    /* of a client only its first message arrives, and nothing is lost */
    FAULT_PROXY_STALL_COMMANDS,
    /* see fault_proxy_set_slow() */
    FAULT_PROXY_SLOW
};

struct fault_proxy;

/* To the server of PGHOST (a socket's folder) and PGPORT. NULL: failed. */
struct fault_proxy *fault_proxy_start(enum fault_proxy_mode mode);
/* Accepts NULL. */
void fault_proxy_stop(struct fault_proxy *proxy);

/* A connection string that leads through the proxy. */
const char *fault_proxy_dsn(const struct fault_proxy *proxy);
void fault_proxy_set_mode(struct fault_proxy *proxy,
                          enum fault_proxy_mode mode);
/* What comes from the server arrives so much later, 600 ms at most, as on a
 * line with a long queue: it begins empty, and what is in it when the next
 * mode begins is subject to that one. */
void fault_proxy_set_slow(struct fault_proxy *proxy, uint32_t delay_ms);
/* Reset every connection that is there. */
void fault_proxy_cut(struct fault_proxy *proxy);
/* The same, but with an orderly end. */
void fault_proxy_end(struct fault_proxy *proxy);
/* End one connection when so many more bytes have come from servers; 0: no
 * more. */
void fault_proxy_end_after(struct fault_proxy *proxy, size_t bytes);
/* Where new connections lead: the folder of the server's socket, port 5432.
 * It must stay as long as the proxy. */
void fault_proxy_set_target(struct fault_proxy *proxy, const char *folder);

#endif
