/* SPDX-License-Identifier: MIT */
/*
 * queue/parking: a worker that goes to sleep just when work comes is woken.
 *
 * Groups of a producer and one to three workers. The producer pushes, at
 * most one item for each worker, wakes once an item, and waits until all
 * are handled; only then it goes on. So there is no later event that would
 * hide a lost wake-up: a worker that sleeps on while an item waits is seen
 * as a stall.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>

#include "queue/parking.h"
#include "queue/ring.h"
#include "support.h"

#define STALL_NS INT64_C(3000000000)

enum { RING_CAPACITY = 4, MOST_WORKERS = 3, SPINS_BETWEEN_LOOKS = 1000 };

struct group {
    /* immutable after start */
    struct stress *stress;
    struct pgcwi_ring *ring;
    unsigned int worker_count;
    /* shared */
    struct pgcwi_parking parking;
    _Atomic uint64_t handled_count;
    _Atomic bool is_stopped;
    _Atomic uint64_t sleep_count;
};

/* One thread of a group: its producer, or a worker. */
struct member {
    struct group *group;
    bool is_producer;
    uint64_t pushed_count;
    struct stress_random random;
};

static bool
is_stopped(struct group *group)
{
    /* seq_cst, as the look at the ring: a stop is work too */
    return atomic_load(&group->is_stopped);
}

static void
work(struct member *member)
{
    struct group *group = member->group;

    while (!is_stopped(group)) {
        uint32_t ticket;

        if (pgcwi_ring_pop(group->ring) != NULL) {
            /* Release: the producer that counts it goes on. */
            atomic_fetch_add_explicit(&group->handled_count, 1,
                                      memory_order_release);
            stress_random_delay(&member->random, 200);
            continue;
        }
        ticket = pgcwi_parking_prepare(&group->parking);
        if (pgcwi_ring_count(group->ring) > 0 || is_stopped(group)) {
            pgcwi_parking_cancel(&group->parking);
            continue;
        }
        /* relaxed: a statistic */
        atomic_fetch_add_explicit(&group->sleep_count, 1, memory_order_relaxed);
        (void)pgcwi_parking_wait(&group->parking, ticket, INT64_MAX);
    }
}

static void
wait_until_handled(struct member *member)
{
    struct group *group = member->group;
    int64_t stall_ns = stress_now_ns() + STALL_NS;
    unsigned int spin_count = 0;

    while (atomic_load_explicit(&group->handled_count, memory_order_acquire) <
           member->pushed_count) {
        if (++spin_count % SPINS_BETWEEN_LOOKS != 0) {
            continue;
        }
        sched_yield();
        if (stress_now_ns() > stall_ns) {
            stress_give_up(group->stress,
                           "stalled: %" PRIu64 " pushed, %" PRIu64
                           " handled, and nobody wakes up",
                           member->pushed_count,
                           atomic_load(&group->handled_count));
        }
    }
}

static void
push_and_wake(struct member *member)
{
    static int item;
    struct group *group = member->group;

    if (!pgcwi_ring_push(group->ring, &item)) {
        stress_give_up(group->stress, "the ring is full");
    }
    pgcwi_parking_wake_one(&group->parking);
    member->pushed_count++;
}

static void
produce(struct member *member)
{
    struct group *group = member->group;

    while (!stress_is_over(group->stress)) {
        uint32_t count =
            1 + stress_random_below(&member->random, group->worker_count);

        stress_random_delay(&member->random, 1000);
        for (uint32_t i = 0; i < count; i++) {
            push_and_wake(member);
        }
        wait_until_handled(member);
    }
    atomic_store(&group->is_stopped, true);
    pgcwi_parking_wake_all(&group->parking);
}

static void *
run_member(void *context)
{
    struct member *member = context;

    if (member->is_producer) {
        produce(member);
    } else {
        work(member);
    }
    return NULL;
}

static void
start_group(struct group *group, struct stress *stress,
            unsigned int worker_count)
{
    group->stress = stress;
    group->worker_count = worker_count;
    group->ring = pgcwi_ring_create(RING_CAPACITY);
    if (group->ring == NULL) {
        stress_give_up(stress, "memory is short");
    }
    pgcwi_parking_init(&group->parking);
}

/* The threads as groups of 2, 3, 4, 2, 3, 4 …; at least one of two. */
static unsigned int
deal_threads(struct stress *stress, struct group *groups,
             struct member *members)
{
    unsigned int group_count = 0;
    unsigned int dealt = 0;

    while (stress->thread_count - dealt >= 2) {
        unsigned int workers = group_count % MOST_WORKERS + 1;
        struct group *group = &groups[group_count++];

        if (workers > stress->thread_count - dealt - 1) {
            workers = stress->thread_count - dealt - 1;
        }
        start_group(group, stress, workers);
        for (unsigned int i = 0; i <= workers; i++, dealt++) {
            members[dealt].group = group;
            members[dealt].is_producer = i == 0;
            members[dealt].random = stress_random_of(stress, dealt);
        }
    }
    stress->thread_count = dealt;
    return group_count;
}

int
main(int argc, char **argv)
{
    struct stress stress = {.thread_count = 5, .seconds = 5};
    struct group *groups;
    struct member *members;
    unsigned int group_count;
    uint64_t pushed_count = 0;
    uint64_t sleep_count = 0;

    stress_start(&stress, "parking_lost_wakeup", argc, argv);
    if (stress.thread_count < 2) {
        stress.thread_count = 2;
    }
    groups = calloc(stress.thread_count, sizeof *groups);
    members = calloc(stress.thread_count, sizeof *members);
    if (groups == NULL || members == NULL) {
        stress_give_up(&stress, "memory is short");
    }
    group_count = deal_threads(&stress, groups, members);
    stress_run_threads(&stress, run_member, members, sizeof *members);
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        pushed_count += members[i].pushed_count;
    }
    for (unsigned int i = 0; i < group_count; i++) {
        sleep_count += atomic_load(&groups[i].sleep_count);
        pgcwi_parking_fini(&groups[i].parking);
        pgcwi_ring_destroy(groups[i].ring);
    }
    free(members);
    free(groups);
    return stress_finish(&stress, "%" PRIu64 " items, %" PRIu64 " sleeps",
                         pushed_count, sleep_count);
}
