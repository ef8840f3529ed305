/* SPDX-License-Identifier: MIT */
/*
 * Relations as SQL tells of them, the same for the probe and for a load.
 *
 * `c` is a row of pg_class, `n` its schema, `r` its rule for SELECT, which
 * only a view has.
 */
#ifndef PGCWI_QUERY_RELATION_H
#define PGCWI_QUERY_RELATION_H

/* The first oid that is not the system's is 16384, for ever. */
#define PGCWI_RELATION_KIND                          \
    "CASE WHEN c.oid < 16384 THEN 'system'"          \
    " WHEN c.relpersistence = 't' THEN 'temporary'"  \
    " WHEN c.relrowsecurity THEN 'row security'"     \
    " WHEN c.relkind IN ('r', 'p') THEN 'table'"     \
    " WHEN c.relkind = 'v' THEN 'view'"              \
    " WHEN c.relkind = 'm' THEN 'materialized view'" \
    " WHEN c.relkind = 'f' THEN 'foreign table'"     \
    " WHEN c.relkind = 'S' THEN 'sequence'"          \
    " ELSE 'unknown' END"

/* Another one after a change of its definition, or of its rule's. */
#define PGCWI_RELATION_STAMP \
    "pg_catalog.concat(c.xmin::text, ':', r.xmin::text)"

#define PGCWI_RELATION_FROM                                        \
    "pg_catalog.pg_class AS c"                                     \
    " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace" \
    " LEFT JOIN pg_catalog.pg_rewrite AS r"                        \
    " ON r.ev_class = c.oid AND r.ev_type = '1'"

#endif
