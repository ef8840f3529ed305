/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/top_readings.h"

static void
assert_near(double found, double expected)
{
    if (!(fabs(found - expected) < 1e-9)) {
        fail_msg("%.12g, not %.12g", found, expected);
    }
}

static void
rates_are_those_between_two_readings(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    const struct pgcwi_top_model *model = readings.model;

    (void)state;
    assert_near(model->seconds, 2);
    assert_near(model->messages_per_second, 100);
    assert_near(model->events_per_second, (10 + 100 + 40) / 2.0);
    assert_string_equal(model->caches[1].name, "calm");
    assert_near(model->caches[1].hits_per_second, 5);
    assert_near(model->caches[1].misses_per_second, 15);
    assert_near(model->caches[1].loads_per_second, 3.5);
    assert_near(model->caches[1].hit_ratio, 0.25);
    assert_near(model->caches[1].hit_ratio_total, 110.0 / 240);
    assert_near(model->caches[1].bytes, 2048);
    readings_free(&readings);
}

static void
busiest_is_first_and_what_is_new_began_at_zero(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    const struct pgcwi_top_model *model = readings.model;

    (void)state;
    assert_string_equal(model->caches[0].name, "busy");
    assert_int_equal(model->table_count, 3);
    assert_string_equal(model->tables[0].name, "s.busy");
    assert_string_equal(model->tables[1].name, "s.new");
    assert_near(model->tables[1].events_per_second, 20);
    assert_string_equal(model->tables[2].name, "s.calm");
    readings_free(&readings);
}

static void
all_caches_are_added_up(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    const struct pgcwi_top_cache *all = &readings.model->all_caches;

    (void)state;
    assert_near(all->hits_per_second, 1005);
    assert_near(all->misses_per_second, 15);
    assert_near(all->hit_ratio, 1005.0 / 1020);
    assert_near(all->hit_ratio_total, 3110.0 / 3240);
    assert_near(all->entries, 15);
    assert_near(all->bytes, 2048);
    assert_true(isnan(all->invalidations_per_second));
    readings_free(&readings);
}

static void
first_reading_has_no_rates(void **state)
{
    struct readings readings = readings_of(NULL, first_reading);
    const struct pgcwi_top_model *model = readings.model;

    (void)state;
    assert_near(model->seconds, 0);
    assert_true(isnan(model->messages_per_second));
    assert_true(isnan(model->events_per_second));
    assert_true(isnan(model->caches[0].hits_per_second));
    assert_true(isnan(model->caches[0].hit_ratio));
    assert_near(model->all_caches.hit_ratio_total, 1100.0 / 1200);
    assert_int_equal(model->latency_now.count, 0);
    assert_near(pgcwi_buckets_total(&model->latency), 100);
    readings_free(&readings);
}

static void
process_that_began_anew_has_no_negative_rate(void **state)
{
    struct readings readings = readings_of(second_reading, first_reading);
    const struct pgcwi_top_model *model = readings.model;

    (void)state;
    assert_near(model->messages_per_second, 50);
    for (size_t i = 0; i < model->cache_count; i++) {
        assert_true(model->caches[i].hits_per_second >= 0);
        assert_true(model->caches[i].misses_per_second >= 0);
    }
    for (size_t i = 0; i < model->table_count; i++) {
        assert_true(model->tables[i].events_per_second >= 0);
    }
    assert_near(pgcwi_buckets_total(&model->latency_now), 100);
    readings_free(&readings);
}

static void
latency_is_told_for_the_time_between_too(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    const struct pgcwi_top_model *model = readings.model;

    (void)state;
    assert_near(pgcwi_buckets_total(&model->latency_now), 150);
    assert_near(pgcwi_buckets_quantile(&model->latency_now, 0.5), 0.0055);
    assert_near(pgcwi_buckets_total(&model->latency), 250);
    readings_free(&readings);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_are_those_between_two_readings),
        cmocka_unit_test(busiest_is_first_and_what_is_new_began_at_zero),
        cmocka_unit_test(all_caches_are_added_up),
        cmocka_unit_test(first_reading_has_no_rates),
        cmocka_unit_test(process_that_began_anew_has_no_negative_rate),
        cmocka_unit_test(latency_is_told_for_the_time_between_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
