/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/resource.h>

#include "base/wakeup.h"

#define LONG_TIME_MS 20000

static int
wait_for(const struct pgcwi_wakeup *wakeup, int timeout_ms)
{
    struct pollfd descriptor = {.fd = wakeup->fd, .events = POLLIN};

    return poll(&descriptor, 1, timeout_ms);
}

static void
signal_wakes_until_it_is_drained(void **state)
{
    struct pgcwi_wakeup wakeup;

    (void)state;
    assert_int_equal(pgcwi_wakeup_open(&wakeup), PGCW_OK);
    assert_int_equal(wait_for(&wakeup, 0), 0);
    pgcwi_wakeup_signal(&wakeup);
    assert_int_equal(wait_for(&wakeup, LONG_TIME_MS), 1);
    assert_int_equal(wait_for(&wakeup, LONG_TIME_MS), 1);
    pgcwi_wakeup_drain(&wakeup);
    assert_int_equal(wait_for(&wakeup, 0), 0);
    pgcwi_wakeup_close(&wakeup);
}

static void
one_drain_takes_all_signals(void **state)
{
    struct pgcwi_wakeup wakeup;

    (void)state;
    assert_int_equal(pgcwi_wakeup_open(&wakeup), PGCW_OK);
    for (int i = 0; i < 1000; i++) {
        pgcwi_wakeup_signal(&wakeup);
    }
    pgcwi_wakeup_drain(&wakeup);
    assert_int_equal(wait_for(&wakeup, 0), 0);
    pgcwi_wakeup_close(&wakeup);
}

static void
drain_without_a_signal_neither_waits_nor_sets_errno(void **state)
{
    struct pgcwi_wakeup wakeup;

    (void)state;
    assert_int_equal(pgcwi_wakeup_open(&wakeup), PGCW_OK);
    errno = 0;
    pgcwi_wakeup_drain(&wakeup);
    assert_int_equal(errno, 0);
    pgcwi_wakeup_close(&wakeup);
}

static void
descriptor_is_not_inherited_by_programs(void **state)
{
    struct pgcwi_wakeup wakeup;

    (void)state;
    assert_int_equal(pgcwi_wakeup_open(&wakeup), PGCW_OK);
    assert_true(fcntl(wakeup.fd, F_GETFD) & FD_CLOEXEC);
    assert_true(fcntl(wakeup.fd, F_GETFL) & O_NONBLOCK);
    pgcwi_wakeup_close(&wakeup);
}

static void
close_accepts_what_is_not_open(void **state)
{
    struct pgcwi_wakeup wakeup = {.fd = -1};

    (void)state;
    pgcwi_wakeup_close(&wakeup);
    assert_int_equal(pgcwi_wakeup_open(&wakeup), PGCW_OK);
    pgcwi_wakeup_close(&wakeup);
    assert_int_equal(wakeup.fd, -1);
    pgcwi_wakeup_close(&wakeup);
}

static void
without_a_free_descriptor_open_fails(void **state)
{
    struct pgcwi_wakeup wakeup;
    struct rlimit limit;
    struct rlimit none;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(pgcwi_wakeup_open(&wakeup), PGCW_SYSTEM_ERROR);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(wakeup.fd, -1);
}

struct hand_over {
    struct pgcwi_wakeup wakeup;
    int value; /* plain: ThreadSanitizer checks the edge */
};

static void *
write_and_signal(void *context)
{
    struct hand_over *hand_over = context;

    hand_over->value = 7;
    pgcwi_wakeup_signal(&hand_over->wakeup);
    return NULL;
}

static void
what_was_written_before_is_seen_after_the_drain(void **state)
{
    struct hand_over hand_over = {.value = 0};
    pthread_t thread;

    (void)state;
    assert_int_equal(pgcwi_wakeup_open(&hand_over.wakeup), PGCW_OK);
    assert_int_equal(
        pthread_create(&thread, NULL, write_and_signal, &hand_over), 0);
    assert_int_equal(wait_for(&hand_over.wakeup, LONG_TIME_MS), 1);
    pgcwi_wakeup_drain(&hand_over.wakeup);
    assert_int_equal(hand_over.value, 7);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pgcwi_wakeup_close(&hand_over.wakeup);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signal_wakes_until_it_is_drained),
        cmocka_unit_test(one_drain_takes_all_signals),
        cmocka_unit_test(drain_without_a_signal_neither_waits_nor_sets_errno),
        cmocka_unit_test(descriptor_is_not_inherited_by_programs),
        cmocka_unit_test(close_accepts_what_is_not_open),
        cmocka_unit_test(without_a_free_descriptor_open_fails),
        cmocka_unit_test(what_was_written_before_is_seen_after_the_drain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
