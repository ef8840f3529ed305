/* SPDX-License-Identifier: MIT */
/* The whole picture, with its sections; and the same as JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/frame.h"
#include "cli/top_json.h"
#include "cli/top_readings.h"
#include "cli/top_view.h"

static struct pgcwi_top_view
view_of(const struct readings *readings)
{
    return (struct pgcwi_top_view){.address = "http://127.0.0.1:8080/metrics",
                                   .time = "12:34:56",
                                   .model = readings->model};
}

/* All lines, without blanks at their ends. */
static const char *
drawn(const struct pgcwi_top_view *view, size_t width, size_t height)
{
    static char text[65536];
    struct pgcwi_frame *frame = pgcwi_frame_create(width, height);
    size_t used = 0;

    assert_non_null(frame);
    pgcwi_top_view_draw(view, frame);
    assert_true(frame->line_count <= height);
    for (size_t i = 0; i < frame->line_count; i++) {
        int bytes = (int)frame->lines[i].bytes;

        assert_true(frame->lines[i].columns <= width);
        while (bytes > 0 && frame->lines[i].text[bytes - 1] == ' ') {
            bytes--;
        }
        used += (size_t)snprintf(text + used, sizeof text - used, "%.*s\n",
                                 bytes, frame->lines[i].text);
    }
    pgcwi_frame_destroy(frame);
    return text;
}

/* clang-format off */
static void
picture_shows_all_there_is(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    struct pgcwi_top_view view = view_of(&readings);

    (void)state;
    assert_string_equal(
        drawn(&view, 80, pgcwi_top_view_height(&view)),
        "pgcachewatch top  http://127.0.0.1:8080/metrics                         12:34:56\n"
        "listener live       horizon 12.3 ms  round trip 200 us   gaps 0    ch\n"
        "heard    100 messages/s, 75 events/s, in the last 2.00 s\n"
        "\n"
        "CACHE                   HITS/S  MISSES/S   LOADS/S     HIT %   ENTRIES     BYTES\n"
        "all                      1,005        15       3.5      98.5        15  2.00 KiB\n"
        "busy                     1,000         0         -     100.0        10         -\n"
        "calm                         5        15       3.5      25.0         5  2.00 KiB\n"
        "\n"
        "TABLE                                                         EVENTS/S    EVENTS\n"
        "s.busy                                                              50       150\n"
        "s.new                                                               20        40\n"
        "s.calm                                                               5        60\n"
        "\n"
        "LATENCY       now p50 5.50 ms p99 9.91 ms       all p50 4.38 ms p99 9.89 ms\n"
        "<= 1.00 ms          0                                50 #####\n"
        "<= 10.0 ms        150 ########################      200 ###################\n");
    readings_free(&readings);
}

/* clang-format on */

static void
every_size_is_filled_and_never_exceeded(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    struct pgcwi_top_view view = view_of(&readings);

    (void)state;
    view.failure = "Connection refused";
    view.has_keys = true;
    for (size_t width = 1; width < 200; width += 7) {
        for (size_t height = 1; height < 50; height++) {
            (void)drawn(&view, width, height);
        }
    }
    readings_free(&readings);
}

static void
small_picture_says_how_much_it_leaves_out(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    struct pgcwi_top_view view = view_of(&readings);
    const char *text = drawn(&view, 80, 14);

    (void)state;
    assert_non_null(strstr(text, "CACHE (1 of 2)"));
    assert_non_null(strstr(text, "TABLE (2 of 3)"));
    assert_non_null(strstr(text, "\ns.busy"));
    assert_non_null(strstr(text, "\ns.new"));
    assert_null(strstr(text, "\ns.calm"));
    assert_non_null(strstr(text, "\n<= 10.0 ms        150 ####"));
    readings_free(&readings);
}

static void
wide_picture_has_more_columns(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    struct pgcwi_top_view view = view_of(&readings);

    (void)state;
    assert_non_null(strstr(drawn(&view, 98, 30), "INVAL/S HIT % ALL\n"));
    assert_null(strstr(drawn(&view, 97, 30), "HIT % ALL\n"));
    readings_free(&readings);
}

