/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/demo_oracle.h"

#define ROWS 64
#define NEXT_IN_SAME_TABLE 16

static struct pgcwi_demo_findings findings; /* too large for a stack */

static int
make_oracle(void **state)
{
    *state = pgcwi_demo_oracle_create(ROWS);
    return *state == NULL ? -1 : 0;
}

static int
destroy_oracle(void **state)
{
    pgcwi_demo_oracle_destroy(*state);
    return 0;
}

static void
register_write(struct pgcwi_demo_oracle *oracle, struct pgcwi_demo_write write)
{
    assert_true(pgcwi_demo_oracle_register(oracle, write));
}

static void
every_row_starts_at_version_one(void **state)
{
    assert_int_equal(pgcwi_demo_oracle_known(*state, 0), 1);
    assert_int_equal(pgcwi_demo_oracle_known(*state, ROWS - 1), 1);
}

static void
read_of_an_old_version_is_counted_as_stale(void **state)
{
    struct pgcwi_demo_write write = {.row = 5, .version = 2, .sent_at_us = 10};
    register_write(*state, write);
    pgcwi_demo_oracle_event(*state, 5, 10, 1000);
    int64_t known = pgcwi_demo_oracle_known(*state, 5);
    assert_int_equal(known, 2);
    assert_true(pgcwi_demo_oracle_judge(*state, known, 2));
    assert_true(pgcwi_demo_oracle_judge(*state, known, 3));
    assert_false(pgcwi_demo_oracle_judge(*state, known, 1));
    pgcwi_demo_oracle_findings(*state, &findings);
    assert_int_equal(findings.stale_reads, 1);
}

static void
version_is_not_known_before_its_event(void **state)
{
    struct pgcwi_demo_write write = {.row = 5, .version = 2, .sent_at_us = 10};
    register_write(*state, write);
    pgcwi_demo_oracle_acknowledge(*state, write, 500);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 1);
    pgcwi_demo_oracle_findings(*state, &findings);
    assert_int_equal(findings.commits_acknowledged, 1);
    assert_int_equal(findings.commits_unheard, 1);
}

static void
event_of_another_table_or_time_makes_nothing_known(void **state)
{
    struct pgcwi_demo_write write = {.row = 5, .version = 2, .sent_at_us = 10};
    register_write(*state, write);
    pgcwi_demo_oracle_event(*state, 6, 10, 1000);
    pgcwi_demo_oracle_event(*state, 5, 11, 1000);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 1);
    pgcwi_demo_oracle_findings(*state, &findings);
    assert_int_equal(findings.events_unknown, 2);
    assert_int_equal(findings.events_matched, 0);
}

static void
older_version_never_replaces_a_newer_one(void **state)
{
    register_write(*state, (struct pgcwi_demo_write){5, 3, 11});
    register_write(*state, (struct pgcwi_demo_write){5, 2, 10});
    pgcwi_demo_oracle_event(*state, 5, 11, 1000);
    pgcwi_demo_oracle_event(*state, 5, 10, 1001);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 3);
}

static void
row_event_tells_of_the_oldest_version_that_was_not_told(void **state)
{
    register_write(*state, (struct pgcwi_demo_write){5, 3, 11});
    register_write(*state, (struct pgcwi_demo_write){5, 2, 10});
    register_write(*state, (struct pgcwi_demo_write){6, 9, 10});
    pgcwi_demo_oracle_row_event(*state, 5, 1000);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 2);
    pgcwi_demo_oracle_row_event(*state, 5, 1001);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 3);
    pgcwi_demo_oracle_row_event(*state, 5, 1002);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 3);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 6), 1);
    pgcwi_demo_oracle_findings(*state, &findings);
    assert_int_equal(findings.events_matched, 2);
    assert_int_equal(findings.events_unknown, 1);
    assert_int_equal(findings.commits_unheard, 1);
}

static void
row_event_has_a_latency(void **state)
{
    struct pgcwi_demo_write write = {5, 2, 10};
    register_write(*state, write);
    pgcwi_demo_oracle_acknowledge(*state, write, 500);
    pgcwi_demo_oracle_row_event(*state, 5, 1500);
    pgcwi_demo_oracle_findings(*state, &findings);
    assert_int_equal(findings.latency.largest, 1000);
    assert_int_equal(findings.commits_unheard, 0);
}

static void
row_is_found_by_table_and_id(void **state)
{
    (void)state;
    for (uint64_t row = 0; row < ROWS; row++) {
        assert_int_equal(
            pgcwi_demo_row_of(pgcwi_demo_table_of(row), pgcwi_demo_id_of(row)),
            row);
    }
}

static void
two_of_the_same_microsecond_wait_for_both_events(void **state)
{
    uint64_t other = 5 + NEXT_IN_SAME_TABLE;
    register_write(*state, (struct pgcwi_demo_write){5, 2, 10});
    register_write(*state, (struct pgcwi_demo_write){other, 2, 10});
    pgcwi_demo_oracle_event(*state, 5, 10, 1000);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 1);
    assert_int_equal(pgcwi_demo_oracle_known(*state, other), 1);
    pgcwi_demo_oracle_event(*state, 5, 10, 1001);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 2);
    assert_int_equal(pgcwi_demo_oracle_known(*state, other), 2);
}

