/* SPDX-License-Identifier: MIT */
/* Random payloads: the seed is printed, PGCW_SEED gives it again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "event/payload.h"
#include "event/payload_check.h"
#include "event/payload_oracle.h"

static uint64_t random_state;

static uint32_t
random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32) % limit;
}

static void
seed_random(void)
{
    const char *given = getenv("PGCW_SEED");
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    random_state = given != NULL
                       ? strtoull(given, NULL, 10)
                       : (uint64_t)now.tv_sec * 1000003 + (uint64_t)now.tv_nsec;
    random_state |= 1;
    print_message("PGCW_SEED=%" PRIu64 "\n", random_state);
}

static void
random_name(char name[PGCWI_NAME_BYTES])
{
    static const char *const pieces[] = {
        "a",    "Z",      "_", " ",      "\"", "\\",         "/", "\n",
        "\x01", "\u00e9", "'", "\u20ac", "{",  "\U0001f418", ".", "\x7f"};
    size_t length = 0;
    uint32_t piece_count = 1 + random_below(63);

    for (uint32_t i = 0; i < piece_count; i++) {
        const char *piece = pieces[random_below(16)];

        if (length + strlen(piece) > PGCWI_NAME_MAX_BYTES) {
            break;
        }
        memcpy(name + length, piece, strlen(piece));
        length += strlen(piece);
    }
    name[length] = '\0';
}

static void
any_event_comes_back_from_its_payload(void **state)
{
    static const enum pgcw_operation all[] = {PGCW_INSERT, PGCW_UPDATE,
                                              PGCW_DELETE, PGCW_TRUNCATE};
    char schema[PGCWI_NAME_BYTES];
    char table[PGCWI_NAME_BYTES];
    struct pgcw_event event = good_event;

    (void)state;
    seed_random();
    for (int i = 0; i < 5000; i++) {
        random_name(schema);
        random_name(table);
        event.operation = all[random_below(4)];
        event.schema = random_below(4) == 0 ? "" : schema;
        event.table = table;
        event.sent_at_us = (int64_t)random_below(UINT32_MAX) * 1000003 -
                           INT64_C(2000000000000000);
        assert_round_trip(&event);
    }
}

enum { MUTANT_BYTES = 4 * sizeof good };

/* One change: a byte replaced, removed, put in, or the end cut off. */
static size_t
mutate(char text[MUTANT_BYTES], size_t length)
{
    static const char telling[] = "{}[]\":,\\u0 -+.eE\n\x00\x7f\x80\xff";
    size_t at = random_below((uint32_t)length);
    char byte = random_below(2) == 0 ? (char)random_below(256)
                                     : telling[random_below(sizeof telling)];

    switch (random_below(8)) {
    case 0:
        return at;
    case 1:
    case 2:
        memmove(text + at, text + at + 1, length - at - 1);
        return length - 1;
    case 3:
    case 4:
        memmove(text + at + 1, text + at, length - at);
        text[at] = byte;
        return length + 1;
    default:
        text[at] = byte;
        return length;
    }
}

static void
assert_sound(const struct pgcwi_change *change)
{
    struct pgcw_event event = {
        .operation = change->operation,
        .channel = "c",
        .schema = change->schema,
        .table = change->table,
        .sent_at_us = change->sent_at_us,
    };

    assert_true(pgcwi_name_is_valid(change->table));
    assert_in_range(strnlen(change->schema, PGCWI_NAME_BYTES), 0,
                    PGCWI_NAME_MAX_BYTES);
    assert_string_not_equal(pgcw_operation_text(change->operation), "unknown");
    assert_round_trip(&event);
    assert_int_equal(change->keys == NULL, change->key_count == 0);
    for (size_t i = 0; i < change->key_count; i++) {
        assert_int_equal(strlen(change->keys[i].data), change->keys[i].size);
    }
}

/* From a block of exactly that size, as decode_exact(). */
static bool
decode_next_exact(struct pgcwi_payload_decoder *decoder, const char *payload,
                  size_t bytes)
{
    char *block = malloc(bytes + 1);

    assert_non_null(block);
    memcpy(block + 1, payload, bytes);
    bool is_understood = pgcwi_payload_decode_next(decoder, block + 1, bytes);
    free(block);
    return is_understood;
}

