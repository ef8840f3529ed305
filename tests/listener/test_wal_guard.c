/* SPDX-License-Identifier: MIT */
/* What a snapshot shows, and what waits until it does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "listener/wal_guard.h"

static bool
shows(const char *text, uint32_t xid)
{
    struct pgcwi_snapshot snapshot;

    assert_true(pgcwi_snapshot_read(text, &snapshot));
    return pgcwi_snapshot_shows(&snapshot, xid);
}

static void
snapshot_shows_what_has_finished(void **state)
{
    (void)state;
    assert_true(shows("100:100:", 99));
    assert_false(shows("100:100:", 100));
    assert_false(shows("100:100:", 101));
}

static void
snapshot_does_not_show_what_runs(void **state)
{
    (void)state;
    assert_false(shows("100:110:100,104,109", 100));
    assert_true(shows("100:110:100,104,109", 101));
    assert_false(shows("100:110:100,104,109", 104));
    assert_true(shows("100:110:100,104,109", 108));
    assert_false(shows("100:110:100,104,109", 109));
    assert_false(shows("100:110:100,104,109", 110));
    assert_true(shows("100:110:104", 10) && shows("100:110:1104", 104));
}

static void
numbers_without_an_epoch_are_near_the_snapshot(void **state)
{
    (void)state;
    /* 2^32 = 4294967296 */
    assert_true(shows("4294967300:4294967300:", 4294967295u));
    assert_true(shows("4294967300:4294967300:", 3));
    assert_false(shows("4294967300:4294967300:", 4));
    assert_false(shows("4294967290:4294967290:", 3));
    assert_false(shows("4294967290:4294967300:4294967298", 2));
    assert_true(shows("4294967290:4294967300:4294967298", 1));
}

static void
what_is_no_snapshot_is_refused(void **state)
{
    static const char *const texts[] = {
        "",     ":",    "1",     "1:",    "1:2",
        "a:2:", "1:b:", "-1:2:", " 1:2:", "99999999999999999999:2:"};
    struct pgcwi_snapshot snapshot;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_false(pgcwi_snapshot_read(texts[i], &snapshot));
    }
}

static void
take(struct pgcwi_wal_guard *guard, uint32_t xid, size_t change_count)
{
    struct pgcwi_wal_transaction *transaction =
        pgcwi_alloc_array(1, sizeof(*transaction));

    assert_non_null(transaction);
    transaction->xid = xid;
    transaction->change_count = change_count;
    transaction->changes =
        pgcwi_alloc_array(change_count + 1, sizeof(*transaction->changes));
    assert_non_null(transaction->changes);
    pgcwi_wal_guard_take(guard, transaction);
}

/* The number of the transaction that goes; 0: none. */
static uint32_t
judge(struct pgcwi_wal_guard *guard, const char *text, bool *is_gap)
{
    struct pgcwi_snapshot snapshot;
    struct pgcwi_wal_transaction *shown;
    uint32_t xid = 0;

    assert_true(pgcwi_snapshot_read(text, &snapshot));
    shown = pgcwi_wal_guard_judge(guard, &snapshot);
    if (shown != NULL) {
        xid = shown->xid;
        if (is_gap != NULL) {
            *is_gap = shown->is_gap;
        }
        pgcwi_wal_transaction_destroy(shown);
    }
    return xid;
}

static void
P1_transaction_waits_until_a_snapshot_shows_it(void **state)
{
    struct pgcwi_wal_guard guard;

    (void)state;
    pgcwi_wal_guard_init(&guard, 100);
    assert_int_equal(judge(&guard, "20:20:", NULL), 0);
    take(&guard, 11, 1);
    assert_int_equal(judge(&guard, "11:11:", NULL), 0);
    assert_int_equal(judge(&guard, "11:12:11", NULL), 0);
    assert_int_equal(judge(&guard, "12:12:", NULL), 11);
    assert_true(pgcwi_wal_guard_is_empty(&guard));
    pgcwi_wal_guard_fini(&guard);
}

