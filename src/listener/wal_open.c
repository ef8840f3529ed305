/* SPDX-License-Identifier: MIT */
/* From nothing to a stream that brings every change. */
#include "listener/wal_source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/status.h"
#include "cache/key_hash.h"
#include "listener/listener.h"
#include "listener/opening.h"

#define COMMAND_BYTES 512
#define PUBLICATION_BYTES (2 * PGCWI_NAME_BYTES + 2)
#define XMIN                              \
    "SELECT pg_catalog.pg_snapshot_xmin(" \
    "pg_catalog.pg_current_snapshot())"
#define MAX_PAUSE_NS (10 * PGCWI_NS_PER_MS)

/* What the settings of a role or a database could have changed. */
#define SQL_SETTINGS                           \
    "SET default_transaction_read_only = off;" \
    "SET synchronous_commit = local"
/* Values come as text, and so do keys: see event/wal_key.h. */
#define STREAM_SETTINGS           \
    "SET datestyle = 'ISO, YMD';" \
    "SET timezone = 'UTC';"       \
    "SET bytea_output = 'hex'"

/* A name in the list of publications, in a string of the replication
 * protocol, which knows no escapes but a doubled quote. */
static void
quote_publication(const char *name, char quoted[PUBLICATION_BYTES])
{
    char *to = quoted;

    *to++ = '"';
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\'') {
            *to++ = *name;
        }
        *to++ = *name;
    }
    *to++ = '"';
    *to = '\0';
}

static enum pgcw_status
check_requirements(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    const char *publication = source->base.listener->settings.publication;
    char sql[PGCWI_WAL_SQL_BYTES];
    PGresult *rows;

    if (!pgcwi_wal_catalog_requirements_sql(source->sql.pg, publication, sql) ||
        !pgcwi_wal_catalog_targets_sql(source->sql.pg, publication,
                                       source->targets_sql)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "publication: not valid UTF-8");
    }
    enum pgcw_status status =
        pgcwi_opening_run(&source->base, &source->sql, sql, &rows, error);
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(&source->base)) {
        status = pgcwi_wal_catalog_check_requirements(rows, publication, error);
    }
    PQclear(rows);
    return status;
}

static enum pgcw_status
open_sql(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    struct pgcwi_source *base = &source->base;
    enum pgcw_status status = pgcwi_opening_connect(
        base, &source->sql, PGCWI_CONNECTION_PLAIN, error);

    if (status == PGCW_OK && !pgcwi_opening_is_stopping(base)) {
        status =
            pgcwi_opening_run(base, &source->sql, SQL_SETTINGS, NULL, error);
    }
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(base)) {
        status = check_requirements(source, error);
    }
    return status;
}

/* The walsender would wait on, unseen, and keep its slot: there are few. */
static void
give_slot_up(struct pgcwi_wal_source *source)
{
    struct pgcw_error ignored;
    char sql[COMMAND_BYTES];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT pg_catalog.pg_terminate_backend(%d)",
                   PQbackendPID(source->stream.pg));
    /* best effort: the connection is closed next */
    if (pgcwi_connection_send(&source->sql, sql, &ignored) != PGCW_OK) {
        return;
    }
}

static enum pgcw_status
make_slot(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    char sql[COMMAND_BYTES];

    (void)snprintf(source->slot, sizeof(source->slot), "pgcw_%016" PRIx64,
                   pgcwi_key_random_seed());
    (void)snprintf(sql, sizeof(sql),
                   "CREATE_REPLICATION_SLOT \"%s\" TEMPORARY LOGICAL pgoutput "
                   "NOEXPORT_SNAPSHOT",
                   source->slot);
    enum pgcw_status status =
        pgcwi_opening_run(&source->base, &source->stream, sql, NULL, error);
    if (status == PGCW_TIMEOUT || pgcwi_opening_is_stopping(&source->base)) {
        give_slot_up(source);
    }
    if (status != PGCW_TIMEOUT) {
        return status;
    }
    return pgcwi_error_set(
        error, status,
        "no replication slot within connect_timeout_ms, %u ms: it waits for "
        "transactions that have written and are still open (see backend_xid "
        "in pg_stat_activity)",
        (unsigned)source->base.listener->settings.options.connect_timeout_ms);
}

static enum pgcw_status
start_stream(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    char quoted[PUBLICATION_BYTES];
    char sql[COMMAND_BYTES];

    quote_publication(source->base.listener->settings.publication, quoted);
    (void)snprintf(sql, sizeof(sql),
                   "START_REPLICATION SLOT \"%s\" LOGICAL 0/0 (proto_version "
                   "'2', streaming 'on', messages 'on', publication_names "
                   "'%s')",
                   source->slot, quoted);
    return pgcwi_opening_run(&source->base, &source->stream, sql, NULL, error);
}

