/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cache/reader.h"
#include "cache/reclaim.h"
#include "support/entry.h"
#include "support/gate.h"

#define PLENTY UINT64_C(1000000000)
#define BATCH ((uint64_t)PGCWI_RECLAIM_BATCH_ENTRIES)

static struct pgcwi_entry *
make(const char *value)
{
    struct pgcwi_key key = pgcwi_key_make((struct pgcw_bytes){"key", 3}, 1);
    struct pgcwi_entry *entry =
        create_entry(&key, (struct pgcw_bytes){value, 5}, 1);

    assert_non_null(entry);
    return entry;
}

static void
retire_many(struct pgcwi_reclaim *reclaim, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        pgcwi_reclaim_retire(reclaim, make("value"), PGCW_REMOVED_EVICTED);
    }
}

static void
what_is_retired_waits_in_a_batch(void **state)
{
    struct pgcwi_reclaim reclaim;

    (void)state;
    pgcwi_reclaim_init(&reclaim, 0, PLENTY, PLENTY);
    retire_many(&reclaim, 3);
    assert_int_equal(pgcwi_reclaim_waiting(&reclaim), 3);
    assert_int_equal(reclaim.open_batch_entries, 3);
    pgcwi_reclaim_fini(&reclaim);
}

static void
full_batch_is_freed_after_a_grace_period(void **state)
{
    struct pgcwi_reclaim reclaim;

    (void)state;
    pgcwi_reclaim_init(&reclaim, 0, PLENTY, PLENTY);
    retire_many(&reclaim, BATCH + 1);
    assert_int_equal(reclaim.open_batch_entries, 1);
    urcu_memb_barrier();
    assert_int_equal(pgcwi_reclaim_waiting(&reclaim), 1);
    pgcwi_reclaim_fini(&reclaim);
}

static void
batch_of_many_bytes_is_handed_over_early(void **state)
{
    struct pgcwi_reclaim reclaim;
    struct pgcwi_entry *entry = make("value");

    (void)state;
    pgcwi_reclaim_init(&reclaim, 0, PLENTY, 16 * 2 * pgcwi_entry_bytes(entry));
    pgcwi_reclaim_retire(&reclaim, entry, PGCW_REMOVED_EVICTED);
    assert_int_equal(reclaim.open_batch_entries, 1);
    pgcwi_reclaim_retire(&reclaim, make("value"), PGCW_REMOVED_EVICTED);
    assert_int_equal(reclaim.open_batch_entries, 0);
    pgcwi_reclaim_fini(&reclaim);
}

static void
flush_hands_a_small_batch_over(void **state)
{
    struct pgcwi_reclaim reclaim;

    (void)state;
    pgcwi_reclaim_init(&reclaim, 0, PLENTY, PLENTY);
    pgcwi_reclaim_flush(&reclaim); /* nothing to hand over */
    retire_many(&reclaim, 2);
    pgcwi_reclaim_flush(&reclaim);
    urcu_memb_barrier();
    assert_int_equal(pgcwi_reclaim_waiting(&reclaim), 0);
    pgcwi_reclaim_fini(&reclaim);
}

static void
nothing_is_freed_while_a_reader_may_have_it(void **state)
{
    struct pgcwi_reclaim reclaim;
    struct pgcwi_entry *entry = make("value");

    (void)state;
    pgcwi_reclaim_init(&reclaim, 0, PLENTY, PLENTY);
    pgcwi_reader_begin();
    pgcwi_reclaim_retire(&reclaim, entry, PGCW_REMOVED_EVICTED);
    retire_many(&reclaim, 3 * BATCH);
    pgcwi_reclaim_flush(&reclaim);
    assert_int_equal(pgcwi_reclaim_waiting(&reclaim), 3 * BATCH + 1);
    assert_memory_equal(pgcwi_entry_value(entry).data, "value", 5);
    pgcwi_reader_end();
    urcu_memb_barrier();
    assert_int_equal(pgcwi_reclaim_waiting(&reclaim), 0);
    pgcwi_reclaim_fini(&reclaim);
}

