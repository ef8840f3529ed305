/* SPDX-License-Identifier: MIT */
/*
 * Tells ThreadSanitizer of edges that it cannot see.
 *
 * liburcu and Concurrency Kit order memory with inline assembly and in
 * libraries that are not instrumented. Where such a primitive hands an
 * object over, PUBLISHED stands before and TAKEN after, with the same
 * pointer; so each edge is per object, and a race that is really there is
 * still found. Nothing in other builds.
 */
#ifndef PGCWI_BASE_ANNOTATE_H
#define PGCWI_BASE_ANNOTATE_H

/* PGCWI_TSAN: set by the build for the whole target, also for the files
 * that are themselves not instrumented. */
#ifdef PGCWI_TSAN
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#define PGCWI_PUBLISHED(address) __tsan_release((void *)(address))
#define PGCWI_TAKEN(address) __tsan_acquire((void *)(address))
#else
#define PGCWI_PUBLISHED(address) ((void)(address))
#define PGCWI_TAKEN(address) ((void)(address))
#endif

#endif
