/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "cache/forked.h"
#include "cache/rcu.h"
#include "support/cache.h"
#include "support/child.h"

#define FORKING_MS 500 /* for each lock */

static struct pgcw_cache *cache;

static int
set_up(void **state)
{
    (void)state;
    cache = open_cache();
    return put_text(cache, "key", "value") == PGCW_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    pgcwi_cache_close(cache);
    return 0;
}

static bool
has_key(void)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    bool is_there =
        pgcw_cache_lookup(cache, bytes_of("key"), &value) == PGCW_OK;
    pgcw_read_end();
    return is_there;
}

static int
expect_closed(void)
{
    bool is_there = has_key(); /* perhaps the thread's first look */

    if (is_there || has_key()) {
        return 1;
    }
    return pgcwi_forked_is_child() ? 0 : 2;
}

static void
P2_cache_is_closed_in_a_child_and_open_in_its_parent(void **state)
{
    (void)state;
    assert_true(has_key());
    assert_int_equal(run_child(expect_closed, _exit), 0);
    assert_true(has_key());
    assert_false(pgcwi_forked_is_child());
}

/* Not even what an outage before the fork would let it serve. */
static void
P2_nothing_stale_is_served_in_a_child(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *usual = cache;

    (void)state;
    options.outage = PGCW_OUTAGE_SERVE_STALE;
    options.stale_max_ms = 600000;
    cache = open_cache_with(&options);
    pgcwi_stamps_close(&cache->stamps);
    pgcwi_stamps_open(&cache->stamps);
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    assert_int_equal(run_child(expect_closed, _exit), 0);
    assert_true(has_key());
    pgcwi_cache_close(cache);
    cache = usual;
}

static void
cache_that_is_gone_is_not_touched_in_a_child(void **state)
{
    (void)state;
    pgcwi_cache_close(open_cache());
    assert_int_equal(run_child(expect_closed, _exit), 0);
}

static int
open_another(void)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *other = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    if (pgcwi_cache_open(&options, &other, &error) != PGCW_UNSUPPORTED) {
        return 1;
    }
    return error.status == PGCW_UNSUPPORTED ? 0 : 2;
}

static void
cache_is_not_opened_in_a_child(void **state)
{
    (void)state;
    assert_int_equal(run_child(open_another, _exit), 0);
}

/* Locks that a child finds held, and that nobody there gives back. */
static _Atomic bool is_over;

static bool
goes_on(void)
{
    /* relaxed: only ends loops */
    return !atomic_load_explicit(&is_over, memory_order_relaxed);
}

static void *
hold_lock_of_liburcu(void *unused)
{
    while (goes_on()) {
        urcu_memb_register_thread();
        urcu_memb_unregister_thread();
    }
    return unused;
}

static void *
hold_lock_of_stamps(void *unused)
{
    while (goes_on()) {
        pgcwi_stamps_raise_all(&cache->stamps);
    }
    return unused;
}

static void *
hold_lock_of_caches(void *unused)
{
    static struct pgcw_cache none; /* none of it but its place in the list */

    while (goes_on()) {
        pgcwi_forked_join(&none.in_process);
        pgcwi_forked_leave(&none.in_process);
    }
    return unused;
}

/* A thread that has never read before. */
static void *
fork_and_look(void *result)
{
    *(int *)result = run_child(expect_closed, _exit);
    return NULL;
}

/* And one that has, and that ends in the child. */
static int
end_by_pthread_exit(void)
{
    pthread_exit(NULL);
}

static void *
fork_and_end(void *result)
{
    (void)has_key();
    *(int *)result = run_child(end_by_pthread_exit, _exit);
    return NULL;
}

/* How many of the children did not end as they should. */
static int
fork_beside(void *(*hold)(void *), void *(*fork_once)(void *))
{
    pthread_t holder;
    pthread_t thread;
    int failures = 0;

    /* relaxed: before the thread starts */
    atomic_store_explicit(&is_over, false, memory_order_relaxed);
    assert_int_equal(pthread_create(&holder, NULL, hold, NULL), 0);
    int64_t until_ns =
        pgcwi_clock_monotonic_ns() + FORKING_MS * PGCWI_NS_PER_MS;
    while (failures == 0 && pgcwi_clock_monotonic_ns() < until_ns) {
        int result = -1;

        if (pthread_create(&thread, NULL, fork_once, &result) == 0) {
            pthread_join(thread, NULL);
        }
        failures += result != 0;
    }
    /* relaxed: only ends the loop */
    atomic_store_explicit(&is_over, true, memory_order_relaxed);
    pthread_join(holder, NULL);
    return failures;
}

static void
locks_that_other_threads_held_do_not_stop_a_look(void **state)
{
    (void)state;
    assert_int_equal(fork_beside(hold_lock_of_liburcu, fork_and_look), 0);
    assert_int_equal(fork_beside(hold_lock_of_stamps, fork_and_look), 0);
    assert_int_equal(fork_beside(hold_lock_of_caches, fork_and_look), 0);
}

static void
nor_the_end_of_the_thread(void **state)
{
    (void)state;
    assert_int_equal(fork_beside(hold_lock_of_liburcu, fork_and_end), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            P2_cache_is_closed_in_a_child_and_open_in_its_parent, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(P2_nothing_stale_is_served_in_a_child,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(
            cache_that_is_gone_is_not_touched_in_a_child, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cache_is_not_opened_in_a_child, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            locks_that_other_threads_held_do_not_stop_a_look, set_up,
            tear_down),
        cmocka_unit_test_setup_teardown(nor_the_end_of_the_thread, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
