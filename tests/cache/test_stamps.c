/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cache/key_hash.h"
#include "cache/stamps.h"
#include "support/gate.h"

#define THREAD_COUNT 4
#define RAISES_EACH 200000
#define SLOT 7u
#define OTHER_SLOT 8u
#define BITS PGCWI_ROW_BITS_MIN /* of keys too */
#define SLOT_COUNT (PGCWI_SLOT_KEYS + (2u << BITS))
#define KEY_COUNT 100000u

static int
init(void **state)
{
    static struct pgcwi_stamps stamps;

    if (!pgcwi_stamps_init(&stamps, BITS)) {
        return -1;
    }
    *state = &stamps;
    return 0;
}

static int
fini(void **state)
{
    pgcwi_stamps_fini(*state);
    return 0;
}

static bool
is_valid(const struct pgcwi_stamps *stamps, uint64_t clock, uint32_t slot)
{
    const uint32_t slots[] = {slot, slot}; /* as a key's, and as another's */

    return pgcwi_stamps_is_valid(stamps, clock, slots, 2);
}

static void
P2_nothing_is_valid_before_the_first_opening(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    assert_false(pgcwi_stamps_is_open(stamps));
    assert_false(is_valid(stamps, pgcwi_stamps_now(stamps), SLOT));
    assert_false(is_valid(stamps, UINT64_MAX - 1, SLOT));
}

static void
stamp_taken_while_open_is_valid(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_open(stamps);
    assert_true(pgcwi_stamps_is_open(stamps));
    assert_true(is_valid(stamps, pgcwi_stamps_now(stamps), SLOT));
}

static void
P1_stamp_from_before_an_invalidation_is_dead_after_it(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_open(stamps);
    uint64_t before = pgcwi_stamps_now(stamps);
    pgcwi_stamps_raise_all(stamps);
    assert_false(is_valid(stamps, before, SLOT));
    assert_false(is_valid(stamps, before, OTHER_SLOT));
    assert_true(is_valid(stamps, pgcwi_stamps_now(stamps), SLOT));
}

static void
P1_stamp_from_before_a_slot_was_raised_is_dead_for_that_slot(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_open(stamps);
    uint64_t before = pgcwi_stamps_now(stamps);
    pgcwi_stamps_raise_key(stamps, SLOT);
    assert_false(is_valid(stamps, before, SLOT));
    assert_true(is_valid(stamps, before, OTHER_SLOT));
    assert_true(is_valid(stamps, pgcwi_stamps_now(stamps), SLOT));
}

static void
P3_opening_kills_every_stamp_from_before(void **state)
{
    struct pgcwi_stamps *stamps = *state;
    uint64_t while_closed = pgcwi_stamps_now(stamps);

    pgcwi_stamps_open(stamps);
    assert_false(is_valid(stamps, while_closed, SLOT));
    uint64_t while_open = pgcwi_stamps_now(stamps);
    pgcwi_stamps_close(stamps);
    assert_false(is_valid(stamps, while_open, SLOT));
    while_closed = pgcwi_stamps_now(stamps);
    pgcwi_stamps_open(stamps);
    assert_false(is_valid(stamps, while_open, SLOT));
    assert_false(is_valid(stamps, while_closed, SLOT));
}

static void
P3_opening_what_is_open_flushes(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_open(stamps);
    uint64_t before = pgcwi_stamps_now(stamps);
    pgcwi_stamps_open(stamps);
    assert_false(is_valid(stamps, before, SLOT));
    assert_true(is_valid(stamps, pgcwi_stamps_now(stamps), SLOT));
}

static void
P2_an_invalidation_does_not_open_what_is_closed(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_raise_all(stamps);
    pgcwi_stamps_raise_key(stamps, SLOT);
    assert_false(pgcwi_stamps_is_open(stamps));
    assert_false(is_valid(stamps, pgcwi_stamps_now(stamps), SLOT));
    pgcwi_stamps_open(stamps);
    pgcwi_stamps_close(stamps);
    pgcwi_stamps_raise_all(stamps);
    assert_false(pgcwi_stamps_is_open(stamps));
}

static void
first_and_last_slot_can_be_raised(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_open(stamps);
    uint64_t before = pgcwi_stamps_now(stamps);
    pgcwi_stamps_raise_key(stamps, 0);
    pgcwi_stamps_raise_key(stamps, SLOT_COUNT - 1);
    assert_false(is_valid(stamps, before, 0));
    assert_false(is_valid(stamps, before, SLOT_COUNT - 1));
    assert_true(is_valid(stamps, before, 1));
}

static void
P1_one_raised_slot_of_several_is_enough(void **state)
{
    struct pgcwi_stamps *stamps = *state;
    const uint32_t slots[] = {SLOT, OTHER_SLOT, SLOT_COUNT - 1};

    pgcwi_stamps_open(stamps);
    for (uint32_t i = 0; i < 3; i++) {
        uint64_t before = pgcwi_stamps_now(stamps);

        assert_true(pgcwi_stamps_is_valid(stamps, before, slots, 3));
        pgcwi_stamps_raise_key(stamps, slots[i]);
        assert_false(pgcwi_stamps_is_valid(stamps, before, slots, 3));
        assert_true(pgcwi_stamps_is_valid(stamps, before, slots, i));
    }
}

