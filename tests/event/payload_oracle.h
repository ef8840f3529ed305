/* SPDX-License-Identifier: MIT */
/* What a JSON library of others makes of a payload. */
#ifndef TESTS_EVENT_PAYLOAD_ORACLE_H
#define TESTS_EVENT_PAYLOAD_ORACLE_H

#include <jansson.h>
#include <string.h>

#include "event/json.h"
#include "event/payload.h"

/* Not said: ours refuses deeper nesting, jansson numbers that overflow. */
static inline bool
oracle_is_silent(const char *payload, size_t bytes)
{
    json_error_t error;
    size_t opened = 0;
    json_t *object = json_loadb(payload, bytes, 0, &error);
    bool is_overflow = object == NULL &&
                       json_error_code(&error) == json_error_numeric_overflow;

    json_decref(object);
    for (size_t i = 0; i < bytes; i++) {
        opened += payload[i] == '[' || payload[i] == '{';
    }
    return is_overflow || opened > PGCWI_JSON_DEPTH;
}

static inline bool
oracle_has_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static inline bool
oracle_has_keys(const json_t *value, const struct pgcwi_change *change)
{
    size_t count = json_array_size(value);
    bool is_same = count == change->key_count;

    for (size_t i = 0; is_same && i < count; i++) {
        const json_t *key = json_array_get(value, i);

        is_same = oracle_has_text(key, change->keys[i].data) &&
                  json_string_length(key) == change->keys[i].size;
    }
    return is_same && (value == NULL || json_is_array(value));
}

/* Whether what was decoded is what the library reads. */
static inline bool
oracle_reads(const char *payload, size_t bytes,
             const struct pgcwi_change *change)
{
    json_t *object = json_loadb(payload, bytes, 0, NULL);
    const json_t *schema = json_object_get(object, "schema");
    int64_t sent_at_us = 0;
    bool is_read =
        object != NULL &&
        oracle_has_text(json_object_get(object, "table"), change->table) &&
        oracle_has_text(json_object_get(object, "operation"),
                        pgcw_operation_text(change->operation)) &&
        (change->schema[0] == '\0' ? schema == NULL || json_is_null(schema) ||
                                         oracle_has_text(schema, "")
                                   : oracle_has_text(schema, change->schema)) &&
        pgcwi_timestamp_parse(
            json_string_value(json_object_get(object, "sent_at")),
            &sent_at_us) &&
        sent_at_us == change->sent_at_us &&
        oracle_has_keys(json_object_get(object, "keys"), change);

    json_decref(object);
    return is_read;
}

static inline bool
oracle_is_key_allowed(const json_t *value)
{
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (!json_is_string(json_array_get(value, i))) {
            return false;
        }
    }
    return value == NULL || json_is_array(value);
}

static inline bool
oracle_is_name_allowed(const json_t *value)
{
    return json_is_string(value) &&
           json_string_length(value) <= PGCWI_NAME_MAX_BYTES;
}

/* Whether the library, asked for the same fields, understands it too. */
static inline bool
oracle_understands(const char *payload, size_t bytes)
{
    json_t *object = json_loadb(payload, bytes, JSON_REJECT_DUPLICATES, NULL);
    const json_t *schema = json_object_get(object, "schema");
    const json_t *table = json_object_get(object, "table");
    const char *sent_at = json_string_value(json_object_get(object, "sent_at"));
    enum pgcw_operation operation;
    int64_t sent_at_us;
    bool is_understood =
        sent_at != NULL && pgcwi_timestamp_parse(sent_at, &sent_at_us) &&
        pgcw_operation_from_text(
            json_string_value(json_object_get(object, "operation")),
            &operation) == PGCW_OK &&
        oracle_is_name_allowed(table) && json_string_length(table) > 0 &&
        (schema == NULL || json_is_null(schema) ||
         oracle_is_name_allowed(schema)) &&
        oracle_is_key_allowed(json_object_get(object, "keys"));

    json_decref(object);
    return is_understood;
}

static inline bool
oracle_agrees(const char *payload, size_t bytes, bool is_understood,
              const struct pgcwi_change *change)
{
    /* jansson drops one that follows a number or a word */
    if (memchr(payload, '\0', bytes) != NULL) {
        return !is_understood;
    }
    if (oracle_is_silent(payload, bytes)) {
        return true;
    }
    return is_understood ? oracle_reads(payload, bytes, change)
                         : !oracle_understands(payload, bytes);
}

#endif
