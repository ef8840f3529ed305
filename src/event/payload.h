/* SPDX-License-Identifier: MIT */
/*
 * What NOTIFY brought: JSON, from a trigger or from anybody (P10).
 *
 * Fields: operation, table, sent_at (ISO 8601 with a time zone, as
 * PostgreSQL's JSON and pydantic write it) are required; schema and keys, an
 * array of strings, are optional; others are allowed and ignored, as the
 * Python library does.
 */
#ifndef PGCWI_EVENT_PAYLOAD_H
#define PGCWI_EVENT_PAYLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/event.h>

#include "base/name.h"
#include "event/timestamp.h"

/* A decoded payload; owns its text. For pgcwi_change_fini(). */
struct pgcwi_change {
    enum pgcw_operation operation;
    char schema[PGCWI_NAME_BYTES];
    char table[PGCWI_NAME_BYTES];
    int64_t sent_at_us;
    /* One block of memory with the text behind the array; NULL if none. */
    struct pgcw_bytes *keys;
    size_t key_count;
    size_t keys_room_bytes; /* of that block, where it is used again */
};

/*
 * Decode a payload of `bytes` bytes, which need no terminator. False if it
 * is not understood or memory is short: to the caller both are a gap. Then
 * `change` is undefined and holds nothing.
 */
bool pgcwi_payload_decode(const char *payload, size_t bytes,
                          struct pgcwi_change *change);

/*
 * Decodes one payload after the other, with the same memory, which is asked
 * for only if a payload needs more than those before. Payloads of one
 * statement are the same up to their keys: what was read of the one before is
 * not read again. All zero at first.
 */
#define PGCWI_PAYLOAD_SAME_MAX 512
struct pgcwi_payload_decoder {
    struct pgcwi_change change;
    char same[PGCWI_PAYLOAD_SAME_MAX]; /* of the last one, up to its keys */
    size_t same_bytes;                 /* 0: nothing */
};

/* As pgcwi_payload_decode(). The change is the decoder's, until the next. */
bool pgcwi_payload_decode_next(struct pgcwi_payload_decoder *decoder,
                               const char *payload, size_t bytes);
void pgcwi_payload_decoder_fini(struct pgcwi_payload_decoder *decoder);

void pgcwi_change_fini(struct pgcwi_change *change);

#endif
