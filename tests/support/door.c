/* SPDX-License-Identifier: MIT */
#include "support/door.h"

#include <time.h>

#include "base/clock.h"

void
wait_init(pthread_mutex_t *lock, pthread_cond_t *changed)
{
    pthread_mutex_init(lock, NULL);
    pgcwi_clock_init_condition(changed);
}

struct timespec
wait_deadline(uint32_t timeout_ms)
{
    struct timespec deadline;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += timeout_ms / 1000;
    deadline.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (deadline.tv_nsec >= 1000000000) {
        deadline.tv_sec++;
        deadline.tv_nsec -= 1000000000;
    }
    return deadline;
}

void
door_init(struct door *door)
{
    wait_init(&door->lock, &door->changed);
    door->is_open = false;
    door->arrival_count = 0;
}

void
door_fini(struct door *door)
{
    pthread_cond_destroy(&door->changed);
    pthread_mutex_destroy(&door->lock);
}

void
door_pass(struct door *door)
{
    pthread_mutex_lock(&door->lock);
    door->arrival_count++;
    pthread_cond_broadcast(&door->changed);
    while (!door->is_open) {
        pthread_cond_wait(&door->changed, &door->lock);
    }
    pthread_mutex_unlock(&door->lock);
}

void
door_open(struct door *door)
{
    pthread_mutex_lock(&door->lock);
    door->is_open = true;
    pthread_cond_broadcast(&door->changed);
    pthread_mutex_unlock(&door->lock);
}

bool
door_wait_for_arrivals(struct door *door, uint32_t count)
{
    struct timespec deadline = wait_deadline(PATIENCE_MS);
    bool is_late = false;

    pthread_mutex_lock(&door->lock);
    while (door->arrival_count < count && !is_late) {
        is_late =
            pthread_cond_timedwait(&door->changed, &door->lock, &deadline) != 0;
    }
    bool have_arrived = door->arrival_count >= count;
    pthread_mutex_unlock(&door->lock);
    return have_arrived;
}
