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

static bool
copy_fields(const json_t *object, struct pgcwi_change *change)
{
    const char *sent_at = text_of(object, "sent_at");

    return sent_at != NULL &&
           pgcwi_timestamp_parse(sent_at, &change->sent_at_us) &&
           pgcw_operation_from_text(text_of(object, "operation"),
                                    &change->operation) == PGCW_OK &&
           copy_table(object, change->table) &&
           copy_schema(object, change->schema);
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
