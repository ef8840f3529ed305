/* SPDX-License-Identifier: MIT */
/*
 * Apply in order what was decoded in parallel (P5).
 *
 * Model: applied_number is written only by the worker whose turn it is;
 * everybody reads it. The lock guards the sleep and nothing else.
 *
 * Ordering: done(n) releases, wait(n + 1) and applied() acquire the same
 * variable, so each turn sees all turns before it.
 *
 * Why nobody sleeps for ever: done stores the number first and takes the
 * lock afterwards; a waiter looks at the number under the lock, and goes to
 * sleep without letting go of it in between. If the waiter's look comes
 * before done's lock, it is asleep and counted when done broadcasts. If it
 * comes after, it sees the number. Done broadcasts, because the waiters wait
 * for different numbers and a signal could go to the wrong one.
 *
 * Progress: a turn is usually short, so a waiter spins a little before it
 * sleeps. While nobody sleeps, done costs one uncontended lock.
 *
 * Checked by stress/models/turn.cpp.
 */
#include "queue/turn.h"

#include <assert.h>
#include <stdbool.h>

/* A turn takes well under a microsecond; a sleep costs tens of them. */
#define SPIN_COUNT 300

void
pgcwi_turn_init(struct pgcwi_turn *turn)
{
    atomic_init(&turn->applied_number, 0);
    /* cannot fail: without attributes neither takes a resource */
    (void)pthread_mutex_init(&turn->lock, NULL);
    (void)pthread_cond_init(&turn->next, NULL);
    turn->waiter_count = 0;
}

void
pgcwi_turn_fini(struct pgcwi_turn *turn)
{
    assert(turn->waiter_count == 0);
    (void)pthread_cond_destroy(&turn->next);
    (void)pthread_mutex_destroy(&turn->lock);
}

static void
pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("yield");
#endif
}

static bool
is_next(const struct pgcwi_turn *turn, uint64_t number)
{
    return pgcwi_turn_applied(turn) == number - 1;
}

static bool
spin(const struct pgcwi_turn *turn, uint64_t number)
{
    for (int i = 0; i < SPIN_COUNT; i++) {
        if (is_next(turn, number)) {
            return true;
        }
        pause_briefly();
    }
    return false;
}

void
pgcwi_turn_wait(struct pgcwi_turn *turn, uint64_t number)
{
    assert(number > pgcwi_turn_applied(turn));
    if (spin(turn, number)) {
        return;
    }
    (void)pthread_mutex_lock(&turn->lock);
    turn->waiter_count++;
    while (!is_next(turn, number)) {
        (void)pthread_cond_wait(&turn->next, &turn->lock);
    }
    turn->waiter_count--;
    (void)pthread_mutex_unlock(&turn->lock);
}

void
pgcwi_turn_done(struct pgcwi_turn *turn, uint64_t number)
{
    assert(is_next(turn, number));
    /*
     * ORDER: what this turn wrote before its number counts as applied.
     * Pairs with: pgcwi_turn_applied(). Without it: the next turn, or a
     * caller of sync, goes on although this event has not been applied.
     */
    atomic_store_explicit(&turn->applied_number, number, memory_order_release);
    (void)pthread_mutex_lock(&turn->lock);
    if (turn->waiter_count > 0) {
        (void)pthread_cond_broadcast(&turn->next);
    }
    (void)pthread_mutex_unlock(&turn->lock);
}

uint64_t
pgcwi_turn_applied(const struct pgcwi_turn *turn)
{
    /*
     * ORDER: our look at the number before our look at what was applied.
     * Pairs with: pgcwi_turn_done(). Without it: see there.
     */
    return atomic_load_explicit(&turn->applied_number, memory_order_acquire);
}
