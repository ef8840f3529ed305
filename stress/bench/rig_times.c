/* SPDX-License-Identifier: MIT */
/* How long single hits take: a histogram whose steps are 3 % wide. */
#include "rig.h"

#include "support.h"

#define CALIBRATION_NS (INT64_C(50) * 1000 * 1000)
#define OWN_COST_TRIES 10000u

static double ns_per_tick = 1;
static uint64_t own_ticks;

/*
 * What was begun before has ended, and what follows has not begun; so a hit
 * is measured alone, without its neighbours' help.
 */
uint64_t
rig_ticks(void)
{
#if defined(__x86_64__)
    uint32_t low;
    uint32_t high;

    __asm__ __volatile__("lfence\n\trdtsc\n\tlfence"
                         : "=a"(low), "=d"(high)
                         :
                         : "memory");
    return (uint64_t)high << 32 | low;
#else
    return (uint64_t)stress_now_ns();
#endif
}

static unsigned
place_of(uint64_t ticks)
{
    unsigned place = (unsigned)ticks;

    if (ticks >= RIG_TIMES_STEPS) {
        unsigned octave = 63 - (unsigned)__builtin_clzll(ticks) - 5;

        place = RIG_TIMES_STEPS * (octave + 1) +
                (unsigned)(ticks >> octave) % RIG_TIMES_STEPS;
    }
    return place < RIG_TIMES_COUNT ? place : RIG_TIMES_COUNT - 1;
}

/* The middle of what has this place. */
static double
ticks_of(unsigned place)
{
    if (place < RIG_TIMES_STEPS) {
        return place;
    }
    unsigned octave = place / RIG_TIMES_STEPS - 1;
    uint64_t first = (uint64_t)(RIG_TIMES_STEPS + place % RIG_TIMES_STEPS)
                     << octave;

    return (double)first + (double)((uint64_t)1 << octave) / 2;
}

double
rig_ticks_to_ns(uint64_t ticks)
{
    return (double)ticks * ns_per_tick;
}

static uint64_t
quantile_place(const struct rig_times *times, double share)
{
    uint64_t seen = 0;

    for (unsigned place = 0; place < RIG_TIMES_COUNT; place++) {
        seen += times->counts[place];
        if (seen > 0 && (double)seen >= share * (double)times->count) {
            return place;
        }
    }
    return RIG_TIMES_COUNT - 1;
}

double
rig_times_quantile_ns(const struct rig_times *times, double share)
{
    return ticks_of((unsigned)quantile_place(times, share)) * ns_per_tick;
}

void
rig_times_add(struct rig_times *times, uint64_t ticks)
{
    ticks = ticks > own_ticks ? ticks - own_ticks : 0;
    times->count++;
    times->counts[place_of(ticks)]++;
    if (ticks > times->longest_ticks) {
        times->longest_ticks = ticks;
    }
}

void
rig_times_calibrate(void)
{
    struct rig_times empty = {0};
    int64_t begin_ns = stress_now_ns();
    uint64_t begin = rig_ticks();
    int64_t passed_ns;

    do {
        passed_ns = stress_now_ns() - begin_ns;
    } while (passed_ns < CALIBRATION_NS);
    ns_per_tick = (double)passed_ns / (double)(rig_ticks() - begin);
    own_ticks = 0;
    for (unsigned i = 0; i < OWN_COST_TRIES; i++) {
        uint64_t ticks = rig_ticks();

        rig_times_add(&empty, rig_ticks() - ticks);
    }
    own_ticks = (uint64_t)ticks_of((unsigned)quantile_place(&empty, 0.5));
    bench_progress("taking the time takes %.1f ns, which is taken off each hit",
                   rig_ticks_to_ns(own_ticks));
}