/* Whether any key's slot has to be looked at is kept ahead of the clock. */
static void
P1_key_is_invalidated_however_many_were_before(void **state)
{
    struct pgcwi_stamps *stamps = *state;
    const uint32_t slots[] = {PGCWI_SLOT_KEYS, SLOT};
    const uint32_t others[] = {PGCWI_SLOT_KEYS + 1, SLOT};

    pgcwi_stamps_open(stamps);
    for (uint32_t i = 0; i < 200000; i++) {
        uint64_t before = pgcwi_stamps_now(stamps);

        pgcwi_stamps_raise_key(stamps, PGCWI_SLOT_KEYS);
        assert_false(pgcwi_stamps_is_valid(stamps, before, slots, 2));
        assert_true(pgcwi_stamps_is_valid(stamps, before, others, 2));
        assert_true(
            pgcwi_stamps_is_valid(stamps, pgcwi_stamps_now(stamps), slots, 2));
    }
}

static void
slots_of_keys_and_of_rows_are_apart_and_behind_the_special_ones(void **state)
{
    const uint64_t low = (UINT64_C(1) << (64 - BITS)) - 1;

    assert_int_equal(pgcwi_stamps_key_slot(*state, low), PGCWI_SLOT_KEYS);
    assert_int_equal(pgcwi_stamps_row_slot(*state, low),
                     pgcwi_stamps_key_slot(*state, UINT64_MAX) + 1);
    assert_int_equal(pgcwi_stamps_row_slot(*state, UINT64_MAX), SLOT_COUNT - 1);
}

static void
rows_are_spread_over_all_their_slots(void **state)
{
    static bool is_used[SLOT_COUNT];
    uint32_t used_count = 0;

    for (uint32_t i = 0; i < KEY_COUNT; i++) {
        struct pgcwi_key key =
            pgcwi_key_make((struct pgcw_bytes){&i, sizeof(i)}, 42);
        uint32_t slot = pgcwi_stamps_row_slot(*state, key.hash);

        used_count += is_used[slot] ? 0 : 1;
        is_used[slot] = true;
    }
    /* 24 keys a slot: an even spread leaves none empty */
    assert_int_equal(used_count, 1u << BITS);
}

static void
short_memory_makes_no_stamps(void **state)
{
    struct pgcwi_stamps stamps;

    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_false(pgcwi_stamps_init(&stamps, BITS));
    assert_true(pgcwi_alloc_has_failed());
}

static struct gate all_are_there = GATE_INIT;

static void *
raise_often(void *context)
{
    struct pgcwi_stamps *stamps = context;

    gate_wait(&all_are_there);
    for (uint32_t i = 0; i < RAISES_EACH; i++) {
        if (i % 2 == 0) {
            pgcwi_stamps_raise_all(stamps);
        } else {
            pgcwi_stamps_raise_key(stamps, i % SLOT_COUNT);
        }
    }
    return NULL;
}

static void
no_invalidation_of_several_threads_is_lost(void **state)
{
    struct pgcwi_stamps *stamps = *state;
    pthread_t threads[THREAD_COUNT];

    pgcwi_stamps_open(stamps);
    uint64_t before = pgcwi_stamps_now(stamps);
    for (int i = 0; i < THREAD_COUNT; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, raise_often, stamps),
                         0);
    }
    gate_open(&all_are_there);
    for (int i = 0; i < THREAD_COUNT; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(pgcwi_stamps_now(stamps) - before,
                     THREAD_COUNT * RAISES_EACH);
    assert_true(is_valid(stamps, pgcwi_stamps_now(stamps), SLOT));
}

/* As an event does. */
static void
raise_as_event(struct pgcwi_stamps *stamps, uint32_t slot)
{
    pthread_mutex_lock(&stamps->lock);
    pgcwi_stamps_set(stamps, slot, pgcwi_stamps_get_beyond(stamps));
    pthread_mutex_unlock(&stamps->lock);
}

static uint64_t
read_clock(const struct pgcwi_stamps *stamps)
{
    return atomic_load_explicit(&stamps->clock, memory_order_relaxed);
}

static void
event_advances_the_clock_only_if_a_stamp_was_taken(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_open(stamps);
    for (int i = 0; i < 100; i++) {
        uint64_t stamp = pgcwi_stamps_now(stamps);

        raise_as_event(stamps, SLOT);
        assert_int_equal(read_clock(stamps), stamp + 1);
        assert_false(is_valid(stamps, stamp, SLOT));
        for (int more = 0; more < 10; more++) {
            raise_as_event(stamps, SLOT);
            raise_as_event(stamps, SLOT + 1);
        }
        assert_int_equal(read_clock(stamps), stamp + 1);
        assert_false(is_valid(stamps, stamp, SLOT + 1));
    }
}

