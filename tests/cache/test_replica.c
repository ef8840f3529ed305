/* SPDX-License-Identifier: MIT */
/* Values that were read from a standby. The WAL's positions are made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/load.h"

/* relaxed, all of these: read after the threads that fetch were joined */
static atomic_uint asked_count;

static void
note_that_it_asked(void *context)
{
    (void)context;
    /* relaxed: as above */
    atomic_fetch_add_explicit(&asked_count, 1, memory_order_relaxed);
}

static atomic_uint removed_count;
static atomic_int removed_cause;

static void
note_removal(void *context, struct pgcw_bytes key, struct pgcw_bytes value,
             enum pgcw_removal_cause cause)
{
    (void)context;
    (void)key;
    (void)value;
    /* relaxed: as above */
    atomic_fetch_add_explicit(&removed_count, 1, memory_order_relaxed);
    atomic_store_explicit(&removed_cause, (int)cause, memory_order_relaxed);
}

static unsigned
count_asked(void)
{
    /* relaxed: as above */
    return atomic_load_explicit(&asked_count, memory_order_relaxed);
}

static unsigned
count_removed(void)
{
    /* relaxed: as above */
    return atomic_load_explicit(&removed_count, memory_order_relaxed);
}

static int
init(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.on_removal = note_removal;
    struct pgcw_cache *cache = open_cache_with(&options);
    cache->ask_fence = note_that_it_asked;
    /* relaxed: as above */
    atomic_store_explicit(&asked_count, 0, memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&removed_count, 0, memory_order_relaxed);
    *state = cache;
    return 0;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

/* A fence that is sent and answered at once. */
static void
fence(struct pgcw_cache *cache, uint64_t position)
{
    pgcwi_checkpoints_add(
        &cache->checkpoints,
        (struct pgcwi_checkpoint){pgcw_cache_stamp(cache), position});
}

static enum pgcw_status
put_at(struct pgcw_cache *cache, const char *value, struct pgcw_stamp stamp,
       uint64_t read_lsn)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.read_lsn = read_lsn;
    return pgcw_cache_put(cache, bytes_of("key"), bytes_of(value), stamp,
                          &options);
}

static enum pgcw_status
put_now_at(struct pgcw_cache *cache, const char *value, uint64_t read_lsn)
{
    return put_at(cache, value, pgcw_cache_stamp(cache), read_lsn);
}

static void
without_any_position_nothing_is_stored_and_a_fence_is_asked_for(void **state)
{
    assert_int_equal(put_now_at(*state, "value", UINT64_MAX), PGCW_BEHIND);
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(stats_of(*state).fills_refused_behind, 1);
    assert_int_equal(stats_of(*state).fills_refused_stale, 0);
    assert_int_equal(stats_of(*state).fills, 0);
    assert_int_equal(count_asked(), 1);
    assert_int_equal(count_removed(), 0); /* it stays the caller's */
}

static void
P2_closed_cache_stores_nothing_and_takes_no_lock_for_it(void **state)
{
    struct pgcw_cache *cache = *state;

    fence(cache, 100);
    pgcwi_stamps_close_for_ever(&cache->stamps); /* as in a child of fork() */
    pthread_mutex_lock(&cache->checkpoints.lock);
    enum pgcw_status status = put_now_at(cache, "value", 100);
    pthread_mutex_unlock(&cache->checkpoints.lock);
    assert_int_equal(status, PGCW_OK);
    assert_true(has_nothing(cache, "key"));
    assert_int_equal(count_asked(), 0);
}

