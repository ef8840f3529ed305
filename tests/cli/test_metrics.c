/* SPDX-License-Identifier: MIT */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/metrics.h"

static struct pgcwi_metrics *metrics;

static int
create_them(void **state)
{
    (void)state;
    metrics = pgcwi_metrics_create();
    return metrics == NULL ? -1 : 0;
}

static int
destroy_them(void **state)
{
    (void)state;
    pgcwi_metrics_destroy(metrics);
    return 0;
}

static void
read_text(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    pgcwi_metrics_read(metrics, copy, strlen(copy));
    free(copy);
}

static void
assert_value(const struct pgcwi_series *series, size_t value, double expected)
{
    assert_true(series->values[value] >= expected &&
                series->values[value] <= expected);
}

static void
listener_is_read_with_its_state(void **state)
{
    const struct pgcwi_series *listener;

    (void)state;
    read_text(
        "pgcachewatch_listener_state{channel=\"c\",state=\"connecting\"} 0\n"
        "pgcachewatch_listener_state{channel=\"c\",state=\"live\"} 1\n"
        "pgcachewatch_listener_state{channel=\"c\",state=\"down\"} 0\n"
        "pgcachewatch_listener_horizon_age_seconds{channel=\"c\"} 0.5\n"
        "pgcachewatch_listener_fence_round_trip_seconds{channel=\"c\"} NaN\n"
        "pgcachewatch_listener_gaps_total{channel=\"c\"} 3\n"
        "pgcachewatch_listener_messages_heard_total{channel=\"c\"} 7\n");
    assert_int_equal(metrics->listeners.count, 1);
    listener = &metrics->listeners.items[0];
    assert_string_equal(listener->name, "c");
    assert_string_equal(listener->state, "live");
    assert_value(listener, PGCWI_LISTENER_HORIZON_AGE, 0.5);
    assert_true(isnan(listener->values[PGCWI_LISTENER_ROUND_TRIP]));
    assert_value(listener, PGCWI_LISTENER_GAPS, 3);
    assert_value(listener, PGCWI_LISTENER_MESSAGES, 7);
    assert_int_equal(metrics->refused_lines + metrics->left_out_series, 0);
}

static void
caches_and_tables_are_kept_apart_by_name(void **state)
{
    const struct pgcwi_series *found;

    (void)state;
    read_text("pgcachewatch_cache_hits_total{cache=\"a\"} 1\n"
              "pgcachewatch_cache_hits_total{cache=\"b\"} 2\n"
              "pgcachewatch_cache_misses_total{cache=\"a\"} 3\n"
              "pgcachewatch_cache_misses_total{cache=\"b\"} 4\n"
              "pgcachewatch_cache_entries{cache=\"b\"} 5\n"
              "pgcachewatch_cache_bytes{cache=\"b\"} 6\n"
              "pgcachewatch_cache_loads_total{cache=\"b\"} 7\n"
              "pgcachewatch_cache_invalidations_total{cache=\"b\"} 8\n"
              "pgcachewatch_listener_events_total{table=\"s.t\"} 9\n");
    assert_int_equal(metrics->caches.count, 2);
    found = pgcwi_series_find(&metrics->caches, "b", 0);
    assert_value(found, PGCWI_CACHE_HITS, 2);
    assert_value(found, PGCWI_CACHE_MISSES, 4);
    assert_value(found, PGCWI_CACHE_ENTRIES, 5);
    assert_value(found, PGCWI_CACHE_BYTES, 6);
    assert_value(found, PGCWI_CACHE_LOADS, 7);
    assert_value(found, PGCWI_CACHE_INVALIDATIONS, 8);
    assert_true(isnan(pgcwi_series_find(&metrics->caches, "a", 9)
                          ->values[PGCWI_CACHE_ENTRIES]));
    assert_null(pgcwi_series_find(&metrics->caches, "c", 0));
    assert_value(pgcwi_series_find(&metrics->tables, "s.t", 0),
                 PGCWI_TABLE_EVENTS, 9);
}

