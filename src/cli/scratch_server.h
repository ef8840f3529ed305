/* SPDX-License-Identifier: MIT */
/*
 * A PostgreSQL to throw away, in a temporary folder.
 *
 * It has a Unix socket only, in a folder that nobody else can enter, and no
 * network unless asked for; fsync is off. It needs no root, and as root it
 * runs as the user postgres. A second small process, the janitor, stops it
 * and removes the folder when ours ends, however that happens.
 *
 * Start it while the process has one thread, and from one that stays.
 */
#ifndef PGCWI_CLI_SCRATCH_SERVER_H
#define PGCWI_CLI_SCRATCH_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/scratch_process.h"

struct pgcwi_scratch_server;

/* All zero is the default. */
struct pgcwi_scratch_server_options {
    /* Goes on after this process; see pgcwi_scratch_server_attach(). */
    bool is_detached;
    /* Also on 127.0.0.1, for tests that cut connections. */
    bool has_tcp;
    /* May be NULL; the start gives up soon after it has become true. */
    const atomic_bool *cancelled;
};

/* Ready for connections when it returns true. */
bool
pgcwi_scratch_server_start(const struct pgcwi_scratch_server_options *options,
                           struct pgcwi_scratch_server **server,
                           struct pgcwi_scratch_error *error);

/* Take over a detached server by its folder, whether it runs or not. */
bool pgcwi_scratch_server_attach(const char *folder,
                                 struct pgcwi_scratch_server **server,
                                 struct pgcwi_scratch_error *error);

/* The same data, folder and port. */
bool pgcwi_scratch_server_restart(struct pgcwi_scratch_server *server,
                                  enum pgcwi_scratch_stop how,
                                  struct pgcwi_scratch_error *error);

/* Stop it, remove its folder, free it. Accepts NULL. False: something of it
 * is left, and stderr says what. */
bool pgcwi_scratch_server_stop(struct pgcwi_scratch_server *server);

/* Free what is known of a detached server, which goes on. */
void pgcwi_scratch_server_leave(struct pgcwi_scratch_server *server);

/* Connection string for libpq: the socket, user postgres. */
const char *pgcwi_scratch_server_dsn(const struct pgcwi_scratch_server *server);
/* The folder: data, log, and the socket. */
const char *
pgcwi_scratch_server_folder(const struct pgcwi_scratch_server *server);
/* Of the socket, and of TCP where there is. */
uint16_t pgcwi_scratch_server_port(const struct pgcwi_scratch_server *server);

#endif