static void
value_of_the_primary_needs_no_position(void **state)
{
    assert_int_equal(put_now_at(*state, "value", 0), PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
}

static void
P1_value_from_before_an_event_is_refused_until_the_standby_has_it(void **state)
{
    fence(*state, 100);
    assert_int_equal(put_now_at(*state, "old", 100), PGCW_OK);
    assert_true(has_text(*state, "key", "old"));
    pgcw_cache_invalidate(*state, bytes_of("key")); /* committed at 150 */
    assert_int_equal(put_now_at(*state, "old", 149), PGCW_BEHIND);
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(count_asked(), 1);
    /* even one that has it, as long as nobody knows */
    assert_int_equal(put_now_at(*state, "new", 160), PGCW_BEHIND);
    assert_int_equal(count_asked(), 2);
    fence(*state, 155);
    assert_int_equal(put_now_at(*state, "old", 154), PGCW_BEHIND);
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(count_asked(), 2); /* only the standby is late now */
    assert_int_equal(put_now_at(*state, "new", 155), PGCW_OK);
    assert_true(has_text(*state, "key", "new"));
    assert_int_equal(stats_of(*state).fills_refused_behind, 3);
}

static void
P1_event_that_is_heard_while_the_fence_is_under_way_is_not_covered(void **state)
{
    struct pgcw_cache *cache = *state;
    struct pgcw_stamp sent = pgcw_cache_stamp(cache);

    pgcw_cache_invalidate(cache, bytes_of("key"));
    pgcwi_checkpoints_add(&cache->checkpoints,
                          (struct pgcwi_checkpoint){sent, 100});
    assert_int_equal(put_now_at(cache, "old", 120), PGCW_BEHIND);
    assert_true(has_nothing(cache, "key"));
}

static void
P1_event_during_the_load_is_not_forgotten_for_a_newer_checkpoint(void **state)
{
    struct pgcw_cache *cache = *state;
    struct pgcw_stamp stamp = pgcw_cache_stamp(cache);

    pgcw_cache_invalidate(cache, bytes_of("key"));
    fence(cache, 100);
    assert_int_equal(put_at(cache, "old", stamp, 100), PGCW_BEHIND);
    assert_true(has_nothing(cache, "key"));
}

static void
P1_event_after_the_checkpoint_makes_what_was_stored_invalid(void **state)
{
    fence(*state, 100);
    assert_int_equal(put_now_at(*state, "value", 130), PGCW_OK);
    pgcw_cache_invalidate(*state, bytes_of("key"));
    assert_true(has_nothing(*state, "key"));
}

static void
events_of_other_keys_do_not_matter(void **state)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    const struct pgcw_tag mine = {NULL, "mine", {NULL, 0}};
    const struct pgcw_tag other = {NULL, "other", {NULL, 0}};

    options.tags = &mine;
    options.tag_count = 1;
    assert_int_equal(pgcw_cache_put(*state, bytes_of("key"), bytes_of("known"),
                                    pgcw_cache_stamp(*state), &options),
                     PGCW_OK);
    options.read_lsn = 100;
    fence(*state, 100);
    assert_int_equal(pgcw_cache_invalidate_tag(*state, &other), PGCW_OK);
    assert_int_equal(pgcw_cache_put(*state, bytes_of("key"), bytes_of("value"),
                                    pgcw_cache_stamp(*state), &options),
                     PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
}

static void
P3_positions_from_before_a_flush_or_a_failover_mean_nothing(void **state)
{
    struct pgcw_cache *cache = *state;

    fence(cache, 100);
    pgcwi_cache_flush(cache);
    assert_int_equal(put_now_at(cache, "value", UINT64_MAX), PGCW_BEHIND);
    fence(cache, 100);
    pgcwi_stamps_close(&cache->stamps);
    /* as any value during an outage */
    assert_int_equal(put_now_at(cache, "value", UINT64_MAX), PGCW_OK);
    pgcwi_stamps_open(&cache->stamps);
    assert_int_equal(put_now_at(cache, "value", UINT64_MAX), PGCW_BEHIND);
    assert_true(has_nothing(cache, "key"));
    fence(cache, 50); /* of another timeline */
    assert_int_equal(put_now_at(cache, "value", 50), PGCW_OK);
}

static void
value_from_a_standby_does_not_replace_a_newer_one(void **state)
{
    fence(*state, 100);
    pgcw_cache_invalidate(*state, bytes_of("another key"));
    assert_int_equal(put_now_at(*state, "new", 0), PGCW_OK);
    assert_int_equal(put_now_at(*state, "old", 100), PGCW_BEHIND);
    assert_true(has_text(*state, "key", "new"));
}

static void
P6_age_of_a_value_counts_from_its_checkpoint(void **state)
{
    struct pgcw_cache *cache = *state;
    struct pgcw_stamp sent = pgcw_cache_stamp(cache);
    struct pgcw_bytes value;

    sent.taken_at_ns -= 10000 * PGCWI_NS_PER_MS;
    pgcwi_checkpoints_add(&cache->checkpoints,
                          (struct pgcwi_checkpoint){sent, 100});
    assert_int_equal(put_now_at(cache, "value", 100), PGCW_OK);
    pgcw_read_begin();
    enum pgcw_status fresh =
        pgcw_cache_lookup_fresh(cache, bytes_of("key"), 9000, &value);
    enum pgcw_status older =
        pgcw_cache_lookup_fresh(cache, bytes_of("key"), 60000, &value);
    pgcw_read_end();
    assert_int_equal(fresh, PGCW_MISS);
    assert_int_equal(older, PGCW_OK);
}

static void
lease_says_that_the_standby_is_behind_and_is_gone(void **state)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    for (int i = 0; i < 2; i++) {
        struct pgcw_lease *lease = NULL;

        assert_int_equal(
            pgcw_cache_acquire(*state, bytes_of("key"), &value, &lease),
            PGCW_LEASED);
        assert_int_equal(
            pgcw_lease_fill_at(lease, bytes_of("value"), NULL, 100),
            i == 0 ? PGCW_BEHIND : PGCW_OK);
        fence(*state, 100);
    }
    assert_true(has_text(*state, "key", "value"));
}

