/* SPDX-License-Identifier: MIT */
#include "event/pgoutput.h"

#include <string.h>

/* From 1970 to 2000, PostgreSQL's epoch. */
#define EPOCH_US (INT64_C(946684800) * 1000000)

/* What was asked for beyond the end is 0, or empty. */
struct cursor {
    const char *at;
    size_t left;
    bool is_bad;
};

static const char *
take(struct cursor *cursor, size_t bytes)
{
    const char *at = cursor->at;

    if (cursor->is_bad || bytes > cursor->left) {
        cursor->is_bad = true;
        return NULL;
    }
    cursor->at += bytes;
    cursor->left -= bytes;
    return at;
}

static uint64_t
take_number(struct cursor *cursor, size_t bytes)
{
    const char *at = take(cursor, bytes);
    uint64_t number = 0;

    for (size_t i = 0; at != NULL && i < bytes; i++) {
        number = number << 8 | (unsigned char)at[i];
    }
    return number;
}

static char
take_char(struct cursor *cursor)
{
    return (char)take_number(cursor, 1);
}

static uint32_t
take_u32(struct cursor *cursor)
{
    return (uint32_t)take_number(cursor, 4);
}

static const char *
take_string(struct cursor *cursor)
{
    const char *end =
        cursor->is_bad ? NULL : memchr(cursor->at, '\0', cursor->left);

    if (end == NULL) {
        cursor->is_bad = true;
        return "";
    }
    return take(cursor, (size_t)(end - cursor->at) + 1);
}

static int64_t
take_time(struct cursor *cursor)
{
    /* it wraps rather than overflows: a server may send anything */
    return (int64_t)(take_number(cursor, 8) + (uint64_t)EPOCH_US);
}

static struct pgcwi_pgoutput_column
take_column(struct cursor *cursor)
{
    struct pgcwi_pgoutput_column column;

    column.is_identity = (take_char(cursor) & 1) != 0;
    column.name = take_string(cursor);
    column.type = take_u32(cursor);
    (void)take_u32(cursor); /* the type's modifier */
    return column;
}

static struct pgcwi_pgoutput_list
take_columns(struct cursor *cursor)
{
    uint32_t count = (uint32_t)take_number(cursor, 2);
    struct pgcwi_pgoutput_list columns = {cursor->at, count};

    for (uint32_t i = 0; i < count && !cursor->is_bad; i++) {
        (void)take_column(cursor);
    }
    return columns;
}

static struct pgcwi_pgoutput_value
take_value(struct cursor *cursor)
{
    struct pgcwi_pgoutput_value value = {.kind = take_char(cursor)};

    switch (value.kind) {
    case 't':
    case 'b':
        value.text.size = take_u32(cursor);
        value.text.data = take(cursor, value.text.size);
        break;
    case 'n':
    case 'u':
        break;
    default:
        cursor->is_bad = true;
    }
    return value;
}

static struct pgcwi_pgoutput_list
take_values(struct cursor *cursor)
{
    uint32_t count = (uint32_t)take_number(cursor, 2);
    struct pgcwi_pgoutput_list values = {cursor->at, count};

    for (uint32_t i = 0; i < count && !cursor->is_bad; i++) {
        (void)take_value(cursor);
    }
    return values;
}

static void
read_rows(struct cursor *cursor, struct pgcwi_pgoutput *message)
{
    message->relation_id = take_u32(cursor);
    char row = take_char(cursor);
    if (message->kind != PGCWI_PGOUTPUT_INSERT && (row == 'K' || row == 'O')) {
        message->old_kind = row;
        message->old_values = take_values(cursor);
        row = 'N';
        if (message->kind == PGCWI_PGOUTPUT_UPDATE) {
            row = take_char(cursor);
        }
    } else if (message->kind == PGCWI_PGOUTPUT_DELETE) {
        cursor->is_bad = true;
    }
    if (row != 'N') {
        cursor->is_bad = true;
    }
    if (message->kind != PGCWI_PGOUTPUT_DELETE) {
        message->new_values = take_values(cursor);
    }
}

static void
read_relation(struct cursor *cursor, struct pgcwi_pgoutput *message)
{
    message->relation_id = take_u32(cursor);
    message->schema = take_string(cursor);
    message->name = take_string(cursor);
    message->identity = take_char(cursor);
    message->columns = take_columns(cursor);
}

static void
read_truncate(struct cursor *cursor, struct pgcwi_pgoutput *message)
{
    message->relation_ids.count = take_u32(cursor);
    (void)take_char(cursor); /* CASCADE, RESTART IDENTITY */
    message->relation_ids.bytes =
        take(cursor, (size_t)message->relation_ids.count * 4);
}

