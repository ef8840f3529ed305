/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cache/flight.h"
#include "cache/reclaim.h"

#define SECOND (PGCWI_NS_PER_MS * 1000)

/* What the tests share; new for each. */
static struct pgcwi_stamps stamps;
static struct pgcwi_flights flights;

static int
init(void **state)
{
    (void)state;
    if (!pgcwi_stamps_init(&stamps, PGCWI_ROW_BITS_MIN)) {
        return -1;
    }
    pgcwi_stamps_open(&stamps);
    pgcwi_flights_init(&flights);
    return 0;
}

static int
fini(void **state)
{
    (void)state;
    pgcwi_flights_fini(&flights);
    pgcwi_stamps_fini(&stamps);
    return 0;
}

static struct pgcwi_key
key_of(const char *text)
{
    return pgcwi_key_make((struct pgcw_bytes){text, strlen(text)}, 1);
}

static struct pgcw_stamp
now(void)
{
    return (struct pgcw_stamp){pgcwi_stamps_now(&stamps), 0};
}

static void
slots_of(const struct pgcwi_key *key, struct pgcwi_slots *slots)
{
    pgcwi_slots_init(slots, pgcwi_stamps_key_slot(&stamps, key->hash));
}

static struct pgcwi_flight *
start_until(const struct pgcwi_key *key, int64_t deadline_ns)
{
    struct pgcwi_flight_stripe *stripe = pgcwi_flights_stripe(&flights, key);

    pthread_mutex_lock(&stripe->lock);
    struct pgcwi_flight *flight =
        pgcwi_flight_start(stripe, key, now(), deadline_ns);
    pthread_mutex_unlock(&stripe->lock);
    return flight;
}

static struct pgcwi_flight *
start(const struct pgcwi_key *key)
{
    return start_until(key, pgcwi_clock_monotonic_ns() + 10 * SECOND);
}

/* Held, if there is one. */
static struct pgcwi_flight *
join(const struct pgcwi_key *key)
{
    struct pgcwi_flight_stripe *stripe = pgcwi_flights_stripe(&flights, key);

    struct pgcwi_slots known;

    slots_of(key, &known);
    pthread_mutex_lock(&stripe->lock);
    struct pgcwi_flight *flight =
        pgcwi_flight_find(stripe, key, &stamps, &known);
    if (flight != NULL) {
        pgcwi_flight_hold(flight);
    }
    pthread_mutex_unlock(&stripe->lock);
    return flight;
}

static void
complete(struct pgcwi_flight *flight, const char *value)
{
    struct pgcwi_slots slots;

    slots_of(&flight->key, &slots);
    struct pgcwi_entry *entry =
        pgcwi_entry_create(NULL, &flight->key, &slots,
                           (struct pgcw_bytes){value, strlen(value)}, now());
    assert_non_null(entry);
    pgcwi_flight_complete(flight, PGCW_OK, entry, NULL);
    pgcwi_reclaim_release(entry);
}

static void
assert_result_is(struct pgcwi_flight *flight, const char *text)
{
    struct pgcwi_entry *entry = NULL;

    assert_int_equal(pgcwi_flight_wait(flight, INT64_MAX, &entry, NULL),
                     PGCW_OK);
    struct pgcw_bytes value = pgcwi_entry_value(entry);
    assert_int_equal(value.size, strlen(text));
    assert_memory_equal(value.data, text, value.size);
    pgcwi_reclaim_release(entry);
}

static void
flight_is_found_until_it_is_completed(void **state)
{
    struct pgcwi_key key = key_of("key");

    (void)state;
    assert_null(join(&key));
    struct pgcwi_flight *flight = start(&key);
    assert_ptr_equal(join(&key), flight);
    pgcwi_flight_leave(flight);
    complete(flight, "value");
    assert_null(join(&key));
}

static void
flight_keeps_the_key_itself(void **state)
{
    char text[] = "key";
    struct pgcwi_key borrowed = key_of(text);
    struct pgcwi_key same = key_of("key");

    (void)state;
    struct pgcwi_flight *flight = start(&borrowed);
    memset(text, 'x', 3);
    assert_ptr_equal(join(&same), flight);
    pgcwi_flight_leave(flight);
    complete(flight, "value");
}

static void
who_holds_a_flight_gets_its_value(void **state)
{
    struct pgcwi_key key = key_of("key");

    (void)state;
    struct pgcwi_flight *flight = start(&key);
    assert_ptr_equal(join(&key), flight);
    assert_ptr_equal(join(&key), flight);
    complete(flight, "value");
    assert_result_is(flight, "value");
    assert_result_is(flight, "value");
}

