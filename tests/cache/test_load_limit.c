/* SPDX-License-Identifier: MIT */
/* max_loads: how many loads run at the same time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "support/load.h"

#define MANY 64
#define OWN_TIME_MS 500 /* so long that starting MANY is nothing to it */
#define PATIENCE_MS 60000
#define LEASE_TIMEOUT_NS (5000 * PGCWI_NS_PER_MS)

static struct pgcw_cache *
open_limited(uint64_t max_loads, uint32_t load_timeout_ms)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    options.max_loads = max_loads;
    options.load_timeout_ms = load_timeout_ms;
    return open_cache_with(&options);
}

static int
init_one(void **state)
{
    *state = open_limited(1, PATIENCE_MS);
    return 0;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

/* Also in the queue, not only on the way to it. */
static void
wait_for_queue(struct pgcw_cache *cache, uint64_t length)
{
    struct pgcwi_load_limit *limit = &cache->load_limit;
    uint64_t found = 0;

    while (found < length) {
        struct cds_list_head *position;

        sched_yield();
        found = 0;
        pthread_mutex_lock(&limit->lock);
        cds_list_for_each(position, &limit->waiters)
        {
            found++;
        }
        pthread_mutex_unlock(&limit->lock);
    }
}

static enum pgcw_status
take_lease(struct pgcw_cache *cache, const char *key, struct pgcw_lease **lease)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    enum pgcw_status status =
        pgcw_cache_acquire(cache, bytes_of(key), &value, lease);

    pgcw_buffer_free(&value);
    return status;
}

static void
start_hanging(struct fetch *fetch, const char *key, struct load *load)
{
    load->middle = wait_until_told;
    start_fetch(fetch, key, load);
    gate_wait(&load->has_begun);
}

/* Counts how many of it run at the same time. */
struct crowd {
    pthread_mutex_t lock;
    unsigned running;
    unsigned most;
    unsigned loads;
};

static enum pgcw_status
load_in_crowd(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
              struct pgcw_error *error)
{
    struct crowd *crowd = context;

    (void)error;
    pthread_mutex_lock(&crowd->lock);
    crowd->loads++;
    crowd->running++;
    crowd->most = crowd->running > crowd->most ? crowd->running : crowd->most;
    pthread_mutex_unlock(&crowd->lock);
    for (int i = 0; i < 100; i++) {
        sched_yield();
    }
    pthread_mutex_lock(&crowd->lock);
    crowd->running--;
    pthread_mutex_unlock(&crowd->lock);
    return pgcw_fill_set_value(fill, key);
}

static void
fetch_in_crowd(struct pgcw_cache *cache, struct crowd *crowd)
{
    struct fetch fetches[MANY];
    char keys[MANY][16];

    for (int i = 0; i < MANY; i++) {
        (void)snprintf(keys[i], sizeof(keys[i]), "key-%d", i);
        start_fetch_with(
            &fetches[i], cache, keys[i],
            (struct pgcw_loader){.load = load_in_crowd, .context = crowd});
    }
    for (int i = 0; i < MANY; i++) {
        assert_true(end_fetch_with(&fetches[i], keys[i]));
    }
}

static void
no_more_than_max_loads_run_at_the_same_time(void **state)
{
    struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct pgcw_cache *cache = open_limited(3, PATIENCE_MS);

    (void)state;
    for (unsigned round = 1; round <= 5; round++) {
        fetch_in_crowd(cache, &crowd);
        assert_int_equal(crowd.loads, round * MANY);
        pgcwi_cache_flush(cache);
    }
    assert_in_range(crowd.most, 1, 3);
    assert_int_equal(cache->load_limit.running, 0);
    pgcwi_cache_close(cache);
}

static void
limit_holds_in_an_outage(void **state)
{
    struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct pgcw_cache *cache = open_limited(2, PATIENCE_MS);

    (void)state;
    pgcwi_stamps_close(&cache->stamps);
    fetch_in_crowd(cache, &crowd);
    assert_int_equal(crowd.loads, MANY);
    assert_in_range(crowd.most, 1, 2);
    pgcwi_cache_close(cache);
}

