/* SPDX-License-Identifier: MIT */
#include "listener/connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include "base/status.h"
#include "listener/rejection.h"

/*
 * libpq's text says which option is unknown, and that may be told; its other
 * texts may quote a part of the string, which could be a password. So could
 * the unknown option: `password=two words=x`, which lacks the quotes.
 */
static enum pgcw_status
refuse_dsn(const char *dsn, const char *libpq_text, struct pgcw_error *error)
{
    static const char unknown_option[] = "invalid connection option";
    bool is_telling =
        libpq_text != NULL && strstr(dsn, "password") == NULL &&
        strncmp(libpq_text, unknown_option, sizeof(unknown_option) - 1) == 0;

    return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT, "dsn: %s",
                           is_telling ? libpq_text
                                      : "not a connection string or URI that "
                                        "libpq understands");
}

/*
 * `postgresql://me:p@ss@host` and `//me:pa/ss@host` are understood, as a host
 * `ss@host`, or a port `pa`, which libpq would quote in its error.
 */
static bool
is_cut_in_password(const char *dsn)
{
    const char *rest = strstr(dsn, "://");

    if (rest == NULL || strncmp(dsn, "postgres", strlen("postgres")) != 0) {
        return false;
    }
    rest += strlen("://");
    size_t first = strcspn(rest, "@/");
    const char *behind = rest + first + (rest[first] != '\0' ? 1 : 0);
    return behind[strcspn(behind, "@?")] == '@';
}

enum pgcw_status
pgcwi_connection_check_dsn(const char *dsn, struct pgcw_error *error)
{
    if (is_cut_in_password(dsn)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "dsn: in a URI, an @ or / of the password is "
                               "written as %%40 or %%2F");
    }
    char *libpq_text = NULL;
    PQconninfoOption *parsed = PQconninfoParse(dsn, &libpq_text);
    enum pgcw_status status =
        parsed != NULL ? PGCW_OK : refuse_dsn(dsn, libpq_text, error);

    PQconninfoFree(parsed);
    PQfreemem(libpq_text);
    return status;
}

static enum pgcw_status
disconnected(const struct pgcwi_connection *connection,
             struct pgcw_error *error)
{
    const char *text = PQerrorMessage(connection->pg);

    return pgcwi_error_set(error, PGCW_DISCONNECTED, "%s",
                           text[0] != '\0' ? text : "the connection was lost");
}

/* libpq would write it to stderr. It comes amid parsing: see
 * pgcwi_connection_check_memory(). */
static void
log_notice(void *log, const char *message)
{
    int kept = errno;

    pgcwi_log_write(log, PGCW_LOG_INFO, "the server says: %s", message);
    errno = kept;
}

enum pgcw_status
pgcwi_connection_start(struct pgcwi_connection *connection,
                       const struct pgcwi_connection_target *target,
                       struct pgcwi_log *log, struct pgcw_error *error)
{
    /*
     * What stands before dbname is a default that the dsn may change, what
     * stands behind it is fixed, unless it is NULL. An idle listener has no
     * unacknowledged data, so only keepalives find a dead peer; with a
     * heartbeat on its way, only tcp_user_timeout does.
     */
    const char *const keywords[] = {"application_name",    "keepalives_idle",
                                    "keepalives_interval", "keepalives_count",
                                    "tcp_user_timeout",    "dbname",
                                    "client_encoding",     "replication",
                                    "application_name",    NULL};
    const char *const values[] = {"pgcachewatch",
                                  "10",
                                  "5",
                                  "3",
                                  "20000",
                                  target->dsn,
                                  "UTF8",
                                  target->replication,
                                  target->application_name,
                                  NULL};

    *connection = (struct pgcwi_connection){0};
    connection->pg = PQconnectStartParams(keywords, values, 1);
    if (connection->pg == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a connection");
    }
    PQsetNoticeProcessor(connection->pg, log_notice, log);
    /* else there is no SQLSTATE: see listener/rejection.h */
    (void)PQsetErrorVerbosity(connection->pg, PQERRORS_VERBOSE);
    if (PQstatus(connection->pg) == CONNECTION_BAD) {
        return pgcwi_rejection_set(error, connection->pg);
    }
    return PGCW_OK;
}

void
pgcwi_connection_close(struct pgcwi_connection *connection)
{
    PQclear(connection->rows);
    PQfinish(connection->pg);
    *connection = (struct pgcwi_connection){0};
}

enum pgcwi_answer
pgcwi_connection_advance(struct pgcwi_connection *connection, short *events,
                         struct pgcw_error *error)
{
    PostgresPollingStatusType polling = PQconnectPoll(connection->pg);

    *events = polling == PGRES_POLLING_WRITING ? POLLOUT : POLLIN;
    if (polling == PGRES_POLLING_FAILED) {
        (void)pgcwi_rejection_set(error, connection->pg);
        return PGCWI_ANSWER_REFUSED;
    }
    if (polling != PGRES_POLLING_OK) {
        return PGCWI_ANSWER_PENDING;
    }
    (void)PQsetErrorVerbosity(connection->pg, PQERRORS_DEFAULT);
    if (PQsetnonblocking(connection->pg, 1) != 0) {
        (void)disconnected(connection, error);
        return PGCWI_ANSWER_REFUSED;
    }
    return PGCWI_ANSWER_OK;
}