static void
lost_connection_is_told_and_the_last_figures_stay(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    struct pgcwi_top_view view = view_of(&readings);
    const char *text;

    (void)state;
    view.failure = "Connection refused";
    view.failure_seconds = 12.7;
    text = drawn(&view, 80, 40);
    assert_non_null(strstr(
        text, "\nno answer for 12 s, trying again: Connection refused\n"));
    assert_non_null(strstr(text, "\ns.busy"));
    view.model = NULL;
    assert_int_equal(pgcwi_top_view_height(&view), 2);
    assert_non_null(strstr(drawn(&view, 80, 40), "Connection refused\n"));
    readings_free(&readings);
}

static void
what_is_not_there_is_said(void **state)
{
    struct readings readings = readings_of(
        NULL, "pgcachewatch_cache_hits_total 1\nnonsense\n"
              "pgcachewatch_listener_event_latency_seconds_bucket 1\n");
    struct pgcwi_top_view view = view_of(&readings);
    const char *text = drawn(&view, 80, pgcwi_top_view_height(&view));

    (void)state;
    assert_non_null(strstr(text, "\nno listener\n"));
    assert_non_null(strstr(text, "\n(no name) "));
    assert_non_null(strstr(text, "\nno event yet\n"));
    assert_non_null(
        strstr(text, "\nnot shown: 1 lines not understood, 1 series too many"));
    assert_non_null(strstr(text, "heard    - messages/s, - events/s"));
    readings_free(&readings);
}

static void
json_has_the_same_figures(void **state)
{
    struct readings readings = readings_of(first_reading, second_reading);
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    json_t *root;

    (void)state;
    assert_true(pgcwi_top_json_print(out, "now", readings.model));
    assert_int_equal(fclose(out), 0);
    assert_ptr_equal(strchr(text, '\n'), text + bytes - 1);
    root = json_loads(text, 0, NULL);
    assert_non_null(root);
    {
        const char *name;
        const char *state_text;
        double hits;
        double p50;
        int is_null;

        assert_int_equal(
            json_unpack(root, "{s:[{s:s,s:F}], s:[{s:s}], s:{s:F}}", "caches",
                        "cache", &name, "hits_per_second", &hits, "listeners",
                        "state", &state_text, "latency_now", "p50_seconds",
                        &p50),
            0);
        assert_string_equal(name, "busy");
        assert_string_equal(state_text, "live");
        assert_true(hits > 999.9 && hits < 1000.1);
        assert_true(p50 > 0.0054 && p50 < 0.0056);
        is_null = json_is_null(json_object_get(
            json_array_get(json_object_get(root, "caches"), 0), "bytes"));
        assert_true(is_null);
    }
    json_decref(root);
    free(text);
    readings_free(&readings);
}

static void
json_takes_names_that_are_no_utf8(void **state)
{
    struct readings readings = readings_of(
        NULL, "pgcachewatch_cache_hits_total{cache=\"K\xe4se\"} 1\n");
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);

    (void)state;
    assert_true(pgcwi_top_json_print(out, "now", readings.model));
    assert_true(pgcwi_top_json_print_failure(out, "now", "it is \"gone\""));
    assert_int_equal(fclose(out), 0);
    assert_non_null(strstr(text, "\"K?se\""));
    assert_non_null(strstr(
        text, "\n{\"at\":\"now\",\"failure\":\"it is \\\"gone\\\"\"}\n"));
    free(text);
    readings_free(&readings);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picture_shows_all_there_is),
        cmocka_unit_test(every_size_is_filled_and_never_exceeded),
        cmocka_unit_test(small_picture_says_how_much_it_leaves_out),
        cmocka_unit_test(wide_picture_has_more_columns),
        cmocka_unit_test(lost_connection_is_told_and_the_last_figures_stay),
        cmocka_unit_test(what_is_not_there_is_said),
        cmocka_unit_test(json_has_the_same_figures),
        cmocka_unit_test(json_takes_names_that_are_no_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
