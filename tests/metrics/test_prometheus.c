/* SPDX-License-Identifier: MIT */
/*
 * The whole text. With an argument it prints one, with names as ugly as they
 * may be, for support/exposition.py to read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "listener/listener.h"
#include "support/cache.h"

/* Nobody answers there, and nobody is asked for. */
#define NOWHERE "host=/nonexistent"

static struct pgcw_listener *listener;
static struct pgcw_named_cache caches[2];
static char *text;

static int
set_up(void **state)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    (void)state;
    options.dsn = NOWHERE;
    options.channel = "ch \"a\\b\"";
    options.open_in_background = 1;
    options.reconnect_min_ms = 5000;
    caches[0] = (struct pgcw_named_cache){"pages", open_cache()};
    caches[1] = (struct pgcw_named_cache){"\"\\\n{,}", open_cache()};
    return pgcw_listener_open(&options, &listener, NULL) == PGCW_OK ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    for (int i = 0; i < 2; i++) {
        pgcwi_cache_close(caches[i].cache);
    }
    pgcw_listener_close(listener);
    return 0;
}

static void
write_all(const struct pgcw_listener *of, size_t cache_count)
{
    size_t room = pgcw_stats_prometheus(of, caches, cache_count, NULL, 0) + 99;

    free(text);
    text = malloc(room);
    if (text == NULL ||
        pgcw_stats_prometheus(of, caches, cache_count, text, room) >= room) {
        (void)fprintf(stderr, "no text\n");
        abort();
    }
}

static void
assert_has(const char *line)
{
    if (strstr(text, line) == NULL) {
        print_error("%s\nis not in\n%s", line, text);
    }
    assert_non_null(strstr(text, line));
}

static void
every_counter_of_a_cache_has_its_line(void **state)
{
    (void)state;
    for (int i = 0; i < PGCWI_COUNTER_COUNT; i++) {
        /* relaxed: nobody else looks */
        atomic_store_explicit(&caches[0].cache->counters[i],
                              (uint64_t)(1000 + i), memory_order_relaxed);
    }
    write_all(NULL, 1);
    for (int i = 0; i < PGCWI_COUNTER_COUNT; i++) {
        char value[64];

        (void)snprintf(value, sizeof(value), "{cache=\"pages\"} %s%d\n",
                       i == PGCWI_LOAD_NS ? "0.00000" : "", 1000 + i);
        assert_has(value);
    }
    assert_has("pgcachewatch_cache_hits_total{cache=\"pages\"} 0\n");
    assert_has("pgcachewatch_cache_entries{cache=\"pages\"} 0\n");
    assert_has("pgcachewatch_cache_bytes{cache=\"pages\"} ");
    assert_null(strstr(text, "pgcachewatch_listener"));
}

static void
hits_are_those_of_their_cache(void **state)
{
    (void)state;
    assert_int_equal(put_text(caches[1].cache, "key", "value"), PGCW_OK);
    assert_true(has_text(caches[1].cache, "key", "value"));
    assert_true(has_nothing(caches[1].cache, "other"));
    write_all(NULL, 2);
    assert_has("# HELP pgcachewatch_cache_hits_total Lookups that gave a "
               "value\n# TYPE pgcachewatch_cache_hits_total counter\n"
               "pgcachewatch_cache_hits_total{cache=\"pages\"} 0\n"
               "pgcachewatch_cache_hits_total{cache=\"\\\"\\\\\\n{,}\"} 1\n"
               "# HELP pgcachewatch_cache_misses_total ");
    assert_has("pgcachewatch_cache_misses_total"
               "{cache=\"\\\"\\\\\\n{,}\"} 1\n");
}

static void
listener_tells_state_and_counters(void **state)
{
    struct pgcwi_listener_counters *counters = &listener->counters;
    _Atomic uint64_t *all[] = {&counters->messages_heard,
                               &counters->events_applied,
                               &counters->payloads_undecodable,
                               &counters->messages_dropped,
                               &counters->gaps,
                               &counters->connects,
                               &counters->fences_answered,
                               &counters->fence_round_trip_us,
                               &counters->events_late};
    static const char *const lines[] = {"messages_heard_total",
                                        "events_applied_total",
                                        "payloads_undecodable_total",
                                        "messages_dropped_total",
                                        "gaps_total",
                                        "connects_total",
                                        "fences_answered_total",
                                        "fence_round_trip_seconds",
                                        "events_late_total"};

    (void)state;
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        pgcwi_counter_raise_alone(all[i], 1000 + i);
    }
    write_all(listener, 0);
    for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        char line[128];

        (void)snprintf(line, sizeof(line),
                       "pgcachewatch_listener_%s"
                       "{channel=\"ch \\\"a\\\\b\\\"\"} %s%u\n",
                       lines[i], i == 7 ? "0.00" : "", 1000 + i);
        assert_has(line);
    }
    assert_has("state=\"live\"} 0\n");
    assert_has("pgcachewatch_listener_horizon_age_seconds"
               "{channel=\"ch \\\"a\\\\b\\\"\"} +Inf\n");
    assert_has("pgcachewatch_listener_ring_waiting"
               "{channel=\"ch \\\"a\\\\b\\\"\"} 0\n");
    assert_null(strstr(text, "pgcachewatch_cache"));
}