static void
P1_stamp_between_two_events_is_too_old_for_the_second(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_open(stamps);
    for (int i = 0; i < 100; i++) {
        raise_as_event(stamps, SLOT);
        uint64_t between = pgcwi_stamps_now(stamps);
        /* it is noted once, also if others move the clock or ask as well */
        if (i % 3 == 0) {
            pgcwi_stamps_raise_key(stamps, SLOT + 1);
        }
        if (i % 2 == 0) {
            between = pgcwi_stamps_now(stamps);
        }
        assert_true(is_valid(stamps, between, SLOT));
        raise_as_event(stamps, SLOT);
        assert_false(is_valid(stamps, between, SLOT));
    }
}

static void
P1_event_behind_another_invalidation_is_raised_up_to_it(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_open(stamps);
    raise_as_event(stamps, SLOT);
    pgcwi_stamps_raise_all(stamps);
    uint64_t clock = read_clock(stamps);
    raise_as_event(stamps, SLOT);
    assert_int_equal(read_clock(stamps), clock);
    assert_false(is_valid(stamps, clock - 1, SLOT));
    assert_true(is_valid(stamps, pgcwi_stamps_now(stamps), SLOT));
}

static bool
was_valid(const struct pgcwi_stamps *stamps, uint64_t clock, uint32_t slot)
{
    const uint32_t slots[] = {slot, slot};

    return pgcwi_stamps_was_valid(stamps, clock, slots, 2);
}

static void
P2_what_was_valid_is_known_while_closed_and_forgotten_when_opened(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    pgcwi_stamps_open(stamps);
    uint64_t before = pgcwi_stamps_now(stamps);
    pgcwi_stamps_raise_key(stamps, OTHER_SLOT);
    pgcwi_stamps_close(stamps);
    assert_true(was_valid(stamps, before, SLOT));
    assert_false(was_valid(stamps, before, OTHER_SLOT));
    pgcwi_stamps_raise_key(stamps, SLOT);
    assert_false(was_valid(stamps, before, SLOT));
    uint64_t after = pgcwi_stamps_now(stamps);
    assert_true(was_valid(stamps, after, SLOT));
    pgcwi_stamps_raise_all(stamps);
    assert_false(was_valid(stamps, after, SLOT));
    after = pgcwi_stamps_now(stamps);
    pgcwi_stamps_open(stamps);
    assert_false(was_valid(stamps, after, SLOT));
}

static void
time_of_the_closing_is_that_of_the_first(void **state)
{
    struct pgcwi_stamps *stamps = *state;

    assert_int_equal(pgcwi_stamps_closed_at_ns(stamps), 0);
    pgcwi_stamps_close(stamps);
    assert_int_equal(pgcwi_stamps_closed_at_ns(stamps), 0);
    pgcwi_stamps_open(stamps);
    assert_int_equal(pgcwi_stamps_closed_at_ns(stamps), 0);
    pgcwi_stamps_close(stamps);
    int64_t closed_at_ns = pgcwi_stamps_closed_at_ns(stamps);
    assert_true(closed_at_ns <= pgcwi_clock_coarse_ns());
    pgcwi_clock_advance_ns(PGCWI_NS_PER_MS);
    pgcwi_stamps_close(stamps);
    assert_int_equal(pgcwi_stamps_closed_at_ns(stamps), closed_at_ns);
    pgcwi_stamps_open(stamps);
    assert_int_equal(pgcwi_stamps_closed_at_ns(stamps), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(P2_nothing_is_valid_before_the_first_opening),
        TEST(stamp_taken_while_open_is_valid),
        TEST(P1_stamp_from_before_an_invalidation_is_dead_after_it),
        TEST(P1_stamp_from_before_a_slot_was_raised_is_dead_for_that_slot),
        TEST(P3_opening_kills_every_stamp_from_before),
        TEST(P3_opening_what_is_open_flushes),
        TEST(P2_an_invalidation_does_not_open_what_is_closed),
        TEST(first_and_last_slot_can_be_raised),
        TEST(P1_one_raised_slot_of_several_is_enough),
        TEST(P1_key_is_invalidated_however_many_were_before),
        TEST(slots_of_keys_and_of_rows_are_apart_and_behind_the_special_ones),
        TEST(rows_are_spread_over_all_their_slots),
        TEST(P2_what_was_valid_is_known_while_closed_and_forgotten_when_opened),
        TEST(time_of_the_closing_is_that_of_the_first),
        TEST(short_memory_makes_no_stamps),
        TEST(no_invalidation_of_several_threads_is_lost),
        TEST(event_advances_the_clock_only_if_a_stamp_was_taken),
        TEST(P1_stamp_between_two_events_is_too_old_for_the_second),
        TEST(P1_event_behind_another_invalidation_is_raised_up_to_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
