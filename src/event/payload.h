/* SPDX-License-Identifier: MIT */
/*
 * What NOTIFY brought: JSON, from a trigger or from anybody (P10).
 *
 * Fields: operation, table, sent_at (ISO 8601 with a time zone, as
 * PostgreSQL's JSON and pydantic write it) are required; schema is optional;
 * others are allowed and ignored, as the Python library does.
 */
#ifndef PGCWI_EVENT_PAYLOAD_H
#define PGCWI_EVENT_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/event.h>

#include "base/name.h"

/* A decoded payload; owns its text. */
struct pgcwi_change {
    enum pgcw_operation operation;
    char schema[PGCWI_NAME_BYTES];
    char table[PGCWI_NAME_BYTES];
    int64_t sent_at_us;
};

/*
 * Decode a payload of `bytes` bytes, which need no terminator. False if it
 * is not understood or memory is short: to the caller both are a gap. Then
 * `change` is undefined.
 */
bool pgcwi_payload_decode(const char *payload, size_t bytes,
                          struct pgcwi_change *change);

/*
 * Encode as the triggers do. Returns text for free(), or NULL if memory is
 * short. Unix time becomes "2026-11-22T18:57:00.123456+00:00".
 */
char *pgcwi_payload_encode(const struct pgcw_event *event);

/* The longest text of pgcwi_timestamp_format(), its terminator included. */
#define PGCWI_TIMESTAMP_BYTES 40

/*
 * ISO 8601 in UTC with microseconds, as PostgreSQL writes it in JSON.
 * Returns `text`.
 */
char *pgcwi_timestamp_format(int64_t unix_us, char text[PGCWI_TIMESTAMP_BYTES]);

/*
 * Read ISO 8601 with a time zone: a space or T between date and time, no or
 * up to nine digits of fraction, Z or +hh, +hhmm, +hh:mm, +hh:mm:ss. The
 * whole text must match. PostgreSQL's "infinity", BC and years beyond 9999
 * are refused.
 */
bool pgcwi_timestamp_parse(const char *text, int64_t *unix_us);

#endif
