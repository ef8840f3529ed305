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

#include "cli/metrics_text.h"

/* What was taken: name{label=value,…} number; a sample a line. */
static char taken[65536];
static size_t taken_count;

static void
take(void *context, const struct pgcwi_metrics_text_sample *sample)
{
    size_t used = strlen(taken);

    assert_ptr_equal(context, &taken_count);
    taken_count++;
    used += (size_t)snprintf(taken + used, sizeof taken - used, "%s{",
                             sample->name);
    for (size_t i = 0; i < sample->label_count; i++) {
        used +=
            (size_t)snprintf(taken + used, sizeof taken - used, "%s=%s,",
                             sample->labels[i].name, sample->labels[i].value);
    }
    (void)snprintf(taken + used, sizeof taken - used, "} %g\n", sample->value);
}

/* Of exactly so many bytes, so that AddressSanitizer sees one more. */
static size_t
parse_bytes(const char *text, size_t bytes)
{
    char *copy = malloc(bytes == 0 ? 1 : bytes);
    size_t refused;

    assert_non_null(copy);
    memcpy(copy, text, bytes);
    taken[0] = '\0';
    taken_count = 0;
    refused = pgcwi_metrics_text_parse(copy, bytes, take, &taken_count);
    free(copy);
    return refused;
}

static size_t
parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void
plain_and_labelled_samples_are_taken(void **state)
{
    (void)state;
    assert_int_equal(parse("# HELP a what it is\n"
                           "# TYPE a counter\n"
                           "\n"
                           "a 1\n"
                           "  a:b_9\t2.5  1700000000000\n"
                           "c{} 3 -5\n"
                           "d{x=\"1\"} 4\n"
                           "e { x = \"1\" , y=\"2\" , }   5e3\n"),
                     0);
    assert_string_equal(taken, "a{} 1\na:b_9{} 2.5\nc{} 3\nd{x=1,} 4\n"
                               "e{x=1,y=2,} 5000\n");
}

static void
numbers_may_be_infinite_or_none(void **state)
{
    double number = 0;

    (void)state;
    assert_int_equal(parse("a +Inf\nb -Inf\nc NaN\nd{le=\"+Inf\"} 1e-9\n"), 0);
    assert_string_equal(taken, "a{} inf\nb{} -inf\nc{} nan\n"
                               "d{le=+Inf,} 1e-09\n");
    assert_true(pgcwi_metrics_text_number("+Inf", &number) && isinf(number));
    for (size_t i = 0; i < 12; i++) {
        static const char *const wrong[] = {"",         " 1",    "1 ",  "1x",
                                            "x",        "--1",   "1e",  "0,5",
                                            "nan(123)", "1e999", "1_0", "+"};

        assert_false(pgcwi_metrics_text_number(wrong[i], &number));
    }
}

static void
escapes_are_taken_out_of_label_values(void **state)
{
    (void)state;
    assert_int_equal(
        parse("a{t=\"x\\\"y\\\\z\\nw{},=#\",u=\"\",v=\"K\xc3\xa4se\"} 1\n"), 0);
    assert_string_equal(taken, "a{t=x\"y\\z\nw{},=#,u=,v=K\xc3\xa4se,} 1\n");
}

static void
wrong_line_is_counted_and_the_next_is_read(void **state)
{
    static const char *const wrong[] = {"a",
                                        "a ",
                                        "1a 1",
                                        "a{",
                                        "a{x} 1",
                                        "a{x=} 1",
                                        "a{x=1} 1",
                                        "a{x=\"1} 1",
                                        "a{x=\"1\" 1",
                                        "a{x=\"1\"}",
                                        "a{x=\"\\t\"} 1",
                                        "a{x=\"\\",
                                        "a{,} 1",
                                        "a{x=\"1\",,} 1",
                                        "a{x=\"1\"y=\"2\"} 1",
                                        "a{x:y=\"1\"} 1",
                                        "a{9=\"1\"} 1",
                                        "a 1 2 3",
                                        "a 1 x",
                                        "a 1 -",
                                        "a 1 2.5",
                                        "a one",
                                        "-a 1",
                                        "\xc3\xa4 1",
                                        "a 1\r",
                                        "a;1",
                                        "{x=\"1\"} 1",
                                        "a} 1",
                                        "a{}} 1",
                                        "a{}{} 1"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char text[256];

        (void)snprintf(text, sizeof text, "b 1\n%s\nc 2\n", wrong[i]);
        if (parse(text) != 1 || strcmp(taken, "b{} 1\nc{} 2\n") != 0) {
            fail_msg("%s: %s", wrong[i], taken);
        }
    }
}

