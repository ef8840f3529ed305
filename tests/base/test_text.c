/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/text.h"

enum { LINE_BYTES = 8 };

static const char *format_line(char line[LINE_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *
format_line(char line[LINE_BYTES], const char *format, ...)
{
    va_list arguments;

    memset(line, 0x55, LINE_BYTES);
    va_start(arguments, format);
    pgcwi_text_line(line, LINE_BYTES, format, arguments);
    va_end(arguments);
    return line;
}

static void
text_that_fits_is_kept(void **state)
{
    char line[LINE_BYTES];

    (void)state;
    assert_string_equal(format_line(line, "%s", ""), "");
    assert_string_equal(format_line(line, "%d%s", 12, "cd"), "12cd");
    assert_string_equal(format_line(line, "%s", "1234567"), "1234567");
    assert_string_equal(format_line(line, "%s", "12345\u00e9"), "12345\u00e9");
    assert_string_equal(format_line(line, "%s", "123\U0001f418"),
                        "123\U0001f418");
}

static void
text_that_does_not_fit_is_cut(void **state)
{
    char line[LINE_BYTES];

    (void)state;
    assert_string_equal(format_line(line, "%s", "12345678"), "1234567");
}

static void
cut_falls_between_characters(void **state)
{
    /* of two, three and four bytes */
    static const char *const characters[] = {"\u00e9", "\u20ac", "\U0001f418"};
    char line[LINE_BYTES];
    char text[32];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        size_t bytes = strlen(characters[i]);

        for (size_t before = 8 - bytes; before <= 7; before++) {
            memset(text, 'a', before);
            memcpy(text + before, characters[i], bytes);
            memcpy(text + before + bytes, "zzz", 4);
            format_line(line, "%s", text);
            assert_int_equal(strlen(line), before);
            assert_memory_equal(line, text, before);
        }
    }
}

static void
character_that_ends_at_the_cut_is_kept(void **state)
{
    char line[LINE_BYTES];

    (void)state;
    assert_string_equal(format_line(line, "%s", "12345\u00e9z"), "12345\u00e9");
    assert_string_equal(format_line(line, "%s", "1234\u20acz"), "1234\u20ac");
    assert_string_equal(format_line(line, "%s", "123\U0001f418z"),
                        "123\U0001f418");
}

static void
what_is_not_utf8_is_cut_anywhere(void **state)
{
    char line[LINE_BYTES];

    (void)state;
    assert_string_equal(
        format_line(line, "%s", "\x80\x80\x80\x80\x80\x80\x80\x80\x80"),
        "\x80\x80\x80\x80\x80\x80\x80");
    assert_string_equal(format_line(line, "%s", "\x80\x80"), "\x80\x80");
}

static void
control_characters_become_spaces(void **state)
{
    char line[LINE_BYTES];

    (void)state;
    assert_string_equal(format_line(line, "%s", "a\nb\r\tc"), "a b  c");
    assert_string_equal(format_line(line, "%s", "\x1b[1m\x7f!"), " [1m !");
}

static void
no_space_stands_at_the_end(void **state)
{
    char line[LINE_BYTES];

    (void)state;
    assert_string_equal(format_line(line, "%s", "a \n\n"), "a");
    assert_string_equal(format_line(line, "%s", "\n \n"), "");
    assert_string_equal(format_line(line, "%s", "a      \u00e9"), "a");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_fits_is_kept),
        cmocka_unit_test(text_that_does_not_fit_is_cut),
        cmocka_unit_test(cut_falls_between_characters),
        cmocka_unit_test(character_that_ends_at_the_cut_is_kept),
        cmocka_unit_test(what_is_not_utf8_is_cut_anywhere),
        cmocka_unit_test(control_characters_become_spaces),
        cmocka_unit_test(no_space_stands_at_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
