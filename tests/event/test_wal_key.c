/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event/wal_key.h"

enum { BOOL = 16, INET = 869, BPCHAR = 1042, TIMESTAMP = 1114, ZONED = 1184 };

/* A value in a block of its exact size. */
static struct pgcw_bytes
value_of(const char *text, size_t size)
{
    char *block = malloc(size == 0 ? 1 : size);

    assert_non_null(block);
    memcpy(block, text, size);
    return (struct pgcw_bytes){block, size};
}

static void
expect_key(const struct pgcwi_wal_key *key, const char *text, size_t size)
{
    assert_false(key->is_too_long);
    if (key->size != size || memcmp(key->text, text, size) != 0) {
        fail_msg("expected: %s\nis: %.*s", text, (int)key->size, key->text);
    }
}

/* Alone it is `text`, and beside another what `json` says. */
static void
check(uint32_t type, const char *given, const char *text, const char *json)
{
    struct pgcwi_wal_key key;
    char all[256];
    struct pgcw_bytes value = value_of(given, strlen(given));

    pgcwi_wal_key_set(&key, type, value);
    expect_key(&key, text, strlen(text));
    pgcwi_wal_key_begin(&key);
    pgcwi_wal_key_add(&key, type, value);
    pgcwi_wal_key_add(&key, type, value);
    pgcwi_wal_key_end(&key);
    (void)snprintf(all, sizeof(all), "[\"%s\", \"%s\"]", json, json);
    expect_key(&key, all, strlen(all));
    free((void *)value.data);
}

static void
types_of_the_triggers_give_keys_and_no_others(void **state)
{
    static const uint32_t types[] = {16,   17,   18,   19,   20,   21,   23,
                                     25,   26,   650,  774,  829,  869,  1042,
                                     1043, 1082, 1083, 1114, 1184, 1560, 1562,
                                     1700, 2950, 3220, 5069};
    size_t found = 0;

    (void)state;
    for (uint32_t type = 0; type < 20000; type++) {
        found += pgcwi_wal_key_has_type(type);
    }
    assert_int_equal(found, sizeof(types) / sizeof(types[0]));
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        assert_true(pgcwi_wal_key_has_type(types[i]));
    }
}

static void
values_have_the_text_that_triggers_tell(void **state)
{
    static const struct {
        uint32_t type;
        const char *given;
        const char *text;
    } cases[] = {
        {BOOL, "t", "true"},
        {BOOL, "f", "false"},
        {BOOL, "", "false"},
        {BPCHAR, "ab   ", "ab"},
        {BPCHAR, "   ", ""},
        {BPCHAR, " a b ", " a b"},
        {PGCWI_WAL_TEXT, "a  ", "a  "},
        {PGCWI_WAL_TEXT, "", ""},
        {INET, "10.0.0.1", "10.0.0.1/32"},
        {INET, "10.0.0.1/8", "10.0.0.1/8"},
        {INET, "::1", "::1/128"},
        {INET, "::1/64", "::1/64"},
        {TIMESTAMP, "2026-11-22 18:57:00.5", "2026-11-22T18:57:00.5"},
        {TIMESTAMP, "0044-03-15 01:02:03 BC", "0044-03-15T01:02:03 BC"},
        {TIMESTAMP, "-infinity", "-infinity"},
        {TIMESTAMP, "", ""},
        {ZONED, "2026-11-22 18:57:00.5+00", "2026-11-22T18:57:00.5Z"},
        {ZONED, "0044-03-15 01:02:03+00 BC", "0044-03-15T01:02:03 BCZ"},
        {ZONED, "infinity", "infinityZ"},
        {ZONED, "2026-11-22 1+", "2026-11-22T1Z"},
        {ZONED, "2026-11-22 1+0", "2026-11-22T1Z"},
        {1700, "-1.50", "-1.50"},
        {1082, "0044-03-15 BC", "0044-03-15 BC"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(cases[i].type, cases[i].given, cases[i].text, cases[i].text);
    }
}

static void
several_columns_are_escaped_as_json(void **state)
{
    (void)state;
    check(PGCWI_WAL_TEXT, "\b\f\n\r\t\"\\/", "\b\f\n\r\t\"\\/",
          "\\b\\f\\n\\r\\t\\\"\\\\/");
    check(PGCWI_WAL_TEXT, "\x01\x1f\x7f\xc3\xbc", "\x01\x1f\x7f\xc3\xbc",
          "\\u0001\\u001f\x7f\xc3\xbc");
    check(17, "\\xff", "\\xff", "\\\\xff");
}

static void
single_column_of_a_composite_key_has_no_comma(void **state)
{
    struct pgcwi_wal_key key;

    (void)state;
    pgcwi_wal_key_begin(&key);
    pgcwi_wal_key_add(&key, PGCWI_WAL_TEXT, (struct pgcw_bytes){"", 0});
    pgcwi_wal_key_add(&key, PGCWI_WAL_TEXT, (struct pgcw_bytes){"b", 1});
    pgcwi_wal_key_end(&key);
    expect_key(&key, "[\"\", \"b\"]", 9);
}

static void
key_beyond_its_limit_is_too_long(void **state)
{
    static char text[PGCWI_WAL_KEY_BYTES + 1];
    static char quotes[PGCWI_WAL_KEY_BYTES / 2];
    struct pgcwi_wal_key key;

    (void)state;
    memset(text, 'x', sizeof(text));
    memset(quotes, '"', sizeof(quotes));
    pgcwi_wal_key_set(&key, PGCWI_WAL_TEXT,
                      (struct pgcw_bytes){text, PGCWI_WAL_KEY_BYTES});
    expect_key(&key, text, PGCWI_WAL_KEY_BYTES);
    pgcwi_wal_key_set(&key, PGCWI_WAL_TEXT,
                      (struct pgcw_bytes){text, sizeof(text)});
    assert_true(key.is_too_long);
    for (size_t less = 3; less <= 4; less++) {
        pgcwi_wal_key_begin(&key);
        pgcwi_wal_key_add(
            &key, PGCWI_WAL_TEXT,
            (struct pgcw_bytes){text, PGCWI_WAL_KEY_BYTES - less});
        pgcwi_wal_key_end(&key);
        assert_int_equal(key.is_too_long, less < 4);
    }
    pgcwi_wal_key_begin(&key);
    assert_false(key.is_too_long);
    pgcwi_wal_key_add(&key, PGCWI_WAL_TEXT,
                      (struct pgcw_bytes){quotes, sizeof(quotes)});
    assert_true(key.is_too_long);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_of_the_triggers_give_keys_and_no_others),
        cmocka_unit_test(values_have_the_text_that_triggers_tell),
        cmocka_unit_test(several_columns_are_escaped_as_json),
        cmocka_unit_test(single_column_of_a_composite_key_has_no_comma),
        cmocka_unit_test(key_beyond_its_limit_is_too_long),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
