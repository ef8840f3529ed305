/* SPDX-License-Identifier: MIT */
#include "listener/wal_source.h"

#include <pgcachewatch/fill.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/status.h"
#include "listener/listener.h"

#define STREAM_HEADER_BYTES 25 /* of 'w': start, end, and time */
#define KEEPALIVE_BYTES 18     /* 'k': end, time, and whether to reply */
#define MAX_LOOK_PAUSE_NS (10 * PGCWI_NS_PER_MS)
#define ASK_PAUSE_NS PGCWI_NS_PER_MS
#define NUDGE_AFTER_NS (5 * PGCWI_NS_PER_MS)

/*
 * Commits that are not durable are acknowledged before they are flushed, and
 * only what is flushed is sent. A commit of ours that is durable takes them
 * along. It also moves a position that stands behind a page's header, where
 * no record can end.
 */
#define NUDGE "SELECT pg_catalog.pg_logical_emit_message(true, '', '')"

static void
hear(const struct pgcwi_wal_source *source, struct pgcwi_heard *heard)
{
    source->base.hear(source->base.hear_context, heard);
}

static void
hear_fence(struct pgcwi_wal_source *source)
{
    source->fence = PGCWI_FENCE_NONE;
    hear(source, &(struct pgcwi_heard){.kind = PGCWI_HEARD_FENCE,
                                       .position = source->fence_lsn});
}

/* Takes the transaction. */
static void
hear_transaction(const struct pgcwi_wal_source *source,
                 struct pgcwi_wal_transaction *transaction)
{
    struct pgcwi_heard heard = {.kind = PGCWI_HEARD_GAP,
                                .received_at_us = transaction->received_at_us};

    if (transaction->is_gap) {
        hear(source, &heard);
    } else {
        heard.kind = PGCWI_HEARD_CHANGE;
        for (size_t i = 0; i < transaction->change_count; i++) {
            heard.change = &transaction->changes[i];
            hear(source, &heard);
        }
        transaction->change_count = 0; /* they are the hearer's now */
    }
    pgcwi_wal_transaction_destroy(transaction);
}

static uint64_t
read_u64(const char *bytes)
{
    uint64_t value = 0;

    for (int i = 0; i < 8; i++) {
        value = value << 8 | (unsigned char)bytes[i];
    }
    return value;
}

static char *
append_u64(char *to, uint64_t value)
{
    for (int i = 0; i < 8; i++) {
        *to++ = (char)(value >> (56 - 8 * i));
    }
    return to;
}

/* 'r': written, flushed, applied up to; time; whether to reply. */
static enum pgcw_status
send_position(struct pgcwi_wal_source *source, bool is_reply_wanted,
              struct pgcw_error *error)
{
    char message[34] = {'r'};
    char *to = message + 1;

    for (int i = 0; i < 3; i++) {
        to = append_u64(to, source->received_lsn);
    }
    to = append_u64(to, 0); /* the time is only for statistics */
    *to++ = is_reply_wanted ? 1 : 0;
    return pgcwi_connection_copy_send(&source->stream, message,
                                      (int)(to - message), error);
}

static void
fence_reached(struct pgcwi_wal_source *source)
{
    if (pgcwi_wal_guard_is_empty(&source->guard)) {
        hear_fence(source);
    } else {
        source->fence = PGCWI_FENCE_QUEUED;
        source->fence_behind = source->guard.last->number;
    }
}

/* The stream has come to `lsn`. */
static void
advance(struct pgcwi_wal_source *source, uint64_t lsn)
{
    if (lsn > source->received_lsn) {
        source->received_lsn = lsn;
    }
    if (source->fence == PGCWI_FENCE_REACHING &&
        source->received_lsn >= source->fence_lsn) {
        fence_reached(source);
    }
}

/*
 * What describes a relation anew may be of the transaction that altered it, so
 * that the catalogs show it only when the guard has let that go.
 */
