/* SPDX-License-Identifier: MIT */
/*
 * Changes by NOTIFY. LISTEN is committed before anything else, so what is
 * committed after it will be heard. Then a NOTIFY to a channel of our own must
 * return: if a transaction pooler stands between, LISTEN went to another
 * server connection, and it never does.
 *
 * The server delivers a notification when its transaction is visible to new
 * snapshots, in commit order, and before the answer to a command that came
 * after COMMIT was acknowledged: so an empty query is a fence. So is one that
 * asks for the WAL's position, where values are read from standbys.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <pgcachewatch/fill.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/status.h"
#include "cache/key_hash.h"
#include "listener/listener.h"
#include "listener/opening.h"
#include "listener/source.h"

#define PROBE_CHANNEL_BYTES 32
#define COMMAND_BYTES 512

#define POSITION "pg_catalog.pg_current_wal_insert_lsn()"

/*
 * Behind a pooler an answer does not say whose it is. This one is a fence as
 * the empty query is, cannot be answered by the pooler itself, and fails where
 * the server's session does not LISTEN.
 */
#define POOLED_FENCE                                             \
    "SELECT " POSITION ", 1 / (SELECT pg_catalog.count(*) FROM " \
    "pg_catalog.pg_listening_channels() AS c (name) "            \
    "WHERE c.name OPERATOR(pg_catalog.=) %s)"

struct notify_source {
    struct pgcwi_source base; /* first: see of() */
    struct pgcwi_connection connection;
    struct pgcwi_connection second; /* open only while probing a pooler */
    bool is_fence_in_flight;
    bool is_fence_answered; /* and not yet told by next() */
    bool is_pooled;
    char fence_sql[COMMAND_BYTES]; /* "": the empty query */
    char probe_channel[PROBE_CHANNEL_BYTES];
    bool is_probe_heard;
    int probe_pid; /* of the server process that sent it */
};

static struct notify_source *
of(struct pgcwi_source *source)
{
    return (struct notify_source *)source;
}

static enum pgcw_status
subscribe(struct notify_source *source, struct pgcw_error *error)
{
    char sql[COMMAND_BYTES];
    char *quoted = pgcwi_connection_quote(
        &source->connection, source->base.listener->settings.channel);

    if (quoted == NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "channel: not valid UTF-8");
    }
    (void)snprintf(source->probe_channel, sizeof(source->probe_channel),
                   "pgcw_probe_%016" PRIx64, pgcwi_key_random_seed());
    (void)snprintf(sql, sizeof(sql), "LISTEN %s; LISTEN %s", quoted,
                   source->probe_channel);
    PQfreemem(quoted);
    return pgcwi_opening_run(&source->base, &source->connection, sql, NULL,
                             error);
}

static void
hear(struct notify_source *source, const PGnotify *notification,
     int64_t received_at_us)
{
    const struct pgcwi_source *base = &source->base;
    struct pgcwi_heard heard = {
        .kind = PGCWI_HEARD_PAYLOAD,
        .received_at_us = received_at_us,
        .payload = notification->extra,
    };

    if (strcmp(notification->relname, source->probe_channel) == 0) {
        source->is_probe_heard = true;
        source->probe_pid = notification->be_pid;
    } else if (strcmp(notification->relname,
                      base->listener->settings.channel) == 0) {
        base->hear(base->hear_context, &heard);
    }
}

/* What was read: nothing more is while this goes on. Fails if some may be
 * lost. */
static enum pgcw_status
hear_all(struct notify_source *source, struct pgcw_error *error)
{
    int64_t received_at_us = pgcwi_clock_unix_us();
    PGnotify *notification;

    while ((notification = pgcwi_connection_next(&source->connection)) !=
           NULL) {
        hear(source, notification, received_at_us);
        PQfreemem(notification);
    }
    return pgcwi_connection_check_memory(&source->connection, error);
}

static int64_t
probe_deadline_ns(const struct notify_source *source)
{
    int64_t deadline_ns =
        pgcwi_clock_monotonic_ns() +
        source->base.listener->settings.options.heartbeat_timeout_ms *
            PGCWI_NS_PER_MS;

    return deadline_ns < source->base.live_deadline_ns
               ? deadline_ns
               : source->base.live_deadline_ns;
}

