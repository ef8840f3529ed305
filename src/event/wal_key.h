/* SPDX-License-Identifier: MIT */
/*
 * The text of a row's key, from the values that pgoutput has, exactly as the
 * triggers tell it: see pgcw_event.keys and sql/function.sql.
 *
 * The values are what the types' output functions give where DateStyle is ISO,
 * TimeZone is UTC and bytea_output is hex.
 */
#ifndef PGCWI_EVENT_WAL_KEY_H
#define PGCWI_EVENT_WAL_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>

/* The oid of type text; an enum's value is its label, so it does as well. */
#define PGCWI_WAL_TEXT 25

/* Keys that are longer are not told. */
#define PGCWI_WAL_KEY_BYTES 7000

struct pgcwi_wal_key {
    size_t size;
    bool is_too_long;
    char text[PGCWI_WAL_KEY_BYTES];
};

/* A type that gives keys. */
bool pgcwi_wal_key_has_type(uint32_t type);

/* A key of one column. */
void pgcwi_wal_key_set(struct pgcwi_wal_key *key, uint32_t type,
                       struct pgcw_bytes value);
/* One of several: begin, add each, end. */
void pgcwi_wal_key_begin(struct pgcwi_wal_key *key);
void pgcwi_wal_key_add(struct pgcwi_wal_key *key, uint32_t type,
                       struct pgcw_bytes value);
void pgcwi_wal_key_end(struct pgcwi_wal_key *key);

#endif
