/* SPDX-License-Identifier: MIT */
/* Asynchronous libpq, as libuv's callbacks drive it. */
#include "event_database.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 500
#define CONNECT_MS 5000

static void connect_database(uv_timer_t *timer);

static void
free_handle(uv_handle_t *handle)
{
    free(handle);
}

static void
stop_watching(struct event_database *database)
{
    if (database->poll != NULL) {
        uv_close((uv_handle_t *)database->poll, free_handle);
        database->poll = NULL;
    }
}

/* Anew each time: while it connects, libpq may take another socket. */
static bool
watch(struct event_database *database, int events, uv_poll_cb callback)
{
    int socket = PQsocket(database->connection);
    uv_poll_t *poll = NULL;

    stop_watching(database);
    if (socket < 0) {
        return false;
    }
    poll = malloc(sizeof(*poll));
    if (poll == NULL || uv_poll_init(database->timer.loop, poll, socket) != 0) {
        free(poll);
        return false;
    }
    poll->data = database;
    database->poll = poll;
    return uv_poll_start(poll, events, callback) == 0;
}

static void
finish_query(struct event_database *database, PGresult *result)
{
    struct event_query *query = database->sent;

    database->sent = query->next;
    if (database->sent == NULL) {
        database->sent_end = &database->sent;
    }
    query->on_result(query->context, result);
    PQclear(result);
    free(query);
}

static void
lose(struct event_database *database, const char *why)
{
    if (!database->is_stopping) {
        fprintf(stderr, "database: %.*s\n", (int)strcspn(why, "\n"), why);
        uv_timer_start(&database->timer, connect_database, RETRY_MS, 0);
    }
    database->is_connected = false;
    stop_watching(database);
    PQclear(database->result);
    database->result = NULL;
    while (database->sent != NULL) {
        finish_query(database, NULL);
    }
    PQfinish(database->connection);
    database->connection = NULL;
}

static void
lose_connection(struct event_database *database)
{
    lose(database, PQerrorMessage(database->connection));
}

/* Take what has arrived: of each query its result, a NULL, and the sync. */
static void
take_results(struct event_database *database)
{
    while (database->sent != NULL && !PQisBusy(database->connection)) {
        PGresult *result = PQgetResult(database->connection);
        if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
            PQclear(result);
            result = database->result;
            database->result = NULL;
            finish_query(database, result);
        } else if (result != NULL) {
            PQclear(database->result);
            database->result = result;
        } else if (PQstatus(database->connection) == CONNECTION_BAD) {
            break;
        }
    }
}

static void
socket_ready(uv_poll_t *poll, int result, int events)
{
    struct event_database *database = poll->data;

    if (result == 0 && ((events & UV_READABLE) == 0 ||
                        PQconsumeInput(database->connection) == 1)) {
        take_results(database);
    }
    if (result != 0 || PQstatus(database->connection) == CONNECTION_BAD) {
        lose_connection(database);
    }
}

/* Before the loop waits, all that was added to the pipeline is sent. */
static void
flush(uv_prepare_t *prepare)
{
    struct event_database *database = prepare->data;
    int left = 0;

    if (!database->is_connected) {
        return;
    }
    left = PQflush(database->connection);
    if (left < 0) {
        lose_connection(database);
    } else if (database->is_writing != (left > 0)) {
        database->is_writing = left > 0;
        uv_poll_start(database->poll,
                      UV_READABLE | (database->is_writing ? UV_WRITABLE : 0),
                      socket_ready);
    }
}

static void
connecting(uv_poll_t *poll, int result, int events)
{
    struct event_database *database = poll->data;
    PostgresPollingStatusType next = PQconnectPoll(database->connection);
    bool is_right = false;

    (void)result;
    (void)events;
    if (next == PGRES_POLLING_READING) {
        is_right = watch(database, UV_READABLE, connecting);
    } else if (next == PGRES_POLLING_WRITING) {
        is_right = watch(database, UV_WRITABLE, connecting);
    } else if (next == PGRES_POLLING_OK) {
        is_right = PQsetnonblocking(database->connection, 1) == 0 &&
                   PQenterPipelineMode(database->connection) == 1 &&
                   watch(database, UV_READABLE, socket_ready);
        database->is_connected = is_right;
    }
    if (!is_right) {
        lose_connection(database);
    } else if (database->is_connected) {
        uv_timer_stop(&database->timer);
        database->is_writing = false;
        database->on_connected();
    }
}

static void
give_up(uv_timer_t *timer)
{
    lose(timer->data, "the server does not answer");
}

/* Only the look-up of a host's name waits; hostaddr in the DSN needs none. */
static void
connect_database(uv_timer_t *timer)
{
    struct event_database *database = timer->data;

    database->connection = PQconnectStart(database->dsn);
    uv_timer_start(timer, give_up, CONNECT_MS, 0);
    if (PQstatus(database->connection) == CONNECTION_BAD ||
        !watch(database, UV_WRITABLE, connecting)) {
        lose_connection(database);
    }
}

void
event_database_start(struct event_database *database, uv_loop_t *loop,
                     const char *dsn, event_connected_fn *on_connected)
{
    *database = (struct event_database){
        .dsn = dsn,
        .on_connected = on_connected,
    };
    database->sent_end = &database->sent;
    uv_timer_init(loop, &database->timer);
    uv_prepare_init(loop, &database->flush);
    uv_prepare_start(&database->flush, flush);
    database->timer.data = database;
    database->flush.data = database;
    connect_database(&database->timer);
}

void
event_database_stop(struct event_database *database)
{
    database->is_stopping = true;
    lose(database, "");
}

bool
event_database_send(struct event_database *database, const char *sql,
                    const char *value, event_result_fn *on_result,
                    void *context)
{
    struct event_query *query = NULL;

    if (!database->is_connected) {
        return false;
    }
    query = calloc(1, sizeof(*query));
    if (query == NULL || PQsendQueryParams(database->connection, sql, 1, NULL,
                                           &value, NULL, NULL, 0) != 1) {
        free(query);
        return false;
    }
    if (PQpipelineSync(database->connection) != 1) {
        lose_connection(database); /* what comes could not be told apart */
        free(query);
        return false;
    }
    query->on_result = on_result;
    query->context = context;
    *database->sent_end = query;
    database->sent_end = &query->next;
    return true;
}