/* Send our NOTIFY on a connection, and hear it on ours. */
static enum pgcw_status
probe_from(struct notify_source *source, struct pgcwi_connection *connection,
           struct pgcw_error *error)
{
    char sql[COMMAND_BYTES];
    enum pgcw_status status;

    (void)snprintf(sql, sizeof(sql), "NOTIFY %s", source->probe_channel);
    source->is_probe_heard = false;
    status = pgcwi_opening_run(&source->base, connection, sql, NULL, error);
    int64_t deadline_ns = probe_deadline_ns(source);
    if (status == PGCW_OK) {
        status = hear_all(source, error);
    }
    while (status == PGCW_OK && !source->is_probe_heard &&
           !pgcwi_opening_is_stopping(&source->base)) {
        if (pgcwi_clock_monotonic_ns() >= deadline_ns) {
            return pgcwi_error_set(
                error, PGCW_REFUSED,
                "LISTEN is accepted, but nothing is heard: there is a "
                "transaction-pooling proxy between (connect to the server "
                "itself, or through a pool in session mode)");
        }
        status = pgcwi_opening_receive(&source->base, &source->connection,
                                       deadline_ns, error);
        if (status == PGCW_OK) {
            status = hear_all(source, error);
        }
    }
    return status;
}

static enum pgcw_status
make_pooled_fence(struct notify_source *source, struct pgcw_error *error)
{
    const char *channel = source->base.listener->settings.channel;
    char *quoted =
        PQescapeLiteral(source->connection.pg, channel, strlen(channel));

    if (quoted == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for a fence");
    }
    (void)snprintf(source->fence_sql, sizeof(source->fence_sql), POOLED_FENCE,
                   quoted);
    source->is_pooled = true;
    PQfreemem(quoted);
    return PGCW_OK;
}

/*
 * A pooler gives each transaction the server process that was idle last, so
 * an own NOTIFY may be heard although nobody else's will be. The NOTIFY of a
 * second connection comes while ours is idle: only a pool in session mode
 * passes that on.
 */
static enum pgcw_status
probe_pooler(struct notify_source *source, struct pgcw_error *error)
{
    enum pgcw_status status = pgcwi_opening_connect(
        &source->base, &source->second, PGCWI_CONNECTION_PLAIN, error);

    if (status == PGCW_OK && !pgcwi_opening_is_stopping(&source->base)) {
        status = probe_from(source, &source->second, error);
    }
    pgcwi_connection_close(&source->second);
    if (status == PGCW_TIMEOUT) {
        return pgcwi_error_set(
            error, status,
            "a pooler is between that gives no second connection within "
            "connect_timeout_ms, %u ms, which would tell its mode (has its "
            "pool room? a listener keeps one connection)",
            (unsigned)
                source->base.listener->settings.options.connect_timeout_ms);
    }
    return status == PGCW_OK ? make_pooled_fence(source, error) : status;
}

static enum pgcw_status
probe(struct notify_source *source, struct pgcw_error *error)
{
    char sql[COMMAND_BYTES];
    enum pgcw_status status = probe_from(source, &source->connection, error);

    /* a pooler tells process ids of its own, but in notifications */
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(&source->base) &&
        source->probe_pid != PQbackendPID(source->connection.pg)) {
        status = probe_pooler(source, error);
    }
    if (status != PGCW_OK || pgcwi_opening_is_stopping(&source->base)) {
        return status;
    }
    (void)snprintf(sql, sizeof(sql), "UNLISTEN %s", source->probe_channel);
    return pgcwi_opening_run(&source->base, &source->connection, sql, NULL,
                             error);
}

