/* SPDX-License-Identifier: MIT */
/*
 * What of a session the results of its statements depend on: server,
 * database, roles, the schemas that are searched, and settings.
 *
 * The server is asked, and its answer kept with the connection, as libpq lets
 * us: so a hit costs no round trip. libpq also tells of each result that the
 * connection receives; unless its command is one that changes no setting, the
 * answer is forgotten. A setting that is changed behind that, by set_config()
 * in a SELECT or by a reload of the server's configuration, is found by the
 * next load, which asks again with its own round trip.
 */
#ifndef PGCWI_QUERY_SESSION_H
#define PGCWI_QUERY_SESSION_H

#include <stdbool.h>

#include <pgcachewatch/status.h>

struct pg_conn;   /* libpq's PGconn */
struct pg_result; /* libpq's PGresult */

/* SHA-256 in base64. */
#define PGCWI_SESSION_DIGEST_BYTES 44

/* Whether the library's own statements are prepared on the connection. */
enum pgcwi_prepared {
    PGCWI_PREPARED_UNKNOWN = 0,
    PGCWI_PREPARED = 1,
    /* A pooler gives us another server connection now and then. */
    PGCWI_PREPARED_NEVER = 2
};

struct pgcwi_session {
    enum pgcwi_prepared prepared;
    bool is_known;
    bool is_standby;
    char digest[PGCWI_SESSION_DIGEST_BYTES];
};

/* Gives one row: the digest, and whether it is a standby. */
extern const char pgcwi_session_query[];

#define PGCWI_SESSION_HAS_CHANGED "the session has changed without a word"

/*
 * The connection's, known: if need be the server is asked, on an idle
 * connection. Set only on PGCW_OK, and valid as long as the connection.
 */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_session_get(struct pg_conn *connection, struct pgcwi_session **session,
                  struct pgcw_error *error);

/* Take the answer; true if it is what was known. */
bool pgcwi_session_take(struct pgcwi_session *session,
                        const struct pg_result *answer);

/* Ask again, on an idle connection. PGCW_UNSUPPORTED: it has changed. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_session_check(struct pg_conn *connection, struct pgcwi_session *session,
                    struct pgcw_error *error);

/* Does nothing for a connection that has none. */
void pgcwi_session_forget(struct pg_conn *connection);

#endif
