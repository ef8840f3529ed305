/* SPDX-License-Identifier: MIT */
/* The options of a command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/command.h"
#include "cli/options.h"

static bool flag;
static const char *text;
static uint32_t number;
static const char *words[8];
static struct pgcwi_word_list list = {.words = words};
static size_t argument_count;

static const struct pgcwi_option options[] = {
    {.name = "flag", .help = "a flag", .flag = &flag},
    {.name = "text", .value = "TEXT", .help = "a text", .text = &text},
    {.name = "number", .value = "N", .help = "a number", .number = &number},
    {.name = "list", .value = "WORD...", .help = "words", .list = &list},
    {.name = "tables", .value = "TABLE...", .help = "introduces arguments"},
};

static int
parse(bool takes_arguments, char **argv)
{
    const struct pgcwi_command_line line = {
        .command = "test",
        .usage = "[options]",
        .description = "Tests.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .takes_arguments = takes_arguments,
    };
    int argc = 0;

    while (argv[argc] != NULL) {
        argc++;
    }
    flag = false;
    text = "default";
    number = 7;
    list.count = 0;
    return pgcwi_options_parse(&line, argc, argv, &argument_count);
}

#define PARSE(takes_arguments, ...) \
    parse(takes_arguments, (char *[]){"test", __VA_ARGS__ NULL})
#define REFUSE(...) assert_int_equal(PARSE(true, __VA_ARGS__), PGCWI_EXIT_USAGE)

static void
what_is_not_given_keeps_its_default(void **state)
{
    (void)state;
    assert_int_equal(PARSE(false, ), PGCWI_OPTIONS_PARSED);
    assert_false(flag);
    assert_string_equal(text, "default");
    assert_int_equal(number, 7);
    assert_int_equal(argument_count, 0);
}

static void
value_follows_as_a_word_or_after_equals(void **state)
{
    (void)state;
    assert_int_equal(PARSE(false, "--text", "-a", "--number=5", "--flag", ),
                     PGCWI_OPTIONS_PARSED);
    assert_true(flag);
    assert_string_equal(text, "-a");
    assert_int_equal(number, 5);
    assert_int_equal(PARSE(false, "--text=a=b", ), PGCWI_OPTIONS_PARSED);
    assert_string_equal(text, "a=b");
    assert_int_equal(PARSE(false, "--text=", ), PGCWI_OPTIONS_PARSED);
    assert_string_equal(text, "");
}

static void
arguments_are_gathered_in_their_order(void **state)
{
    char *argv[] = {"test",   "a", "--tables",   "b",  "--text", "x",
                    "--flag", "c", "--tables=d", "--", "--flag", NULL};

    (void)state;
    assert_int_equal(parse(true, argv), PGCWI_OPTIONS_PARSED);
    assert_int_equal(argument_count, 5);
    assert_string_equal(argv[1], "a");
    assert_string_equal(argv[2], "b");
    assert_string_equal(argv[3], "c");
    assert_string_equal(argv[4], "d");
    assert_string_equal(argv[5], "--flag");
}

static void
list_takes_words_up_to_the_next_option(void **state)
{
    char *argv[] = {"test", "a", "--list",   "b", "c", "--flag",
                    "d",    "g", "--tables", "e", "f", NULL};
    char *more[] = {"test", "--list=-b", "c", "--list", "d", "--", "e", NULL};

    (void)state;
    assert_int_equal(parse(true, argv), PGCWI_OPTIONS_PARSED);
    assert_int_equal(list.count, 2);
    assert_string_equal(words[0], "b");
    assert_string_equal(words[1], "c");
    assert_int_equal(argument_count, 5);
    assert_string_equal(argv[2], "d");
    assert_int_equal(parse(true, more), PGCWI_OPTIONS_PARSED);
    assert_int_equal(list.count, 3);
    assert_string_equal(words[0], "-b");
    assert_string_equal(words[2], "d");
    assert_int_equal(argument_count, 1);
    assert_string_equal(more[1], "e");
    REFUSE("--list", );
    REFUSE("--list", "--flag", );
}

static void
mistakes_are_refused(void **state)
{
    (void)state;
    REFUSE("--nothing", );
    REFUSE("--fla", );
    REFUSE("-f", );
    REFUSE("-", );
    REFUSE("--flag=1", );
    REFUSE("--text", );
    REFUSE("--=", );
    assert_int_equal(PARSE(false, "a", ), PGCWI_EXIT_USAGE);
}

static void
number_is_a_whole_one_below_2_to_the_32(void **state)
{
    (void)state;
    assert_int_equal(PARSE(false, "--number", "4294967295", ),
                     PGCWI_OPTIONS_PARSED);
    assert_int_equal(number, UINT32_MAX);
    REFUSE("--number", "4294967296", );
    REFUSE("--number", "99999999999999999999", );
    REFUSE("--number", "-1", );
    REFUSE("--number", "+1", );
    REFUSE("--number", " 1", );
    REFUSE("--number", "1s", );
    REFUSE("--number", "", );
    REFUSE("--number", "0", );
}

static void
help_goes_before_what_is_missing(void **state)
{
    (void)state;
    assert_int_equal(PARSE(false, "--help", "--nothing", ), PGCWI_EXIT_OK);
    assert_int_equal(PARSE(false, "--flag", "-h", ), PGCWI_EXIT_OK);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_given_keeps_its_default),
        cmocka_unit_test(value_follows_as_a_word_or_after_equals),
        cmocka_unit_test(arguments_are_gathered_in_their_order),
        cmocka_unit_test(list_takes_words_up_to_the_next_option),
        cmocka_unit_test(mistakes_are_refused),
        cmocka_unit_test(number_is_a_whole_one_below_2_to_the_32),
        cmocka_unit_test(help_goes_before_what_is_missing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