static void
note_descriptions(struct pgcwi_wal_source *source)
{
    uint64_t count = pgcwi_wal_decoder_descriptions(source->decoder);

    if (source->descriptions != count) {
        source->descriptions = count;
        source->described_in = source->guard.last_number + 1;
    }
}

static enum pgcw_status
take_changes(struct pgcwi_wal_source *source, const char *bytes, size_t size,
             struct pgcw_error *error)
{
    struct pgcwi_wal_transaction *transaction;
    enum pgcwi_wal_result result =
        pgcwi_wal_decoder_take(source->decoder, bytes, size, &transaction);

    note_descriptions(source);
    switch (result) {
    case PGCWI_WAL_MORE:
        break;
    case PGCWI_WAL_COMMITTED:
        transaction->received_at_us = pgcwi_clock_unix_us();
        pgcwi_wal_guard_take(&source->guard, transaction);
        break;
    case PGCWI_WAL_MALFORMED:
        return pgcwi_error_set(error, PGCW_DISCONNECTED,
                               "the server sent what is not pgoutput's");
    case PGCWI_WAL_NO_MEMORY:
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "memory was short: a change is lost");
    }
    return PGCW_OK;
}

static enum pgcw_status
take_message(struct pgcwi_wal_source *source, const char *message, size_t bytes,
             struct pgcw_error *error)
{
    if (message[0] == 'w' && bytes >= STREAM_HEADER_BYTES) {
        return take_changes(source, message + STREAM_HEADER_BYTES,
                            bytes - STREAM_HEADER_BYTES, error);
    }
    if (message[0] != 'k' || bytes < KEEPALIVE_BYTES) {
        return PGCW_OK; /* the protocol may grow */
    }
    advance(source, read_u64(message + 1));
    return message[KEEPALIVE_BYTES - 1] != 0
               ? send_position(source, false, error)
               : PGCW_OK;
}

static enum pgcw_status
take_stream(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    enum pgcw_status status = PGCW_OK;

    while (status == PGCW_OK) {
        char *message;
        int bytes =
            pgcwi_connection_copy_next(&source->stream, &message, error);

        if (bytes <= 0) {
            return bytes < 0 ? error->status : PGCW_OK;
        }
        status = take_message(source, message, (size_t)bytes, error);
        PQfreemem(message);
    }
    return status;
}

static bool
read_look(const PGresult *rows, struct pgcwi_snapshot *snapshot, uint64_t *lsn)
{
    return rows != NULL && PQntuples(rows) == 1 &&
           pgcwi_snapshot_read(PQgetvalue(rows, 0, 0), snapshot) &&
           pgcw_lsn_from_text(PQgetvalue(rows, 0, 1), lsn) == PGCW_OK;
}

/* Where it waits long, look less often: an eighth of the time again. */
static void
plan_next_look(struct pgcwi_wal_source *source)
{
    const struct pgcwi_wal_transaction *first = source->guard.first;

    if (first != NULL) {
        int64_t waited_ns =
            (pgcwi_clock_unix_us() - first->received_at_us) * PGCWI_NS_PER_US;
        int64_t pause_ns = waited_ns / 8;

        pause_ns = pause_ns < MAX_LOOK_PAUSE_NS ? pause_ns : MAX_LOOK_PAUSE_NS;
        source->next_look_ns =
            pgcwi_clock_monotonic_ns() + (pause_ns > 0 ? pause_ns : 0);
    }
}

static enum pgcw_status
take_look(struct pgcwi_wal_source *source, const PGresult *rows,
          struct pgcw_error *error)
{
    struct pgcwi_snapshot snapshot;
    struct pgcwi_wal_transaction *shown;
    uint64_t lsn;