/* Whatever was decoded before it, the one and the other read the same. */
static void
assert_decoder_agrees(struct pgcwi_payload_decoder *decoder, const char *text,
                      size_t length, bool is_understood,
                      const struct pgcwi_change *change)
{
    const struct pgcwi_change *next = &decoder->change;

    assert_int_equal(decode_next_exact(decoder, text, length), is_understood);
    if (!is_understood) {
        return;
    }
    assert_int_equal(next->operation, change->operation);
    assert_string_equal(next->schema, change->schema);
    assert_string_equal(next->table, change->table);
    assert_int_equal(next->sent_at_us, change->sent_at_us);
    assert_int_equal(next->key_count, change->key_count);
    for (size_t i = 0; i < change->key_count; i++) {
        assert_int_equal(next->keys[i].size, change->keys[i].size);
        assert_memory_equal(next->keys[i].data, change->keys[i].data,
                            change->keys[i].size + 1);
    }
}

static void
mutate_and_check(const char *from, size_t from_length)
{
    struct pgcwi_payload_decoder decoder = {.same_bytes = 0};
    int understood_count = 0;

    seed_random();
    for (int i = 0; i < 50000; i++) {
        struct pgcwi_change change;
        char text[MUTANT_BYTES];
        size_t length = from_length;

        memcpy(text, from, from_length);
        for (uint32_t left = 1 + random_below(4); left > 0 && length > 0;
             left--) {
            length = mutate(text, length);
        }
        bool is_understood = decode_exact(text, length, &change);
        if (!oracle_agrees(text, length, is_understood, &change)) {
            fail_msg("%s, unlike by jansson: %.*s",
                     is_understood ? "understood" : "refused", (int)length,
                     text);
        }
        if (i % 2 == 0) { /* else behind the mutant before */
            (void)decode_next_exact(&decoder, from, from_length);
        }
        assert_decoder_agrees(&decoder, text, length, is_understood, &change);
        if (is_understood) {
            assert_sound(&change);
            pgcwi_change_fini(&change);
            understood_count++;
        }
    }
    pgcwi_payload_decoder_fini(&decoder);
    /* some hit a name or a space only; if none did, nothing was tried */
    assert_true(understood_count > 100);
}

static void
mutants_are_refused_or_sound(void **state)
{
    (void)state;
    mutate_and_check(good, sizeof good - 1);
}

static void
mutants_with_keys_are_refused_or_sound(void **state)
{
    static const char keyed[] =
        "{\"keys\":[\"1\",\"[\\\"a\\\", \\\"b\\\"]\",\"\",\"\\u00e9\"],"
        "\"operation\":\"delete\",\"table\":\"t\",\"sent_at\":"
        "\"" GOOD_TIME "\"}";

    (void)state;
    mutate_and_check(keyed, sizeof keyed - 1);
}

/* What the decoder does not read again is what stands before the keys. */
static void
mutants_with_keys_at_the_end_are_refused_or_sound(void **state)
{
    static const char keyed[] =
        "{\"operation\":\"delete\",\"table\":\"t\",\"schema\":\"s\","
        "\"sent_at\":\"" GOOD_TIME "\",\"keys\":[\"1\",\"\\u00e9\",\"\"],"
        "\"more\":1}";

    (void)state;
    mutate_and_check(keyed, sizeof keyed - 1);
}

static void
mutants_with_other_fields_are_refused_or_sound(void **state)
{
    static const char more[] =
        "{ \"more\" : {\"a\":[1,-2.50e+3,0,true,[ ],{\"b\":false}],\"c\":{}},"
        "\"\\u0074able\":\"\\ud83d\\ude00\xc3\xa9\xe2\x82\xac\\n\","
        "\"operation\":\"update\",\"schema\":null,\"sent_at\":"
        "\"" GOOD_TIME "\"\r\n}\t";

    (void)state;
    mutate_and_check(more, sizeof more - 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_event_comes_back_from_its_payload),
        cmocka_unit_test(mutants_are_refused_or_sound),
        cmocka_unit_test(mutants_with_keys_are_refused_or_sound),
        cmocka_unit_test(mutants_with_keys_at_the_end_are_refused_or_sound),
        cmocka_unit_test(mutants_with_other_fields_are_refused_or_sound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
