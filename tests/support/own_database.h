/* SPDX-License-Identifier: MIT */
/*
 * A test program's own database, which its libpq connections go to. DATABASE
 * is its name, defined before this is included.
 */
#ifndef TESTS_SUPPORT_OWN_DATABASE_H
#define TESTS_SUPPORT_OWN_DATABASE_H

#include <stdlib.h>

#include "support/process.h"
#include "support/server_client.h"

static PGconn *server;

/* Set up and tear down a group of tests. */
static inline int
make_database(void **state)
{
    (void)state;
    start_rcu_thread();
    server = server_make_database(DATABASE);
    return server != NULL ? setenv("PGDATABASE", DATABASE, 1) : -1;
}

static inline int
drop_database(void **state)
{
    (void)state;
    server_drop_database(server, DATABASE);
    return 0;
}

#endif
