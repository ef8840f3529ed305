/* SPDX-License-Identifier: MIT */
/* Fragments of programs, which the manual's page of patterns shows. */
#ifndef EXAMPLES_PATTERNS_H
#define EXAMPLES_PATTERNS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <libpq-fe.h>
#include <pgcachewatch/pgcachewatch.h>

/* Of the table products: see patterns.c. Keys are an id with its NUL; the
 * context is a connection that is this thread's alone. */
enum pgcw_status load_price(void *connection, struct pgcw_bytes id,
                            struct pgcw_fill *fill, struct pgcw_error *error);
enum pgcw_status load_price_from_standby(void *standby, struct pgcw_bytes id,
                                         struct pgcw_fill *fill,
                                         struct pgcw_error *error);

enum pgcw_status open_prices(struct pgcw_listener **listener,
                             struct pgcw_cache **prices,
                             struct pgcw_error *error);
enum pgcw_status check_triggers(PGconn *connection, struct pgcw_error *error);
bool start_workers(pid_t *workers, size_t count, int (*serve)(size_t worker));

#endif
