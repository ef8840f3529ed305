/* SPDX-License-Identifier: MIT */
/* Cached results of SELECT statements, which find their tables themselves. */
#ifndef PGCACHEWATCH_QUERY_H
#define PGCACHEWATCH_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/export.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

/**
 * A function of the user's, declared as safe in a cached query: its result
 * depends on its arguments and on these tables only.
 */
struct pgcw_query_function {
    /** As in SQL, all overloads of it: `public.price_of`, or `price_of` in
     * whatever schema. */
    const char *name;
    /** The tables that it reads, as in SQL; views are no tables. */
    const char *const *tables;
    size_t table_count;
};

/** Start with PGCW_QUERY_OPTIONS_INIT; zero always means the default. */
struct pgcw_query_options {
    size_t size;
    /** Functions that are safe. What the system brings needs no word here. */
    const struct pgcw_query_function *functions;
    size_t function_count;
    /** Names of extensions all of whose functions are safe and read no
     * tables: `citext`. */
    const char *const *extensions;
    size_t extension_count;
};

#define PGCW_QUERY_OPTIONS_INIT                       \
    {                                                 \
        sizeof(struct pgcw_query_options), 0, 0, 0, 0 \
    }

PGCW_END_DECLS

#endif
