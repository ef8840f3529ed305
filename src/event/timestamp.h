/* SPDX-License-Identifier: MIT */
/* Timestamps as they stand in a payload. */
#ifndef PGCWI_EVENT_TIMESTAMP_H
#define PGCWI_EVENT_TIMESTAMP_H

#include <stdbool.h>
#include <stdint.h>

/* Room for what pgcwi_timestamp_format() writes. */
#define PGCWI_TIMESTAMP_BYTES 64

/*
 * ISO 8601 in UTC with microseconds, as PostgreSQL writes it in JSON:
 * "2026-11-22T18:57:00.123456+00:00". A time outside of the years 1 to 9999
 * is written as the nearest one inside. Returns `text`.
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