static void
without_a_limit_all_may_load(void **state)
{
    struct pgcw_cache *cache = open_limited(0, PATIENCE_MS);
    struct load loads[8];
    struct fetch fetches[8];
    static const char *const keys[] = {"a", "b", "c", "d", "e", "f", "g", "h"};

    (void)state;
    for (int i = 0; i < 8; i++) {
        loads[i] = (struct load)LOAD_OF(cache, "value");
        start_hanging(&fetches[i], keys[i], &loads[i]);
    }
    for (int i = 0; i < 8; i++) {
        gate_open(&loads[i].may_end);
        assert_true(end_fetch_with(&fetches[i], "value"));
    }
    assert_int_equal(stats_of(cache).place_waits, 0);
    pgcwi_cache_close(cache);
}

static void
who_waits_loads_when_a_place_comes_free(void **state)
{
    struct load first = LOAD_OF(*state, "first");
    struct load second = LOAD_OF(*state, "second");
    struct fetch one;
    struct fetch two;

    start_hanging(&one, "one", &first);
    start_fetch(&two, "two", &second);
    wait_for_queue(*state, 1);
    assert_int_equal(load_count(&second), 0);
    gate_open(&first.may_end);
    assert_true(end_fetch_with(&one, "first"));
    assert_true(end_fetch_with(&two, "second"));
}

static void
place_goes_to_who_has_waited_longest(void **state)
{
    struct load first = LOAD_OF(*state, "first");
    struct load second = LOAD_OF(*state, "second");
    struct load third = LOAD_OF(*state, "third");
    struct fetch one;
    struct fetch two;
    struct fetch three;
    struct pgcw_lease *lease = NULL;

    start_hanging(&one, "one", &first);
    second.middle = wait_until_told;
    start_fetch(&two, "two", &second);
    wait_for_queue(*state, 1);
    start_fetch(&three, "three", &third);
    wait_for_queue(*state, 2);
    gate_open(&first.may_end);
    gate_wait(&second.has_begun);
    /* nobody overtakes who waits */
    assert_int_equal(take_lease(*state, "four", &lease), PGCW_BUSY);
    assert_int_equal(load_count(&third), 0);
    gate_open(&second.may_end);
    assert_true(end_fetch_with(&three, "third"));
    assert_true(end_fetch_with(&two, "second"));
    assert_true(end_fetch_with(&one, "first"));
}

static void
loader_that_fails_gives_its_place_back(void **state)
{
    struct load fails = LOAD_OF(*state, NULL);
    struct load load = LOAD_OF(*state, "value");
    struct fetch fetch;

    fails.status = PGCW_REFUSED;
    start_fetch(&fetch, "key", &fails);
    assert_true(end_fetch_with(&fetch, NULL));
    assert_true(fetches_text(&load, "other", "value"));
}

static void
who_finds_no_place_in_time_is_told_so(void **state)
{
    struct pgcw_cache *cache = open_limited(1, 20);
    struct load hangs = LOAD_OF(cache, "late");
    struct load other = LOAD_OF(cache, "value");
    struct fetch one;
    struct fetch two;

    (void)state;
    start_hanging(&one, "one", &hangs);
    start_fetch(&two, "two", &other);
    assert_true(end_fetch_with(&two, NULL));
    assert_int_equal(two.status, PGCW_TIMEOUT);
    assert_int_equal(two.error.status, PGCW_TIMEOUT);
    assert_non_null(strstr(two.error.detail, "max_loads"));
    assert_int_equal(load_count(&other), 0);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&one, "late"));
    /* who gave up is not in the queue any more */
    assert_true(fetches_text(&other, "two", "value"));
    pgcwi_cache_close(cache);
}

static void
in_an_outage_too_who_finds_no_place_is_told_so(void **state)
{
    struct pgcw_cache *cache = open_limited(1, 20);
    struct load hangs = LOAD_OF(cache, "late");
    struct load other = LOAD_OF(cache, "value");
    struct fetch one;
    struct fetch two;

    (void)state;
    pgcwi_stamps_close(&cache->stamps);
    start_hanging(&one, "key", &hangs);
    start_fetch(&two, "key", &other);
    assert_true(end_fetch_with(&two, NULL));
    assert_int_equal(two.status, PGCW_TIMEOUT);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&one, "late"));
    pgcwi_cache_close(cache);
}