static void
line_that_is_cut_is_refused(void **state)
{
    static const char text[] = "a{x=\"1\"} 1234\nb{y=\"2\\n\"} 5678\n";

    (void)state;
    for (size_t bytes = 0; bytes < sizeof text; bytes++) {
        size_t newlines = bytes < 14 ? 0 : 1;
        bool is_cut = bytes != 0 && bytes != 14 && bytes != sizeof text - 1;

        newlines += bytes >= sizeof text - 1 ? 1 : 0;
        assert_int_equal(parse_bytes(text, bytes), is_cut ? 1 : 0);
        assert_int_equal(taken_count, newlines);
    }
}

static void
nul_bytes_end_no_text(void **state)
{
    static const char text[] = "a 1\nb\0c 2\nd{x=\"\0\"} 3\n\0\ne 4\n";

    (void)state;
    assert_int_equal(parse_bytes(text, sizeof text - 1), 3);
    assert_string_equal(taken, "a{} 1\ne{} 4\n");
}

static void
more_labels_than_there_is_room_for_are_refused(void **state)
{
    char text[1024] = "a{";

    (void)state;
    for (int i = 0; i < PGCWI_METRICS_TEXT_LABELS; i++) {
        (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                       "l%d=\"\",", i);
    }
    (void)snprintf(text + strlen(text), sizeof text - strlen(text), "} 1\n");
    assert_int_equal(parse(text), 0);
    assert_int_equal(taken_count, 1);
    memmove(text + 2 + 5, text + 2, strlen(text + 2) + 1);
    memcpy(text + 2, "l=\"\",", 5);
    assert_int_equal(parse(text), 1);
    assert_int_equal(taken_count, 0);
}

static void
huge_line_is_no_problem(void **state)
{
    size_t bytes = (size_t)3 * 1024 * 1024;
    char *text = malloc(bytes);

    (void)state;
    assert_non_null(text);
    memset(text, 'a', bytes);
    assert_int_equal(parse_bytes(text, bytes), 1);
    text[bytes - 1] = '\n';
    assert_int_equal(parse_bytes(text, bytes), 1);
    memset(text, '\n', bytes);
    assert_int_equal(parse_bytes(text, bytes), 0);
    memset(text, '{', bytes);
    assert_int_equal(parse_bytes(text, bytes), 1);
    free(text);
}

static void
label_is_found_by_its_name(void **state)
{
    struct pgcwi_metrics_text_sample sample = {
        .label_count = 2, .labels = {{"a", "1"}, {"ab", "2"}}};

    (void)state;
    assert_string_equal(pgcwi_metrics_text_label(&sample, "ab"), "2");
    assert_null(pgcwi_metrics_text_label(&sample, "b"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_labelled_samples_are_taken),
        cmocka_unit_test(numbers_may_be_infinite_or_none),
        cmocka_unit_test(escapes_are_taken_out_of_label_values),
        cmocka_unit_test(wrong_line_is_counted_and_the_next_is_read),
        cmocka_unit_test(line_that_is_cut_is_refused),
        cmocka_unit_test(nul_bytes_end_no_text),
        cmocka_unit_test(more_labels_than_there_is_room_for_are_refused),
        cmocka_unit_test(huge_line_is_no_problem),
        cmocka_unit_test(label_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
