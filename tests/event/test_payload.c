/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "event/payload.h"
#include "event/payload_check.h"

static bool
decode_text(const char *text, struct pgcwi_change *change)
{
    return decode_exact(text, strlen(text), change);
}

static void
payload_of_the_python_library_is_understood(void **state)
{
    struct pgcwi_change change;

    (void)state;
    assert_true(decode_text(
        "{\"channel\":\"ch_pgcachewatch_table_change\","
        "\"operation\":\"update\","
        "\"sent_at\":\"2024-01-31T12:00:00.123456Z\",\"table\":\"t\","
        "\"received_at\":\"2024-01-31T12:00:00.123500Z\"}",
        &change));
    assert_int_equal(change.operation, PGCW_UPDATE);
    assert_string_equal(change.schema, "");
    assert_string_equal(change.table, "t");
    assert_int_equal(change.sent_at_us, INT64_C(1706702400123456));
}

static void
payload_of_the_triggers_is_understood(void **state)
{
    struct pgcwi_change change;

    (void)state;
    assert_true(decode_text("{\"operation\" : \"truncate\", \"table\" : "
                            "\"orders\", \"sent_at\" : \"" GOOD_TIME "\"}",
                            &change));
    assert_int_equal(change.operation, PGCW_TRUNCATE);
    assert_string_equal(change.schema, "");
    assert_true(decode_text(good, &change));
    assert_int_equal(change.operation, PGCW_INSERT);
    assert_string_equal(change.schema, "public");
    assert_string_equal(change.table, "orders");
    assert_int_equal(change.sent_at_us, GOOD_TIME_US);
}

static void
schema_may_be_absent_null_or_empty(void **state)
{
    static const char *const fields[] = {"", "\"schema\":null,",
                                         "\"schema\":\"\","};
    struct pgcwi_change change;
    char text[256];

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        (void)snprintf(text, sizeof text,
                       "{%s\"operation\":\"delete\",\"table\":\"t\","
                       "\"sent_at\":\"" GOOD_TIME "\"}",
                       fields[i]);
        assert_true(decode_text(text, &change));
        assert_string_equal(change.schema, "");
    }
}

static bool
decode_names(const char *schema, const char *table, struct pgcwi_change *change)
{
    char text[1024];

    (void)snprintf(text, sizeof text,
                   "{\"operation\":\"delete\",\"table\":\"%s\","
                   "\"schema\":\"%s\",\"sent_at\":\"" GOOD_TIME "\"}",
                   table, schema);
    return decode_text(text, change);
}

static void
names_have_at_most_63_bytes(void **state)
{
    struct pgcwi_change change;
    char name[65];

    (void)state;
    memset(name, 'n', sizeof name);
    name[63] = '\0';
    assert_true(decode_names(name, name, &change));
    assert_string_equal(change.schema, name);
    assert_string_equal(change.table, name);
    name[63] = 'n';
    name[64] = '\0';
    assert_false(decode_names(name, "t", &change));
    assert_false(decode_names("s", name, &change));
    assert_false(decode_names("s", "", &change));
}

static void
escapes_in_names_are_decoded(void **state)
{
    struct pgcwi_change change;

    (void)state;
    assert_true(
        decode_names("\\u00e9\\ud83d\\udc18", "a\\\"b\\\\c\\nd", &change));
    assert_string_equal(change.schema, "\u00e9\U0001f418");
    assert_string_equal(change.table, "a\"b\\c\nd");
}

/* The keys of a payload with this field, one behind the other. */
static bool
decode_keys(const char *field, char all[256], size_t *key_count)
{
    struct pgcwi_change change;
    char text[1024];

    (void)snprintf(text, sizeof text,
                   "{\"operation\":\"update\",\"table\":\"t\",\"keys\":%s,"
                   "\"sent_at\":\"" GOOD_TIME "\"}",
                   field);
    if (!decode_text(text, &change)) {
        return false;
    }
    *key_count = change.key_count;
    assert_int_equal(change.keys == NULL, change.key_count == 0);
    all[0] = '\0';
    for (size_t i = 0; i < change.key_count; i++) {
        const struct pgcw_bytes *key = &change.keys[i];

        assert_int_equal(strlen(key->data), key->size);
        strcat(all, key->data);
        strcat(all, ";");
    }
    pgcwi_change_fini(&change);
    return true;
}

