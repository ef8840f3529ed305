/* SPDX-License-Identifier: MIT */
/*
 * The messages of pgoutput, PostgreSQL's plugin for logical decoding, in
 * version 2 of its protocol, which streams transactions that are not over yet.
 *
 * PostgreSQL's documentation, "Logical Replication Message Formats". Nothing
 * is copied, and nothing read beyond what was given.
 */
#ifndef PGCWI_EVENT_PGOUTPUT_H
#define PGCWI_EVENT_PGOUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/bytes.h>

enum pgcwi_pgoutput_kind {
    PGCWI_PGOUTPUT_BEGIN = 'B',
    PGCWI_PGOUTPUT_COMMIT = 'C',
    PGCWI_PGOUTPUT_ORIGIN = 'O',
    PGCWI_PGOUTPUT_RELATION = 'R',
    PGCWI_PGOUTPUT_TYPE = 'Y',
    PGCWI_PGOUTPUT_INSERT = 'I',
    PGCWI_PGOUTPUT_UPDATE = 'U',
    PGCWI_PGOUTPUT_DELETE = 'D',
    PGCWI_PGOUTPUT_TRUNCATE = 'T',
    PGCWI_PGOUTPUT_MESSAGE = 'M',
    PGCWI_PGOUTPUT_STREAM_START = 'S',
    PGCWI_PGOUTPUT_STREAM_STOP = 'E',
    PGCWI_PGOUTPUT_STREAM_COMMIT = 'c',
    PGCWI_PGOUTPUT_STREAM_ABORT = 'A'
};

/* Several of a kind, one behind the other; checked when it was read. */
struct pgcwi_pgoutput_list {
    const char *bytes; /* NULL: there is none */
    uint32_t count;
};

struct pgcwi_pgoutput {
    enum pgcwi_pgoutput_kind kind;
    uint32_t xid;    /* not of the changes in a stream: that may be a part's */
    uint32_t subxid; /* STREAM_ABORT: the part that is undone; or the xid */
    uint64_t end_lsn;
    int64_t committed_at_us; /* Unix time */
    uint32_t relation_id;
    const char *schema; /* of a relation; empty: pg_catalog */
    const char *name;   /* of a relation; the prefix of a message */
    char identity; /* of a relation: 'd' its primary key, 'f' all columns, 'i'
                      those of an index, 'n' none */
    struct pgcwi_pgoutput_list columns; /* of a relation */
    char old_kind; /* 'K': the identity's columns; 'O': all; 0: none */
    struct pgcwi_pgoutput_list old_values;
    struct pgcwi_pgoutput_list new_values;
    struct pgcwi_pgoutput_list relation_ids; /* of TRUNCATE */
    bool is_transactional;                   /* a message */
    struct pgcw_bytes content;
};

/* False if it is malformed, or of another kind. `is_streaming`: between
 * STREAM_START and STREAM_STOP. The struct borrows from `bytes`. */
bool pgcwi_pgoutput_read(const char *bytes, size_t size, bool is_streaming,
                         struct pgcwi_pgoutput *message);

struct pgcwi_pgoutput_column {
    bool is_identity;
    const char *name;
    uint32_t type;
};

/* Take the first of a list, which must not be empty. */
struct pgcwi_pgoutput_column
pgcwi_pgoutput_next_column(struct pgcwi_pgoutput_list *columns);
uint32_t pgcwi_pgoutput_next_id(struct pgcwi_pgoutput_list *ids);

struct pgcwi_pgoutput_value {
    /* 't' text, 'n' NULL, 'u' not told as it did not change, 'b' binary */
    char kind;
    struct pgcw_bytes text;
};

/* The value of a column; 'u' if there is none. */
struct pgcwi_pgoutput_value
pgcwi_pgoutput_value(struct pgcwi_pgoutput_list values, uint32_t column);

#endif