static void
P9_waiting_entries_reach_a_bound(void **state)
{
    struct pgcwi_reclaim reclaim;

    (void)state;
    pgcwi_reclaim_init(&reclaim, 0, 10, PLENTY);
    pgcwi_reader_begin();
    retire_many(&reclaim, BATCH + 9);
    assert_false(pgcwi_reclaim_is_full(&reclaim));
    retire_many(&reclaim, 1);
    assert_true(pgcwi_reclaim_is_full(&reclaim));
    pgcwi_reader_end();
    urcu_memb_barrier();
    assert_false(pgcwi_reclaim_is_full(&reclaim));
    pgcwi_reclaim_fini(&reclaim);
}

static void
P9_waiting_bytes_reach_a_bound(void **state)
{
    struct pgcwi_reclaim reclaim;
    struct pgcwi_entry *entry = make("value");

    (void)state;
    pgcwi_reclaim_init(&reclaim, 0, PLENTY, 2 * pgcwi_entry_bytes(entry));
    pgcwi_reader_begin();
    pgcwi_reclaim_retire(&reclaim, entry, PGCW_REMOVED_EVICTED);
    assert_false(pgcwi_reclaim_is_full(&reclaim));
    pgcwi_reclaim_retire(&reclaim, make("value"), PGCW_REMOVED_EVICTED);
    assert_true(pgcwi_reclaim_is_full(&reclaim));
    pgcwi_reader_end();
    urcu_memb_barrier();
    assert_false(pgcwi_reclaim_is_full(&reclaim));
    pgcwi_reclaim_fini(&reclaim);
}

static void
batch_that_got_no_memory_is_handed_over_later(void **state)
{
    struct pgcwi_reclaim reclaim;

    (void)state;
    pgcwi_reclaim_init(&reclaim, 0, PLENTY, PLENTY);
    retire_many(&reclaim, BATCH - 1);
    struct pgcwi_entry *last = make("value");
    struct pgcwi_entry *next = make("value");
    pgcwi_alloc_fail_nth(1);
    pgcwi_reclaim_retire(&reclaim, last, PGCW_REMOVED_EVICTED);
    assert_true(pgcwi_alloc_has_failed());
    assert_int_equal(reclaim.open_batch_entries, BATCH);
    pgcwi_reclaim_retire(&reclaim, next, PGCW_REMOVED_EVICTED);
    assert_int_equal(reclaim.open_batch_entries, 0);
    urcu_memb_barrier();
    assert_int_equal(pgcwi_reclaim_waiting(&reclaim), 0);
    pgcwi_reclaim_fini(&reclaim);
}

struct other_reader {
    struct gate is_inside;
    struct gate may_leave;
};

static void *
stay_inside(void *context)
{
    struct other_reader *reader = context;

    pgcwi_reader_begin();
    gate_open(&reader->is_inside);
    gate_wait(&reader->may_leave);
    pgcwi_reader_end();
    return NULL;
}

static void
section_of_another_thread_keeps_what_is_retired(void **state)
{
    struct other_reader reader = {GATE_INIT, GATE_INIT};
    struct pgcwi_reclaim reclaim;
    struct pgcwi_entry *entry = make("value");
    pthread_t thread;

    (void)state;
    pgcwi_reclaim_init(&reclaim, 0, PLENTY, PLENTY);
    assert_int_equal(pthread_create(&thread, NULL, stay_inside, &reader), 0);
    gate_wait(&reader.is_inside);
    pgcwi_reclaim_retire(&reclaim, entry, PGCW_REMOVED_EVICTED);
    pgcwi_reclaim_flush(&reclaim);
    assert_int_equal(pgcwi_reclaim_waiting(&reclaim), 1);
    assert_memory_equal(pgcwi_entry_value(entry).data, "value", 5);
    gate_open(&reader.may_leave);
    pgcwi_reclaim_fini(&reclaim); /* waits for that section */
    pthread_join(thread, NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_retired_waits_in_a_batch),
        cmocka_unit_test(full_batch_is_freed_after_a_grace_period),
        cmocka_unit_test(batch_of_many_bytes_is_handed_over_early),
        cmocka_unit_test(flush_hands_a_small_batch_over),
        cmocka_unit_test(nothing_is_freed_while_a_reader_may_have_it),
        cmocka_unit_test(P9_waiting_entries_reach_a_bound),
        cmocka_unit_test(P9_waiting_bytes_reach_a_bound),
        cmocka_unit_test(batch_that_got_no_memory_is_handed_over_later),
        cmocka_unit_test(section_of_another_thread_keeps_what_is_retired),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
