/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "cache/rcu.h"
#include "cache/reader.h"
#include "support/gate.h"

static void
run(void *(*body)(void *), void *context)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, body, context), 0);
    pthread_join(thread, NULL);
}

static uint32_t
take_number(void)
{
    uint32_t number = PGCWI_CACHE_MAX;

    assert_true(pgcwi_reader_cache_join(&number));
    assert_true(number < PGCWI_CACHE_MAX);
    return number;
}

static void *
read_once(void *context)
{
    (void)context;
    pgcwi_reader_begin();
    pgcwi_reader_end();
    return NULL;
}

/* In a process in which nobody has read yet: no key is left for us. */
static int
read_without_a_destructor(void)
{
    pthread_key_t key;
    uint32_t number;

    while (pthread_key_create(&key, NULL) == 0) {
    }
    run(read_once, NULL);
    if (!pgcwi_reader_cache_join(&number)) {
        return 1;
    }
    pgcwi_reader_begin();
    pgcwi_reader_begin();
    pgcwi_reader_add_one(&pgcwi_reader_counters(number)->hits);
    pgcwi_reader_end();
    pgcwi_reader_end();
    urcu_memb_synchronize_rcu();
    return pgcwi_reader_sum(number).hits == 1 ? 0 : 2;
}

static void
thread_without_a_destructor_leaves_after_each_section(void **state)
{
    int how = -1;
    pid_t child = fork();

    (void)state;
    assert_int_not_equal(child, -1);
    if (child == 0) {
        _exit(read_without_a_destructor());
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how));
    assert_int_equal(WEXITSTATUS(how), 0);
}

static void
sections_nest(void **state)
{
    (void)state;
    assert_false(pgcwi_reader_is_inside());
    pgcwi_reader_begin();
    pgcwi_reader_begin();
    pgcwi_reader_end();
    assert_true(pgcwi_reader_is_inside());
    pgcwi_reader_end();
    assert_false(pgcwi_reader_is_inside());
}

static void
thread_that_ended_does_not_hold_a_grace_period_up(void **state)
{
    (void)state;
    run(read_once, NULL);
    urcu_memb_synchronize_rcu();
}

static void *
end_inside(void *context)
{
    (void)context;
    pgcwi_reader_begin();
    pgcwi_reader_begin();
    return NULL;
}

static void
thread_that_ended_inside_a_section_does_not_either(void **state)
{
    (void)state;
    run(end_inside, NULL);
    urcu_memb_synchronize_rcu();
}

/* Runs when the thread ends, perhaps after our own destructor. */
static void
read_at_the_end(void *unused)
{
    (void)unused;
    pgcwi_reader_begin();
    pgcwi_reader_end();
}

static pthread_key_t late_key;

static void *
read_and_again_at_the_end(void *context)
{
    (void)pthread_setspecific(late_key, context);
    return read_once(context);
}

static void
thread_that_reads_while_it_ends_leaves_again(void **state)
{
    int anything;

    (void)state;
    assert_int_equal(pthread_key_create(&late_key, read_at_the_end), 0);
    run(read_and_again_at_the_end, &anything);
    urcu_memb_synchronize_rcu();
    assert_int_equal(pthread_key_delete(late_key), 0);
}

static void *
count_three_hits_and_a_miss(void *context)
{
    const uint32_t *number = context;

    pgcwi_reader_begin();
    for (int i = 0; i < 3; i++) {
        pgcwi_reader_add_one(&pgcwi_reader_counters(*number)->hits);
    }
    pgcwi_reader_add_one(&pgcwi_reader_counters(*number)->misses);
    pgcwi_reader_end();
    return NULL;
}

static void
counts_of_threads_that_ended_are_kept(void **state)
{
    uint32_t number = take_number();

    (void)state;
    run(count_three_hits_and_a_miss, &number);
    run(count_three_hits_and_a_miss, &number);
    count_three_hits_and_a_miss(&number);
    assert_int_equal(pgcwi_reader_sum(number).hits, 9);
    assert_int_equal(pgcwi_reader_sum(number).misses, 3);
    pgcwi_reader_cache_leave(number);
}

