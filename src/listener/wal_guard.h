/* SPDX-License-Identifier: MIT */
/*
 * The visibility guard: committed transactions wait here, in the order of
 * their commits, until a snapshot shows them.
 *
 * The walsender sends a transaction as soon as its commit record is written,
 * and that is before the server lets new snapshots see it: by microseconds to
 * milliseconds, and with synchronous replication by as long as the standby
 * takes. If it were applied at once, a load that begins after could still read
 * the old row, and nothing would make that value invalid any more. A
 * snapshot that shows the transaction as finished is proof that every later
 * one does.
 *
 * Here is no connection: the caller looks, and gives the snapshot's text.
 *
 * Checked by stress/models/wal_guard.pml.
 */
#ifndef PGCWI_LISTENER_WAL_GUARD_H
#define PGCWI_LISTENER_WAL_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include "event/wal_decoder.h"

/* What pg_current_snapshot() says: xmin:xmax:xip_list. */
struct pgcwi_snapshot {
    uint64_t xmin;       /* below it all have finished */
    uint64_t xmax;       /* from it on none had finished */
    const char *running; /* those between that had not; borrowed */
};

/* False if the text is none. */
bool pgcwi_snapshot_read(const char *text, struct pgcwi_snapshot *snapshot);
/* The transaction has finished. Its number lacks the epoch, as in the WAL. */
bool pgcwi_snapshot_shows(const struct pgcwi_snapshot *snapshot, uint32_t xid);

struct pgcwi_wal_guard {
    struct pgcwi_wal_transaction *first;
    struct pgcwi_wal_transaction *last;
    uint64_t last_number;
    size_t weight; /* changes that wait, about */
    size_t max_changes;
};

/* Beyond `max_changes` all that waits becomes one gap. */
void pgcwi_wal_guard_init(struct pgcwi_wal_guard *guard, size_t max_changes);
void pgcwi_wal_guard_fini(struct pgcwi_wal_guard *guard);

/* Takes the transaction over, and numbers it. */
void pgcwi_wal_guard_take(struct pgcwi_wal_guard *guard,
                          struct pgcwi_wal_transaction *transaction);
/* The first, if the snapshot shows it, and all of them if it is a gap: the
 * caller's then. NULL: not yet, or none waits. */
struct pgcwi_wal_transaction *
pgcwi_wal_guard_judge(struct pgcwi_wal_guard *guard,
                      const struct pgcwi_snapshot *snapshot);

/* The transaction of that number has been taken and given. */
static inline bool
pgcwi_wal_guard_has_passed(const struct pgcwi_wal_guard *guard, uint64_t number)
{
    return guard->last_number >= number &&
           (guard->first == NULL || guard->first->number > number);
}

static inline bool
pgcwi_wal_guard_is_empty(const struct pgcwi_wal_guard *guard)
{
    return guard->first == NULL;
}

#endif
