/* SPDX-License-Identifier: MIT */
#include "listener/wal_guard.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

/* Read a number that `end` follows; NULL if there is none. */
static const char *
read_number(const char *text, char end, uint64_t *number)
{
    char *behind;

    if (*text < '0' || *text > '9') {
        return NULL;
    }
    errno = 0;
    *number = strtoull(text, &behind, 10);
    return errno == 0 && *behind == end ? behind : NULL;
}

bool
pgcwi_snapshot_read(const char *text, struct pgcwi_snapshot *snapshot)
{
    const char *behind = read_number(text, ':', &snapshot->xmin);

    behind =
        behind != NULL ? read_number(behind + 1, ':', &snapshot->xmax) : NULL;
    if (behind == NULL) {
        return false;
    }
    snapshot->running = behind + 1;
    return true;
}

/* With the epoch: the one that is nearest to xmax. */
static uint64_t
with_epoch(const struct pgcwi_snapshot *snapshot, uint32_t xid)
{
    int32_t distance = (int32_t)(xid - (uint32_t)snapshot->xmax);

    return snapshot->xmax + (uint64_t)(int64_t)distance;
}

static bool
is_running(const struct pgcwi_snapshot *snapshot, uint64_t xid)
{
    const char *rest = snapshot->running;

    while (*rest >= '0' && *rest <= '9') {
        char *behind;

        if (strtoull(rest, &behind, 10) == xid) {
            return true;
        }
        rest = *behind == ',' ? behind + 1 : behind;
    }
    return false;
}

bool
pgcwi_snapshot_shows(const struct pgcwi_snapshot *snapshot, uint32_t xid)
{
    uint64_t whole = with_epoch(snapshot, xid);

    return whole < snapshot->xmin ||
           (whole < snapshot->xmax && !is_running(snapshot, whole));
}

void
pgcwi_wal_guard_init(struct pgcwi_wal_guard *guard, size_t max_changes)
{
    *guard = (struct pgcwi_wal_guard){.max_changes = max_changes};
}

/* Against max_changes; a gap has none, but counts too. */
static size_t
weight(const struct pgcwi_wal_transaction *transaction)
{
    return transaction->change_count + 1;
}

static struct pgcwi_wal_transaction *
pop(struct pgcwi_wal_guard *guard)
{
    struct pgcwi_wal_transaction *first = guard->first;

    guard->first = first->next;
    guard->weight -= weight(first);
    return first;
}

void
pgcwi_wal_guard_fini(struct pgcwi_wal_guard *guard)
{
    while (guard->first != NULL) {
        pgcwi_wal_transaction_destroy(pop(guard));
    }
}

static bool
is_newer(uint32_t xid, uint32_t other)
{
    return (int32_t)(xid - other) > 0;
}

/* Make the newcomer stand for all that waits. */
static void
merge_all(struct pgcwi_wal_guard *guard,
          struct pgcwi_wal_transaction *transaction)
{
    transaction->is_gap = true;
    while (guard->first != NULL) {
        struct pgcwi_wal_transaction *first = pop(guard);

        if (is_newer(first->xid, transaction->xid)) {
            transaction->xid = first->xid;
        }
        pgcwi_wal_transaction_destroy(first);
    }
}

void
pgcwi_wal_guard_take(struct pgcwi_wal_guard *guard,
                     struct pgcwi_wal_transaction *transaction)
{
    if (guard->weight + weight(transaction) > guard->max_changes) {
        merge_all(guard, transaction);
    }
    transaction->next = NULL;
    transaction->number = ++guard->last_number;
    if (guard->first == NULL) {
        guard->first = transaction;
    } else {
        guard->last->next = transaction;
    }
    guard->last = transaction;
    guard->weight += weight(transaction);
}

struct pgcwi_wal_transaction *
pgcwi_wal_guard_judge(struct pgcwi_wal_guard *guard,
                      const struct pgcwi_snapshot *snapshot)
{
    const struct pgcwi_wal_transaction *first = guard->first;

    if (first == NULL) {
        return NULL;
    }
    bool is_shown = first->is_gap
                        ? with_epoch(snapshot, first->xid) < snapshot->xmin
                        : pgcwi_snapshot_shows(snapshot, first->xid);
    return is_shown ? pop(guard) : NULL;
}
