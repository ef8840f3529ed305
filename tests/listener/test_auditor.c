/* SPDX-License-Identifier: MIT */
/*
 * How an auditor starts, what it refuses, and how it waits for the horizon.
 * What it finds in a database is in postgres/test_auditor.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sched.h>
#include <string.h>

#include <pgcachewatch/auditor.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "listener/listener.h"
#include "support/cache.h"
#include "support/process.h"

#define LONG_MS 250 /* more than it waits without a look around */

static struct pgcw_listener listener; /* without a thread */
static struct pgcwi_attachment attachment;
static struct pgcw_cache *cache;
static struct pgcw_auditor *auditor;
static struct pgcw_error error;

static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *failure)
{
    (void)context;
    (void)key;
    (void)fill;
    (void)failure;
    return PGCW_NOT_FOUND;
}

static int
set_up(void **state)
{
    (void)state;
    memset(&listener, 0, sizeof(listener));
    listener.settings.options.heartbeat_interval_ms = 1;
    pgcwi_attachments_init(&listener.attachments);
    pgcwi_freshness_init(&listener.freshness);
    assert_int_equal(pgcwi_wakeup_open(&listener.wakeup), PGCW_OK);
    cache = open_cache();
    attachment.all = &listener.attachments;
    cache->attachment = &attachment;
    auditor = NULL;
    error = (struct pgcw_error){.status = PGCW_OK};
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pgcw_auditor_stop(auditor);
    pgcwi_cache_close(cache);
    pgcwi_wakeup_close(&listener.wakeup);
    pgcwi_freshness_fini(&listener.freshness);
    pgcwi_attachments_fini(&listener.attachments);
    return await_library_threads(0) == 0 ? 0 : -1;
}

static enum pgcw_status
start(const struct pgcw_auditor_options *options)
{
    return pgcw_auditor_start(&listener, cache, options, &auditor, &error);
}

static void
expect_refusal(const struct pgcw_auditor_options *options,
               enum pgcw_status status, const char *words)
{
    assert_int_equal(start(options), status);
    assert_int_equal(error.status, status);
    assert_non_null(strstr(error.detail, words));
    assert_null(auditor);
}

static void
loader_has_to_be_there(void **state)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;

    (void)state;
    expect_refusal(&options, PGCW_INVALID_ARGUMENT, "load");
    expect_refusal(NULL, PGCW_INVALID_ARGUMENT, "load");
}

static void
more_reads_than_the_most_are_refused(void **state)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;

    (void)state;
    options.load = load;
    options.max_per_second = 1001;
    expect_refusal(&options, PGCW_INVALID_ARGUMENT, "max_per_second");
    options.max_per_second = 1000;
    assert_int_equal(start(&options), PGCW_OK);
}

static void
option_of_a_newer_version_is_refused(void **state)
{
    struct {
        struct pgcw_auditor_options known;
        uint64_t newer;
    } options = {PGCW_AUDITOR_OPTIONS_INIT, 0};

    (void)state;
    options.known.size = sizeof(options);
    options.known.load = load;
    options.newer = 1;
    expect_refusal(&options.known, PGCW_UNSUPPORTED, "");
    options.newer = 0;
    assert_int_equal(start(&options.known), PGCW_OK);
}

static void
one_hit_in_a_thousand_is_the_default(void **state)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;

    (void)state;
    options.load = load;
    assert_int_equal(start(&options), PGCW_OK);
    /* relaxed: written before by this thread */
    assert_int_equal(
        atomic_load_explicit(&cache->sampler.every, memory_order_relaxed),
        1000);
}

static void
cache_of_another_listener_is_refused(void **state)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;
    struct pgcwi_attachments others;

    (void)state;
    options.load = load;
    attachment.all = &others;
    expect_refusal(&options, PGCW_INVALID_ARGUMENT, "another listener");
    attachment.all = &listener.attachments;
    assert_int_equal(start(&options), PGCW_OK);
}

static void
cache_has_one_auditor_at_a_time(void **state)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;
    struct pgcw_auditor *first;

    (void)state;
    options.load = load;
    assert_int_equal(start(&options), PGCW_OK);
    first = auditor;
    auditor = NULL;
    expect_refusal(&options, PGCW_INVALID_ARGUMENT, "has an auditor already");
    pgcw_auditor_stop(first);
    assert_int_equal(start(&options), PGCW_OK);
}

/* The auditor, and what its thread is started with. */
static void
no_memory_starts_nothing(void **state)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;

    (void)state;
    options.load = load;
    for (long nth = 1; nth <= 2; nth++) {
        pgcwi_alloc_fail_nth(nth);
        expect_refusal(&options, PGCW_NO_MEMORY, "");
        assert_true(pgcwi_alloc_has_failed());
    }
    pgcwi_alloc_fail_nth(3);
    assert_int_equal(start(&options), PGCW_OK);
    pgcwi_alloc_fail_nth(0);
}