static void
keys_are_texts_of_any_form(void **state)
{
    size_t key_count;
    char all[256];

    (void)state;
    assert_true(decode_keys("[\"1\"]", all, &key_count));
    assert_int_equal(key_count, 1);
    assert_string_equal(all, "1;");
    assert_true(decode_keys(
        "[\"\", \"[\\\"1\\\", \\\"x\\\"]\",\"\\n\\u00e9\\ud83d\\udc18\"]", all,
        &key_count));
    assert_int_equal(key_count, 3);
    assert_string_equal(all, ";[\"1\", \"x\"];\n\u00e9\U0001f418;");
}

static void
no_keys_are_any_row(void **state)
{
    struct pgcwi_change change;
    size_t key_count;
    char all[256];

    (void)state;
    assert_true(decode_keys("[]", all, &key_count));
    assert_int_equal(key_count, 0);
    assert_true(decode_text(good, &change));
    assert_null(change.keys);
    assert_int_equal(change.key_count, 0);
}

static void
keys_that_are_no_array_of_texts_are_refused(void **state)
{
    static const char *const fields[] = {"null",
                                         "\"1\"",
                                         "1",
                                         "{}",
                                         "{\"0\":\"1\"}",
                                         "[1]",
                                         "[null]",
                                         "[\"1\",2]",
                                         "[[\"1\"]]",
                                         "[\"1\",{}]",
                                         "[\"a\\u0000b\"]",
                                         "[\"\\ud83d\"]",
                                         "[\"1\",]",
                                         "[\"1\"],\"keys\":[]",
                                         "[true]"};
    size_t key_count;
    char all[256];

    (void)state;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (decode_keys(fields[i], all, &key_count)) {
            fail_msg("%s was understood", fields[i]);
        }
    }
}

static void
most_keys_of_a_notify_are_decoded(void **state)
{
    struct pgcwi_change change;
    char text[NOTIFY_MAX_BYTES + 1];
    size_t length;
    size_t count = 0;

    (void)state;
    memcpy(text, good, sizeof good);
    length = sizeof good - 2; /* without the brace */
    length += (size_t)sprintf(text + length, ",\"keys\":[\"\"");
    for (count = 1; length + 5 < sizeof text; count++) {
        length += (size_t)sprintf(text + length, ",\"\"");
    }
    strcpy(text + length, "]}");
    assert_true(decode_text(text, &change));
    assert_int_equal(change.key_count, count);
    assert_true(count > 2500);
    assert_int_equal(change.keys[count - 1].size, 0);
    pgcwi_change_fini(&change);
    text[length] = '\0';
    assert_false(decode_text(text, &change));
}

static void
keys_without_memory_are_a_refusal(void **state)
{
    size_t key_count;
    char all[256];

    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_false(decode_keys("[\"1\",\"2\"]", all, &key_count));
    assert_true(pgcwi_alloc_has_failed());
    pgcwi_alloc_fail_nth(0);
}

static size_t
read_file(const char *path, char *content, size_t most)
{
    FILE *file = fopen(path, "rb");
    size_t bytes;

    if (file == NULL) {
        fail_msg("%s cannot be read", path);
    }
    bytes = fread(content, 1, most, file);
    (void)fclose(file);
    return bytes;
}

/* The first word of a file's name says what shall become of it. */
static void
check_file(const char *name, bool is_accepted)
{
    struct pgcwi_change change;
    char path[4096];
    char content[16384];

    (void)snprintf(path, sizeof path, "%s/%s", CORPUS, name);
    if (decode_exact(content, read_file(path, content, sizeof content),
                     &change) != is_accepted) {
        fail_msg("%s was not", name);
    }
    if (is_accepted) {
        pgcwi_change_fini(&change);
    }
}

static void
every_payload_of_the_corpus_is_accepted_or_refused_as_named(void **state)
{
    DIR *corpus = opendir(CORPUS);
    struct dirent *entry;
    int accepted_count = 0;
    int refused_count = 0;

    (void)state;
    assert_non_null(corpus);
    while ((entry = readdir(corpus)) != NULL) {
        if (strncmp(entry->d_name, "accepted-", 9) == 0) {
            check_file(entry->d_name, true);
            accepted_count++;
        } else if (strncmp(entry->d_name, "refused-", 8) == 0) {
            check_file(entry->d_name, false);
            refused_count++;
        }
    }
    (void)closedir(corpus);
    assert_true(accepted_count >= 5);
    assert_true(refused_count >= 20);
}

static void
every_prefix_of_a_payload_is_refused(void **state)
{
    struct pgcwi_change change;

    (void)state;
    for (size_t length = 0; length < sizeof good - 1; length++) {
        assert_false(decode_exact(good, length, &change));
    }
    assert_true(decode_exact(good, sizeof good - 1, &change));
}