static enum pgcw_status
open_stream(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    struct pgcwi_source *base = &source->base;
    enum pgcw_status status = pgcwi_opening_connect(
        base, &source->stream, PGCWI_CONNECTION_REPLICATION, error);

    if (status == PGCW_OK && !pgcwi_opening_is_stopping(base)) {
        status = pgcwi_opening_run(base, &source->stream, STREAM_SETTINGS, NULL,
                                   error);
    }
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(base)) {
        status = make_slot(source, error);
    }
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(base)) {
        status = start_stream(source, error);
    }
    return status;
}

/* Both connections must have come to one server, if several are named. */
static enum pgcw_status
check_slot(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    char sql[COMMAND_BYTES];
    PGresult *rows;

    (void)snprintf(sql, sizeof(sql),
                   "SELECT FROM pg_catalog.pg_replication_slots "
                   "WHERE slot_name OPERATOR(pg_catalog.=) '%s'",
                   source->slot);
    enum pgcw_status status =
        pgcwi_opening_run(&source->base, &source->sql, sql, &rows, error);
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(&source->base) &&
        (rows == NULL || PQntuples(rows) != 1)) {
        status = pgcwi_error_set(error, PGCW_DISCONNECTED,
                                 "the two connections that the WAL transport "
                                 "needs came to two servers");
    }
    PQclear(rows);
    return status;
}

static enum pgcw_status
ask_targets(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    PGresult *rows;
    enum pgcw_status status = pgcwi_opening_run(
        &source->base, &source->sql, source->targets_sql, &rows, error);

    if (status == PGCW_OK && !pgcwi_opening_is_stopping(&source->base) &&
        !pgcwi_wal_catalog_read_targets(rows, source->decoder)) {
        status = pgcwi_error_set(error, PGCW_NO_MEMORY,
                                 "no memory for the tables' keys");
    }
    PQclear(rows);
    return status;
}

/* The first field of the first row. */
static enum pgcw_status
ask_number(struct pgcwi_wal_source *source, const char *sql, uint64_t *number,
           struct pgcw_error *error)
{
    PGresult *rows;
    enum pgcw_status status =
        pgcwi_opening_run(&source->base, &source->sql, sql, &rows, error);

    *number = 0;
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(&source->base)) {
        if (rows != NULL && PQntuples(rows) == 1) {
            *number = strtoull(PQgetvalue(rows, 0, 0), NULL, 10);
        } else {
            status = pgcwi_error_set(error, PGCW_DISCONNECTED,
                                     "the server gave no snapshot");
        }
    }
    PQclear(rows);
    return status;
}

/*
 * Until all that has begun by now has finished: what begins later is received.
 * A snapshot's xmax is beyond what has finished, and not what has begun; so a
 * number of our own is taken, which is.
 */
static enum pgcw_status
wait_for_begun(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    int64_t pause_ns = PGCWI_NS_PER_MS;
    uint64_t begun_below;
    uint64_t xmin = 0;
    enum pgcw_status status = ask_number(
        source, "SELECT pg_catalog.pg_current_xact_id()", &begun_below, error);

    while (status == PGCW_OK && xmin < begun_below &&
           !pgcwi_opening_is_stopping(&source->base)) {
        status = ask_number(source, XMIN, &xmin, error);
        if (status == PGCW_OK && xmin < begun_below) {
            status = pgcwi_opening_pause(
                &source->base, pause_ns,
                "the end of a transaction that was open when the replication "
                "slot was made (see backend_xid in pg_stat_activity)",
                error);
            pause_ns = pause_ns < MAX_PAUSE_NS ? 2 * pause_ns : pause_ns;
        }
    }
    return status;
}

enum pgcw_status
pgcwi_wal_open(struct pgcwi_source *source, struct pgcw_error *error)
{
    typedef enum pgcw_status step_fn(struct pgcwi_wal_source *,
                                     struct pgcw_error *);
    static step_fn *const steps[] = {check_slot, ask_targets, wait_for_begun};
    struct pgcwi_wal_source *wal = pgcwi_wal_source_of(source);
    enum pgcw_status status = open_sql(wal, error);

    pgcwi_wal_guard_init(&wal->guard,
                         source->listener->settings.options.ring_capacity);
    wal->decoder = pgcwi_wal_decoder_create(source->listener->settings.channel);
    if (wal->decoder == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a decoder");
    }
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(source)) {
        status = open_stream(wal, error);
    }
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(source)) {
        pgcwi_listener_set_state(source->listener, PGCW_LISTENER_PROBING, NULL);
    }
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        if (status == PGCW_OK && !pgcwi_opening_is_stopping(source)) {
            status = steps[i](wal, error);
        }
    }
    return status;
}
