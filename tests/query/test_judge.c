/* SPDX-License-Identifier: MIT */
/* Whether a statement may be cached, by facts that no server has told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <libpq-fe.h>

#include "query/judge.h"
#include "query/probe.h"

enum { COLUMNS = 6 };

/* Kind, name, detail, origin. */
struct fact {
    const char *fields[4];
};

static PGresult *
make_facts(const struct fact *facts, int count)
{
    static char name[] = "x";
    PGresAttDesc columns[COLUMNS] = {{0}};
    PGresult *result = PQmakeEmptyPGresult(NULL, PGRES_TUPLES_OK);

    for (int i = 0; i < COLUMNS; i++) {
        columns[i].name = name;
    }
    assert_int_equal(PQsetResultAttrs(result, COLUMNS, columns), 1);
    for (int row = 0; row < count; row++) {
        for (int i = 0; i < COLUMNS; i++) {
            const char *field = i < 4 ? facts[row].fields[i] : NULL;
            char text[128];

            (void)snprintf(text, sizeof text, "%s", field == NULL ? "" : field);
            assert_int_equal(PQsetvalue(result, row, i,
                                        field == NULL ? NULL : text,
                                        field == NULL ? -1 : (int)strlen(text)),
                             1);
        }
    }
    return result;
}

/* With the facts of SELECT … FROM a, and one more. */
static bool
judge_with(struct fact more, const char *text, char *reason)
{
    const struct fact facts[] = {
        {{"command", "1", NULL, NULL}},
        {{"node", "QUERY", NULL, NULL}},
        {{"relation", "public.a", "table", NULL}},
        more,
    };
    PGresult *result = make_facts(facts, 4);
    bool is_cacheable = pgcwi_judge_facts(result, text, reason);

    PQclear(result);
    return is_cacheable;
}

static void
accept(struct fact more)
{
    char reason[PGCWI_REASON_BYTES] = "";

    if (!judge_with(more, "SELECT", reason)) {
        fail_msg("%s", reason);
    }
}

static void
refuse(struct fact more, const char *words)
{
    char reason[PGCWI_REASON_BYTES] = "";

    assert_false(judge_with(more, "SELECT 'now'", reason));
    if (strstr(reason, words) == NULL) {
        fail_msg("expected: %s\nis: %s", words, reason);
    }
}

static void
no_facts_are_no_select(void **state)
{
    char reason[PGCWI_REASON_BYTES] = "";
    PGresult *none = make_facts(NULL, 0);

    (void)state;
    assert_false(pgcwi_judge_facts(none, "", reason));
    assert_string_equal(reason, "it is no SELECT");
    PQclear(none);
}

static void
every_command_but_select_writes(void **state)
{
    static const char *const others[] = {"0", "2", "3", "4", "5", "6", "11"};

    (void)state;
    accept((struct fact){{"command", "1", NULL, NULL}});
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        refuse((struct fact){{"command", others[i], NULL, NULL}}, "it writes");
    }
}

static void
part_that_is_not_known_is_refused(void **state)
{
    (void)state;
    accept((struct fact){{"node", "CASEEXPR", NULL, NULL}});
    refuse((struct fact){{"node", "SQLVALUEFUNCTION", NULL, NULL}},
           "which of SQL's own functions");
    refuse((struct fact){{"node", "CASE_EXPR", NULL, NULL}},
           "its part CASE_EXPR is not known");
    refuse((struct fact){{"node", "JSONEXPR", NULL, NULL}}, "JSONEXPR");
}

static void
relation_of_an_unknown_kind_is_refused(void **state)
{
    (void)state;
    accept((struct fact){{"relation", "public.v", "view", NULL}});
    refuse((struct fact){{"relation", "public.x", "unknown", NULL}},
           "public.x is of an unknown kind");
    refuse((struct fact){{"relation", "public.x", "something new", NULL}},
           "public.x is of an unknown kind");
}

static void
stable_functions_of_the_system_are_refused_unless_known(void **state)
{
    (void)state;
    accept((struct fact){{"function", "pg_catalog.lower", "i", "system"}});
    accept((struct fact){{"function", "pg_catalog.to_char", "s", "system"}});
    refuse((struct fact){{"function", "pg_catalog.to_char", "v", "system"}},
           "to_char()");
    refuse((struct fact){{"function", "pg_catalog.new_one", "s", "system"}},
           "new_one()");
    refuse((struct fact){{"function", "public.to_char", "i", "user"}},
           "function public.to_char");
    refuse((struct fact){{"function", "public.f", "i", "something new"}},
           "function public.f");
    accept((struct fact){{"function", "public.f", "v", "declared"}});
}

static void
only_the_first_of_the_functions_without_parentheses_are_clocks(void **state)
{
    (void)state;
    refuse((struct fact){{"clock", "0", NULL, NULL}}, "CURRENT_DATE");
    refuse((struct fact){{"clock", "8", NULL, NULL}}, "LOCALTIMESTAMP");
    accept((struct fact){{"clock", "9", NULL, NULL}});
    accept((struct fact){{"clock", "14", NULL, NULL}});
}

static void
constant_is_refused_only_beside_a_word(void **state)
{
    (void)state;
    accept((struct fact){{"type", "date", "consttype", NULL}});
    refuse((struct fact){{"type", "date", "consttype", NULL}}, "date constant");
    accept((struct fact){{"type", "date", "other", NULL}});
    refuse((struct fact){{"type", "date", "cast", NULL}}, "cast of text");
}

static void
words_that_go_with_the_clock_are_whole_words(void **state)
{
    (void)state;
    assert_true(pgcwi_judge_reads_clock("now"));
    assert_true(pgcwi_judge_reads_clock("x = 'ToDay'"));
    assert_true(pgcwi_judge_reads_clock("{2026-01-01,yesterday}"));
    assert_true(pgcwi_judge_reads_clock("tomorrow 12:00"));
    assert_false(pgcwi_judge_reads_clock("know nowhere todays"));
    assert_false(pgcwi_judge_reads_clock(""));
    assert_false(pgcwi_judge_reads_clock(NULL));
}

static void
long_reason_is_cut(void **state)
{
    char name[512];
    char reason[PGCWI_REASON_BYTES];

    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[100] = '\0';
    assert_false(judge_with(
        (struct fact){{"relation", name, "temporary", NULL}}, "", reason));
    assert_true(strlen(reason) < sizeof reason);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_facts_are_no_select),
        cmocka_unit_test(every_command_but_select_writes),
        cmocka_unit_test(part_that_is_not_known_is_refused),
        cmocka_unit_test(relation_of_an_unknown_kind_is_refused),
        cmocka_unit_test(
            stable_functions_of_the_system_are_refused_unless_known),
        cmocka_unit_test(
            only_the_first_of_the_functions_without_parentheses_are_clocks),
        cmocka_unit_test(constant_is_refused_only_beside_a_word),
        cmocka_unit_test(words_that_go_with_the_clock_are_whole_words),
        cmocka_unit_test(long_reason_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