static void
all_who_share_a_load_that_never_began_are_told_in_their_own_time(void **state)
{
    struct pgcw_cache *cache = open_limited(1, OWN_TIME_MS);
    struct load hangs = LOAD_OF(cache, "late");
    struct load other = LOAD_OF(cache, "value");
    struct fetch fetches[MANY];
    struct fetch one;

    (void)state;
    start_hanging(&one, "one", &hangs);
    int64_t began_ns = pgcwi_clock_monotonic_ns();
    for (int i = 0; i < MANY; i++) {
        start_fetch(&fetches[i], "two", &other);
    }
    for (int i = 0; i < MANY; i++) {
        assert_true(end_fetch_with(&fetches[i], NULL));
        assert_int_equal(fetches[i].status, PGCW_TIMEOUT);
    }
    /* not one after the other, which would take twice this bound, even if
     * nothing else took any time */
    assert_in_range(pgcwi_clock_monotonic_ns() - began_ns,
                    OWN_TIME_MS * PGCWI_NS_PER_MS,
                    MANY / 2 * OWN_TIME_MS * PGCWI_NS_PER_MS);
    assert_int_equal(load_count(&other), 0);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&one, "late"));
    pgcwi_cache_close(cache);
}

static void
wait_for_ms(int64_t duration_ms)
{
    int64_t end_ns = pgcwi_clock_monotonic_ns() + duration_ms * PGCWI_NS_PER_MS;

    while (pgcwi_clock_monotonic_ns() < end_ns) {
        sched_yield();
    }
}

static void
who_shares_a_load_does_not_inherit_its_owners_impatience(void **state)
{
    struct pgcw_cache *cache = open_limited(1, 2000);
    struct load hangs = LOAD_OF(cache, "late");
    struct load load = LOAD_OF(cache, "value");
    struct fetch one;
    struct fetch owner;
    struct fetch waiter;

    (void)state;
    start_hanging(&one, "one", &hangs);
    start_fetch(&owner, "two", &load);
    wait_for_queue(cache, 1);
    wait_for_ms(1000);
    start_fetch(&waiter, "two", &load);
    wait_for_waiters(cache, 1);
    assert_true(end_fetch_with(&owner, NULL));
    assert_int_equal(owner.status, PGCW_TIMEOUT);
    /* then he is the owner */
    wait_for_place_waits(cache, 2);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&waiter, "value"));
    assert_true(end_fetch_with(&one, "late"));
    assert_int_equal(load_count(&load), 1);
    pgcwi_cache_close(cache);
}

static void
who_shares_a_load_does_not_wait_for_its_place_as_long_as_its_owner(void **state)
{
    struct pgcw_cache *cache = open_limited(1, 2000);
    struct load hangs = LOAD_OF(cache, "late");
    struct load load = LOAD_OF(cache, "value");
    struct pgcw_lease *lease = NULL;
    struct fetch one;
    struct fetch owner;
    struct fetch waiter;

    (void)state;
    assert_int_equal(take_lease(cache, "two", &lease), PGCW_LEASED);
    start_fetch(&waiter, "two", &load);
    wait_for_waiters(cache, 1);
    hangs.middle = wait_until_told;
    start_fetch(&one, "one", &hangs);
    wait_for_queue(cache, 1);
    wait_for_ms(1000);
    /* so that the owner does not share the lease's flight */
    pgcw_cache_invalidate(cache, bytes_of("two"));
    start_fetch(&owner, "two", &load);
    wait_for_queue(cache, 2);
    pgcw_lease_abandon(lease);
    /* who shares it now, and has waited longer */
    assert_true(end_fetch_with(&waiter, NULL));
    assert_int_equal(waiter.status, PGCW_TIMEOUT);
    assert_int_equal(load_count(&load), 0);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&owner, "value"));
    assert_true(end_fetch_with(&one, "late"));
    pgcwi_cache_close(cache);
}

static void
invalidate_all(struct load *load)
{
    pgcw_cache_invalidate_all(load->cache);
}