static void
read_message(struct cursor *cursor, struct pgcwi_pgoutput *message)
{
    message->is_transactional = (take_char(cursor) & 1) != 0;
    (void)take_number(cursor, 8); /* where it stands */
    message->name = take_string(cursor);
    message->content.size = take_u32(cursor);
    message->content.data = take(cursor, message->content.size);
}

static void
read_commit(struct cursor *cursor, struct pgcwi_pgoutput *message)
{
    (void)take_char(cursor);      /* no flags yet */
    (void)take_number(cursor, 8); /* where the commit record begins */
    message->end_lsn = take_number(cursor, 8);
    message->committed_at_us = take_time(cursor);
}

/* Those that are parts of a transaction begin with its number in a stream. */
static bool
has_xid_in_stream(enum pgcwi_pgoutput_kind kind)
{
    return strchr("RYIUDTM", (char)kind) != NULL;
}

static void
read_body(struct cursor *cursor, struct pgcwi_pgoutput *message)
{
    switch (message->kind) {
    case PGCWI_PGOUTPUT_BEGIN:
        (void)take_number(cursor, 8); /* where its commit record is */
        message->committed_at_us = take_time(cursor);
        message->xid = take_u32(cursor);
        break;
    case PGCWI_PGOUTPUT_COMMIT:
        read_commit(cursor, message);
        break;
    case PGCWI_PGOUTPUT_RELATION:
        read_relation(cursor, message);
        break;
    case PGCWI_PGOUTPUT_INSERT:
    case PGCWI_PGOUTPUT_UPDATE:
    case PGCWI_PGOUTPUT_DELETE:
        read_rows(cursor, message);
        break;
    case PGCWI_PGOUTPUT_TRUNCATE:
        read_truncate(cursor, message);
        break;
    case PGCWI_PGOUTPUT_MESSAGE:
        read_message(cursor, message);
        break;
    case PGCWI_PGOUTPUT_STREAM_START:
        message->xid = take_u32(cursor);
        (void)take_char(cursor); /* whether it is the first */
        break;
    case PGCWI_PGOUTPUT_STREAM_COMMIT:
        message->xid = take_u32(cursor);
        read_commit(cursor, message);
        break;
    case PGCWI_PGOUTPUT_STREAM_ABORT:
        message->xid = take_u32(cursor);
        message->subxid = take_u32(cursor);
        break;
    case PGCWI_PGOUTPUT_STREAM_STOP:
        break;
    case PGCWI_PGOUTPUT_ORIGIN:
    case PGCWI_PGOUTPUT_TYPE:
        cursor->left = 0; /* not of interest */
        break;
    default:
        cursor->is_bad = true;
    }
}

bool
pgcwi_pgoutput_read(const char *bytes, size_t size, bool is_streaming,
                    struct pgcwi_pgoutput *message)
{
    struct cursor cursor = {bytes, size, false};

    *message = (struct pgcwi_pgoutput){
        .kind = (enum pgcwi_pgoutput_kind)(unsigned char)take_char(&cursor)};
    if (cursor.is_bad) {
        return false;
    }
    if (is_streaming && has_xid_in_stream(message->kind)) {
        (void)take_u32(&cursor);
    }
    read_body(&cursor, message);
    return !cursor.is_bad && cursor.left == 0;
}

/* A list was checked: it has no end that could be missed. */
static struct cursor
cursor_of(const struct pgcwi_pgoutput_list *list)
{
    return (struct cursor){list->bytes, SIZE_MAX / 2, false};
}

static void
set_rest(struct pgcwi_pgoutput_list *list, const struct cursor *cursor)
{
    list->bytes = cursor->at;
    list->count--;
}

struct pgcwi_pgoutput_column
pgcwi_pgoutput_next_column(struct pgcwi_pgoutput_list *columns)
{
    struct cursor cursor = cursor_of(columns);
    struct pgcwi_pgoutput_column column = take_column(&cursor);

    set_rest(columns, &cursor);
    return column;
}

uint32_t
pgcwi_pgoutput_next_id(struct pgcwi_pgoutput_list *ids)
{
    struct cursor cursor = cursor_of(ids);
    uint32_t id = take_u32(&cursor);

    set_rest(ids, &cursor);
    return id;
}

struct pgcwi_pgoutput_value
pgcwi_pgoutput_value(struct pgcwi_pgoutput_list values, uint32_t column)
{
    struct cursor cursor = cursor_of(&values);
    struct pgcwi_pgoutput_value value = {.kind = 'u'};

    if (values.bytes == NULL || column >= values.count) {
        return value;
    }
    for (uint32_t i = 0; i <= column; i++) {
        value = take_value(&cursor);
    }
    return value;
}
