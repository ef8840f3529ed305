/* SPDX-License-Identifier: MIT */
/* The changes of one transaction, while it is received. */
#ifndef PGCWI_EVENT_WAL_CHANGES_H
#define PGCWI_EVENT_WAL_CHANGES_H

#include "event/pgoutput.h"
#include "event/wal_decoder.h"
#include "event/wal_relations.h"

/* An operation on a table. */
struct pgcwi_wal_group {
    enum pgcw_operation operation;
    char schema[PGCWI_NAME_BYTES];
    char table[PGCWI_NAME_BYTES];
    bool is_whole; /* no keys are told */
    size_t key_count;
    size_t text_bytes;
    size_t text_capacity;
    size_t last_key; /* where it begins */
    char *text;      /* the keys, each with a NUL behind it */
    /* an event that was sent as a message: nothing is added to it */
    bool is_message;
    struct pgcwi_change message;
};

struct pgcwi_wal_changes {
    bool is_gap;
    size_t count;
    size_t capacity;
    size_t last; /* that something was added to */
    struct pgcwi_wal_group *groups;
    /* of all of them */
    size_t text_bytes;
    size_t message_bytes;
};

/* Accepts one that is all zero. */
void pgcwi_wal_changes_fini(struct pgcwi_wal_changes *changes);

/* Each of these: false if memory is short. */
bool pgcwi_wal_changes_add_row(struct pgcwi_wal_changes *changes,
                               const struct pgcwi_wal_relation *relation,
                               const struct pgcwi_pgoutput *message);
bool pgcwi_wal_changes_add_truncate(struct pgcwi_wal_changes *changes,
                                    const struct pgcwi_wal_relation *relation);
bool pgcwi_wal_changes_add_message(struct pgcwi_wal_changes *changes,
                                   struct pgcw_bytes payload);
/* Make the transaction's changes of them; nothing is left here. */
bool pgcwi_wal_changes_finish(struct pgcwi_wal_changes *changes,
                              int64_t committed_at_us,
                              struct pgcwi_wal_transaction *transaction);

#endif
