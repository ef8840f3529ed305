/* SPDX-License-Identifier: MIT */
/* Sends an event by hand. */
#include <string.h>

#include <libpq-fe.h>

#include <pgcachewatch/event.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/name.h"
#include "base/status.h"
#include "event/timestamp.h"
#include "listener/refusal.h"

/* The server writes the JSON, so that the text is in its encoding, and the
 * transaction's start by its clock is at hand. */
#define PAYLOAD                                                               \
    "pg_catalog.json_strip_nulls("                                            \
    "pg_catalog.json_build_object('operation', $2::text, 'table', $3::text, " \
    "'sent_at', coalesce($4::timestamptz, pg_catalog.now()), "                \
    "'schema', nullif($5::text, ''), 'keys', $6::text[]))::text"

static const char notify_statement[] =
    "SELECT pg_catalog.pg_notify($1::text, " PAYLOAD ")";

/* A notification is converted for who hears it; a message is not. */
static const char wal_statement[] =
    "SELECT pg_catalog.pg_logical_emit_message(true, $1::text, "
    "pg_catalog.convert_to(" PAYLOAD ", 'UTF8'))";

static enum pgcw_status
check(const struct pgcw_event *event, struct pgcw_error *error)
{
    if (!pgcwi_name_is_valid(event->channel)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "channel: a name of 1 to %d bytes is needed",
                               PGCWI_NAME_MAX_BYTES);
    }
    if (!pgcwi_name_is_valid(event->table)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "table: a name of 1 to %d bytes is needed",
                               PGCWI_NAME_MAX_BYTES);
    }
    if (event->schema != NULL && strlen(event->schema) > PGCWI_NAME_MAX_BYTES) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "schema: at most %d bytes are possible",
                               PGCWI_NAME_MAX_BYTES);
    }
    if (strcmp(pgcw_operation_text(event->operation), "unknown") == 0) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "operation: %d is none", (int)event->operation);
    }
    for (size_t i = 0; i < event->key_count; i++) {
        const struct pgcw_bytes *key = &event->keys[i];

        if (key->size > 0 && memchr(key->data, '\0', key->size) != NULL) {
            return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                                   "keys: a key has a NUL in it");
        }
    }
    return PGCW_OK;
}

static enum pgcw_status
emit(PGconn *connection, const char *statement, const struct pgcw_event *event,
     struct pgcw_error *error)
{
    char sent_at[PGCWI_TIMESTAMP_BYTES];
    const char *values[6] = {0};
    char *keys = NULL;
    PGresult *result;
    enum pgcw_status status = check(event, error);

    if (status != PGCW_OK) {
        return status;
    }
    if (event->key_count > 0) {
        keys = pgcwi_array_text(event->keys, event->key_count);
        if (keys == NULL) {
            return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for keys");
        }
    }
    values[0] = event->channel;
    values[1] = pgcw_operation_text(event->operation);
    values[2] = event->table;
    values[3] = event->sent_at_us == 0
                    ? NULL
                    : pgcwi_timestamp_format(event->sent_at_us, sent_at);
    values[4] = event->schema;
    values[5] = keys;
    result =
        PQexecParams(connection, statement, 6, NULL, values, NULL, NULL, 0);
    pgcwi_free(keys);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        status = pgcwi_refusal_set(error, connection, result, "emit");
    }
    PQclear(result);
    return status;
}

enum pgcw_status
pgcw_event_emit(PGconn *connection, const struct pgcw_event *event,
                struct pgcw_error *error)
{
    return emit(connection, notify_statement, event, error);
}

enum pgcw_status
pgcw_event_emit_wal(PGconn *connection, const struct pgcw_event *event,
                    struct pgcw_error *error)
{
    return emit(connection, wal_statement, event, error);
}
