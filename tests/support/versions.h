/* SPDX-License-Identifier: MIT */
/*
 * A cache of the versions of rows: what server_make_table() makes, read
 * through. For any thread; each needs a connection of its own.
 */
#ifndef TESTS_SUPPORT_VERSIONS_H
#define TESTS_SUPPORT_VERSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include <pgcachewatch/cache.h>

/* The version of a row, from the cache or the table; -1: failed. */
int64_t versions_fetch(struct pgcw_cache *cache, PGconn *connection,
                       const char *table, int id);
/* From the cache only; -1: a miss. */
int64_t versions_lookup(struct pgcw_cache *cache, int id);
/* Store a version as loaded now. */
bool versions_put(struct pgcw_cache *cache, int id, int64_t version);
/* Raise a row's version by one and commit; what it is then, or -1. */
int64_t versions_raise(PGconn *connection, const char *table, int id);

#endif
