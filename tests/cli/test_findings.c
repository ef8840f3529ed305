/* SPDX-License-Identifier: MIT */
/* What is kept of a finding, whatever its words are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cli/findings.h"

static struct pgcwi_findings findings;

static int
tear_down(void **state)
{
    (void)state;
    pgcwi_findings_fini(&findings);
    findings = (struct pgcwi_findings){0};
    return 0;
}

static const char *
text_of(size_t index, const char *key)
{
    return json_string_value(
        json_object_get(json_array_get(findings.list, index), key));
}

static void
findings_are_counted_by_level(void **state)
{
    (void)state;
    for (int level = PGCWI_LEVEL_OK; level <= PGCWI_LEVEL_BROKEN; level++) {
        for (int i = 0; i <= level; i++) {
            pgcwi_findings_add(
                &findings,
                (struct pgcwi_subject){(enum pgcwi_level)level, "x", NULL},
                "%d", level);
        }
    }
    assert_int_equal(findings.warning_count, 2);
    assert_int_equal(findings.broken_count, 3);
    assert_int_equal(json_array_size(findings.list), 6);
    assert_string_equal(text_of(0, "level"), "ok");
    assert_string_equal(text_of(1, "level"), "warning");
    assert_string_equal(text_of(5, "level"), "broken");
    assert_string_equal(text_of(5, "says"), "2");
    assert_null(text_of(5, "table"));
}

static void
remedy_is_of_the_last_finding_and_an_empty_one_is_none(void **state)
{
    const struct pgcwi_subject subject = {PGCWI_LEVEL_BROKEN, "x", "t"};

    (void)state;
    pgcwi_findings_remedy(&findings, "of nothing");
    pgcwi_findings_add(&findings, subject, "one");
    pgcwi_findings_remedy(&findings, "%s", "");
    pgcwi_findings_add(&findings, subject, "two");
    pgcwi_findings_remedy(&findings, "do %d", 2);
    assert_null(text_of(0, "remedy"));
    assert_string_equal(text_of(1, "remedy"), "do 2");
    assert_string_equal(text_of(1, "table"), "t");
}

static void
words_cannot_talk_to_the_terminal(void **state)
{
    (void)state;
    pgcwi_findings_add(&findings,
                       (struct pgcwi_subject){PGCWI_LEVEL_OK, "x", "a\033[2Jb"},
                       "stra\xc3\x9f"
                       "e\xc2\x9b\n\x7f.");
    assert_string_equal(text_of(0, "table"), "a [2Jb");
    assert_string_equal(text_of(0, "says"), "stra\xc3\x9f"
                                            "e    .");
}

static void
words_of_another_encoding_lose_their_letters_only(void **state)
{
    (void)state;
    pgcwi_findings_add(&findings,
                       (struct pgcwi_subject){PGCWI_LEVEL_OK, "x", NULL},
                       "ung\xfcltig");
    assert_string_equal(text_of(0, "says"), "ung?ltig");
    assert_false(findings.is_cut);
}

static void
long_words_are_cut_also_inside_of_a_character(void **state)
{
    char words[3000];

    (void)state;
    for (size_t i = 0; i + 2 < sizeof words; i += 2) {
        memcpy(words + i, "\xc3\x9f", 2);
    }
    words[sizeof words - 2] = '\0';
    pgcwi_findings_add(&findings,
                       (struct pgcwi_subject){PGCWI_LEVEL_OK, "x", NULL}, "%s",
                       words);
    assert_non_null(text_of(0, "says"));
    assert_false(findings.is_cut);
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(findings_are_counted_by_level),
        TEST(remedy_is_of_the_last_finding_and_an_empty_one_is_none),
        TEST(words_cannot_talk_to_the_terminal),
        TEST(words_of_another_encoding_lose_their_letters_only),
        TEST(long_words_are_cut_also_inside_of_a_character),
    };

    return cmocka_run_group_tests_name("findings", tests, NULL, NULL);
}