static void
another_label_is_added_up(void **state)
{
    (void)state;
    read_text(
        "pgcachewatch_listener_events_total{channel=\"a\",table=\"t\"} 1\n"
        "pgcachewatch_listener_events_total{channel=\"b\",table=\"t\"} 2\n");
    assert_int_equal(metrics->tables.count, 1);
    assert_value(&metrics->tables.items[0], PGCWI_TABLE_EVENTS, 3);
}

static void
amounts_that_cannot_be_are_not_known(void **state)
{
    (void)state;
    read_text("pgcachewatch_cache_hits_total -1\n"
              "pgcachewatch_cache_misses_total +Inf\n"
              "pgcachewatch_cache_loads_total NaN\n"
              "pgcachewatch_listener_event_latency_seconds_bucket{le=\"1\"} "
              "NaN\n"
              "pgcachewatch_listener_event_latency_seconds_bucket 1\n"
              "pgcachewatch_listener_event_latency_seconds_bucket{le=\"x\"} "
              "1\n");
    assert_int_equal(metrics->caches.count, 1);
    for (size_t i = 0; i < PGCWI_SERIES_VALUES; i++) {
        assert_true(isnan(metrics->caches.items[0].values[i]));
    }
    assert_int_equal(metrics->latency.count, 0);
    assert_int_equal(metrics->left_out_series, 3);
}

static void
each_reading_replaces_the_one_before(void **state)
{
    (void)state;
    read_text("pgcachewatch_cache_hits_total{cache=\"a\"} 1\n"
              "pgcachewatch_listener_event_latency_seconds_bucket{le=\"1\"} 1\n"
              "nonsense\n");
    assert_int_equal(metrics->refused_lines, 1);
    assert_false(pgcwi_metrics_is_empty(metrics));
    read_text("go_goroutines 5\n"
              "pgcachewatch_of_a_later_version{x=\"y\"} 5\n");
    assert_true(pgcwi_metrics_is_empty(metrics));
    assert_int_equal(metrics->refused_lines + metrics->left_out_series, 0);
}

static void
too_many_and_too_long_names_are_left_out(void **state)
{
    size_t bytes = (size_t)(PGCWI_METRICS_CACHES + 2) * 400;
    char *text = calloc(bytes, 1);
    size_t used = 0;

    (void)state;
    assert_non_null(text);
    used = (size_t)snprintf(text, bytes,
                            "pgcachewatch_cache_hits_total{cache=\"%0*d\"} 1\n",
                            PGCWI_METRICS_NAME_BYTES, 0);
    for (int i = 0; i < PGCWI_METRICS_CACHES + 1; i++) {
        used += (size_t)snprintf(
            text + used, bytes - used,
            "pgcachewatch_cache_hits_total{cache=\"%d\"} 1\n", i);
    }
    pgcwi_metrics_read(metrics, text, used);
    free(text);
    assert_int_equal(metrics->caches.count, PGCWI_METRICS_CACHES);
    assert_int_equal(metrics->left_out_series, 2);
}

static void
rate_is_never_negative(void **state)
{
    double begun_anew = pgcwi_metrics_rate(1000, 10, 2);

    (void)state;
    assert_true(fabs(pgcwi_metrics_rate(10, 30, 2) - 10) < 1e-9);
    assert_true(fabs(begun_anew - 5) < 1e-9);
    assert_true(isnan(pgcwi_metrics_rate(NAN, 1, 1)));
    assert_true(isnan(pgcwi_metrics_rate(1, NAN, 1)));
    assert_true(isnan(pgcwi_metrics_rate(1, 2, 0)));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listener_is_read_with_its_state),
        cmocka_unit_test(caches_and_tables_are_kept_apart_by_name),
        cmocka_unit_test(another_label_is_added_up),
        cmocka_unit_test(amounts_that_cannot_be_are_not_known),
        cmocka_unit_test(each_reading_replaces_the_one_before),
        cmocka_unit_test(too_many_and_too_long_names_are_left_out),
        cmocka_unit_test(rate_is_never_negative),
    };
    return cmocka_run_group_tests(tests, create_them, destroy_them);
}
