/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "listener/rejection.h"

static struct pgcw_error error;

static void
verbose_text_in_any_language_has_its_sqlstate_and_loses_the_rest(void **state)
{
    (void)state;
    assert_int_equal(
        pgcwi_rejection_set_text(
            &error,
            "Verbindung fehlgeschlagen: FATAL:  28P01: Passwort falsch\n"
            "ORT:  auth_failed, auth.c:335\n",
            1),
        PGCW_REFUSED);
    assert_string_equal(error.sqlstate, "28P01");
    assert_string_equal(error.detail,
                        "Verbindung fehlgeschlagen: FATAL: Passwort falsch "
                        "(check the password in dsn, PGPASSWORD or the "
                        "password file)");
}

static void
text_without_a_code_may_pass(void **state)
{
    static const char *const texts[] = {
        "could not connect: Connection refused\n\tIs it there?\n",
        "FATAL:  no code here\n",
        "FATAL:  28p01: small letters\n",
        "FATAL:  28P0: short\n",
        "FATAL:  28P01",
        ":  ",
        "",
        "\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(pgcwi_rejection_set_text(&error, texts[i], 1),
                         PGCW_DISCONNECTED);
        assert_string_equal(error.sqlstate, "");
        assert_true(error.detail[0] != '\0');
    }
}

static void
what_passes_by_itself_is_disconnected(void **state)
{
    static const char *const codes[] = {"57P03", "57P01", "53300", "08006",
                                        "53200", "58000", "XX000"};
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        (void)snprintf(text, sizeof(text), "FATAL:  %s: not now\n", codes[i]);
        assert_int_equal(pgcwi_rejection_set_text(&error, text, 1),
                         PGCW_DISCONNECTED);
        assert_string_equal(error.sqlstate, codes[i]);
    }
}

static void
all_hosts_must_refuse(void **state)
{
    static const char both[] = "a: FATAL:  28000: no\nb: FATAL:  3D000: no\n";
    static const char one[] = "a: refused\nb: FATAL:  28000: no\n";

    (void)state;
    assert_int_equal(pgcwi_rejection_set_text(&error, both, 2), PGCW_REFUSED);
    assert_int_equal(pgcwi_rejection_set_text(&error, one, 2),
                     PGCW_DISCONNECTED);
}

static void
pooler_that_passes_no_replication_on_is_told(void **state)
{
    static const char pooler[] =
        "FATAL:  08P01: unsupported startup parameter: replication\n";
    static const char other[] = "FATAL:  08P01: query_wait_timeout\n";
    static const char one[] =
        "a: FATAL:  08P01: unsupported startup parameter: replication\n"
        "b: refused\n";

    (void)state;
    assert_int_equal(pgcwi_rejection_set_text(&error, pooler, 1), PGCW_REFUSED);
    assert_non_null(strstr(error.detail, "a pooler is between"));
    assert_int_equal(pgcwi_rejection_set_text(&error, other, 1),
                     PGCW_DISCONNECTED);
    assert_int_equal(pgcwi_rejection_set_text(&error, one, 2),
                     PGCW_DISCONNECTED);
}

static void
long_words_are_cut_and_the_way_out_stays(void **state)
{
    char text[3000];

    (void)state;
    (void)snprintf(text, sizeof(text), "FATAL:  25006: %02000d\n", 0);
    assert_int_equal(pgcwi_rejection_set_text(&error, text, 1), PGCW_REFUSED);
    assert_non_null(strstr(error.detail, "=read-write)"));
    assert_true(strlen(error.detail) < sizeof(error.detail));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            verbose_text_in_any_language_has_its_sqlstate_and_loses_the_rest),
        cmocka_unit_test(text_without_a_code_may_pass),
        cmocka_unit_test(what_passes_by_itself_is_disconnected),
        cmocka_unit_test(all_hosts_must_refuse),
        cmocka_unit_test(pooler_that_passes_no_replication_on_is_told),
        cmocka_unit_test(long_words_are_cut_and_the_way_out_stays),
    };

    return cmocka_run_group_tests_name("rejection", tests, NULL, NULL);
}