    if (!read_look(rows, &snapshot, &lsn)) {
        return pgcwi_error_set(error, PGCW_DISCONNECTED,
                               "the server gave no snapshot");
    }
    while ((shown = pgcwi_wal_guard_judge(&source->guard, &snapshot)) != NULL) {
        bool is_fence_next = source->fence == PGCWI_FENCE_QUEUED &&
                             shown->number >= source->fence_behind;

        hear_transaction(source, shown);
        if (is_fence_next) {
            hear_fence(source);
        }
    }
    plan_next_look(source);
    if (source->fence == PGCWI_FENCE_LOOKING) {
        source->fence = PGCWI_FENCE_REACHING;
        source->fence_lsn = lsn;
        source->fence_reaching_ns = pgcwi_clock_monotonic_ns();
        source->next_ask_ns = source->fence_reaching_ns;
        source->is_nudged = false;
        advance(source, source->received_lsn);
    }
    return PGCW_OK;
}

static bool
are_targets_due(const struct pgcwi_wal_source *source)
{
    return pgcwi_wal_decoder_wants_targets(source->decoder) &&
           pgcwi_wal_guard_has_passed(&source->guard, source->described_in);
}

/* Those that are older than the newest description are asked for again. */
static bool
take_targets(struct pgcwi_wal_source *source, const PGresult *rows)
{
    return source->asked_descriptions != source->descriptions ||
           pgcwi_wal_catalog_read_targets(rows, source->decoder);
}

static enum pgcw_status
take_answer(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    enum pgcwi_wal_command command = source->command;
    enum pgcw_status status = PGCW_OK;

    if (command == PGCWI_COMMAND_NONE) {
        return PGCW_OK;
    }
    enum pgcwi_answer answer = pgcwi_connection_answer(&source->sql, error);
    if (answer != PGCWI_ANSWER_OK) {
        return answer == PGCWI_ANSWER_REFUSED ? error->status : PGCW_OK;
    }
    PGresult *rows = pgcwi_connection_take_rows(&source->sql);
    source->command = PGCWI_COMMAND_NONE;
    if (command == PGCWI_COMMAND_LOOK) {
        status = take_look(source, rows, error);
    } else if (command == PGCWI_COMMAND_TARGETS &&
               !take_targets(source, rows)) {
        status = pgcwi_error_set(error, PGCW_NO_MEMORY,
                                 "no memory for the tables' keys");
    }
    PQclear(rows);
    return status;
}

static bool
is_look_due(const struct pgcwi_wal_source *source, int64_t now_ns)
{
    return source->fence == PGCWI_FENCE_WANTED ||
           (!pgcwi_wal_guard_is_empty(&source->guard) &&
            now_ns >= source->next_look_ns);
}

static bool
is_nudge_due(const struct pgcwi_wal_source *source, int64_t now_ns)
{
    return source->fence == PGCWI_FENCE_REACHING && !source->is_nudged &&
           now_ns - source->fence_reaching_ns >= NUDGE_AFTER_NS;
}

static enum pgcw_status
send_command(struct pgcwi_wal_source *source, enum pgcwi_wal_command command,
             const char *sql, struct pgcw_error *error)
{
    source->command = command;
    return pgcwi_connection_send(&source->sql, sql, error);
}

static enum pgcw_status
send_next_command(struct pgcwi_wal_source *source, int64_t now_ns,
                  struct pgcw_error *error)
{
    if (source->command != PGCWI_COMMAND_NONE) {
        return PGCW_OK;
    }
    if (is_look_due(source, now_ns)) {
        if (source->fence == PGCWI_FENCE_WANTED) {
            source->fence = PGCWI_FENCE_LOOKING;
        }
        return send_command(source, PGCWI_COMMAND_LOOK, PGCWI_WAL_LOOK, error);
    }
    if (is_nudge_due(source, now_ns)) {
        source->is_nudged = true;
        return send_command(source, PGCWI_COMMAND_NUDGE, NUDGE, error);
    }
    if (are_targets_due(source)) {
        source->asked_descriptions = source->descriptions;
        return send_command(source, PGCWI_COMMAND_TARGETS, source->targets_sql,
                            error);
    }
    return PGCW_OK;
}

