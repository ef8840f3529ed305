/* SPDX-License-Identifier: MIT */
/*
 * Where idle workers sleep: an event count on a futex.
 *
 * Model: two counters, both shared. A producer publishes its work, adds to
 * wake_count, then reads sleeper_count. A worker adds to sleeper_count,
 * reads wake_count (its ticket), then looks for work, and sleeps only as
 * long as wake_count equals the ticket.
 *
 * Why no wake-up is lost: these four operations are seq_cst, so they stand
 * in one order that all threads agree on.
 * - The producer's read comes before the worker's addition: then its own
 *   addition comes before the worker's ticket, the ticket contains it, and
 *   the worker's look, after the ticket, sees the work.
 * - Otherwise the producer sees the worker and makes the system call. The
 *   kernel compares wake_count with the ticket and enters the worker in its
 *   list in one step. If the worker is entered, the call wakes a sleeper; if
 *   it is not yet, its comparison fails later.
 * A wake may go to a sleeper with a younger ticket than the work. That one
 * looked after the work was published and found none: somebody else has
 * taken the work already, and nobody needs the wake.
 *
 * A ticket has 32 bits. It would be mistaken for a later one after 2^32
 * wakes between prepare and the sleep.
 *
 * Not pthread_cond_signal: in glibc 2.27 to 2.40 it can wake nobody although
 * somebody waits (glibc bug 25847).
 *
 * Checked by stress/models/parking.cpp.
 */
#define _GNU_SOURCE /* NOLINT(readability-identifier-naming): syscall() */

#include "queue/parking.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

void
pgcwi_parking_init(struct pgcwi_parking *parking)
{
    atomic_init(&parking->wake_count, 0);
    atomic_init(&parking->sleeper_count, 0);
}

/* relaxed: a producer that still counts us makes one needless system call */
static void
leave(struct pgcwi_parking *parking)
{
    atomic_fetch_sub_explicit(&parking->sleeper_count, 1, memory_order_relaxed);
}

void
pgcwi_parking_fini(struct pgcwi_parking *parking)
{
    /* relaxed: the caller has joined every thread that slept here */
    assert(atomic_load_explicit(&parking->sleeper_count,
                                memory_order_relaxed) == 0);
    (void)parking;
}

uint32_t
pgcwi_parking_prepare(struct pgcwi_parking *parking)
{
    /*
     * ORDER: our sleeper_count++ before our ticket.
     * Pairs with: wake(). Without it: the producer sees no sleeper, we see
     * no work, and only the kernel's comparison is left to keep the event
     * from waiting for the one after it.
     */
    atomic_fetch_add_explicit(&parking->sleeper_count, 1, memory_order_seq_cst);
    /*
     * ORDER: our ticket before our next look.
     * Pairs with: wake(). Without it: the ticket contains a wake, the look
     * is older and misses its work, and we sleep while an event waits.
     */
    return atomic_load_explicit(&parking->wake_count, memory_order_seq_cst);
}

void
pgcwi_parking_cancel(struct pgcwi_parking *parking)
{
    leave(parking);
}

bool
pgcwi_parking_wait(struct pgcwi_parking *parking, uint32_t ticket,
                   int64_t deadline_ns)
{
    struct timespec deadline = pgcwi_clock_timespec(deadline_ns);
    bool is_timed = deadline_ns != INT64_MAX;
    /* the form with a bit set takes a point of CLOCK_MONOTONIC */
    long result = syscall(
        SYS_futex, &parking->wake_count, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG,
        ticket, is_timed ? &deadline : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
    bool is_over = result != 0 && errno == ETIMEDOUT;

    leave(parking);
    return !is_over;
}

static void
wake(struct pgcwi_parking *parking, int sleeper_limit)
{
    /*
     * ORDER: the caller's work before wake_count++, and that before our
     * look at sleeper_count.
     * Pairs with: pgcwi_parking_prepare(). Without it: see there.
     */
    atomic_fetch_add_explicit(&parking->wake_count, 1, memory_order_seq_cst);
    /*
     * ORDER: our wake_count++ before this look.
     * Pairs with: pgcwi_parking_prepare(). Without it: see there.
     */
    if (atomic_load_explicit(&parking->sleeper_count, memory_order_seq_cst) ==
        0) {
        return;
    }
    (void)syscall(SYS_futex, &parking->wake_count,
                  FUTEX_WAKE | FUTEX_PRIVATE_FLAG, sleeper_limit, NULL, NULL,
                  0);
}

void
pgcwi_parking_wake_one(struct pgcwi_parking *parking)
{
    wake(parking, 1);
}

void
pgcwi_parking_wake_all(struct pgcwi_parking *parking)
{
    wake(parking, INT_MAX);
}
