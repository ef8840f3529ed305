/* SPDX-License-Identifier: MIT */
/* From where on a figure is a finding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/doctor_limits.h"

static struct pgcwi_findings findings;

/* The level of the only finding, which has a remedy unless all is well. */
static const char *
take_level(void)
{
    static char level[16];
    const json_t *one = json_array_get(findings.list, 0);
    const char *text = json_string_value(json_object_get(one, "level"));

    assert_int_equal(json_array_size(findings.list), 1);
    assert_non_null(text);
    (void)strncpy(level, text, sizeof(level) - 1);
    assert_int_equal(json_object_get(one, "remedy") == NULL,
                     strcmp(level, "ok") == 0);
    pgcwi_findings_fini(&findings);
    findings = (struct pgcwi_findings){0};
    return level;
}

static void
server_before_14_is_too_old(void **state)
{
    (void)state;
    assert_false(pgcwi_doctor_judge_version(&findings, 90624));
    assert_non_null(strstr(json_string_value(json_object_get(
                               json_array_get(findings.list, 0), "says")),
                           "PostgreSQL 9.6, "));
    assert_string_equal(take_level(), "broken");
    assert_false(pgcwi_doctor_judge_version(&findings, 130099));
    assert_string_equal(take_level(), "broken");
    assert_true(pgcwi_doctor_judge_version(&findings, 140000));
    assert_string_equal(take_level(), "ok");
}

static void
clock_is_off_only_beyond_what_the_round_trip_leaves_open(void **state)
{
    (void)state;
    pgcwi_doctor_judge_clock(&findings, 3000000, 200);
    assert_string_equal(take_level(), "warning");
    pgcwi_doctor_judge_clock(&findings, -3000000, 200);
    assert_string_equal(take_level(), "warning");
    pgcwi_doctor_judge_clock(&findings, -3000000, 6000000);
    assert_string_equal(take_level(), "ok");
    pgcwi_doctor_judge_clock(&findings, 499999, 0);
    assert_string_equal(take_level(), "ok");
}

static void
queue_is_a_warning_from_one_percent_and_broken_from_half(void **state)
{
    (void)state;
    pgcwi_doctor_judge_queue(&findings, 0.0099);
    assert_string_equal(take_level(), "ok");
    pgcwi_doctor_judge_queue(&findings, 0.01);
    assert_string_equal(take_level(), "warning");
    pgcwi_doctor_judge_queue(&findings, 0.5);
    assert_string_equal(take_level(), "broken");
}

static void
round_trip_is_judged_by_the_deadline_of_a_heartbeat(void **state)
{
    (void)state;
    pgcwi_doctor_judge_round_trip(&findings, 99999);
    assert_string_equal(take_level(), "ok");
    pgcwi_doctor_judge_round_trip(&findings, 100000);
    assert_string_equal(take_level(), "warning");
    pgcwi_doctor_judge_round_trip(&findings, 1000000);
    assert_string_equal(take_level(), "broken");
}

static void
connecting_is_slow_from_half_of_the_time_it_may_take(void **state)
{
    (void)state;
    pgcwi_doctor_judge_connecting(&findings, 2500000);
    assert_string_equal(take_level(), "ok");
    pgcwi_doctor_judge_connecting(&findings, 2500001);
    assert_string_equal(take_level(), "warning");
}

static void
idle_timeout_is_judged_by_the_interval_of_heartbeats(void **state)
{
    (void)state;
    pgcwi_doctor_judge_idle_timeout(&findings, 0);
    assert_null(findings.list);
    pgcwi_doctor_judge_idle_timeout(&findings, 1000);
    assert_string_equal(take_level(), "broken");
    pgcwi_doctor_judge_idle_timeout(&findings, 1001);
    assert_string_equal(take_level(), "ok");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(server_before_14_is_too_old),
        cmocka_unit_test(
            clock_is_off_only_beyond_what_the_round_trip_leaves_open),
        cmocka_unit_test(
            queue_is_a_warning_from_one_percent_and_broken_from_half),
        cmocka_unit_test(round_trip_is_judged_by_the_deadline_of_a_heartbeat),
        cmocka_unit_test(connecting_is_slow_from_half_of_the_time_it_may_take),
        cmocka_unit_test(idle_timeout_is_judged_by_the_interval_of_heartbeats),
    };

    return cmocka_run_group_tests_name("doctor_limits", tests, NULL, NULL);
}
