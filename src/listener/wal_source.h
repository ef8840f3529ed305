/* SPDX-License-Identifier: MIT */
/*
 * Changes by logical decoding. Two connections: the stream, which has the
 * slot and brings what is committed, and one for SQL, by which to look at a
 * snapshot: what was committed goes on only when a snapshot shows it (see
 * listener/wal_guard.h).
 *
 * The slot is temporary: it goes with the connection, and no WAL is kept for
 * it. What is committed meanwhile is a gap.
 *
 * A fence is a look, which tells how far the WAL is written, and then asking
 * the walsender where it is until it is there: what was acknowledged before
 * lies before that, and has been received. It is answered when all of that
 * has left the guard.
 *
 * The start: a transaction that commits while the slot is made may have its
 * commit record before the slot's begin, and so not be received, and yet be
 * invisible still. So LIVE waits until everything that had begun when the
 * slot was made has finished.
 *
 * Checked by stress/models/wal_guard.pml.
 */
#ifndef PGCWI_LISTENER_WAL_SOURCE_H
#define PGCWI_LISTENER_WAL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "listener/connection.h"
#include "listener/source.h"
#include "listener/wal_catalog.h"
#include "listener/wal_guard.h"

#define PGCWI_WAL_SLOT_BYTES 32

/* One statement: its snapshot is new, and is older than the position. */
#define PGCWI_WAL_LOOK                          \
    "SELECT pg_catalog.pg_current_snapshot(), " \
    "pg_catalog.pg_current_wal_insert_lsn()"

enum pgcwi_wal_command {
    PGCWI_COMMAND_NONE,
    PGCWI_COMMAND_LOOK,
    PGCWI_COMMAND_TARGETS,
    PGCWI_COMMAND_NUDGE
};

enum pgcwi_wal_fence_step {
    PGCWI_FENCE_NONE,
    PGCWI_FENCE_WANTED,   /* a look must be sent */
    PGCWI_FENCE_LOOKING,  /* it is on its way */
    PGCWI_FENCE_REACHING, /* the stream has not come to fence_lsn yet */
    PGCWI_FENCE_QUEUED    /* the guard holds back what came before */
};

struct pgcwi_wal_source {
    struct pgcwi_source base; /* first: see pgcwi_wal_source_of() */
    struct pgcwi_connection stream;
    struct pgcwi_connection sql;
    struct pgcwi_wal_decoder *decoder;
    struct pgcwi_wal_guard guard;
    char slot[PGCWI_WAL_SLOT_BYTES];
    char targets_sql[PGCWI_WAL_SQL_BYTES];
    enum pgcwi_wal_command command; /* on its way by sql */
    uint64_t descriptions;          /* of relations, up to now */
    uint64_t described_in;       /* the transaction in which the newest came */
    uint64_t asked_descriptions; /* when the targets were asked for */
    uint64_t received_lsn;       /* all before it has been received */
    int64_t next_look_ns;
    enum pgcwi_wal_fence_step fence;
    uint64_t fence_behind; /* the number of the last before it in the guard */
    uint64_t fence_lsn;
    int64_t fence_reaching_ns; /* since when */
    int64_t next_ask_ns;
    bool is_nudged;
};

static inline struct pgcwi_wal_source *
pgcwi_wal_source_of(struct pgcwi_source *source)
{
    return (struct pgcwi_wal_source *)source;
}

/* The source's open(). */
PGCW_MUST_CHECK enum pgcw_status pgcwi_wal_open(struct pgcwi_source *source,
                                                struct pgcw_error *error);

#endif
