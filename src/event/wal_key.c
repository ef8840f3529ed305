/* SPDX-License-Identifier: MIT */
#include "event/wal_key.h"

#include <stdio.h>
#include <string.h>

/* PostgreSQL's src/include/catalog/pg_type.dat: they never change. */
enum type {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_CHAR = 18,
    TYPE_NAME = 19,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = PGCWI_WAL_TEXT,
    TYPE_OID = 26,
    TYPE_CIDR = 650,
    TYPE_MACADDR8 = 774,
    TYPE_MACADDR = 829,
    TYPE_INET = 869,
    TYPE_BPCHAR = 1042,
    TYPE_VARCHAR = 1043,
    TYPE_DATE = 1082,
    TYPE_TIME = 1083,
    TYPE_TIMESTAMP = 1114,
    TYPE_TIMESTAMPTZ = 1184,
    TYPE_BIT = 1560,
    TYPE_VARBIT = 1562,
    TYPE_NUMERIC = 1700,
    TYPE_UUID = 2950,
    TYPE_PG_LSN = 3220,
    TYPE_XID8 = 5069
};

bool
pgcwi_wal_key_has_type(uint32_t type)
{
    switch ((enum type)type) {
    case TYPE_BOOL:
    case TYPE_BYTEA:
    case TYPE_CHAR:
    case TYPE_NAME:
    case TYPE_INT8:
    case TYPE_INT2:
    case TYPE_INT4:
    case TYPE_TEXT:
    case TYPE_OID:
    case TYPE_CIDR:
    case TYPE_MACADDR8:
    case TYPE_MACADDR:
    case TYPE_INET:
    case TYPE_BPCHAR:
    case TYPE_VARCHAR:
    case TYPE_DATE:
    case TYPE_TIME:
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
    case TYPE_BIT:
    case TYPE_VARBIT:
    case TYPE_NUMERIC:
    case TYPE_UUID:
    case TYPE_PG_LSN:
    case TYPE_XID8:
        return true;
    }
    return false;
}

typedef void append_fn(struct pgcwi_wal_key *key, const char *bytes,
                       size_t size);

static void
append(struct pgcwi_wal_key *key, const char *bytes, size_t size)
{
    if (size > sizeof(key->text) - key->size) {
        key->is_too_long = true;
        return;
    }
    memcpy(key->text + key->size, bytes, size);
    key->size += size;
}

static void
append_text(struct pgcwi_wal_key *key, append_fn *add, const char *text)
{
    add(key, text, strlen(text));
}

/* As escape_json() of PostgreSQL. */
static void
append_json(struct pgcwi_wal_key *key, const char *bytes, size_t size)
{
    static const char escaped[] = "\b\f\n\r\t\"\\";
    static const char letters[] = "bfnrt\"\\";

    for (size_t i = 0; i < size; i++) {
        const char *found = memchr(escaped, bytes[i], sizeof(escaped) - 1);
        char code[8];

        if (found != NULL) {
            code[0] = '\\';
            code[1] = letters[found - escaped];
            append(key, code, 2);
        } else if ((unsigned char)bytes[i] < ' ') {
            (void)snprintf(code, sizeof(code), "\\u%04x",
                           (unsigned)(unsigned char)bytes[i]);
            append(key, code, 6);
        } else {
            append(key, bytes + i, 1);
        }
    }
}

/* 2026-11-22 18:57:00.5 has a T for the blank; in UTC, what stands for the
 * zone, +00, is a Z, and that at the end, also behind BC. */
static void
append_timestamp(struct pgcwi_wal_key *key, append_fn *add, const char *text,
                 size_t size, bool has_zone)
{
    const char *blank = memchr(text, ' ', size);
    size_t date = blank != NULL ? (size_t)(blank - text) : size;
    size_t rest = blank != NULL ? date + 1 : size;

    add(key, text, date);
    if (blank != NULL) {
        add(key, "T", 1);
    }
    const char *plus = has_zone ? memchr(text + rest, '+', size - rest) : NULL;
    if (plus != NULL) {
        add(key, text + rest, (size_t)(plus - text) - rest);
        rest = (size_t)(plus - text) + strlen("+00");
    }
    if (rest < size) {
        add(key, text + rest, size - rest);
    }
    if (has_zone) {
        add(key, "Z", 1);
    }
}

static size_t
without_blanks(const char *text, size_t size)
{
    while (size > 0 && text[size - 1] == ' ') {
        size--;
    }
    return size;
}

static void
append_value(struct pgcwi_wal_key *key, append_fn *add, uint32_t type,
             struct pgcw_bytes value)
{
    const char *text = value.data;

    switch (type) {
    case TYPE_BOOL:
        append_text(key, add,
                    value.size > 0 && text[0] == 't' ? "true" : "false");
        break;
    case TYPE_BPCHAR:
        add(key, text, without_blanks(text, value.size));
        break;
    case TYPE_INET:
        add(key, text, value.size);
        if (memchr(text, '/', value.size) == NULL) {
            append_text(key, add,
                        memchr(text, ':', value.size) != NULL ? "/128" : "/32");
        }
        break;
    case TYPE_TIMESTAMP:
    case TYPE_TIMESTAMPTZ:
        append_timestamp(key, add, text, value.size, type == TYPE_TIMESTAMPTZ);
        break;
    default:
        add(key, text, value.size);
    }
}

void
pgcwi_wal_key_set(struct pgcwi_wal_key *key, uint32_t type,
                  struct pgcw_bytes value)
{
    key->size = 0;
    key->is_too_long = false;
    append_value(key, append, type, value);
}

void
pgcwi_wal_key_begin(struct pgcwi_wal_key *key)
{
    key->size = 0;
    key->is_too_long = false;
    append(key, "[", 1);
}

void
pgcwi_wal_key_add(struct pgcwi_wal_key *key, uint32_t type,
                  struct pgcw_bytes value)
{
    append_text(key, append, key->size > 1 ? ", \"" : "\"");
    append_value(key, append_json, type, value);
    append_text(key, append, "\"");
}

void
pgcwi_wal_key_end(struct pgcwi_wal_key *key)
{
    append(key, "]", 1);
}
