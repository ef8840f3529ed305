/* SPDX-License-Identifier: MIT */
/* What is strict JSON, beside what the corpus of payloads has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/json.h"

static const char *const names[] = {"a", "b"};

/* From a block of exactly that size: a sanitizer sees a read beyond it. The
 * values are in it. */
static bool
read_bytes(const char *text, size_t bytes, struct pgcwi_json values[2])
{
    static char *block;

    free(block);
    block = malloc(bytes + 1);
    assert_non_null(block);
    char *first = block + 1;
    memcpy(first, text, bytes);
    return pgcwi_json_read_object((struct pgcwi_json){first, first + bytes},
                                  names, 2, values);
}

static bool
read_text(const char *text, struct pgcwi_json values[2])
{
    return read_bytes(text, strlen(text), values);
}

/* `{"a":VALUE}` */
static bool
is_value(const char *value)
{
    struct pgcwi_json values[2];
    char text[512];

    (void)snprintf(text, sizeof text, "{\"a\":%s}", value);
    return read_text(text, values);
}

static void
fields_are_found_in_any_order_or_not_at_all(void **state)
{
    struct pgcwi_json values[2];

    (void)state;
    assert_true(read_text("{\"c\":1,\"b\":2,\"a\":{\"b\":3}}", values));
    assert_int_equal(*values[0].at, '{');
    assert_int_equal(*values[1].at, '2');
    assert_true(read_text(" { } ", values));
    assert_null(values[0].at);
    assert_null(values[1].at);
    assert_true(read_text("{\"\\u0061\":null}", values));
    assert_true(pgcwi_json_is_null(values[0]));
    assert_false(pgcwi_json_is_null(values[1]));
}

static void
field_that_is_there_twice_is_refused(void **state)
{
    struct pgcwi_json values[2];

    (void)state;
    assert_false(read_text("{\"a\":1,\"a\":1}", values));
    assert_false(read_text("{\"a\":1,\"\\u0061\":1}", values));
    assert_true(read_text("{\"c\":1,\"c\":1}", values));
}

static void
values_are_those_of_the_grammar(void **state)
{
    static const char *const good[] = {"0",
                                       "-0",
                                       "10",
                                       "1.50",
                                       "1e5",
                                       "1E+05",
                                       "-1.0e-0",
                                       "true",
                                       "false",
                                       "null",
                                       "[]",
                                       "{}",
                                       "[ ]",
                                       "{ }",
                                       "[1,[2,{\"x\":[]}],3]",
                                       "\"\"",
                                       "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
                                       "\"\x7f\"",
                                       "\"\xf4\x8f\xbf\xbf\"",
                                       "\"\xed\x9f\xbf\"",
                                       "\"\\uD83D\\uDe00\""};
    static const char *const bad[] = {"",
                                      "01",
                                      "+1",
                                      "1.",
                                      ".5",
                                      "1e",
                                      "1e+",
                                      "-",
                                      "0x1",
                                      "NaN",
                                      "True",
                                      "nul",
                                      "nulll",
                                      "[",
                                      "]",
                                      "[}",
                                      "{]",
                                      "[1 2]",
                                      "[1,]",
                                      "[,1]",
                                      "{1:2}",
                                      "{\"x\"}",
                                      "{\"x\":}",
                                      "{\"x\":1,}",
                                      "{,}",
                                      "\"",
                                      "'x'",
                                      "\"\\\"",
                                      "\"\\x41\"",
                                      "\"\\u00g0\"",
                                      "\"\\u00\"",
                                      "\"\\u0000\"",
                                      "\"\\ud800\"",
                                      "\"\\ud800\\u0041\"",
                                      "\"\\udc00\"",
                                      "\"\n\"",
                                      "\"\x1f\"",
                                      "\"\x80\"",
                                      "\"\xc1\xbf\"",
                                      "\"\xe0\x9f\xbf\"",
                                      "\"\xed\xa0\x80\"",
                                      "\"\xf0\x8f\xbf\xbf\"",
                                      "\"\xf4\x90\x80\x80\"",
                                      "\"\xf8\x88\x80\x80\"",
                                      "\"\xc3\"",
                                      "1}"};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (!is_value(good[i])) {
            fail_msg("%s was refused", good[i]);
        }
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (is_value(bad[i])) {
            fail_msg("%s was accepted", bad[i]);
        }
    }
}

static bool
is_nested(const char *open, const char *close, int depth)
{
    char text[512] = "";

    for (int i = 0; i < depth; i++) {
        strcat(text, open);
    }
    strcat(text, *open == '[' ? "1" : "{}");
    for (int i = 0; i < depth; i++) {
        strcat(text, close);
    }
    return is_value(text);
}

static void
nesting_is_bounded(void **state)
{
    (void)state;
    assert_true(is_nested("[", "]", PGCWI_JSON_DEPTH));
    assert_false(is_nested("[", "]", PGCWI_JSON_DEPTH + 1));
    assert_true(is_nested("{\"\":", "}", PGCWI_JSON_DEPTH - 1));
    assert_false(is_nested("{\"\":", "}", PGCWI_JSON_DEPTH));
}

static void
string_is_copied_if_it_fits(void **state)
{
    struct pgcwi_json values[2];
    char text[8] = "unharmed";
    size_t bytes;

    (void)state;
    assert_true(read_text("{\"a\":\"x\\u20acyz\",\"b\":7}", values));
    assert_false(pgcwi_json_copy_string(values[0], text, 6, &bytes));
    assert_true(pgcwi_json_copy_string(values[0], text, 7, &bytes));
    assert_int_equal(bytes, 6);
    assert_string_equal(text, "x\xe2\x82\xacyz");
    assert_false(pgcwi_json_copy_string(values[1], text, 8, &bytes));
}

static void
elements_come_one_by_one(void **state)
{
    struct pgcwi_json values[2];
    struct pgcwi_json element;

    (void)state;
    assert_true(read_text("{\"a\": [ 1 , [2,3] ,4],\"b\":{}}", values));
    assert_true(pgcwi_json_enter_array(&values[0]));
    assert_true(pgcwi_json_next_element(&values[0], &element));
    assert_int_equal(*element.at, '1');
    assert_true(pgcwi_json_next_element(&values[0], &element));
    assert_int_equal(*element.at, '[');
    assert_true(pgcwi_json_next_element(&values[0], &element));
    assert_int_equal(*element.at, '4');
    assert_false(pgcwi_json_next_element(&values[0], &element));
    assert_false(pgcwi_json_enter_array(&values[1]));
    assert_true(read_text("{\"a\":[ ]}", values));
    assert_true(pgcwi_json_enter_array(&values[0]));
    assert_false(pgcwi_json_next_element(&values[0], &element));
    assert_false(pgcwi_json_enter_array(&values[1]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_found_in_any_order_or_not_at_all),
        cmocka_unit_test(field_that_is_there_twice_is_refused),
        cmocka_unit_test(values_are_those_of_the_grammar),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(string_is_copied_if_it_fits),
        cmocka_unit_test(elements_come_one_by_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