static void
who_came_before_a_load_began_takes_what_was_invalidated_during_it(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load hangs = LOAD_OF(cache, "late");
    struct load load = LOAD_OF(cache, "value");
    struct fetch one;
    struct fetch owner;
    struct fetch waiter;
    struct pgcw_loader fresh = loader_of(&load);

    start_hanging(&one, "one", &hangs);
    load.middle = invalidate_all;
    start_fetch(&owner, "two", &load);
    wait_for_queue(cache, 1);
    fresh.max_age_ms = 1; /* which it is not older than, either */
    start_fetch_with(&waiter, cache, "two", fresh);
    wait_for_waiters(cache, 1);
    /* the load begins later than he came, also by the clock */
    pgcw_cache_invalidate_all(cache);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&owner, "value"));
    assert_true(end_fetch_with(&waiter, "value"));
    assert_true(end_fetch_with(&one, "late"));
    assert_int_equal(load_count(&load), 1);
    assert_true(has_nothing(cache, "two"));
}

static void
load_that_has_begun_gets_its_whole_time(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load hangs = LOAD_OF(cache, "first");
    struct load load = LOAD_OF(cache, "value");
    struct load not_called = LOAD_OF(cache, "not this");
    struct fetch one;
    struct fetch owner;
    struct fetch waiter;

    start_hanging(&one, "one", &hangs);
    load.middle = wait_until_told;
    start_fetch(&owner, "two", &load);
    wait_for_queue(cache, 1);
    pgcwi_clock_advance_ns(PATIENCE_MS / 2 * PGCWI_NS_PER_MS);
    gate_open(&hangs.may_end);
    gate_wait(&load.has_begun);
    pgcwi_clock_advance_ns(PATIENCE_MS / 4 * 3 * PGCWI_NS_PER_MS);
    start_fetch(&waiter, "two", &not_called);
    wait_for_waiters(cache, 1);
    gate_open(&load.may_end);
    assert_true(end_fetch_with(&waiter, "value"));
    assert_true(end_fetch_with(&owner, "value"));
    assert_true(end_fetch_with(&one, "first"));
    assert_int_equal(load_count(&not_called), 0);
}

static void
P1_load_that_waited_for_its_place_is_stamped_when_it_begins(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load hangs = LOAD_OF(cache, "late");
    struct load load = LOAD_OF(cache, "new");
    struct fetch one;
    struct fetch before;
    struct fetch after;

    start_hanging(&one, "one", &hangs);
    start_fetch(&before, "two", &load);
    wait_for_queue(cache, 1);
    pgcw_cache_invalidate_all(cache);
    /* it has not begun, so he may share it */
    start_fetch(&after, "two", &load);
    wait_for_waiters(cache, 1);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&before, "new"));
    assert_true(end_fetch_with(&after, "new"));
    assert_true(end_fetch_with(&one, "late"));
    assert_int_equal(load_count(&load), 1);
    assert_true(has_text(cache, "two", "new"));
    assert_true(has_nothing(cache, "one"));
}

static void
P1_load_that_has_begun_is_not_shared_after_an_invalidation(void **state)
{
    struct pgcw_cache *cache = open_limited(2, PATIENCE_MS);
    struct load first = LOAD_OF(cache, "first");
    struct load second = LOAD_OF(cache, "second");
    struct load old = LOAD_OF(cache, "old");
    struct load new = LOAD_OF(cache, "new");
    struct fetch one;
    struct fetch two;
    struct fetch before;
    struct fetch after;

    (void)state;
    start_hanging(&one, "one", &first);
    start_hanging(&two, "two", &second);
    old.middle = wait_until_told;
    start_fetch(&before, "key", &old);
    wait_for_queue(cache, 1);
    gate_open(&first.may_end);
    gate_wait(&old.has_begun);
    gate_open(&second.may_end);
    assert_true(end_fetch_with(&two, "second"));
    pgcw_cache_invalidate_all(cache);
    start_fetch(&after, "key", &new);
    assert_true(end_fetch_with(&after, "new"));
    gate_open(&old.may_end);
    assert_true(end_fetch_with(&before, "old"));
    assert_true(end_fetch_with(&one, "first"));
    assert_true(has_text(cache, "key", "new"));
    pgcwi_cache_close(cache);
}

