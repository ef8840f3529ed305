/* SPDX-License-Identifier: MIT */
/*
 * queue/turn (P5): turns are taken one at a time, in ascending order, each
 * sees what the turns before wrote, and whoever reads that number n is
 * applied sees what turn n wrote.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>

#include "queue/turn.h"
#include "support.h"

#define STALL_NS INT64_C(5000000000)

/* Above it no more turns are taken: each has a place of its own. */
enum { MOST_NUMBERS = 1 << 22 };

struct test {
    struct stress stress;
    struct pgcwi_turn turn;
    _Atomic uint64_t given_number;
    _Atomic unsigned int running_threads;
    /* Plain: written in the turns only; ThreadSanitizer checks the edges. */
    uint64_t last_number;
    uint64_t chain;
    uint64_t *written; /* by number */
};

struct worker {
    struct test *test;
    unsigned int index; /* 0 watches, the others take turns */
    struct stress_random random;
    uint64_t look_count;
};

static uint64_t
next_in_chain(uint64_t chain, uint64_t number)
{
    return (chain ^ number) * UINT64_C(0x9e3779b97f4a7c15);
}

static void
apply(struct worker *worker, uint64_t number)
{
    struct test *test = worker->test;

    if (test->last_number != number - 1) {
        stress_fail(&test->stress, "turn %" PRIu64 " after %" PRIu64, number,
                    test->last_number);
    }
    test->last_number = number;
    test->chain = next_in_chain(test->chain, number);
    test->written[number] = number;
    if (stress_random_below(&worker->random, 1000) == 0) {
        sched_yield(); /* a long turn: the others go to sleep */
    }
    stress_random_delay(&worker->random, 100);
}

static void
take_turns(struct worker *worker)
{
    struct test *test = worker->test;

    while (!stress_is_over(&test->stress)) {
        /* relaxed: each number is given once, and says nothing more */
        uint64_t number = 1 + atomic_fetch_add_explicit(&test->given_number, 1,
                                                        memory_order_relaxed);

        if (number >= MOST_NUMBERS) {
            break;
        }
        stress_random_delay(&worker->random, 1000);
        pgcwi_turn_wait(&test->turn, number);
        apply(worker, number);
        pgcwi_turn_done(&test->turn, number);
    }
    /* relaxed: only ends the watcher */
    atomic_fetch_sub_explicit(&test->running_threads, 1, memory_order_relaxed);
}

static void
look(struct worker *worker, uint64_t applied)
{
    struct test *test = worker->test;
    uint64_t number = applied;

    if (applied == 0) {
        return;
    }
    if (worker->look_count++ % 2 == 0) {
        number = 1 + stress_random_below(&worker->random, (uint32_t)applied);
    }
    if (test->written[number] != number) {
        stress_fail(&test->stress,
                    "%" PRIu64 " is applied, but not what %" PRIu64 " wrote",
                    applied, number);
    }
}

/* Looks at what is applied, as sync does, and whether it goes on. */
static void
watch(struct worker *worker)
{
    struct test *test = worker->test;
    uint64_t last = 0;
    int64_t stall_ns = stress_now_ns() + STALL_NS;

    /* relaxed: see take_turns() */
    while (atomic_load_explicit(&test->running_threads, memory_order_relaxed) >
           0) {
        uint64_t applied = pgcwi_turn_applied(&test->turn);

        if (applied < last) {
            stress_fail(&test->stress, "applied went back");
        }
        look(worker, applied);
        if (applied != last) {
            last = applied;
            stall_ns = stress_now_ns() + STALL_NS;
        } else if (stress_now_ns() > stall_ns) {
            stress_give_up(&test->stress, "stalled after %" PRIu64, applied);
        }
        sched_yield();
    }
}

static void *
run(void *context)
{
    struct worker *worker = context;

    if (worker->index == 0) {
        watch(worker);
    } else {
        take_turns(worker);
    }
    return NULL;
}

static void
check_chain(struct test *test)
{
    uint64_t applied = pgcwi_turn_applied(&test->turn);
    uint64_t chain = 0;

    for (uint64_t number = 1; number <= applied; number++) {
        chain = next_in_chain(chain, number);
    }
    if (chain != test->chain || applied != test->last_number) {
        stress_fail(&test->stress, "not what %" PRIu64 " turns in order write",
                    applied);
    }
}

int
main(int argc, char **argv)
{
    struct test test = {.stress = {.thread_count = 5, .seconds = 5}};
    struct worker *workers;

    stress_start(&test.stress, "turn_order", argc, argv);
    if (test.stress.thread_count < 2) {
        test.stress.thread_count = 2;
    }
    pgcwi_turn_init(&test.turn);
    atomic_init(&test.running_threads, test.stress.thread_count - 1);
    test.written = calloc(MOST_NUMBERS, sizeof *test.written);
    workers = calloc(test.stress.thread_count, sizeof *workers);
    if (test.written == NULL || workers == NULL) {
        stress_give_up(&test.stress, "memory is short");
    }
    for (unsigned int i = 0; i < test.stress.thread_count; i++) {
        workers[i].test = &test;
        workers[i].index = i;
        workers[i].random = stress_random_of(&test.stress, i);
    }
    stress_run_threads(&test.stress, run, workers, sizeof *workers);
    check_chain(&test);
    free(workers);
    free(test.written);
    pgcwi_turn_fini(&test.turn);
    return stress_finish(&test.stress, "%" PRIu64 " turns", test.last_number);
}
