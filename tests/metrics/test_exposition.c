/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "metrics/exposition.h"

#define ROOM 512

static const struct pgcwi_metric metric = {"a_total", "counter", "Of a"};

static void
assert_number(uint64_t digits, unsigned decimals, const char *expected)
{
    char text[PGCWI_NUMBER_BYTES];

    pgcwi_number_text(
        (struct pgcwi_number){.digits = digits, .decimals = decimals}, text);
    assert_string_equal(text, expected);
}

static void
numbers_are_as_short_as_they_can_be(void **state)
{
    char text[PGCWI_NUMBER_BYTES];

    (void)state;
    assert_number(0, 0, "0");
    assert_number(0, 9, "0");
    assert_number(100, 6, "0.0001");
    assert_number(52428800, 6, "52.4288");
    assert_number(1, 9, "0.000000001");
    assert_number(1000000, 6, "1");
    assert_number(1200, 0, "1200");
    assert_number(UINT64_MAX, 0, "18446744073709551615");
    assert_number(UINT64_MAX, 19, "1.8446744073709551615");
    pgcwi_number_text((struct pgcwi_number){.is_infinite = true}, text);
    assert_string_equal(text, "+Inf");
}

static size_t
write_sample(char *text, size_t text_bytes, const struct pgcwi_sample *sample)
{
    struct pgcwi_exposition out = {.text = text, .text_bytes = text_bytes};

    pgcwi_exposition_sample(&out, sample);
    pgcwi_exposition_end(&out);
    return out.needed;
}

static void
assert_sample(const struct pgcwi_sample *sample, const char *expected)
{
    char text[ROOM];

    assert_int_equal(write_sample(text, sizeof(text), sample),
                     strlen(expected));
    assert_string_equal(text, expected);
}

static void
a_sample_is_one_line(void **state)
{
    struct pgcwi_sample sample = {.metric = &metric, .value = {.digits = 7}};

    (void)state;
    assert_sample(&sample, "a_total 7\n");
    sample.labels[0] = (struct pgcwi_label){"cache", "pages"};
    assert_sample(&sample, "a_total{cache=\"pages\"} 7\n");
    sample.labels[1] = (struct pgcwi_label){"le", ""};
    assert_sample(&sample, "a_total{cache=\"pages\",le=\"\"} 7\n");
    sample.suffix = "_bucket";
    assert_sample(&sample, "a_total_bucket{cache=\"pages\",le=\"\"} 7\n");
}

static void
P10_no_name_breaks_out_of_its_label(void **state)
{
    struct pgcwi_sample sample = {
        .metric = &metric,
        .labels = {{"table", "\"} 1\na_total{x=\"\\"}},
    };

    (void)state;
    assert_sample(&sample,
                  "a_total{table=\"\\\"} 1\\na_total{x=\\\"\\\\\"} 0\n");
    sample.labels[0].value = "\xc3\xa4 {,}=#\t";
    assert_sample(&sample, "a_total{table=\"\xc3\xa4 {,}=#\t\"} 0\n");
}

static void
head_is_help_and_type(void **state)
{
    char text[ROOM];
    struct pgcwi_exposition out = {.text = text, .text_bytes = sizeof(text)};

    (void)state;
    pgcwi_exposition_head(&out, &metric);
    pgcwi_exposition_end(&out);
    assert_string_equal(text, "# HELP a_total Of a\n# TYPE a_total counter\n");
}

static void
what_does_not_fit_is_cut_off_and_counted(void **state)
{
    const char expected[] = "a_total{cache=\"pages\"} 1.5\n";
    struct pgcwi_sample sample = {
        .metric = &metric,
        .labels = {{"cache", "pages"}},
        .value = {.digits = 15, .decimals = 1},
    };
    size_t whole = strlen(expected);

    (void)state;
    assert_int_equal(write_sample(NULL, 0, &sample), whole);
    for (size_t room = 1; room < whole + 3; room++) {
        char text[ROOM];
        size_t fits = room - 1 < whole ? room - 1 : whole;

        memset(text, '?', sizeof(text));
        assert_int_equal(write_sample(text, room, &sample), whole);
        assert_memory_equal(text, expected, fits);
        assert_int_equal(text[fits], '\0');
        assert_int_equal(text[room], '?');
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_as_short_as_they_can_be),
        cmocka_unit_test(a_sample_is_one_line),
        cmocka_unit_test(P10_no_name_breaks_out_of_its_label),
        cmocka_unit_test(head_is_help_and_type),
        cmocka_unit_test(what_does_not_fit_is_cut_off_and_counted),
    };

    return cmocka_run_group_tests_name("exposition", tests, NULL, NULL);
}