static void
what_follows_a_payload_is_refused(void **state)
{
    struct pgcwi_change change;
    char text[sizeof good + 1];

    (void)state;
    memcpy(text, good, sizeof good);
    /* the terminator itself is one byte too many */
    assert_false(decode_exact(text, sizeof good, &change));
    text[sizeof good - 1] = '}';
    assert_false(decode_exact(text, sizeof good, &change));
    text[sizeof good - 1] = '\n';
    assert_true(decode_exact(text, sizeof good, &change));
}

static void
nul_anywhere_is_refused(void **state)
{
    struct pgcwi_change change;
    char text[sizeof good];

    (void)state;
    for (size_t i = 0; i < sizeof good - 1; i++) {
        memcpy(text, good, sizeof good);
        text[i] = '\0';
        assert_false(decode_exact(text, sizeof good - 1, &change));
    }
    assert_false(decode_names("s", "a\\u0000b", &change));
    assert_false(decode_names("a\\u0000b", "t", &change));
}

static void
deep_nesting_is_refused_or_ignored_but_harmless(void **state)
{
    const size_t depth = 1000000;
    char *text = malloc(2 * depth);
    struct pgcwi_change change;
    char prefix[] = "{\"more\":";

    (void)state;
    assert_non_null(text);
    memset(text, '[', 2 * depth);
    assert_false(decode_exact(text, depth, &change));
    memset(text + depth, ']', depth);
    assert_false(decode_exact(text, 2 * depth, &change));
    for (size_t i = 0; i + sizeof prefix <= 2 * depth; i += sizeof prefix - 1) {
        memcpy(text + i, prefix, sizeof prefix - 1);
    }
    assert_false(decode_exact(text, 2 * depth, &change));
    free(text);
}

static void
huge_payload_with_what_is_needed_is_understood(void **state)
{
    enum { BYTES = 1 << 20 };
    char *text = malloc(sizeof good + BYTES + 64);
    struct pgcwi_change change;
    int length;

    (void)state;
    assert_non_null(text);
    length = sprintf(text, "{\"more\":\"");
    memset(text + length, 'x', BYTES);
    memcpy(text + length + BYTES, "\",", 2);
    memcpy(text + length + BYTES + 2, good + 1, sizeof good - 1);
    assert_true(decode_text(text, &change));
    assert_string_equal(change.table, "orders");
    free(text);
}

static void
payload_without_keys_is_understood_without_memory(void **state)
{
    struct pgcwi_change change;

    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_true(decode_text(good, &change));
    assert_false(pgcwi_alloc_has_failed());
    pgcwi_alloc_fail_nth(0);
}

static void
longest_names_with_most_escapes_fit_into_a_notify(void **state)
{
    struct pgcw_event event = good_event;
    char name[PGCWI_NAME_BYTES] = {0};

    (void)state;
    event.schema = name;
    event.table = name;
    for (int byte = 1; byte < 0x80; byte++) {
        memset(name, byte, PGCWI_NAME_MAX_BYTES);
        assert_round_trip(&event);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payload_of_the_python_library_is_understood),
        cmocka_unit_test(payload_of_the_triggers_is_understood),
        cmocka_unit_test(schema_may_be_absent_null_or_empty),
        cmocka_unit_test(names_have_at_most_63_bytes),
        cmocka_unit_test(escapes_in_names_are_decoded),
        cmocka_unit_test(keys_are_texts_of_any_form),
        cmocka_unit_test(no_keys_are_any_row),
        cmocka_unit_test(keys_that_are_no_array_of_texts_are_refused),
        cmocka_unit_test(most_keys_of_a_notify_are_decoded),
        cmocka_unit_test(keys_without_memory_are_a_refusal),
        cmocka_unit_test(
            every_payload_of_the_corpus_is_accepted_or_refused_as_named),
        cmocka_unit_test(every_prefix_of_a_payload_is_refused),
        cmocka_unit_test(what_follows_a_payload_is_refused),
        cmocka_unit_test(nul_anywhere_is_refused),
        cmocka_unit_test(deep_nesting_is_refused_or_ignored_but_harmless),
        cmocka_unit_test(huge_payload_with_what_is_needed_is_understood),
        cmocka_unit_test(payload_without_keys_is_understood_without_memory),
        cmocka_unit_test(longest_names_with_most_escapes_fit_into_a_notify),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