static enum pgcw_status
load_another(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
             struct pgcw_error *failure)
{
    (void)context;
    (void)key;
    (void)failure;
    return pgcw_fill_set_value(fill, bytes_of("another"));
}

static int64_t
patience_ns(void)
{
    return pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;
}

static void
wait_for_request(uint64_t ticket)
{
    int64_t end_ns = patience_ns();

    while (pgcwi_freshness_requested(&listener.freshness) < ticket) {
        assert_false(has_nothing(cache, "key"));
        assert_true(pgcwi_clock_monotonic_ns() < end_ns);
        (void)sched_yield();
    }
}

static void
answer(uint64_t ticket)
{
    pgcwi_freshness_apply(&listener.freshness,
                          (struct pgcwi_fence){.ticket = ticket});
}

static void
start_and_wait_for_a_look(void)
{
    struct pgcw_auditor_options options = PGCW_AUDITOR_OPTIONS_INIT;

    options.load = load_another;
    options.sample_every = 1;
    options.max_per_second = 1000;
    assert_int_equal(put_text(cache, "key", "value"), PGCW_OK);
    assert_int_equal(start(&options), PGCW_OK);
    wait_for_request(1);
}

static struct pgcw_auditor_stats
stats(void)
{
    struct pgcw_auditor_stats now = PGCW_AUDITOR_STATS_INIT;

    pgcw_auditor_read_stats(auditor, &now);
    return now;
}

static struct pgcw_auditor_stats
wait_for_verdict(void)
{
    int64_t end_ns = patience_ns();

    while (stats().audited == 0) {
        assert_true(pgcwi_clock_monotonic_ns() < end_ns);
        (void)sched_yield();
    }
    return stats();
}

/* Were it to ask again and again, each time for what begins later, it would
 * wait for ever where an answer takes long. */
static void
P6_each_look_waits_for_one_sync_however_long_it_takes(void **state)
{
    (void)state;
    start_and_wait_for_a_look();
    int64_t end_ns = pgcwi_clock_monotonic_ns() + LONG_MS * PGCWI_NS_PER_MS;
    while (pgcwi_clock_monotonic_ns() < end_ns) {
        assert_int_equal(pgcwi_freshness_requested(&listener.freshness), 1);
    }
    answer(1);
    wait_for_request(2);
    assert_int_equal(stats().audited, 0);
    answer(2);
    assert_int_equal(wait_for_verdict().missed, 1);
}

static void
P6_event_between_two_looks_is_late(void **state)
{
    (void)state;
    start_and_wait_for_a_look();
    answer(1);
    wait_for_request(2);
    pgcw_cache_invalidate(cache, bytes_of("key"));
    struct pgcw_auditor_stats now = wait_for_verdict();
    assert_int_equal(now.late, 1);
    assert_true(now.max_late_ns >= PGCWI_NS_PER_MS);
}

/* It need not wait for an answer that may never come. */
static void
gap_during_a_look_is_late(void **state)
{
    (void)state;
    start_and_wait_for_a_look();
    pgcwi_cache_flush(cache);
    assert_int_equal(wait_for_verdict().late, 1);
}

static void
stop_ends_a_look_that_is_not_answered(void **state)
{
    (void)state;
    start_and_wait_for_a_look();
    pgcw_auditor_stop(auditor);
    auditor = NULL;
}

static void
verdicts_have_names(void **state)
{
    (void)state;
    assert_string_equal(pgcw_verdict_text(PGCW_VERDICT_SAME), "same");
    assert_string_equal(pgcw_verdict_text(PGCW_VERDICT_RACED), "raced");
    assert_string_equal(pgcw_verdict_text(PGCW_VERDICT_LATE), "late");
    assert_string_equal(pgcw_verdict_text(PGCW_VERDICT_MISSED), "missed");
    assert_string_equal(pgcw_verdict_text((enum pgcw_verdict)0),
                        "unknown verdict");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static int
before_all(void **state)
{
    (void)state;
    start_rcu_thread();
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(loader_has_to_be_there),
        TEST(more_reads_than_the_most_are_refused),
        TEST(option_of_a_newer_version_is_refused),
        TEST(one_hit_in_a_thousand_is_the_default),
        TEST(cache_of_another_listener_is_refused),
        TEST(cache_has_one_auditor_at_a_time),
        TEST(no_memory_starts_nothing),
        TEST(P6_each_look_waits_for_one_sync_however_long_it_takes),
        TEST(P6_event_between_two_looks_is_late),
        TEST(gap_during_a_look_is_late),
        TEST(stop_ends_a_look_that_is_not_answered),
        TEST(verdicts_have_names),
    };

    return cmocka_run_group_tests(tests, before_all, NULL);
}
