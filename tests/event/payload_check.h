/* SPDX-License-Identifier: MIT */
/* What the tests of payloads share. */
#ifndef TESTS_EVENT_PAYLOAD_CHECK_H
#define TESTS_EVENT_PAYLOAD_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "event/payload.h"

#define NOTIFY_MAX_BYTES 7999
#define GOOD_TIME "2026-11-22T18:57:00.123456+00:00"
#define GOOD_TIME_US INT64_C(1795373820123456)

static const char good[] =
    "{\"operation\" : \"insert\", \"table\" : \"orders\", "
    "\"schema\" : \"public\", \"sent_at\" : \"" GOOD_TIME "\"}";

static const struct pgcw_event good_event = {
    .operation = PGCW_INSERT,
    .channel = "c",
    .schema = "public",
    .table = "orders",
    .sent_at_us = GOOD_TIME_US,
};

/* From a block of exactly that size: a sanitizer sees a read beyond it. */
static inline bool
decode_exact(const void *payload, size_t bytes, struct pgcwi_change *change)
{
    char *block = malloc(bytes == 0 ? 1 : bytes);
    bool is_understood;

    assert_non_null(block);
    memcpy(block, payload, bytes);
    memset(change, 0x55, sizeof *change);
    is_understood =
        pgcwi_payload_decode(bytes == 0 ? block + 1 : block, bytes, change);
    free(block);
    return is_understood;
}

static inline void
assert_round_trip(const struct pgcw_event *event)
{
    struct pgcwi_change change;
    char sent_at[PGCWI_TIMESTAMP_BYTES];
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s}", "operation",
                  pgcw_operation_text(event->operation), "table", event->table,
                  "schema", event->schema, "sent_at",
                  pgcwi_timestamp_format(event->sent_at_us, sent_at));
    char *text = json_dumps(object, JSON_COMPACT);

    json_decref(object);
    assert_non_null(text);
    assert_true(strlen(text) <= NOTIFY_MAX_BYTES);
    assert_true(decode_exact(text, strlen(text), &change));
    assert_int_equal(change.operation, event->operation);
    assert_string_equal(change.schema, event->schema);
    assert_string_equal(change.table, event->table);
    assert_int_equal(change.sent_at_us, event->sent_at_us);
    free(text);
}

#endif