static void
third_of_the_same_microsecond_is_waited_for_too(void **state)
{
    uint64_t second = 5 + NEXT_IN_SAME_TABLE;
    uint64_t third = second + NEXT_IN_SAME_TABLE;
    register_write(*state, (struct pgcwi_demo_write){5, 2, 10});
    register_write(*state, (struct pgcwi_demo_write){second, 2, 10});
    pgcwi_demo_oracle_event(*state, 5, 10, 1000);
    register_write(*state, (struct pgcwi_demo_write){third, 2, 10});
    pgcwi_demo_oracle_event(*state, 5, 10, 1001);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 1);
    pgcwi_demo_oracle_event(*state, 5, 10, 1002);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 5), 2);
    assert_int_equal(pgcwi_demo_oracle_known(*state, second), 2);
    assert_int_equal(pgcwi_demo_oracle_known(*state, third), 2);
}

static void
latency_counts_from_the_answer_to_commit(void **state)
{
    struct pgcwi_demo_write write = {.row = 1, .version = 2, .sent_at_us = 10};
    register_write(*state, write);
    pgcwi_demo_oracle_acknowledge(*state, write, 1000);
    pgcwi_demo_oracle_event(*state, 1, 10, 1025);
    pgcwi_demo_oracle_findings(*state, &findings);
    assert_int_equal(findings.latency.total, 1);
    assert_int_equal(findings.latency.largest, 25);
    assert_int_equal(findings.applied_before_answer, 0);
}

static void
event_before_the_answer_counts_as_no_latency(void **state)
{
    struct pgcwi_demo_write write = {.row = 1, .version = 2, .sent_at_us = 10};
    register_write(*state, write);
    pgcwi_demo_oracle_event(*state, 1, 10, 990);
    pgcwi_demo_oracle_acknowledge(*state, write, 1000);
    pgcwi_demo_oracle_findings(*state, &findings);
    assert_int_equal(findings.latency.total, 1);
    assert_int_equal(findings.latency.largest, 0);
    assert_int_equal(findings.applied_before_answer, 1);
    assert_int_equal(findings.commits_unheard, 0);
}

static void
sync_makes_known_what_was_answered_before_it(void **state)
{
    struct pgcwi_demo_write early = {.row = 1, .version = 2, .sent_at_us = 10};
    struct pgcwi_demo_write late = {.row = 2, .version = 2, .sent_at_us = 11};
    register_write(*state, early);
    register_write(*state, late);
    pgcwi_demo_oracle_acknowledge(*state, early, 1000);
    pgcwi_demo_oracle_acknowledge(*state, late, 2000);
    pgcwi_demo_oracle_synced(*state, 1500);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 1), 2);
    assert_int_equal(pgcwi_demo_oracle_known(*state, 2), 1);
    pgcwi_demo_oracle_findings(*state, &findings);
    assert_int_equal(findings.known_by_sync, 1);
}

static void
full_list_refuses_and_has_room_again_after_an_event(void **state)
{
    for (int64_t i = 0; i < PGCWI_DEMO_PENDING_MAX; i++) {
        register_write(*state, (struct pgcwi_demo_write){1, 2 + i, 100 + i});
    }
    struct pgcwi_demo_write more = {.row = 1, .version = 1, .sent_at_us = 1};
    assert_false(pgcwi_demo_oracle_register(*state, more));
    pgcwi_demo_oracle_acknowledge(*state, (struct pgcwi_demo_write){1, 2, 100},
                                  1000);
    pgcwi_demo_oracle_event(*state, 1, 100, 1001);
    assert_true(pgcwi_demo_oracle_register(*state, more));
}

static void
rows_are_spread_over_tables_with_ids_from_one(void **state)
{
    (void)state;
    assert_int_equal(pgcwi_demo_table_of(0), 0);
    assert_int_equal(pgcwi_demo_id_of(0), 1);
    assert_int_equal(pgcwi_demo_table_of(17), 1);
    assert_int_equal(pgcwi_demo_id_of(17), 2);
}

#define ORACLE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_oracle, destroy_oracle)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ORACLE_TEST(every_row_starts_at_version_one),
        ORACLE_TEST(read_of_an_old_version_is_counted_as_stale),
        ORACLE_TEST(version_is_not_known_before_its_event),
        ORACLE_TEST(event_of_another_table_or_time_makes_nothing_known),
        ORACLE_TEST(older_version_never_replaces_a_newer_one),
        ORACLE_TEST(row_event_tells_of_the_oldest_version_that_was_not_told),
        ORACLE_TEST(row_event_has_a_latency),
        cmocka_unit_test(row_is_found_by_table_and_id),
        ORACLE_TEST(two_of_the_same_microsecond_wait_for_both_events),
        ORACLE_TEST(third_of_the_same_microsecond_is_waited_for_too),
        ORACLE_TEST(latency_counts_from_the_answer_to_commit),
        ORACLE_TEST(event_before_the_answer_counts_as_no_latency),
        ORACLE_TEST(sync_makes_known_what_was_answered_before_it),
        ORACLE_TEST(full_list_refuses_and_has_room_again_after_an_event),
        cmocka_unit_test(rows_are_spread_over_tables_with_ids_from_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
