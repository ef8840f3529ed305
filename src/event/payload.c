/* SPDX-License-Identifier: MIT */
/* What NOTIFY brought: JSON, from a trigger or from anybody (P10). */
#include "event/payload.h"

#include <string.h>

#include "base/alloc.h"
#include "event/json.h"

#define LONGEST_OPERATION_BYTES 16
#define LONGEST_TIME_BYTES 64

enum field { OPERATION, TABLE, SENT_AT, SCHEMA, KEYS, FIELD_COUNT };

static const char *const field_names[FIELD_COUNT] = {
    [OPERATION] = "operation", [TABLE] = "table", [SENT_AT] = "sent_at",
    [SCHEMA] = "schema",       [KEYS] = "keys",
};

static bool
read_operation(struct pgcwi_json value, enum pgcw_operation *operation)
{
    char text[LONGEST_OPERATION_BYTES];
    size_t bytes;

    return pgcwi_json_copy_string(value, text, sizeof text, &bytes) &&
           pgcw_operation_from_text(text, operation) == PGCW_OK;
}

static bool
read_time(struct pgcwi_json value, int64_t *time_us)
{
    char text[LONGEST_TIME_BYTES];
    size_t bytes;

    return pgcwi_json_copy_string(value, text, sizeof text, &bytes) &&
           pgcwi_timestamp_parse(text, time_us);
}

static bool
copy_table(struct pgcwi_json value, char table[PGCWI_NAME_BYTES])
{
    size_t bytes;

    return pgcwi_json_copy_string(value, table, PGCWI_NAME_BYTES, &bytes) &&
           bytes > 0;
}

/* Not there, null and empty are the same. */
static bool
copy_schema(struct pgcwi_json value, char schema[PGCWI_NAME_BYTES])
{
    size_t bytes;

    schema[0] = '\0';
    return value.at == NULL || pgcwi_json_is_null(value) ||
           pgcwi_json_copy_string(value, schema, PGCWI_NAME_BYTES, &bytes);
}

/* How many elements there are, and the end of the last. */
static size_t
count_elements(struct pgcwi_json array, const char **end)
{
    struct pgcwi_json element;
    size_t count = 0;

    while (pgcwi_json_next_element(&array, &element)) {
        count++;
    }
    *end = array.at;
    return count;
}

static bool
fill_keys(struct pgcwi_json array, struct pgcwi_change *change, char *text,
          const char *text_end)
{
    struct pgcwi_json element;

    for (size_t i = 0; pgcwi_json_next_element(&array, &element); i++) {
        size_t bytes;

        if (!pgcwi_json_copy_string(element, text, (size_t)(text_end - text),
                                    &bytes)) {
            return false;
        }
        change->keys[i] = (struct pgcw_bytes){text, bytes};
        text += bytes + 1;
    }
    return true;
}

/* Not there and empty are the same: any row. Something else would be a row
 * that we do not know, so it is not understood. */
static bool
copy_keys(struct pgcwi_json value, struct pgcwi_change *change)
{
    const char *end;

    change->keys = NULL;
    change->key_count = 0;
    if (value.at == NULL || !pgcwi_json_enter_array(&value)) {
        return value.at == NULL;
    }
    change->key_count = count_elements(value, &end);
    if (change->key_count == 0) {
        return true;
    }
    /* of the payload, where a text and its quotes take more bytes than the
     * text and a terminator do here */
    size_t text_bytes = (size_t)(end - value.at);
    size_t array_bytes = change->key_count * sizeof *change->keys;
    char *block = pgcwi_alloc(array_bytes + text_bytes);

    change->keys = (struct pgcw_bytes *)(void *)block;
    if (block != NULL && fill_keys(value, change, block + array_bytes,
                                   block + array_bytes + text_bytes)) {
        return true;
    }
    pgcwi_free(block);
    return false;
}

bool
pgcwi_payload_decode(const char *payload, size_t bytes,
                     struct pgcwi_change *change)
{
    struct pgcwi_json text = {payload, payload + bytes};
    struct pgcwi_json values[FIELD_COUNT];

    return pgcwi_json_read_object(text, field_names, FIELD_COUNT, values) &&
           read_operation(values[OPERATION], &change->operation) &&
           read_time(values[SENT_AT], &change->sent_at_us) &&
           copy_table(values[TABLE], change->table) &&
           copy_schema(values[SCHEMA], change->schema) &&
           copy_keys(values[KEYS], change);
}

void
pgcwi_change_fini(struct pgcwi_change *change)
{
    pgcwi_free(change->keys);
}
