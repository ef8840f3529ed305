/* SPDX-License-Identifier: MIT */
/*
 * Up to which moment of a cache a standby has come: for values that were read
 * there.
 *
 * A checkpoint is a stamp and a position in the primary's WAL: the clock is
 * read, then a fence is sent, and its answer brings the position. It says:
 * the commit of every invalidation up to this clock lies before the position.
 * For what was applied when the clock was read had been heard, hence was
 * committed and visible, hence its commit record was written, and only then
 * did the server look at the position. The same is true of a commit that was
 * only acknowledged by then, so the stamp's time is how old the data may be.
 * What is heard while the fence is on its way raises the clock beyond the
 * stamp: notifications may well come before the answer whose commits lie
 * behind the position.
 *
 * So what a standby showed after it had replayed up to the position is like a
 * load that began at the checkpoint, and gets its stamp, if its own is not
 * older. The test of P1 does the rest: it is valid while nothing that it
 * depends on was raised beyond that stamp.
 *
 * A flush, and each connection that becomes LIVE, raises everything beyond
 * the checkpoints of before. So those of another server or timeline, whose
 * positions mean nothing any more, give stamps that are dead.
 *
 * Each of them is true for itself, so any may be left out: when there is no
 * room, the one goes whose neighbours are closest for their age. So the old
 * ones are further apart, and a standby that is far behind still finds one,
 * however many fences there are.
 */
#ifndef PGCWI_CACHE_CHECKPOINT_H
#define PGCWI_CACHE_CHECKPOINT_H

#include <pthread.h>
#include <stdint.h>

#include <pgcachewatch/cache.h>

#define PGCWI_CHECKPOINTS_MAX 256u

struct pgcwi_checkpoint {
    struct pgcw_stamp stamp;
    uint64_t position;
};

struct pgcwi_checkpoints {
    pthread_mutex_t lock;
    /* guarded by lock; the oldest first */
    uint32_t count;
    struct pgcwi_checkpoint list[PGCWI_CHECKPOINTS_MAX];
};

void pgcwi_checkpoints_init(struct pgcwi_checkpoints *checkpoints);
void pgcwi_checkpoints_fini(struct pgcwi_checkpoints *checkpoints);

/* In the order of their stamps. */
void pgcwi_checkpoints_add(struct pgcwi_checkpoints *checkpoints,
                           struct pgcwi_checkpoint checkpoint);
/* The stamp of what was read at this position; a dead one if no checkpoint is
 * old enough. */
struct pgcw_stamp pgcwi_checkpoints_find(struct pgcwi_checkpoints *checkpoints,
                                         uint64_t position);

#endif