static void
P2_error_policy_is_asked_again_when_a_place_comes_free(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    (void)state;
    options.max_loads = 1;
    options.load_timeout_ms = PATIENCE_MS;
    options.outage = PGCW_OUTAGE_ERROR;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load hangs = LOAD_OF(cache, "late");
    struct load load = LOAD_OF(cache, "value");
    struct fetch one;
    struct fetch owner;
    struct fetch waiter;

    start_hanging(&one, "one", &hangs);
    start_fetch(&owner, "two", &load);
    wait_for_queue(cache, 1);
    start_fetch(&waiter, "two", &load);
    wait_for_waiters(cache, 1);
    pgcwi_stamps_close(&cache->stamps);
    gate_open(&hangs.may_end);
    assert_true(end_fetch_with(&owner, NULL));
    assert_true(end_fetch_with(&waiter, NULL));
    assert_int_equal(owner.status, PGCW_DISCONNECTED);
    assert_int_equal(waiter.status, PGCW_DISCONNECTED);
    assert_true(end_fetch_with(&one, "late"));
    assert_int_equal(load_count(&load), 0);
    pgcwi_stamps_open(&cache->stamps);
    assert_true(fetches_text(&load, "two", "value"));
    pgcwi_cache_close(cache);
}

static void
lease_has_a_place_until_it_is_filled_or_abandoned(void **state)
{
    struct pgcw_lease *lease = NULL;
    struct pgcw_lease *other = NULL;

    assert_int_equal(take_lease(*state, "one", &lease), PGCW_LEASED);
    assert_int_equal(take_lease(*state, "two", &other), PGCW_BUSY);
    assert_int_equal(pgcw_lease_fill(lease, bytes_of("value"), NULL), PGCW_OK);
    assert_int_equal(take_lease(*state, "two", &other), PGCW_LEASED);
    assert_int_equal(take_lease(*state, "three", &lease), PGCW_BUSY);
    pgcw_lease_abandon(other);
    assert_int_equal(take_lease(*state, "three", &lease), PGCW_LEASED);
    pgcw_lease_abandon(lease);
    /* a lease that was not given is no load */
    assert_int_equal(stats_of(*state).loads, 3);
}

static void
fetch_waits_for_the_place_of_a_lease(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct pgcw_lease *lease = NULL;
    struct fetch fetch;

    assert_int_equal(take_lease(*state, "one", &lease), PGCW_LEASED);
    start_fetch(&fetch, "two", &load);
    wait_for_queue(*state, 1);
    pgcw_lease_abandon(lease);
    assert_true(end_fetch_with(&fetch, "value"));
}

static void
overdue_lease_gives_its_place_to_who_comes(void **state)
{
    struct pgcw_lease *overdue = NULL;
    struct pgcw_lease *next = NULL;
    struct pgcw_lease *other = NULL;

    assert_int_equal(take_lease(*state, "one", &overdue), PGCW_LEASED);
    pgcwi_clock_advance_ns(LEASE_TIMEOUT_NS);
    assert_int_equal(take_lease(*state, "two", &next), PGCW_LEASED);
    /* it has no place to give back any more */
    assert_int_equal(pgcw_lease_fill(overdue, bytes_of("late"), NULL), PGCW_OK);
    assert_int_equal(take_lease(*state, "three", &other), PGCW_BUSY);
    pgcw_lease_abandon(next);
    assert_int_equal(take_lease(*state, "three", &other), PGCW_LEASED);
    pgcw_lease_abandon(other);
}

static void
overdue_leases_give_their_places_to_who_waits(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_lease *overdue[2];
    struct fetch fetches[4];
    static const char *const keys[] = {"a", "b", "c", "d"};

    (void)state;
    options.max_loads = 2;
    options.load_timeout_ms = PATIENCE_MS;
    options.lease_timeout_ms = 50;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load load = LOAD_OF(cache, "value");
    assert_int_equal(take_lease(cache, "one", &overdue[0]), PGCW_LEASED);
    assert_int_equal(take_lease(cache, "two", &overdue[1]), PGCW_LEASED);
    for (int i = 0; i < 4; i++) {
        start_fetch(&fetches[i], keys[i], &load);
    }
    for (int i = 0; i < 4; i++) {
        assert_true(end_fetch_with(&fetches[i], "value"));
    }
    pgcw_lease_abandon(overdue[0]);
    pgcw_lease_abandon(overdue[1]);
    assert_int_equal(cache->load_limit.running, 0);
    pgcwi_cache_close(cache);
}

