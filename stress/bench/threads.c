/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_setaffinity() */

#include "threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <time.h>

static pthread_once_t is_asked = PTHREAD_ONCE_INIT;
static cpu_set_t allowed;

static void
ask_what_is_allowed(void)
{
    (void)sched_getaffinity(0, sizeof(allowed), &allowed);
}

void
bench_pin(int thread_id, unsigned place)
{
    cpu_set_t own;
    bool is_found = false;

    (void)pthread_once(&is_asked, ask_what_is_allowed);
    place %= (unsigned)CPU_COUNT(&allowed);
    CPU_ZERO(&own);
    for (unsigned cpu = 0; cpu < CPU_SETSIZE && !is_found; cpu++) {
        if (CPU_ISSET(cpu, &allowed) && place-- == 0) {
            CPU_SET(cpu, &own);
            is_found = true;
        }
    }
    /* where it may not, the figures are only noisier */
    (void)sched_setaffinity(thread_id, sizeof(own), &own);
}

void
bench_unpin(int thread_id)
{
    (void)pthread_once(&is_asked, ask_what_is_allowed);
    (void)sched_setaffinity(thread_id, sizeof(allowed), &allowed);
}

static int64_t
read_clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

int64_t
bench_thread_ns(void)
{
    return read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t
bench_process_ns(void)
{
    return read_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}
