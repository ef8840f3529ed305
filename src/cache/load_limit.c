/* SPDX-License-Identifier: MIT */
#include "cache/load_limit.h"

#include "base/clock.h"

struct waiter {
    /* guarded by lock */
    struct cds_list_head in_waiters;
    bool has_place;
    pthread_cond_t got_place; /* on CLOCK_MONOTONIC */
};

void
pgcwi_load_limit_init(struct pgcwi_load_limit *limit, uint64_t max_loads)
{
    limit->max_loads = max_loads;
    limit->running = 0;
    pthread_mutex_init(&limit->lock, NULL);
    CDS_INIT_LIST_HEAD(&limit->waiters);
    CDS_INIT_LIST_HEAD(&limit->leases);
}

void
pgcwi_load_limit_fini(struct pgcwi_load_limit *limit)
{
    pthread_mutex_destroy(&limit->lock);
}

/* The next four under the lock. */

static void
pass_on(struct pgcwi_load_limit *limit)
{
    if (cds_list_empty(&limit->waiters)) {
        limit->running--;
        return;
    }
    struct waiter *first =
        cds_list_first_entry(&limit->waiters, struct waiter, in_waiters);
    cds_list_del(&first->in_waiters);
    first->has_place = true;
    pthread_cond_signal(&first->got_place);
}

static int64_t
next_overdue_ns(struct pgcwi_load_limit *limit)
{
    return cds_list_empty(&limit->leases)
               ? INT64_MAX
               : cds_list_first_entry(&limit->leases, struct pgcwi_place,
                                      in_leases)
                     ->deadline_ns;
}

static void
take_from_overdue(struct pgcwi_load_limit *limit)
{
    while (next_overdue_ns(limit) <= pgcwi_clock_monotonic_ns()) {
        struct pgcwi_place *place =
            cds_list_first_entry(&limit->leases, struct pgcwi_place, in_leases);

        cds_list_del(&place->in_leases);
        place->is_held = false;
        pass_on(limit);
    }
}

static bool
take(struct pgcwi_load_limit *limit)
{
    take_from_overdue(limit);
    if (limit->running == limit->max_loads) {
        return false;
    }
    limit->running++;
    return true;
}

bool
pgcwi_load_limit_try(struct pgcwi_load_limit *limit)
{
    if (limit->max_loads == 0) {
        return true;
    }
    pthread_mutex_lock(&limit->lock);
    bool has_place = take(limit);
    pthread_mutex_unlock(&limit->lock);
    return has_place;
}

/* The caller holds the lock, and gets it back. */
static bool
wait_in_queue(struct pgcwi_load_limit *limit, struct waiter *self,
              int64_t deadline_ns)
{
    cds_list_add_tail(&self->in_waiters, &limit->waiters);
    while (!self->has_place && pgcwi_clock_monotonic_ns() < deadline_ns) {
        int64_t overdue_ns = next_overdue_ns(limit);
        struct timespec until = pgcwi_clock_timespec(
            overdue_ns < deadline_ns ? overdue_ns : deadline_ns);

        (void)pthread_cond_timedwait(&self->got_place, &limit->lock, &until);
        take_from_overdue(limit);
    }
    if (!self->has_place) {
        cds_list_del(&self->in_waiters);
    }
    return self->has_place;
}

bool
pgcwi_load_limit_wait(struct pgcwi_load_limit *limit, int64_t deadline_ns)
{
    struct waiter self = {.has_place = false};
    pthread_condattr_t monotonic;

    if (limit->max_loads == 0) {
        return true;
    }
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&self.got_place, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_lock(&limit->lock);
    bool has_place = take(limit) || wait_in_queue(limit, &self, deadline_ns);
    pthread_mutex_unlock(&limit->lock);
    pthread_cond_destroy(&self.got_place);
    return has_place;
}

void
pgcwi_load_limit_give_back(struct pgcwi_load_limit *limit)
{
    if (limit->max_loads == 0) {
        return;
    }
    pthread_mutex_lock(&limit->lock);
    pass_on(limit);
    pthread_mutex_unlock(&limit->lock);
}

bool
pgcwi_load_limit_lease(struct pgcwi_load_limit *limit,
                       struct pgcwi_place *place, int64_t timeout_ns)
{
    place->is_held = false;
    if (limit->max_loads == 0) {
        return true;
    }
    pthread_mutex_lock(&limit->lock);
    bool has_place = take(limit);
    if (has_place) {
        place->is_held = true;
        /* taken here, under the lock, so that the list is in order */
        place->deadline_ns = pgcwi_clock_monotonic_ns() + timeout_ns;
        cds_list_add_tail(&place->in_leases, &limit->leases);
    }
    pthread_mutex_unlock(&limit->lock);
    return has_place;
}

void
pgcwi_load_limit_end_lease(struct pgcwi_load_limit *limit,
                           struct pgcwi_place *place)
{
    if (limit->max_loads == 0) {
        return;
    }
    pthread_mutex_lock(&limit->lock);
    if (place->is_held) {
        cds_list_del(&place->in_leases);
        pass_on(limit);
    }
    pthread_mutex_unlock(&limit->lock);
}
