/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/alloc.h"
#include "base/thread.h"

struct seen {
    int run_count;
    char name[16];
    sigset_t mask;
};

static void
look_around(void *context)
{
    struct seen *seen = context;

    seen->run_count++;
    (void)prctl(PR_GET_NAME, seen->name);
    (void)pthread_sigmask(SIG_BLOCK, NULL, &seen->mask);
}

static void
run_and_join(const char *name, struct seen *seen)
{
    pthread_t thread;

    memset(seen, 0, sizeof *seen);
    assert_int_equal(pgcwi_thread_start(&thread, name, look_around, seen),
                     PGCW_OK);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(seen->run_count, 1);
}

static void
thread_runs_under_its_name(void **state)
{
    struct seen seen;

    (void)state;
    run_and_join("pgcw:listen", &seen);
    assert_string_equal(seen.name, "pgcw:listen");
    run_and_join("123456789012345", &seen);
    assert_string_equal(seen.name, "123456789012345");
}

static void
thread_is_deaf_to_signals(void **state)
{
    static const int signals[] = {SIGINT,  SIGTERM, SIGHUP,  SIGUSR1,
                                  SIGPIPE, SIGALRM, SIGCHLD, SIGUSR2};
    struct seen seen;

    (void)state;
    run_and_join("pgcw:work/0", &seen);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) {
        assert_int_equal(sigismember(&seen.mask, signals[i]), 1);
    }
}

static void
mask_of_the_caller_stays(void **state)
{
    struct seen seen;
    sigset_t mine;
    sigset_t after;

    (void)state;
    (void)sigemptyset(&mine);
    (void)sigaddset(&mine, SIGUSR1);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, &mine, NULL), 0);
    run_and_join("pgcw:work/0", &seen);
    assert_int_equal(pthread_sigmask(SIG_BLOCK, NULL, &after), 0);
    assert_int_equal(sigismember(&after, SIGUSR1), 1);
    assert_int_equal(sigismember(&after, SIGUSR2), 0);
    assert_int_equal(sigismember(&after, SIGTERM), 0);
}

static void
thread_without_memory_is_not_started(void **state)
{
    struct seen seen = {0};
    pthread_t thread;

    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(
        pgcwi_thread_start(&thread, "pgcw:work/0", look_around, &seen),
        PGCW_NO_MEMORY);
    assert_int_equal(seen.run_count, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_runs_under_its_name),
        cmocka_unit_test(thread_is_deaf_to_signals),
        cmocka_unit_test(mask_of_the_caller_stays),
        cmocka_unit_test(thread_without_memory_is_not_started),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