static enum pgcw_status
do_what_is_due(struct pgcwi_wal_source *source, struct pgcw_error *error)
{
    int64_t now_ns = pgcwi_clock_monotonic_ns();
    enum pgcw_status status = send_next_command(source, now_ns, error);

    if (status == PGCW_OK && source->fence == PGCWI_FENCE_REACHING &&
        now_ns >= source->next_ask_ns) {
        source->next_ask_ns = now_ns + ASK_PAUSE_NS;
        status = send_position(source, true, error);
    }
    return status;
}

static enum pgcw_status
wal_receive(struct pgcwi_source *source, const struct pollfd *sockets,
            struct pgcw_error *error)
{
    struct pgcwi_wal_source *wal = pgcwi_wal_source_of(source);
    enum pgcw_status status = PGCW_OK;

    /* the fence waits for the stream while it reaches its position, else for
     * the SQL */
    source->is_alive =
        sockets[wal->fence == PGCWI_FENCE_REACHING ? 0 : 1].revents != 0;
    if (sockets[0].revents != 0) {
        status = pgcwi_connection_receive(&wal->stream, error);
    }
    if (status == PGCW_OK && sockets[1].revents != 0) {
        status = pgcwi_connection_receive(&wal->sql, error);
    }
    if (status == PGCW_OK) {
        status = take_stream(wal, error);
    }
    if (status == PGCW_OK) {
        status = take_answer(wal, error);
    }
    return status == PGCW_OK ? do_what_is_due(wal, error) : status;
}

static enum pgcw_status
wal_send_fence(struct pgcwi_source *source, struct pgcw_error *error)
{
    pgcwi_wal_source_of(source)->fence = PGCWI_FENCE_WANTED;
    return do_what_is_due(pgcwi_wal_source_of(source), error);
}

static size_t
wal_sockets(const struct pgcwi_source *source,
            struct pollfd sockets[PGCWI_SOURCE_MAX_SOCKETS])
{
    const struct pgcwi_wal_source *wal =
        (const struct pgcwi_wal_source *)source;

    sockets[0] =
        (struct pollfd){.fd = pgcwi_connection_fd(&wal->stream),
                        .events = pgcwi_connection_events(&wal->stream)};
    sockets[1] = (struct pollfd){.fd = pgcwi_connection_fd(&wal->sql),
                                 .events = pgcwi_connection_events(&wal->sql)};
    return 2;
}

static int64_t
wal_due_ns(const struct pgcwi_source *source)
{
    const struct pgcwi_wal_source *wal =
        (const struct pgcwi_wal_source *)source;
    int64_t due_ns = INT64_MAX;

    if (wal->command == PGCWI_COMMAND_NONE &&
        !pgcwi_wal_guard_is_empty(&wal->guard)) {
        due_ns = wal->next_look_ns;
    }
    if (wal->fence == PGCWI_FENCE_REACHING && wal->next_ask_ns < due_ns) {
        due_ns = wal->next_ask_ns;
    }
    return due_ns;
}

static void
wal_close(struct pgcwi_source *source)
{
    struct pgcwi_wal_source *wal = pgcwi_wal_source_of(source);

    pgcwi_connection_close(&wal->stream);
    pgcwi_connection_close(&wal->sql);
    pgcwi_wal_guard_fini(&wal->guard);
    pgcwi_wal_decoder_destroy(wal->decoder);
    pgcwi_free(wal);
}

struct pgcwi_source *
pgcwi_wal_source_create(void)
{
    static const struct pgcwi_source_methods methods = {
        .open = pgcwi_wal_open,
        .close = wal_close,
        .sockets = wal_sockets,
        .due_ns = wal_due_ns,
        .receive = wal_receive,
        .send_fence = wal_send_fence,
    };
    struct pgcwi_wal_source *made = pgcwi_alloc_array(1, sizeof(*made));

    if (made == NULL) {
        return NULL;
    }
    made->base.methods = &methods;
    return &made->base;
}
