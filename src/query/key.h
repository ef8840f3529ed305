/* SPDX-License-Identifier: MIT */
/*
 * The key of a result: the session, the statement, its parameters.
 *
 * The first part of it, without what changes from call to call, is the key of
 * the statement.
 */
#ifndef PGCWI_QUERY_KEY_H
#define PGCWI_QUERY_KEY_H

#include <stddef.h>

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/query.h>

#include "query/session.h"

struct pgcwi_query_key {
    unsigned char *data;
    size_t size;
    size_t statement_size;
    /* Most keys fit, so that a hit allocates nothing. */
    unsigned char room[1024];
};

/* PGCW_NO_MEMORY: nothing is to be freed. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_query_key_init(struct pgcwi_query_key *key,
                     const struct pgcwi_session *session,
                     const struct pgcw_query *query);
void pgcwi_query_key_fini(struct pgcwi_query_key *key);

#endif