static enum pgcw_status
notify_open(struct pgcwi_source *source, struct pgcw_error *error)
{
    struct notify_source *notify = of(source);
    if (source->listener->settings.options.replica_fills != 0) {
        (void)snprintf(notify->fence_sql, sizeof(notify->fence_sql),
                       "SELECT " POSITION);
    }
    enum pgcw_status status = pgcwi_opening_connect(
        source, &notify->connection, PGCWI_CONNECTION_PLAIN, error);

    if (status == PGCW_OK && !pgcwi_opening_is_stopping(source)) {
        status = subscribe(notify, error);
    }
    if (status == PGCW_OK && !pgcwi_opening_is_stopping(source)) {
        pgcwi_listener_set_state(source->listener, PGCW_LISTENER_PROBING, NULL);
        status = probe(notify, error);
    }
    return status;
}

static void
notify_close(struct pgcwi_source *source)
{
    struct notify_source *notify = of(source);

    pgcwi_connection_close(&notify->connection);
    pgcwi_free(notify);
}

static size_t
notify_sockets(const struct pgcwi_source *source,
               struct pollfd sockets[PGCWI_SOURCE_MAX_SOCKETS])
{
    const struct pgcwi_connection *connection =
        &((const struct notify_source *)source)->connection;

    sockets[0] = (struct pollfd){.fd = pgcwi_connection_fd(connection),
                                 .events = pgcwi_connection_events(connection)};
    return 1;
}

static int64_t
notify_due_ns(const struct pgcwi_source *source)
{
    (void)source;
    return INT64_MAX;
}

static enum pgcw_status
notify_send_fence(struct pgcwi_source *source, struct pgcw_error *error)
{
    struct notify_source *notify = of(source);

    notify->is_fence_in_flight = true;
    return pgcwi_connection_send(&notify->connection, notify->fence_sql, error);
}

static enum pgcw_status
fence_refused(const struct notify_source *source, struct pgcw_error *error)
{
    if (!source->is_pooled || strcmp(error->sqlstate, "22012") != 0) {
        return error->status;
    }
    return pgcwi_error_set(error, PGCW_DISCONNECTED,
                           "the pooler has given the listener another server "
                           "session, which does not LISTEN");
}

/* 0: it does not say. */
static uint64_t
take_position(struct notify_source *source)
{
    PGresult *rows = pgcwi_connection_take_rows(&source->connection);
    uint64_t position = 0;

    if (rows == NULL || PQntuples(rows) != 1 ||
        pgcw_lsn_from_text(PQgetvalue(rows, 0, 0), &position) != PGCW_OK) {
        position = 0;
    }
    PQclear(rows);
    return position;
}

/* When its answer is there, all that was sent before it can be heard. */
static enum pgcw_status
hear_all_and_answer(struct notify_source *source, struct pgcw_error *error)
{
    const struct pgcwi_source *base = &source->base;
    enum pgcwi_answer answer = PGCWI_ANSWER_PENDING;

    if (source->is_fence_in_flight) {
        answer = pgcwi_connection_answer(&source->connection, error);
    }
    enum pgcw_status status = hear_all(source, error);
    if (status == PGCW_OK && answer == PGCWI_ANSWER_OK) {
        source->is_fence_in_flight = false;
        base->hear(base->hear_context,
                   &(struct pgcwi_heard){.kind = PGCWI_HEARD_FENCE,
                                         .position = take_position(source)});
    }
    return status == PGCW_OK && answer == PGCWI_ANSWER_REFUSED
               ? fence_refused(source, error)
               : status;
}

static enum pgcw_status
notify_receive(struct pgcwi_source *source, const struct pollfd *sockets,
               struct pgcw_error *error)
{
    struct notify_source *notify = of(source);
    enum pgcw_status status =
        sockets[0].revents != 0
            ? pgcwi_connection_receive(&notify->connection, error)
            : PGCW_OK;

    return status == PGCW_OK ? hear_all_and_answer(notify, error) : status;
}

struct pgcwi_source *
pgcwi_notify_source_create(void)
{
    static const struct pgcwi_source_methods methods = {
        .open = notify_open,
        .close = notify_close,
        .sockets = notify_sockets,
        .due_ns = notify_due_ns,
        .receive = notify_receive,
        .send_fence = notify_send_fence,
    };
    struct notify_source *made = pgcwi_alloc_array(1, sizeof(*made));

    if (made == NULL) {
        return NULL;
    }
    made->base.methods = &methods;
    return &made->base;
}