int
pgcwi_connection_fd(const struct pgcwi_connection *connection)
{
    return PQsocket(connection->pg);
}

short
pgcwi_connection_events(const struct pgcwi_connection *connection)
{
    return connection->has_unsent ? POLLIN | POLLOUT : POLLIN;
}

static enum pgcw_status
flush(struct pgcwi_connection *connection, struct pgcw_error *error)
{
    int left = PQflush(connection->pg);

    if (left < 0) {
        return disconnected(connection, error);
    }
    connection->has_unsent = left > 0;
    return PGCW_OK;
}

enum pgcw_status
pgcwi_connection_send(struct pgcwi_connection *connection, const char *sql,
                      struct pgcw_error *error)
{
    if (PQsendQuery(connection->pg, sql) != 1) {
        return disconnected(connection, error);
    }
    return flush(connection, error);
}

enum pgcw_status
pgcwi_connection_receive(struct pgcwi_connection *connection,
                         struct pgcw_error *error)
{
    if (PQconsumeInput(connection->pg) != 1) {
        return disconnected(connection, error);
    }
    return connection->has_unsent ? flush(connection, error) : PGCW_OK;
}

static bool
is_success(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);

    return status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY ||
           status == PGRES_TUPLES_OK || status == PGRES_COPY_BOTH;
}

/* Keeps it if it has rows, else frees it. */
static void
take_result(struct pgcwi_connection *connection, PGresult *result)
{
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        PQclear(connection->rows);
        connection->rows = result;
    } else {
        PQclear(result);
    }
}

static enum pgcwi_answer
take_answer(struct pgcwi_connection *connection, struct pgcw_error *error)
{
    enum pgcwi_answer answer = PGCWI_ANSWER_OK;

    /* a refusal may be read in pieces: error stays set until the end */
    while (!PQisBusy(connection->pg)) {
        PGresult *result = PQgetResult(connection->pg);

        if (result == NULL) {
            return error->status == PGCW_OK ? answer : PGCWI_ANSWER_REFUSED;
        }
        if (!is_success(result)) {
            (void)pgcwi_rejection_set_result(error, result);
        }
        bool has_copy_begun = PQresultStatus(result) == PGRES_COPY_BOTH;
        take_result(connection, result);
        if (has_copy_begun) {
            return PGCWI_ANSWER_OK; /* there is no end of it to wait for */
        }
    }
    return PGCWI_ANSWER_PENDING;
}

PGresult *
pgcwi_connection_take_rows(struct pgcwi_connection *connection)
{
    PGresult *rows = connection->rows;

    connection->rows = NULL;
    return rows;
}

enum pgcwi_answer
pgcwi_connection_answer(struct pgcwi_connection *connection,
                        struct pgcw_error *error)
{
    errno = 0;
    enum pgcwi_answer answer = take_answer(connection, error);
    connection->was_short_of_memory |= errno == ENOMEM;
    return answer;
}

PGnotify *
pgcwi_connection_next(struct pgcwi_connection *connection)
{
    errno = 0;
    PGnotify *notification = PQnotifies(connection->pg);
    connection->was_short_of_memory |= errno == ENOMEM;
    return notification;
}

enum pgcw_status
pgcwi_connection_check_memory(const struct pgcwi_connection *connection,
                              struct pgcw_error *error)
{
    if (!connection->was_short_of_memory) {
        return PGCW_OK;
    }
    return pgcwi_error_set(error, PGCW_NO_MEMORY,
                           "memory was short: a notification may be lost");
}

/* The server has ended the copy, and says why. */
static void
copy_ended(struct pgcwi_connection *connection, struct pgcw_error *error)
{
    PGresult *result = PQgetResult(connection->pg);

    if (result != NULL && PQresultStatus(result) == PGRES_FATAL_ERROR) {
        (void)pgcwi_rejection_set_result(error, result);
    } else {
        (void)disconnected(connection, error);
    }
    PQclear(result);
}

int
pgcwi_connection_copy_next(struct pgcwi_connection *connection, char **message,
                           struct pgcw_error *error)
{
    int bytes = PQgetCopyData(connection->pg, message, 1);

    if (bytes >= 0) {
        return bytes;
    }
    if (bytes == -1) {
        copy_ended(connection, error);
    } else {
        (void)disconnected(connection, error);
    }
    return -1;
}

enum pgcw_status
pgcwi_connection_copy_send(struct pgcwi_connection *connection,
                           const char *message, int bytes,
                           struct pgcw_error *error)
{
    /* 0: what is unsent has no room; the next one will tell as much */
    if (PQputCopyData(connection->pg, message, bytes) < 0) {
        return disconnected(connection, error);
    }
    return flush(connection, error);
}

char *
pgcwi_connection_quote(struct pgcwi_connection *connection, const char *name)
{
    return PQescapeIdentifier(connection->pg, name, strlen(name));
}
