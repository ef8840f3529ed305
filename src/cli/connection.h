/* SPDX-License-Identifier: MIT */
/* The --pg-… options, which all commands share. */
#ifndef PGCWI_CLI_CONNECTION_H
#define PGCWI_CLI_CONNECTION_H

#include <stdbool.h>

#include "cli/options.h"

struct pg_conn; /* libpq's PGconn */

/* NULL: not given. */
struct pgcwi_connection_options {
    const char *dsn;
    const char *host;
    const char *port;
    const char *user;
    const char *database;
    const char *password;
};

/* Six rows for a command's table of options. */
/* clang-format off */
#define PGCWI_CONNECTION_OPTIONS(target)                                       \
    {.name = "pg-dsn", .value = "DSN", .text = &(target)->dsn,                 \
     .help = "connection string or URI [PGDSN]"},                              \
    {.name = "pg-host", .value = "HOST", .text = &(target)->host,              \
     .help = "host or socket directory [PGHOST]"},                             \
    {.name = "pg-port", .value = "PORT", .text = &(target)->port,              \
     .help = "port [PGPORT]"},                                                 \
    {.name = "pg-user", .value = "USER", .text = &(target)->user,              \
     .help = "user [PGUSER]"},                                                 \
    {.name = "pg-database", .value = "NAME", .text = &(target)->database,      \
     .help = "database [PGDATABASE]"},                                         \
    {.name = "pg-password", .value = "PASSWORD",                               \
     .text = &(target)->password,                                              \
     .help = "others may see it in the process list [PGPASSWORD]"}
/* clang-format on */

/* Whether the options or PGDSN name a server; PG* alone do not count. */
bool pgcwi_connection_is_named(const struct pgcwi_connection_options *options);

/*
 * One connection string for PQconnectdb() and for the listener. An option
 * goes before the DSN, the DSN before PGDSN, and that before PG*, which
 * libpq reads. Holds the password: never print it, never pass it to another
 * process. Returns text for free(), or NULL after printing why.
 */
char *pgcwi_connection_string(const struct pgcwi_connection_options *options);

/* Connect; the encoding is UTF-8. NULL after printing why. */
struct pg_conn *
pgcwi_connection_open(const struct pgcwi_connection_options *options);

#endif