static void
events_are_told_by_table(void **state)
{
    struct pgcwi_table_counts *tables = &listener->counters.tables;

    (void)state;
    for (int i = 0; i < 3; i++) {
        pgcwi_table_counts_add(tables, "public", "or\"ders");
    }
    pgcwi_table_counts_add(tables, "", "items");
    write_all(listener, 0);
    assert_has(",table=\"public.or\\\"ders\"} 3\n");
    assert_has(",table=\"items\"} 1\n");
    assert_has(",table=\"other\"} 0\n");
}

#define LATENCY "pgcachewatch_listener_event_latency_seconds"
#define CHANNEL "channel=\"ch \\\"a\\\\b\\\"\""

static void
latencies_are_a_histogram(void **state)
{
    struct pgcwi_histogram *latencies = &listener->counters.latencies;

    (void)state;
    pgcwi_histogram_add(latencies, 150);
    pgcwi_histogram_add(latencies, 100);
    pgcwi_histogram_add(latencies, 60000000);
    write_all(listener, 0);
    assert_has("# TYPE " LATENCY " histogram\n" LATENCY "_bucket{" CHANNEL
               ",le=\"0.0001\"} 1\n" LATENCY "_bucket{" CHANNEL
               ",le=\"0.0002\"} 2\n");
    assert_has(LATENCY "_bucket{" CHANNEL ",le=\"52.4288\"} 2\n" LATENCY
                       "_bucket{" CHANNEL ",le=\"+Inf\"} 3\n" LATENCY
                       "_count{" CHANNEL "} 3\n" LATENCY "_sum{" CHANNEL
                       "} 60.00025\n");
}

static void
text_is_cut_off_like_that_of_snprintf(void **state)
{
    char small[32];

    (void)state;
    write_all(NULL, 1);
    memset(small, '?', sizeof(small));
    assert_int_equal(pgcw_stats_prometheus(NULL, caches, 1, small, 20),
                     strlen(text));
    assert_memory_equal(small, text, 19);
    assert_int_equal(small[19], '\0');
    assert_int_equal(small[20], '?');
    assert_int_equal(pgcw_stats_prometheus(NULL, NULL, 0, small, 20), 0);
    assert_string_equal(small, "");
}

static void
without_memory_there_is_no_text(void **state)
{
    char small[32];

    (void)state;
    pgcwi_alloc_fail_nth(1);
    size_t needed = pgcw_stats_prometheus(NULL, caches, 1, small, 32);
    pgcwi_alloc_fail_nth(0);
    assert_int_equal(needed, 0);
    assert_string_equal(small, "");
}

/* As much as there can be, with names that nobody wants. */
static int
print_ugly(void)
{
    char table[32];

    if (set_up(NULL) != 0) {
        return EXIT_FAILURE;
    }
    for (int i = 0; i < 2 * PGCWI_TABLE_COUNTS_MAX; i++) {
        (void)snprintf(table, sizeof(table), "\"t\\%d\n\xc3\xa4{}=,#", i);
        pgcwi_table_counts_add(&listener->counters.tables, "pub.lic", table);
        pgcwi_histogram_add(&listener->counters.latencies, INT64_C(1)
                                                               << i % 40);
    }
    (void)has_nothing(caches[0].cache, "key");
    write_all(listener, 2);
    bool is_written = fputs(text, stdout) >= 0 && fflush(stdout) == 0;
    (void)tear_down(NULL);
    return is_written ? EXIT_SUCCESS : EXIT_FAILURE;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(every_counter_of_a_cache_has_its_line),
        TEST(hits_are_those_of_their_cache),
        TEST(listener_tells_state_and_counters),
        TEST(events_are_told_by_table),
        TEST(latencies_are_a_histogram),
        TEST(text_is_cut_off_like_that_of_snprintf),
        TEST(without_memory_there_is_no_text),
    };

    (void)argv;
    return argc > 1
               ? print_ugly()
               : cmocka_run_group_tests_name("prometheus", tests, NULL, NULL);
}
