/* SPDX-License-Identifier: MIT */
/*
 * From the stream of pgoutput to transactions, each with its changes.
 *
 * A transaction becomes as many changes as it has done different operations
 * to different tables, in the order in which they came first, with the keys of
 * all their rows: as the triggers' notifications fold within a transaction.
 * What it needs is bounded, however large the transaction is: a change with
 * too many keys is told of its whole table, and too many changes are a gap.
 */
#ifndef PGCWI_EVENT_WAL_DECODER_H
#define PGCWI_EVENT_WAL_DECODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/name.h"
#include "event/payload.h"
#include "event/wal_key.h"

struct pgcwi_wal_decoder;

struct pgcwi_wal_key_column {
    char name[PGCWI_NAME_BYTES];
    uint32_t type; /* of a domain, the base; of an enum, PGCWI_WAL_TEXT */
};

/* A published relation, and the key by which its rows are told. */
struct pgcwi_wal_target {
    uint32_t relation_id;
    char schema[PGCWI_NAME_BYTES];
    char table[PGCWI_NAME_BYTES];
    uint32_t column_count;                      /* 0: no key that can be told */
    const struct pgcwi_wal_key_column *columns; /* of the primary key */
};

/* What was committed. */
struct pgcwi_wal_transaction {
    struct pgcwi_wal_transaction *next; /* for the caller */
    uint64_t number;                    /* for the caller */
    int64_t received_at_us;             /* for the caller */
    uint32_t xid;
    bool is_gap; /* anything may have been changed */
    size_t change_count;
    struct pgcwi_change *changes; /* each for pgcwi_change_fini() */
};

/* Accepts NULL. */
void pgcwi_wal_transaction_destroy(struct pgcwi_wal_transaction *transaction);

/* `channel` is the prefix of messages that are events, as by NOTIFY. NULL: no
 * memory. */
struct pgcwi_wal_decoder *pgcwi_wal_decoder_create(const char *channel);
/* Accepts NULL. */
void pgcwi_wal_decoder_destroy(struct pgcwi_wal_decoder *decoder);

/* Before all targets are given anew. */
void pgcwi_wal_decoder_forget_targets(struct pgcwi_wal_decoder *decoder);
/* Copied; false: no memory. */
bool pgcwi_wal_decoder_add_target(struct pgcwi_wal_decoder *decoder,
                                  const struct pgcwi_wal_target *target);
/* A relation came that no target fits: its changes are told of the whole table
 * until the targets are given anew. */
bool pgcwi_wal_decoder_wants_targets(const struct pgcwi_wal_decoder *decoder);
/* Counts the relations that were described: targets that were asked for before
 * the newest may be too old for it. */
uint64_t
pgcwi_wal_decoder_descriptions(const struct pgcwi_wal_decoder *decoder);

enum pgcwi_wal_result {
    PGCWI_WAL_MORE,
    PGCWI_WAL_COMMITTED,
    PGCWI_WAL_MALFORMED,
    PGCWI_WAL_NO_MEMORY
};

/* Take a message. COMMITTED: `done` is the caller's. After MALFORMED and
 * NO_MEMORY the decoder can only be destroyed. */
enum pgcwi_wal_result
pgcwi_wal_decoder_take(struct pgcwi_wal_decoder *decoder, const char *bytes,
                       size_t size, struct pgcwi_wal_transaction **done);

#endif
