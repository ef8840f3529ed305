/* SPDX-License-Identifier: MIT */
/*
 * liburcu as this folder uses it: the memb flavor.
 *
 * URCU_INLINE_SMALL_FUNCTIONS: without it liburcu 0.13's rcu_dereference()
 * is a plain load in its caller.
 *
 * _LGPL_SOURCE: begin and end of a section are inlined, as liburcu's headers
 * allow anybody, for functions of less than ten lines. They find the thread's
 * own of liburcu by a pointer of ours: to find it themselves they would call
 * the loader each time, or, if told that it is at a fixed place, could not be
 * loaded by dlopen(), as there is no such place left for it then. Not for
 * ThreadSanitizer, which would see half of what liburcu does, and report it.
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
#include <urcu/static/urcu-common.h>
#include <urcu/tls-compat.h>

extern DECLARE_URCU_TLS(struct urcu_reader, urcu_memb_reader);

/* Set by each thread before its first section. */
extern _Thread_local struct urcu_reader *pgcwi_rcu_own
    __attribute__((tls_model("initial-exec")));

static inline void
pgcwi_rcu_find_own(void)
{
    pgcwi_rcu_own = &URCU_TLS(urcu_memb_reader);
}

#undef URCU_TLS
#define URCU_TLS(name) (*pgcwi_rcu_own)
#else
static inline void
pgcwi_rcu_find_own(void)
{
}
#endif
#include <urcu/list.h>
#include <urcu/urcu-memb.h>

#include "base/annotate.h"

extern char pgcwi_rcu_edge;

#endif
