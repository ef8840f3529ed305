/* SPDX-License-Identifier: MIT */
/*
 * What a thread has written and not yet committed, for one cache.
 *
 * Model: owned by its thread, whose list of open ones stands where every hit
 * looks anyway (cache/reader.h); a hit of a thread that has none costs one
 * branch. A transaction is private from its first write on: then its thread
 * misses what it wrote, and what it loads is stored nowhere and shared with
 * nobody. Each load of a private thread has a flight of its own, with a stamp
 * that is dead already, so that it stays unstored whoever brings it, and
 * whenever.
 *
 * What was written is kept as tags. The slots that they would raise are found
 * once, and again when an entry turns up that has the slot of a newer table.
 */
#ifndef PGCWI_CACHE_TRANSACTION_H
#define PGCWI_CACHE_TRANSACTION_H

#include <stdbool.h>

#include <pgcachewatch/transaction.h>

#include "cache/entry.h"
#include "cache/reader.h"

/* Whether what was written until now is committed or rolled back. */
typedef bool pgcwi_transaction_is_over_fn(void *context);

/* `is_over` NULL: the user says when it is. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_transaction_begin(struct pgcw_cache *cache,
                        pgcwi_transaction_is_over_fn *is_over, void *context,
                        struct pgcw_transaction **transaction,
                        struct pgcw_error *error);

/* The next three are for when the thread has transactions. */

/* The valid entry, or NULL, that a lookup has found: NULL if it must not be
 * served to this thread. Notices a transaction that is over. */
struct pgcwi_entry *pgcwi_transaction_filter(struct pgcw_cache *cache,
                                             struct pgcwi_entry *entry);
bool pgcwi_transaction_find_private(const struct pgcw_cache *cache);
void pgcwi_transaction_end_of_thread(void);

static inline bool
pgcwi_transaction_is_any_open(void)
{
    return __builtin_expect(pgcwi_thread.transactions != NULL, false);
}

/* Whether what this thread loads now is its own affair. */
static inline bool
pgcwi_transaction_is_private(const struct pgcw_cache *cache)
{
    return pgcwi_transaction_is_any_open() &&
           pgcwi_transaction_find_private(cache);
}

#endif
