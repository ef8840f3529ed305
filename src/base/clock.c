/* SPDX-License-Identifier: MIT */
/* Time, which tests can move. */
#include "base/clock.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define US_PER_SECOND INT64_C(1000000)
#define POLL_MAX_MS 60000

#ifdef PGCWI_TESTING
#include <stdatomic.h>

static _Atomic int64_t advance_ns;

void
pgcwi_clock_advance_ns(int64_t nanoseconds)
{
    /* relaxed: a number; no other memory is read because of its value */
    atomic_fetch_add_explicit(&advance_ns, nanoseconds, memory_order_relaxed);
}

static int64_t
advanced_ns(void)
{
    /* relaxed: as above */
    return atomic_load_explicit(&advance_ns, memory_order_relaxed);
}
#else
static int64_t
advanced_ns(void)
{
    return 0;
}
#endif

static int64_t
read_ns(clockid_t clock)
{
    struct timespec now;

    /* cannot fail: the clocks exist, and the pointer is good */
    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec + advanced_ns();
}

int64_t
pgcwi_clock_monotonic_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t
pgcwi_clock_coarse_ns(void)
{
    return read_ns(CLOCK_MONOTONIC_COARSE);
}

int64_t
pgcwi_clock_thread_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t
pgcwi_clock_unix_us(void)
{
    return read_ns(CLOCK_REALTIME) / (NS_PER_SECOND / US_PER_SECOND);
}

int
pgcwi_clock_poll_ms(int64_t deadline_ns)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();

    if (deadline_ns <= now_ns) {
        return 0;
    }
    int64_t left_ms = (deadline_ns - now_ns - 1) / PGCWI_NS_PER_MS + 1;
    return left_ms > POLL_MAX_MS ? POLL_MAX_MS : (int)left_ms;
}

struct timespec
pgcwi_clock_timespec(int64_t deadline_ns)
{
    struct timespec point = {0, 0};
    /* what is not positive has passed long ago */
    int64_t real_ns = deadline_ns > 0 ? deadline_ns - advanced_ns() : 0;

    if (real_ns > 0) {
        point.tv_sec = (time_t)(real_ns / NS_PER_SECOND);
        point.tv_nsec = (long)(real_ns % NS_PER_SECOND);
    }
    return point;
}

void
pgcwi_clock_init_condition(pthread_cond_t *condition)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &monotonic);
    pthread_condattr_destroy(&monotonic);
}
