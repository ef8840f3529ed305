/* SPDX-License-Identifier: MIT */
/*
 * What NOTIFY brought: JSON, from a trigger or from anybody (P10).
 *
 * jansson refuses what is not strict JSON in UTF-8, and strings with a NUL;
 * what it allows is bounded by the size of a NOTIFY.
 */
#include "event/payload.h"

#include <jansson.h>
#include <string.h>

#include "base/alloc.h"

/* A string that is there; NULL otherwise. */
static const char *
text_of(const json_t *object, const char *field)
{
    return json_string_value(json_object_get(object, field));
}

static bool
copy_table(const json_t *object, char table[PGCWI_NAME_BYTES])
{
    const char *text = text_of(object, "table");

    if (!pgcwi_name_is_valid(text)) {
        return false;
    }
    memcpy(table, text, strlen(text) + 1);
    return true;
}

/* Not there, null and empty are the same. */
static bool
copy_schema(const json_t *object, char schema[PGCWI_NAME_BYTES])
{
    const json_t *field = json_object_get(object, "schema");
    const char *text = json_string_value(field);

    if (field == NULL || json_is_null(field)) {
        text = "";
    }
    if (text == NULL || strlen(text) > PGCWI_NAME_MAX_BYTES) {
        return false;
    }
    memcpy(schema, text, strlen(text) + 1);
    return true;
}

/* The bytes of the text of all, each with a terminator; 0 if one is no
 * string. */
static size_t
measure_keys(const json_t *array)
{
    size_t bytes = 0;

    for (size_t i = 0; i < json_array_size(array); i++) {
        const json_t *key = json_array_get(array, i);

        if (!json_is_string(key)) {
            return 0;
        }
        bytes += json_string_length(key) + 1;
    }
    return bytes;
}

static void
fill_keys(const json_t *array, struct pgcwi_change *change)
{
    char *text = (char *)&change->keys[change->key_count];

    for (size_t i = 0; i < change->key_count; i++) {
        const json_t *key = json_array_get(array, i);
        size_t bytes = json_string_length(key);

        memcpy(text, json_string_value(key), bytes + 1);
        change->keys[i] = (struct pgcw_bytes){text, bytes};
        text += bytes + 1;
    }
}

/* Not there and empty are the same: any row. Something else would be a row
 * that we do not know, so it is not understood. */
static bool
copy_keys(const json_t *object, struct pgcwi_change *change)
{
    const json_t *array = json_object_get(object, "keys");
    size_t bytes;

    change->keys = NULL;
    change->key_count = json_array_size(array);
    if (change->key_count == 0) {
        return array == NULL || json_is_array(array);
    }
    bytes = measure_keys(array);
    if (bytes == 0) {
        return false;
    }
    /* each is some bytes of the payload, so that this cannot overflow */
    change->keys =
        pgcwi_alloc(change->key_count * sizeof *change->keys + bytes);
    if (change->keys == NULL) {
        return false;
    }
    fill_keys(array, change);
    return true;
}

static bool
copy_fields(const json_t *object, struct pgcwi_change *change)
{
    const char *sent_at = text_of(object, "sent_at");

    return sent_at != NULL &&
           pgcwi_timestamp_parse(sent_at, &change->sent_at_us) &&
           pgcw_operation_from_text(text_of(object, "operation"),
                                    &change->operation) == PGCW_OK &&
           copy_table(object, change->table) &&
           copy_schema(object, change->schema) && copy_keys(object, change);
}

bool
pgcwi_payload_decode(const char *payload, size_t bytes,
                     struct pgcwi_change *change)
{
    json_t *object = json_loadb(payload, bytes, JSON_REJECT_DUPLICATES, NULL);
    bool is_understood = object != NULL && copy_fields(object, change);

    json_decref(object);
    return is_understood;
}

void
pgcwi_change_fini(struct pgcwi_change *change)
{
    pgcwi_free(change->keys);
}