struct counting_thread {
    uint32_t number;
    struct gate has_counted;
    struct gate may_end;
};

static void *
count_and_stay(void *context)
{
    struct counting_thread *counting = context;

    count_three_hits_and_a_miss(&counting->number);
    gate_open(&counting->has_counted);
    gate_wait(&counting->may_end);
    return NULL;
}

static void
number_that_is_given_again_starts_at_zero(void **state)
{
    struct counting_thread counting = {take_number(), GATE_INIT, GATE_INIT};
    pthread_t thread;

    (void)state;
    run(count_three_hits_and_a_miss, &counting.number); /* has ended */
    assert_int_equal(pthread_create(&thread, NULL, count_and_stay, &counting),
                     0); /* runs on */
    gate_wait(&counting.has_counted);
    count_three_hits_and_a_miss(&counting.number); /* this thread */
    assert_int_equal(pgcwi_reader_sum(counting.number).hits, 9);
    pgcwi_reader_cache_leave(counting.number);
    uint32_t again = take_number();
    assert_int_equal(again, counting.number);
    assert_int_equal(pgcwi_reader_sum(again).hits, 0);
    assert_int_equal(pgcwi_reader_sum(again).misses, 0);
    gate_open(&counting.may_end);
    pthread_join(thread, NULL);
    assert_int_equal(pgcwi_reader_sum(again).hits, 0);
    pgcwi_reader_cache_leave(again);
}

static void
counts_are_told_apart_by_cache(void **state)
{
    uint32_t one = take_number();
    uint32_t two = take_number();

    (void)state;
    count_three_hits_and_a_miss(&one);
    assert_int_equal(pgcwi_reader_sum(one).hits, 3);
    assert_int_equal(pgcwi_reader_sum(two).hits, 0);
    pgcwi_reader_cache_leave(one);
    pgcwi_reader_cache_leave(two);
}

static void
P9_no_more_numbers_than_allowed_are_given(void **state)
{
    uint32_t number;

    (void)state;
    for (uint32_t i = 0; i < PGCWI_CACHE_MAX; i++) {
        assert_int_equal(take_number(), i);
    }
    assert_false(pgcwi_reader_cache_join(&number));
    for (uint32_t i = 0; i < PGCWI_CACHE_MAX; i++) {
        pgcwi_reader_cache_leave(i);
    }
    assert_int_equal(take_number(), 0);
    pgcwi_reader_cache_leave(0);
}

static void *
count_without_memory(void *context)
{
    pgcwi_alloc_fail_nth(1);
    return count_three_hits_and_a_miss(context);
}

static void
thread_without_memory_for_its_counters_reads_and_counts_too(void **state)
{
    uint32_t number = take_number();

    (void)state;
    run(count_without_memory, &number);
    assert_true(pgcwi_alloc_has_failed());
    urcu_memb_synchronize_rcu();
    assert_int_equal(pgcwi_reader_sum(number).hits, 3);
    assert_int_equal(pgcwi_reader_sum(number).misses, 1);
    pgcwi_reader_cache_leave(number);
    assert_int_equal(pgcwi_reader_sum(number).hits, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        /* first: this process must not have read yet */
        cmocka_unit_test(thread_without_a_destructor_leaves_after_each_section),
        cmocka_unit_test(sections_nest),
        cmocka_unit_test(thread_that_ended_does_not_hold_a_grace_period_up),
        cmocka_unit_test(thread_that_ended_inside_a_section_does_not_either),
        cmocka_unit_test(thread_that_reads_while_it_ends_leaves_again),
        cmocka_unit_test(counts_of_threads_that_ended_are_kept),
        cmocka_unit_test(number_that_is_given_again_starts_at_zero),
        cmocka_unit_test(counts_are_told_apart_by_cache),
        cmocka_unit_test(P9_no_more_numbers_than_allowed_are_given),
        cmocka_unit_test(
            thread_without_memory_for_its_counters_reads_and_counts_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