static void
who_holds_a_flight_gets_its_failure(void **state)
{
    struct pgcwi_key key = key_of("key");
    struct pgcw_error failure = {PGCW_REFUSED, "42P01", "no such table"};
    struct pgcw_error error = {.status = PGCW_OK};
    struct pgcwi_entry *entry = NULL;

    (void)state;
    struct pgcwi_flight *flight = start(&key);
    assert_ptr_equal(join(&key), flight);
    pgcwi_flight_complete(flight, PGCW_REFUSED, NULL, &failure);
    assert_int_equal(pgcwi_flight_wait(flight, INT64_MAX, &entry, &error),
                     PGCW_REFUSED);
    assert_memory_equal(&error, &failure, sizeof(error));
    assert_null(entry);
}

static void
empty_value_is_a_value(void **state)
{
    struct pgcwi_key key = key_of("");

    (void)state;
    struct pgcwi_flight *flight = start(&key);
    assert_ptr_equal(join(&key), flight);
    complete(flight, "");
    assert_result_is(flight, "");
}

static void
P1_flight_from_before_an_invalidation_is_not_joined(void **state)
{
    struct pgcwi_key key = key_of("key");

    (void)state;
    struct pgcwi_flight *old = start(&key);
    pgcwi_stamps_raise_all(&stamps);
    assert_null(join(&key));
    struct pgcwi_flight *new = start(&key);
    pgcwi_stamps_raise_key(&stamps, pgcwi_stamps_key_slot(&stamps, key.hash));
    assert_null(join(&key));
    struct pgcwi_flight *newest = start(&key);
    assert_ptr_equal(join(&key), newest);
    pgcwi_flight_leave(newest);
    complete(old, "old");
    complete(new, "new");
    complete(newest, "newest");
}

static void
overdue_flight_is_not_joined(void **state)
{
    struct pgcwi_key key = key_of("key");

    (void)state;
    struct pgcwi_flight *flight = start(&key);
    pgcwi_clock_advance_ns(10 * SECOND);
    assert_null(join(&key));
    complete(flight, "late");
}

static void
waiting_ends_when_the_flight_is_overdue(void **state)
{
    struct pgcwi_key key = key_of("key");
    struct pgcwi_entry *entry = NULL;

    (void)state;
    struct pgcwi_flight *flight =
        start_until(&key, pgcwi_clock_monotonic_ns() + SECOND);
    assert_ptr_equal(join(&key), flight);
    pgcwi_clock_advance_ns(SECOND - PGCWI_NS_PER_MS);
    assert_int_equal(pgcwi_flight_wait(flight, INT64_MAX, &entry, NULL),
                     PGCW_BUSY);
    complete(flight, "late");
}

static void
new_flight_takes_the_place_and_the_old_one_goes_on(void **state)
{
    struct pgcwi_key key = key_of("key");

    (void)state;
    struct pgcwi_flight *old = start(&key);
    assert_ptr_equal(join(&key), old);
    pgcwi_stamps_raise_all(&stamps);
    struct pgcwi_flight *new = start(&key);
    complete(old, "old");
    assert_ptr_equal(join(&key), new);
    assert_result_is(old, "old");
    complete(new, "new");
    assert_result_is(new, "new");
    assert_null(join(&key));
}

static void
keys_of_one_stripe_are_told_apart(void **state)
{
    struct pgcwi_key one = key_of("one");
    struct pgcwi_key two = key_of("two");
    struct pgcwi_key long_one = key_of("one\1");

    (void)state;
    two.hash = one.hash;
    long_one.hash = one.hash;
    struct pgcwi_flight *flight_one = start(&one);
    assert_null(join(&two));
    assert_null(join(&long_one));
    struct pgcwi_flight *flight_two = start(&two);
    assert_ptr_equal(join(&two), flight_two);
    pgcwi_flight_leave(flight_two);
    complete(flight_one, "1");
    assert_null(join(&one));
    complete(flight_two, "2");
}

static void
short_memory_starts_no_flight_and_leaves_the_old_one(void **state)
{
    struct pgcwi_key key = key_of("key");

    (void)state;
    struct pgcwi_flight *flight = start(&key);
    pgcwi_alloc_fail_nth(1);
    assert_null(start(&key));
    assert_ptr_equal(join(&key), flight);
    pgcwi_flight_leave(flight);
    complete(flight, "value");
}