/* Leases, fetches that give up, flushes: all at once, for a while. */
struct churn {
    struct pgcw_cache *cache;
    struct crowd *crowd;
    unsigned seed;
    unsigned wrong;
};

static unsigned
next_random(struct churn *churn)
{
    churn->seed = churn->seed * 1664525u + 1013904223u;
    return churn->seed >> 16;
}

static void
churn_once(struct churn *churn)
{
    struct pgcw_loader loader = {.load = load_in_crowd,
                                 .context = churn->crowd};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;
    char key[16];
    unsigned what = next_random(churn) % 8;

    (void)snprintf(key, sizeof(key), "key-%u", next_random(churn) % 16);
    if (what == 0) {
        pgcwi_cache_flush(churn->cache);
    } else if (what == 1 &&
               take_lease(churn->cache, key, &lease) == PGCW_LEASED) {
        pgcw_lease_abandon(lease);
    } else if (what > 1) {
        enum pgcw_status status =
            pgcw_cache_fetch(churn->cache, bytes_of(key), loader, &value, NULL);

        churn->wrong += status != PGCW_OK && status != PGCW_TIMEOUT;
        churn->wrong += status == PGCW_OK && !holds_text(&value, key);
    }
    pgcw_buffer_free(&value);
}

static void *
run_churn(void *context)
{
    for (int i = 0; i < 1000; i++) {
        churn_once(context);
    }
    return NULL;
}

static void
no_place_is_lost_when_everything_happens_at_once(void **state)
{
    struct crowd crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct pgcw_cache *cache = open_limited(2, 1);
    struct churn churns[8];
    pthread_t threads[8];
    unsigned wrong = 0;

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        churns[i] = (struct churn){cache, &crowd, i, 0};
        assert_int_equal(
            pthread_create(&threads[i], NULL, run_churn, &churns[i]), 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        wrong += churns[i].wrong;
    }
    assert_int_equal(wrong, 0);
    assert_in_range(crowd.most, 1, 2);
    assert_int_equal(cache->load_limit.running, 0);
    pgcwi_cache_close(cache);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init_one, fini)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_more_than_max_loads_run_at_the_same_time),
        cmocka_unit_test(limit_holds_in_an_outage),
        cmocka_unit_test(without_a_limit_all_may_load),
        TEST(who_waits_loads_when_a_place_comes_free),
        TEST(place_goes_to_who_has_waited_longest),
        TEST(loader_that_fails_gives_its_place_back),
        cmocka_unit_test(who_finds_no_place_in_time_is_told_so),
        cmocka_unit_test(in_an_outage_too_who_finds_no_place_is_told_so),
        cmocka_unit_test(
            all_who_share_a_load_that_never_began_are_told_in_their_own_time),
        TEST(who_shares_a_load_does_not_inherit_its_owners_impatience),
        cmocka_unit_test(
            who_shares_a_load_does_not_wait_for_its_place_as_long_as_its_owner),
        TEST(who_came_before_a_load_began_takes_what_was_invalidated_during_it),
        TEST(load_that_has_begun_gets_its_whole_time),
        TEST(P1_load_that_waited_for_its_place_is_stamped_when_it_begins),
        cmocka_unit_test(
            P1_load_that_has_begun_is_not_shared_after_an_invalidation),
        cmocka_unit_test(
            P2_error_policy_is_asked_again_when_a_place_comes_free),
        TEST(lease_has_a_place_until_it_is_filled_or_abandoned),
        TEST(fetch_waits_for_the_place_of_a_lease),
        TEST(overdue_lease_gives_its_place_to_who_comes),
        cmocka_unit_test(overdue_leases_give_their_places_to_who_waits),
        cmocka_unit_test(no_place_is_lost_when_everything_happens_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
