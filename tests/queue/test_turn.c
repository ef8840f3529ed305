/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "queue/turn.h"

static void
nothing_is_applied_at_first(void **state)
{
    struct pgcwi_turn turn;

    (void)state;
    pgcwi_turn_init(&turn);
    assert_int_equal(pgcwi_turn_applied(&turn), 0);
    pgcwi_turn_fini(&turn);
}

static void
one_thread_takes_turns_without_waiting(void **state)
{
    struct pgcwi_turn turn;

    (void)state;
    pgcwi_turn_init(&turn);
    for (uint64_t number = 1; number <= 1000; number++) {
        pgcwi_turn_wait(&turn, number);
        assert_int_equal(pgcwi_turn_applied(&turn), number - 1);
        pgcwi_turn_done(&turn, number);
        assert_int_equal(pgcwi_turn_applied(&turn), number);
    }
    pgcwi_turn_fini(&turn);
}

enum { NUMBER_COUNT = 4000, THREAD_COUNT = 4 };

/* Plain fields: ThreadSanitizer checks the edges between the turns. */
struct applied {
    struct pgcwi_turn turn;
    uint64_t numbers[NUMBER_COUNT];
    size_t count;
};

struct worker {
    struct applied *applied;
    uint64_t numbers[NUMBER_COUNT];
    size_t count;
};

static void *
apply_all(void *context)
{
    struct worker *worker = context;
    struct applied *applied = worker->applied;

    for (size_t i = 0; i < worker->count; i++) {
        uint64_t number = worker->numbers[i];

        pgcwi_turn_wait(&applied->turn, number);
        applied->numbers[applied->count] = number;
        applied->count++;
        pgcwi_turn_done(&applied->turn, number);
    }
    return NULL;
}

/* Each number goes to a worker at random, so that all wait for all. */
static void
deal_numbers(struct worker workers[THREAD_COUNT], unsigned int seed)
{
    uint32_t random = seed;

    for (uint64_t number = 1; number <= NUMBER_COUNT; number++) {
        struct worker *worker;

        random = random * 1664525u + 1013904223u;
        worker = &workers[(random >> 16) % THREAD_COUNT];
        worker->numbers[worker->count] = number;
        worker->count++;
    }
}

static void
p5_turns_of_several_threads_apply_in_ascending_order(void **state)
{
    struct applied *applied = calloc(1, sizeof *applied);
    struct worker *workers = calloc(THREAD_COUNT, sizeof *workers);
    pthread_t threads[THREAD_COUNT];

    (void)state;
    assert_non_null(applied);
    assert_non_null(workers);
    pgcwi_turn_init(&applied->turn);
    deal_numbers(workers, 7);
    for (int i = THREAD_COUNT - 1; i >= 0; i--) {
        workers[i].applied = applied;
        assert_int_equal(
            pthread_create(&threads[i], NULL, apply_all, &workers[i]), 0);
    }
    for (int i = 0; i < THREAD_COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(applied->count, NUMBER_COUNT);
    for (uint64_t i = 0; i < NUMBER_COUNT; i++) {
        assert_int_equal(applied->numbers[i], i + 1);
    }
    assert_int_equal(pgcwi_turn_applied(&applied->turn), NUMBER_COUNT);
    pgcwi_turn_fini(&applied->turn);
    free(workers);
    free(applied);
}

static uint32_t
sleeping_waiters(struct pgcwi_turn *turn)
{
    uint32_t count;

    (void)pthread_mutex_lock(&turn->lock);
    count = turn->waiter_count;
    (void)pthread_mutex_unlock(&turn->lock);
    return count;
}

struct sleeper {
    struct pgcwi_turn *turn;
    uint64_t number;
};

static void *
take_one_turn(void *context)
{
    struct sleeper *sleeper = context;

    pgcwi_turn_wait(sleeper->turn, sleeper->number);
    pgcwi_turn_done(sleeper->turn, sleeper->number);
    return NULL;
}

static void
turn_that_ends_late_wakes_those_that_sleep(void **state)
{
    struct pgcwi_turn turn;
    struct sleeper sleepers[THREAD_COUNT];
    pthread_t threads[THREAD_COUNT];

    (void)state;
    pgcwi_turn_init(&turn);
    pgcwi_turn_wait(&turn, 1);
    for (uint64_t i = 0; i < THREAD_COUNT; i++) {
        sleepers[i] = (struct sleeper){&turn, i + 2};
        assert_int_equal(
            pthread_create(&threads[i], NULL, take_one_turn, &sleepers[i]), 0);
    }
    while (sleeping_waiters(&turn) < THREAD_COUNT) {
        sched_yield();
    }
    assert_int_equal(pgcwi_turn_applied(&turn), 0);
    pgcwi_turn_done(&turn, 1);
    for (int i = 0; i < THREAD_COUNT; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    assert_int_equal(pgcwi_turn_applied(&turn), THREAD_COUNT + 1);
    assert_int_equal(sleeping_waiters(&turn), 0);
    pgcwi_turn_fini(&turn);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_applied_at_first),
        cmocka_unit_test(one_thread_takes_turns_without_waiting),
        cmocka_unit_test(p5_turns_of_several_threads_apply_in_ascending_order),
        cmocka_unit_test(turn_that_ends_late_wakes_those_that_sleep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