static void
P1_flight_that_has_not_begun_is_joined_whatever_was_invalidated(void **state)
{
    struct pgcwi_key key = key_of("key");

    (void)state;
    struct pgcwi_flight *flight = start(&key);
    pgcwi_flight_postpone(flight, pgcwi_clock_monotonic_ns() + SECOND);
    pgcwi_stamps_raise_all(&stamps);
    assert_ptr_equal(join(&key), flight);
    pgcwi_flight_leave(flight);
    pgcwi_flight_begin(flight, now(), pgcwi_clock_monotonic_ns() + SECOND);
    assert_ptr_equal(join(&key), flight);
    pgcwi_flight_leave(flight);
    pgcwi_stamps_raise_all(&stamps);
    assert_null(join(&key));
    complete(flight, "value");
}

static void
who_waits_for_the_beginning_waits_no_longer_than_he_may(void **state)
{
    struct pgcwi_key key = key_of("key");
    struct pgcwi_entry *entry = NULL;
    struct pgcw_error error = {.status = PGCW_OK};
    int64_t soon_ns = pgcwi_clock_monotonic_ns() + PGCWI_NS_PER_MS;

    (void)state;
    struct pgcwi_flight *flight = start(&key);
    pgcwi_flight_postpone(flight, soon_ns + 10 * SECOND);
    assert_ptr_equal(join(&key), flight);
    assert_int_equal(pgcwi_flight_wait(flight, soon_ns, &entry, &error),
                     PGCW_TIMEOUT);
    assert_int_equal(error.status, PGCW_OK);
    /* the owner's time is over before his own: he may try himself */
    pgcwi_flight_postpone(flight, soon_ns);
    assert_ptr_equal(join(&key), NULL);
    pgcwi_flight_postpone(flight, pgcwi_clock_monotonic_ns() + 10 * SECOND);
    assert_ptr_equal(join(&key), flight);
    pgcwi_flight_postpone(flight, soon_ns);
    assert_int_equal(
        pgcwi_flight_wait(flight, soon_ns + 10 * SECOND, &entry, &error),
        PGCW_BUSY);
    assert_null(entry);
    complete(flight, "late");
}

static void
who_waits_for_the_beginning_waits_on_when_it_has_begun(void **state)
{
    struct pgcwi_key key = key_of("key");
    struct pgcwi_entry *entry = NULL;
    int64_t now_ns = pgcwi_clock_monotonic_ns();

    (void)state;
    struct pgcwi_flight *flight = start(&key);
    pgcwi_flight_postpone(flight, now_ns + SECOND);
    assert_ptr_equal(join(&key), flight);
    pgcwi_flight_begin(flight, now(), now_ns + 20 * PGCWI_NS_PER_MS);
    /* overdue, which is not the same as not begun */
    assert_int_equal(pgcwi_flight_wait(flight, now_ns, &entry, NULL),
                     PGCW_BUSY);
    assert_true(pgcwi_clock_monotonic_ns() >= now_ns + 20 * PGCWI_NS_PER_MS);
    complete(flight, "late");
}

static void
value_is_kept_until_the_last_has_let_go(void **state)
{
    struct pgcwi_key key = key_of("key");
    struct pgcwi_entry *entry = NULL;

    (void)state;
    struct pgcwi_flight *flight = start(&key);
    assert_ptr_equal(join(&key), flight);
    assert_ptr_equal(join(&key), flight);
    complete(flight, "value");
    assert_int_equal(pgcwi_flight_wait(flight, INT64_MAX, &entry, NULL),
                     PGCW_OK);
    pgcwi_flight_leave(flight);
    assert_memory_equal(pgcwi_entry_value(entry).data, "value", 5);
    pgcwi_reclaim_release(entry);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(flight_is_found_until_it_is_completed),
        TEST(flight_keeps_the_key_itself),
        TEST(who_holds_a_flight_gets_its_value),
        TEST(who_holds_a_flight_gets_its_failure),
        TEST(empty_value_is_a_value),
        TEST(P1_flight_from_before_an_invalidation_is_not_joined),
        TEST(overdue_flight_is_not_joined),
        TEST(waiting_ends_when_the_flight_is_overdue),
        TEST(new_flight_takes_the_place_and_the_old_one_goes_on),
        TEST(keys_of_one_stripe_are_told_apart),
        TEST(short_memory_starts_no_flight_and_leaves_the_old_one),
        TEST(P1_flight_that_has_not_begun_is_joined_whatever_was_invalidated),
        TEST(who_waits_for_the_beginning_waits_no_longer_than_he_may),
        TEST(who_waits_for_the_beginning_waits_on_when_it_has_begun),
        TEST(value_is_kept_until_the_last_has_let_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
