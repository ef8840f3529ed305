/* SPDX-License-Identifier: MIT */
/*
 * liburcu as this folder uses it: the memb flavor.
 *
 * URCU_INLINE_SMALL_FUNCTIONS: without it liburcu 0.13's rcu_dereference()
 * is a plain load in its caller. _LGPL_SOURCE stays undefined: with it
 * ThreadSanitizer sees half of what liburcu does, and reports it.
 *
 * The edges that ThreadSanitizer cannot see (base/annotate.h):
 *   a section: PUBLISHED(&pgcwi_rcu_edge) before its end, TAKEN in the
 *              callback that frees.
 */
#ifndef PGCWI_CACHE_RCU_H
#define PGCWI_CACHE_RCU_H

#define URCU_INLINE_SMALL_FUNCTIONS
#include <urcu/list.h>
#include <urcu/urcu-memb.h>

#include "base/annotate.h"

extern char pgcwi_rcu_edge;

#endif
