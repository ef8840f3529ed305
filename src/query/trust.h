/* SPDX-License-Identifier: MIT */
/* What the user vouches for, as arrays that PostgreSQL reads. */
#ifndef PGCWI_QUERY_TRUST_H
#define PGCWI_QUERY_TRUST_H

#include <pgcachewatch/query.h>

struct pgcwi_trust {
    /* Pairs, one for each table of each function; a function without tables
     * is paired with an empty text. */
    char *functions;
    char *tables;
    char *extensions;
};

/* Copies. Whatever the result, pgcwi_trust_fini() is needed. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_trust_init(struct pgcwi_trust *trust,
                 const struct pgcw_query_options *options,
                 struct pgcw_error *error);
void pgcwi_trust_fini(struct pgcwi_trust *trust);

#endif