static void
lease_is_gone_also_where_the_options_are_refused(void **state)
{
    struct pgcw_fill_options options = {.size = 1};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;

    assert_int_equal(
        pgcw_cache_acquire(*state, bytes_of("key"), &value, &lease),
        PGCW_LEASED);
    assert_int_equal(
        pgcw_lease_fill_at(lease, bytes_of("value"), &options, 100),
        PGCW_INVALID_ARGUMENT);
    assert_true(has_nothing(*state, "key"));
}

static enum pgcw_status
load_from_standby(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
                  struct pgcw_error *error)
{
    pgcw_fill_set_read_lsn(fill, 100);
    return load_as_told(context, key, fill, error);
}

static struct pgcw_loader
standby_loader_of(struct load *load)
{
    return (struct pgcw_loader){.load = load_from_standby, .context = load};
}

static bool
fetches_from_standby(struct load *load, const char *text)
{
    struct fetch fetch;

    start_fetch_with(&fetch, load->cache, "key", standby_loader_of(load));
    return end_fetch_with(&fetch, text);
}

static void
fetch_gives_what_is_refused_to_its_own_caller_and_caches_nothing(void **state)
{
    struct load load = LOAD_OF(*state, "old");

    assert_true(fetches_from_standby(&load, "old"));
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(count_removed(), 1);
    /* relaxed: as above */
    assert_int_equal(atomic_load_explicit(&removed_cause, memory_order_relaxed),
                     PGCW_REMOVED_UNSTORED);
    fence(*state, 100);
    assert_true(fetches_from_standby(&load, "old"));
    assert_true(has_text(*state, "key", "old"));
    assert_int_equal(load_count(&load), 2);
    assert_int_equal(stats_of(*state).fills_refused_behind, 1);
}

static void
P1_nobody_gets_what_was_refused_to_another(void **state)
{
    enum { WAITERS = 8 };
    struct load behind = LOAD_OF(*state, "old");
    struct load primary = LOAD_OF(*state, "new");
    struct fetch owner;
    struct fetch waiters[WAITERS];

    behind.middle = wait_until_told;
    start_fetch_with(&owner, *state, "key", standby_loader_of(&behind));
    gate_wait(&behind.has_begun);
    for (int i = 0; i < WAITERS; i++) {
        start_fetch(&waiters[i], "key", &primary);
    }
    wait_for_waiters(*state, WAITERS);
    gate_open(&behind.may_end);
    bool has_own = end_fetch_with(&owner, "old");
    bool have_new = true;
    for (int i = 0; i < WAITERS; i++) {
        have_new = end_fetch_with(&waiters[i], "new") && have_new;
    }
    assert_true(has_own);
    assert_true(have_new);
    assert_true(has_text(*state, "key", "new"));
}