static void
P5_transactions_go_in_the_order_of_their_commits(void **state)
{
    struct pgcwi_wal_guard guard;

    (void)state;
    pgcwi_wal_guard_init(&guard, 100);
    take(&guard, 15, 1);
    take(&guard, 12, 1); /* began before, and committed later */
    take(&guard, 17, 1);
    assert_int_equal(judge(&guard, "15:18:15", NULL), 0);
    assert_int_equal(judge(&guard, "17:18:17", NULL), 15);
    assert_int_equal(judge(&guard, "17:18:17", NULL), 12);
    assert_int_equal(judge(&guard, "17:18:17", NULL), 0);
    assert_int_equal(judge(&guard, "18:18:", NULL), 17);
    pgcwi_wal_guard_fini(&guard);
}

static void
P9_too_much_that_waits_becomes_a_gap(void **state)
{
    struct pgcwi_wal_guard guard;
    bool is_gap = false;

    (void)state;
    pgcwi_wal_guard_init(&guard, 8);
    take(&guard, 15, 3);
    take(&guard, 19, 3);
    take(&guard, 12, 3);
    assert_ptr_equal(guard.first, guard.last);
    assert_int_equal(guard.first->number, 3);
    /* the newest of them, and all before it, must have finished */
    assert_int_equal(judge(&guard, "16:20:16", &is_gap), 0);
    assert_int_equal(judge(&guard, "19:20:19", &is_gap), 0);
    assert_int_equal(judge(&guard, "20:20:", &is_gap), 19);
    assert_true(is_gap);
    assert_int_equal(guard.weight, 0);
    take(&guard, 21, 3);
    assert_int_equal(judge(&guard, "22:22:", &is_gap), 21);
    assert_false(is_gap);
    pgcwi_wal_guard_fini(&guard);
}

static void
what_has_passed_is_known_by_its_number(void **state)
{
    struct pgcwi_wal_guard guard;

    (void)state;
    pgcwi_wal_guard_init(&guard, 100);
    assert_true(pgcwi_wal_guard_has_passed(&guard, 0));
    assert_false(pgcwi_wal_guard_has_passed(&guard, 1));
    take(&guard, 11, 1);
    take(&guard, 12, 1);
    assert_false(pgcwi_wal_guard_has_passed(&guard, 1));
    assert_int_equal(judge(&guard, "12:13:12", NULL), 11);
    assert_true(pgcwi_wal_guard_has_passed(&guard, 1));
    assert_false(pgcwi_wal_guard_has_passed(&guard, 2));
    assert_int_equal(judge(&guard, "13:13:", NULL), 12);
    assert_true(pgcwi_wal_guard_has_passed(&guard, 2));
    assert_false(pgcwi_wal_guard_has_passed(&guard, 3));
    pgcwi_wal_guard_fini(&guard);
}

static void
what_waits_is_freed_at_the_end(void **state)
{
    struct pgcwi_wal_guard guard;

    (void)state;
    pgcwi_wal_guard_init(&guard, 8);
    take(&guard, 15, 3);
    take(&guard, 16, 2);
    pgcwi_wal_guard_fini(&guard);
    assert_true(pgcwi_wal_guard_is_empty(&guard));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshot_shows_what_has_finished),
        cmocka_unit_test(snapshot_does_not_show_what_runs),
        cmocka_unit_test(numbers_without_an_epoch_are_near_the_snapshot),
        cmocka_unit_test(what_is_no_snapshot_is_refused),
        cmocka_unit_test(P1_transaction_waits_until_a_snapshot_shows_it),
        cmocka_unit_test(P5_transactions_go_in_the_order_of_their_commits),
        cmocka_unit_test(P9_too_much_that_waits_becomes_a_gap),
        cmocka_unit_test(what_has_passed_is_known_by_its_number),
        cmocka_unit_test(what_waits_is_freed_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
