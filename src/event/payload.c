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

/* `text` has room for all of it. */
static bool
fill_keys(struct pgcwi_json array, struct pgcwi_change *change, char *text,
          const char *text_end)
{
    struct pgcwi_json element;

    while (pgcwi_json_next_element(&array, &element)) {
        size_t bytes;

        if (!pgcwi_json_copy_string(element, text, (size_t)(text_end - text),
                                    &bytes)) {
            return false;
        }
        change->keys[change->key_count++] = (struct pgcw_bytes){text, bytes};
        text += bytes + 1;
    }
    return true;
}

/* What is in the block is of no use any more. */
static bool
make_room(struct pgcwi_change *change, size_t bytes)
{
    if (change->keys_room_bytes >= bytes) {
        return true;
    }
    pgcwi_free(change->keys);
    change->keys = pgcwi_alloc(bytes);
    change->keys_room_bytes = change->keys != NULL ? bytes : 0;
    return change->keys != NULL;
}

/* Not there and empty are the same: any row. Something else would be a row
 * that we do not know, so it is not understood. */
static bool
copy_keys(struct pgcwi_json value, struct pgcwi_change *change)
{
    struct pgcwi_json element;
    struct pgcwi_json array = value;

    change->key_count = 0;
    if (value.at == NULL || !pgcwi_json_enter_array(&array)) {
        return value.at == NULL;
    }
    value = array;
    if (!pgcwi_json_next_element(&array, &element)) {
        return true;
    }
    /* of the payload, where a text and its quotes take more bytes than the
     * text and a terminator do here, and with a comma at least three */
    size_t text_bytes = (size_t)(value.end - value.at);
    size_t array_bytes = (text_bytes / 3 + 1) * sizeof *change->keys;

    if (!make_room(change, array_bytes + text_bytes)) {
        return false;
    }
    char *text = (char *)change->keys + array_bytes;
    return fill_keys(value, change, text, text + text_bytes);
}

static bool
copy_values(const struct pgcwi_json *values, struct pgcwi_change *change)
{
    return read_operation(values[OPERATION], &change->operation) &&
           read_time(values[SENT_AT], &change->sent_at_us) &&
           copy_table(values[TABLE], change->table) &&
           copy_schema(values[SCHEMA], change->schema) &&
           copy_keys(values[KEYS], change);
}

/* Keep what stands before the keys, if all the rest does. */
static void
remember(struct pgcwi_payload_decoder *decoder, const char *payload,
         const struct pgcwi_json *values)
{
    const char *keys = values[KEYS].at;

    for (int i = 0; i < FIELD_COUNT; i++) {
        if (keys == NULL || values[i].at == NULL || values[i].at > keys) {
            return;
        }
    }
    if ((size_t)(keys - payload) <= sizeof decoder->same) {
        decoder->same_bytes = (size_t)(keys - payload);
        memcpy(decoder->same, payload, decoder->same_bytes);
    }
}

static bool
is_like_last(const struct pgcwi_payload_decoder *decoder, const char *payload,
             size_t bytes)
{
    return decoder->same_bytes > 0 && bytes > decoder->same_bytes &&
           memcmp(payload, decoder->same, decoder->same_bytes) == 0;
}

/* What it was read as the last time is still in the change. */
static bool
decode_rest(struct pgcwi_payload_decoder *decoder, const char *payload,
            size_t bytes)
{
    struct pgcwi_json values[FIELD_COUNT];

    for (int i = 0; i < FIELD_COUNT; i++) {
        values[i] = (struct pgcwi_json){payload, payload}; /* found */
    }
    return pgcwi_json_read_on((struct pgcwi_json){payload + decoder->same_bytes,
                                                  payload + bytes},
                              field_names, FIELD_COUNT, values, KEYS) &&
           copy_keys(values[KEYS], &decoder->change);
}

static bool
decode_all(struct pgcwi_payload_decoder *decoder, const char *payload,
           size_t bytes)
{
    struct pgcwi_json values[FIELD_COUNT];

    decoder->same_bytes = 0;
    if (!pgcwi_json_read_object((struct pgcwi_json){payload, payload + bytes},
                                field_names, FIELD_COUNT, values) ||
        !copy_values(values, &decoder->change)) {
        return false;
    }
    remember(decoder, payload, values);
    return true;
}

bool
pgcwi_payload_decode_next(struct pgcwi_payload_decoder *decoder,
                          const char *payload, size_t bytes)
{
    return is_like_last(decoder, payload, bytes)
               ? decode_rest(decoder, payload, bytes)
               : decode_all(decoder, payload, bytes);
}

void
pgcwi_payload_decoder_fini(struct pgcwi_payload_decoder *decoder)
{
    pgcwi_change_fini(&decoder->change);
}

bool
pgcwi_payload_decode(const char *payload, size_t bytes,
                     struct pgcwi_change *change)
{
    struct pgcwi_json values[FIELD_COUNT];

    change->keys = NULL;
    change->keys_room_bytes = 0;
    if (pgcwi_json_read_object((struct pgcwi_json){payload, payload + bytes},
                               field_names, FIELD_COUNT, values) &&
        copy_values(values, change)) {
        return true;
    }
    pgcwi_change_fini(change);
    return false;
}

void
pgcwi_change_fini(struct pgcwi_change *change)
{
    pgcwi_free(change->keys);
}