enum { QUEUERS = 8 };

/* The first waits until he is told, the others until all of them load. */
static void
wait_for_the_others(struct load *load)
{
    if (load_count(load) == 1) {
        gate_wait(&load->may_end);
        return;
    }
    while (load_count(load) < 1 + QUEUERS) {
        sched_yield();
    }
}

/* They load at the same time, not one after the other. */
static void
those_who_wait_for_a_standby_that_is_behind_do_not_queue_up(void **state)
{
    struct load load = LOAD_OF(*state, "old");
    struct fetch fetches[1 + QUEUERS];

    load.middle = wait_for_the_others;
    start_fetch_with(&fetches[0], *state, "key", standby_loader_of(&load));
    gate_wait(&load.has_begun);
    for (int i = 1; i <= QUEUERS; i++) {
        start_fetch_with(&fetches[i], *state, "key", standby_loader_of(&load));
    }
    wait_for_waiters(*state, QUEUERS);
    gate_open(&load.may_end);
    bool have_all = true;
    for (int i = 0; i <= QUEUERS; i++) {
        have_all = end_fetch_with(&fetches[i], "old") && have_all;
    }
    assert_true(have_all);
    assert_int_equal(load_count(&load), 1 + QUEUERS);
    assert_int_equal(stats_of(*state).flight_waits, QUEUERS);
    assert_true(has_nothing(*state, "key"));
}

static void
P1_who_waits_since_an_event_takes_only_what_shows_it(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "new");
    struct fetch owner;
    struct fetch waiter;

    pgcw_cache_invalidate(cache, bytes_of("key"));
    fence(cache, 100);
    load.middle = wait_until_told;
    start_fetch_with(&owner, cache, "key", standby_loader_of(&load));
    gate_wait(&load.has_begun);
    start_fetch_with(&waiter, cache, "key", standby_loader_of(&load));
    wait_for_waiters(cache, 1);
    gate_open(&load.may_end);
    bool have_both = end_fetch_with(&owner, "new");
    have_both = end_fetch_with(&waiter, "new") && have_both;
    assert_true(have_both);
    assert_int_equal(load_count(&load), 1);
    assert_true(has_text(cache, "key", "new"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(without_any_position_nothing_is_stored_and_a_fence_is_asked_for),
        TEST(P2_closed_cache_stores_nothing_and_takes_no_lock_for_it),
        TEST(value_of_the_primary_needs_no_position),
        TEST(P1_value_from_before_an_event_is_refused_until_the_standby_has_it),
        TEST(
            P1_event_that_is_heard_while_the_fence_is_under_way_is_not_covered),
        TEST(P1_event_during_the_load_is_not_forgotten_for_a_newer_checkpoint),
        TEST(P1_event_after_the_checkpoint_makes_what_was_stored_invalid),
        TEST(events_of_other_keys_do_not_matter),
        TEST(P3_positions_from_before_a_flush_or_a_failover_mean_nothing),
        TEST(value_from_a_standby_does_not_replace_a_newer_one),
        TEST(P6_age_of_a_value_counts_from_its_checkpoint),
        TEST(lease_says_that_the_standby_is_behind_and_is_gone),
        TEST(lease_is_gone_also_where_the_options_are_refused),
        TEST(fetch_gives_what_is_refused_to_its_own_caller_and_caches_nothing),
        TEST(P1_nobody_gets_what_was_refused_to_another),
        TEST(those_who_wait_for_a_standby_that_is_behind_do_not_queue_up),
        TEST(P1_who_waits_since_an_event_takes_only_what_shows_it),
    };

    return cmocka_run_group_tests_name("replica", tests, NULL, NULL);
}
