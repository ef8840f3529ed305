/* SPDX-License-Identifier: MIT */
/*
 * liburcu as this folder uses it: the memb flavor.
 *
 * URCU_INLINE_SMALL_FUNCTIONS: without it liburcu 0.13's rcu_dereference()
 * is a plain load in its caller. _LGPL_SOURCE: begin and end of a section are
 * inlined, as liburcu's headers allow anybody, for functions of less than ten
 * lines. Not for ThreadSanitizer, which would see half of what liburcu does,
 * and report it.
 *
 * The edges that ThreadSanitizer cannot see (base/annotate.h):
 *   a section: PUBLISHED(&pgcwi_rcu_edge) before its end, TAKEN in the
 *              callback that frees.
 */
#ifndef PGCWI_CACHE_RCU_H
#define PGCWI_CACHE_RCU_H

#define URCU_INLINE_SMALL_FUNCTIONS
#ifndef PGCWI_TSAN
#define _LGPL_SOURCE /* NOLINT: liburcu's name for it */
#endif
#include <urcu/list.h>
#include <urcu/urcu-memb.h>

#include "base/annotate.h"

extern char pgcwi_rcu_edge;

#endif
