/* SPDX-License-Identifier: MIT */
#include "cache/checkpoint.h"

#include "cache/stamps.h"

void
pgcwi_checkpoints_init(struct pgcwi_checkpoints *checkpoints)
{
    checkpoints->count = 0;
    pthread_mutex_init(&checkpoints->lock, NULL);
}

void
pgcwi_checkpoints_fini(struct pgcwi_checkpoints *checkpoints)
{
    pthread_mutex_destroy(&checkpoints->lock);
}

/* How much is lost without this one, which has neighbours, for its age. */
static double
loss_without(const struct pgcwi_checkpoints *checkpoints, uint32_t i,
             int64_t now_ns)
{
    const struct pgcwi_checkpoint *list = checkpoints->list;
    int64_t gap_ns =
        list[i + 1].stamp.taken_at_ns - list[i - 1].stamp.taken_at_ns;
    int64_t age_ns = now_ns - list[i - 1].stamp.taken_at_ns;

    return age_ns > 0 ? (double)gap_ns / (double)age_ns : 0;
}

/* The first and the last stay. */
static void
leave_one_out(struct pgcwi_checkpoints *checkpoints, int64_t now_ns)
{
    uint32_t least = 1;
    double least_loss = loss_without(checkpoints, 1, now_ns);

    for (uint32_t i = 2; i < checkpoints->count - 1; i++) {
        double loss = loss_without(checkpoints, i, now_ns);

        if (loss < least_loss) {
            least = i;
            least_loss = loss;
        }
    }
    checkpoints->count--;
    for (uint32_t i = least; i < checkpoints->count; i++) {
        checkpoints->list[i] = checkpoints->list[i + 1];
    }
}

void
pgcwi_checkpoints_add(struct pgcwi_checkpoints *checkpoints,
                      struct pgcwi_checkpoint checkpoint)
{
    struct pgcwi_checkpoint *list = checkpoints->list;

    pthread_mutex_lock(&checkpoints->lock);
    uint32_t count = checkpoints->count;
    if (count > 0 && list[count - 1].position == checkpoint.position) {
        count--; /* says less than this one */
    } else if (count == PGCWI_CHECKPOINTS_MAX) {
        leave_one_out(checkpoints, checkpoint.stamp.taken_at_ns);
        count--;
    }
    list[count] = checkpoint;
    checkpoints->count = count + 1;
    pthread_mutex_unlock(&checkpoints->lock);
}

struct pgcw_stamp
pgcwi_checkpoints_find(struct pgcwi_checkpoints *checkpoints, uint64_t position)
{
    struct pgcw_stamp stamp = {PGCWI_CLOCK_DEAD, 0};

    pthread_mutex_lock(&checkpoints->lock);
    for (uint32_t i = checkpoints->count; i > 0; i--) {
        if (checkpoints->list[i - 1].position <= position) {
            stamp = checkpoints->list[i - 1].stamp;
            break;
        }
    }
    pthread_mutex_unlock(&checkpoints->lock);
    return stamp;
}
