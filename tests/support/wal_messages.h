/* SPDX-License-Identifier: MIT */
/* Messages of pgoutput, built byte by byte. */
#ifndef PGCWI_TESTS_SUPPORT_WAL_MESSAGES_H
#define PGCWI_TESTS_SUPPORT_WAL_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define WAL_MESSAGE_BYTES 131072

/* The Unix epoch, and 2 ms after 2000, in a message's microseconds. */
#define WAL_UNIX_EPOCH ((uint64_t)-INT64_C(946684800000000))
#define WAL_TIME 2000u
#define WAL_TIME_UNIX_US (INT64_C(946684800000000) + 2000)

struct wal_message {
    size_t size;
    char bytes[WAL_MESSAGE_BYTES];
};

/* Values of a row that are no text. */
static const char wal_null[] = "NULL";
static const char wal_unchanged[] = "unchanged";
static const char wal_binary[] = "binary";

static inline void
wal_add_bytes(struct wal_message *message, const void *bytes, size_t size)
{
    if (size > sizeof(message->bytes) - message->size) {
        abort();
    }
    memcpy(message->bytes + message->size, bytes, size);
    message->size += size;
}

/* The highest byte first. */
static inline void
wal_add(struct wal_message *message, uint64_t number, size_t bytes)
{
    while (bytes-- > 0) {
        char byte = (char)(number >> (8 * bytes) & 0xff);

        wal_add_bytes(message, &byte, 1);
    }
}

static inline void
wal_add_text(struct wal_message *message, const char *text)
{
    wal_add_bytes(message, text, strlen(text) + 1);
}

/* `xid`: that of a part of a streamed transaction; 0: not in a stream. */
static inline void
wal_start(struct wal_message *message, char kind, uint32_t xid)
{
    message->size = 0;
    wal_add(message, (unsigned char)kind, 1);
    if (xid != 0) {
        wal_add(message, xid, 4);
    }
}

static inline void
wal_begin(struct wal_message *message, uint32_t xid)
{
    wal_start(message, 'B', 0);
    wal_add(message, 0x1122334455667788, 8);
    wal_add(message, WAL_TIME, 8);
    wal_add(message, xid, 4);
}

/* `xid`: of a streamed transaction; 0: none. */
static inline void
wal_commit(struct wal_message *message, uint32_t xid, uint64_t end_lsn)
{
    wal_start(message, xid != 0 ? 'c' : 'C', xid);
    wal_add(message, 0, 1);
    wal_add(message, end_lsn - 1, 8);
    wal_add(message, end_lsn, 8);
    wal_add(message, WAL_TIME, 8);
}

static inline void
wal_stream_start(struct wal_message *message, uint32_t xid)
{
    wal_start(message, 'S', xid);
    wal_add(message, 1, 1);
}

static inline void
wal_stream_stop(struct wal_message *message)
{
    wal_start(message, 'E', 0);
}

static inline void
wal_stream_abort(struct wal_message *message, uint32_t xid, uint32_t subxid)
{
    wal_start(message, 'A', xid);
    wal_add(message, subxid, 4);
}

struct wal_column {
    const char *name;
    uint32_t type;
    bool is_identity;
};

static inline void
wal_relation(struct wal_message *message, uint32_t xid, uint32_t id,
             const char *const names[2], char identity)
{
    wal_start(message, 'R', xid);
    wal_add(message, id, 4);
    wal_add_text(message, names[0]);
    wal_add_text(message, names[1]);
    wal_add(message, (unsigned char)identity, 1);
}

static inline void
wal_add_columns(struct wal_message *message, const struct wal_column *columns,
                size_t count)
{
    wal_add(message, count, 2);
    for (size_t i = 0; i < count; i++) {
        wal_add(message, columns[i].is_identity, 1);
        wal_add_text(message, columns[i].name);
        wal_add(message, columns[i].type, 4);
        wal_add(message, (uint32_t)-1, 4);
    }
}

static inline void
wal_row(struct wal_message *message, char kind, uint32_t xid, uint32_t id)
{
    wal_start(message, kind, xid);
    wal_add(message, id, 4);
}

static inline void
wal_add_value(struct wal_message *message, const char *value)
{
    if (value == wal_null || value == wal_unchanged) {
        wal_add(message, value == wal_null ? 'n' : 'u', 1);
        return;
    }
    wal_add(message, value == wal_binary ? 'b' : 't', 1);
    wal_add(message, strlen(value), 4);
    wal_add_bytes(message, value, strlen(value));
}

/* `row`: 'N', 'K' or 'O'. */
static inline void
wal_add_row(struct wal_message *message, char row, const char *const *values,
            size_t count)
{
    wal_add(message, (unsigned char)row, 1);
    wal_add(message, count, 2);
    for (size_t i = 0; i < count; i++) {
        wal_add_value(message, values[i]);
    }
}

static inline void
wal_truncate(struct wal_message *message, uint32_t xid, const uint32_t *ids,
             uint32_t count)
{
    wal_start(message, 'T', xid);
    wal_add(message, count, 4);
    wal_add(message, 0, 1);
    for (uint32_t i = 0; i < count; i++) {
        wal_add(message, ids[i], 4);
    }
}

static inline void
wal_emitted(struct wal_message *message, uint32_t xid, bool is_transactional,
            const char *prefix, const char *content)
{
    wal_start(message, 'M', xid);
    wal_add(message, is_transactional, 1);
    wal_add(message, 77, 8);
    wal_add_text(message, prefix);
    wal_add(message, strlen(content), 4);
    wal_add_bytes(message, content, strlen(content));
}

#endif
