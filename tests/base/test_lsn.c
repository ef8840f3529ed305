/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pgcachewatch/fill.h>

static void
what_postgresql_writes_is_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t lsn;
    } cases[] = {
        {"16/B374D848", UINT64_C(0x16B374D848)},
        {"16/b374d848", UINT64_C(0x16B374D848)},
        {"0/0", 0},
        {"0/1500000", UINT64_C(0x1500000)},
        {"FFFFFFFF/FFFFFFFF", UINT64_MAX},
        {"00000001/00000002", UINT64_C(0x100000002)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t lsn = 1;

        assert_int_equal(pgcw_lsn_from_text(cases[i].text, &lsn), PGCW_OK);
        assert_true(lsn == cases[i].lsn);
    }
}

static void
everything_else_is_refused_and_nothing_is_written(void **state)
{
    static const char *const texts[] = {
        "",      "/",     "16",          "16/",   "/16",         "16/ 1",
        " 1/1",  "1/1 ",  "1/1/1",       "g/1",   "1/g",         "-1/1",
        "+1/1",  "0x1/1", "1//1",        "1/1\n", "123456789/1", "1/123456789",
        "\xff/", "1-1",   "000000001/1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        uint64_t lsn = 42;

        assert_int_equal(pgcw_lsn_from_text(texts[i], &lsn),
                         PGCW_INVALID_ARGUMENT);
        assert_true(lsn == 42);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_postgresql_writes_is_read),
        cmocka_unit_test(everything_else_is_refused_and_nothing_is_written),
    };

    return cmocka_run_group_tests_name("lsn", tests, NULL, NULL);
}
