/* SPDX-License-Identifier: MIT */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/frame.h"

static struct pgcwi_frame *frame;

/* Ten columns, two lines; one is begun. */
static int
create_it(void **state)
{
    (void)state;
    frame = pgcwi_frame_create(10, 2);
    return frame != NULL && pgcwi_frame_begin_line(frame) ? 0 : -1;
}

static int
destroy_it(void **state)
{
    (void)state;
    pgcwi_frame_destroy(frame);
    return 0;
}

static void
text_is_added_with_its_style(void **state)
{
    (void)state;
    pgcwi_frame_add(frame, PGCWI_STYLE_TITLE, "%d", 12);
    pgcwi_frame_add(frame, PGCWI_STYLE_BAD, "abc");
    assert_string_equal(frame->lines[0].text, "12abc");
    assert_int_equal(frame->lines[0].bytes, 5);
    assert_int_equal(frame->lines[0].styles[1], PGCWI_STYLE_TITLE);
    assert_int_equal(frame->lines[0].styles[2], PGCWI_STYLE_BAD);
}

static void
nothing_is_wider_than_the_frame(void **state)
{
    (void)state;
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "12345678");
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "9abc");
    pgcwi_frame_add_name(frame, PGCWI_STYLE_PLAIN, "name", 4);
    pgcwi_frame_add_bar(frame, 1, 5);
    pgcwi_frame_move_to(frame, 50);
    assert_string_equal(frame->lines[0].text, "123456789a");
    assert_int_equal(frame->lines[0].columns, 10);
}

static void
line_below_the_last_is_refused(void **state)
{
    (void)state;
    assert_true(pgcwi_frame_begin_line(frame));
    assert_false(pgcwi_frame_begin_line(frame));
    pgcwi_frame_clear(frame);
    assert_true(pgcwi_frame_begin_line(frame));
    assert_string_equal(frame->lines[0].text, "");
}

static void
name_has_as_many_columns_as_were_asked_for(void **state)
{
    (void)state;
    pgcwi_frame_add_name(frame, PGCWI_STYLE_PLAIN, "ab", 4);
    pgcwi_frame_add_name(frame, PGCWI_STYLE_PLAIN, "abcdefg", 4);
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "|");
    assert_string_equal(frame->lines[0].text, "ab  abc~|");
}

static void
control_characters_do_not_reach_the_terminal(void **state)
{
    (void)state;
    pgcwi_frame_add_name(frame, PGCWI_STYLE_PLAIN, "\033[1m\n\x7f\xc2\x9b", 10);
    assert_string_equal(frame->lines[0].text, "?[1m???   ");
}

static void
letters_of_any_width_and_broken_ones_keep_the_columns(void **state)
{
    (void)state;
    /* one column, two columns, none, half a letter */
    pgcwi_frame_add_name(frame, PGCWI_STYLE_PLAIN,
                         "\xc3\xa4\xe8\xa1\xa8\xcc\x88\xe8\xa1", 7);
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "|");
    assert_string_equal(frame->lines[0].text, "\xc3\xa4\xe8\xa1\xa8???"
                                              " |");
    assert_int_equal(frame->lines[0].columns, 8);
}

static void
wide_letter_that_does_not_fit_is_not_halved(void **state)
{
    (void)state;
    pgcwi_frame_add_name(frame, PGCWI_STYLE_PLAIN, "\xe8\xa1\xa8\xe8\xa1\xa8",
                         3);
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "|");
    assert_string_equal(frame->lines[0].text, "\xe8\xa1\xa8~|");
    assert_int_equal(frame->lines[0].columns, 4);
}

static void
bar_shows_its_share_and_little_is_more_than_nothing(void **state)
{
    (void)state;
    pgcwi_frame_add_bar(frame, 0.5, 4);
    pgcwi_frame_add_bar(frame, 0.001, 3);
    pgcwi_frame_add_bar(frame, 0, 2);
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "|");
    assert_string_equal(frame->lines[0].text, "##  #    |");
    assert_true(pgcwi_frame_begin_line(frame));
    frame->bar = "\xe2\x96\x88";
    pgcwi_frame_add_bar(frame, 7, 2);
    pgcwi_frame_add(frame, PGCWI_STYLE_PLAIN, "|");
    assert_string_equal(frame->lines[1].text, "\xe2\x96\x88\xe2\x96\x88|");
}

static void
sizes_that_no_terminal_has_are_refused(void **state)
{
    (void)state;
    assert_null(pgcwi_frame_create(0, 5));
    assert_null(pgcwi_frame_create(5, 0));
    assert_null(pgcwi_frame_create(100000, 5));
    assert_null(pgcwi_frame_create(5, 1000000));
    pgcwi_frame_destroy(NULL);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, create_it, destroy_it)
    const struct CMUnitTest tests[] = {
        TEST(text_is_added_with_its_style),
        TEST(nothing_is_wider_than_the_frame),
        TEST(line_below_the_last_is_refused),
        TEST(name_has_as_many_columns_as_were_asked_for),
        TEST(control_characters_do_not_reach_the_terminal),
        TEST(letters_of_any_width_and_broken_ones_keep_the_columns),
        TEST(wide_letter_that_does_not_fit_is_not_halved),
        TEST(bar_shows_its_share_and_little_is_more_than_nothing),
        cmocka_unit_test(sizes_that_no_terminal_has_are_refused),
    };
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL) {
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
