/* SPDX-License-Identifier: MIT */
/*
 * A child of fork() has our memory and none of our threads: nobody tells its
 * caches what changes, and what waits for such a thread waits for ever.
 *
 * Model: fork() calls us in the child before it returns there. Every cache is
 * closed then, so nothing is on the way of a hit, and who would begin or end
 * something asks pgcwi_forked_is_child(). Between the fork and that call the
 * list of caches is whole, as the forking thread holds its lock.
 */
#ifndef PGCWI_CACHE_FORKED_H
#define PGCWI_CACHE_FORKED_H

#include <stdbool.h>

#include <pgcachewatch/status.h>

#include "cache/rcu.h"

/*
 * Before anything begins: children are noticed from now on. PGCW_UNSUPPORTED
 * in a child, PGCW_NO_MEMORY if they cannot be noticed.
 */
PGCW_MUST_CHECK enum pgcw_status pgcwi_forked_check(struct pgcw_error *error);

/* Whether this is a child of the process that has begun. */
bool pgcwi_forked_is_child(void);

/* From now on the cache is closed in a child; and not any more. */
void pgcwi_forked_join(struct cds_list_head *in_process);
void pgcwi_forked_leave(struct cds_list_head *in_process);

#endif
