/* SPDX-License-Identifier: MIT */
/* What of a session the results of its statements depend on. */
#include "query/session.h"

#include <string.h>

#include <libpq-events.h>
#include <libpq-fe.h>

#include "base/alloc.h"
#include "base/status.h"
#include "listener/refusal.h"

static const char doing[] = "look at the session";

/* A server that was started again has nothing in common with what it was. */
const char pgcwi_session_query[] =
    "SELECT pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to("
    "pg_catalog.json_build_array("
    "pg_catalog.pg_postmaster_start_time(), pg_catalog.current_database(),"
    " session_user, current_user, pg_catalog.current_schemas(true),"
    " (SELECT pg_catalog.json_agg(pg_catalog.current_setting(s, true))"
    " FROM pg_catalog.unnest(ARRAY["
    "'TimeZone', 'DateStyle', 'IntervalStyle', 'timezone_abbreviations',"
    " 'client_encoding', 'extra_float_digits', 'bytea_output', 'xmlbinary',"
    " 'xmloption', 'lc_monetary', 'lc_numeric', 'lc_time',"
    " 'default_text_search_config', 'array_nulls', 'transform_null_equals',"
    " 'standard_conforming_strings', 'gin_fuzzy_search_limit']) AS s))::text, "
    "'UTF8')), 'base64'),"
    " pg_catalog.pg_is_in_recovery()";

/* By the first word of the command's tag. A change of a setting in a
 * transaction is seen by its own tag, and what is known is not looked at
 * before the transaction has ended. */
static bool
is_harmless(const char *tag)
{
    static const char *const words[] = {
        "",         "ANALYZE",   "BEGIN",   "CLOSE",  "COMMIT",  "COPY",
        "DECLARE",  "DELETE",    "EXPLAIN", "FETCH",  "INSERT",  "LISTEN",
        "LOCK",     "MERGE",     "MOVE",    "NOTIFY", "PREPARE", "RELEASE",
        "ROLLBACK", "SAVEPOINT", "SELECT",  "SHOW",   "START",   "TRUNCATE",
        "UNLISTEN", "UPDATE",    "VACUUM",
    };
    size_t length = strcspn(tag, " ");

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strlen(words[i]) == length && strncmp(tag, words[i], length) == 0) {
            return true;
        }
    }
    return false;
}

static int on_event(PGEventId event, void *info, void *context);

static void
forget(PGconn *connection)
{
    struct pgcwi_session *session = PQinstanceData(connection, on_event);

    if (session != NULL) {
        session->is_known = false;
        if (session->prepared == PGCWI_PREPARED) {
            session->prepared = PGCWI_PREPARED_UNKNOWN;
        }
    }
}

/* Called by libpq. */
static int
on_event(PGEventId event, void *info, void *context)
{
    (void)context;
    if (event == PGEVT_RESULTCREATE) {
        PGEventResultCreate *created = info;

        if (!is_harmless(PQcmdStatus(created->result))) {
            forget(created->conn);
        }
    } else if (event == PGEVT_CONNRESET) {
        forget(((PGEventConnReset *)info)->conn);
    } else if (event == PGEVT_CONNDESTROY) {
        pgcwi_free(
            PQinstanceData(((PGEventConnDestroy *)info)->conn, on_event));
    }
    return 1;
}

static struct pgcwi_session *
attach(PGconn *connection)
{
    struct pgcwi_session *session = PQinstanceData(connection, on_event);

    if (session != NULL) {
        return session;
    }
    /* fails if it is registered already, after an attempt without memory */
    (void)PQregisterEventProc(connection, on_event, "pgcachewatch", NULL);
    session = pgcwi_alloc_array(1, sizeof *session);
    if (session != NULL &&
        PQsetInstanceData(connection, on_event, session) == 0) {
        pgcwi_free(session);
        session = NULL;
    }
    return session;
}

bool
pgcwi_session_take(struct pgcwi_session *session, const PGresult *answer)
{
    char *digest = PQgetvalue(answer, 0, 0);
    bool is_same = session->is_known &&
                   memcmp(session->digest, digest, sizeof session->digest) == 0;

    memcpy(session->digest, digest, sizeof session->digest);
    session->is_standby = PQgetvalue(answer, 0, 1)[0] == 't';
    session->is_known = true;
    return is_same;
}

enum pgcw_status
pgcwi_session_check(PGconn *connection, struct pgcwi_session *session,
                    struct pgcw_error *error)
{
    PGresult *answer = PQexecParams(connection, pgcwi_session_query, 0, NULL,
                                    NULL, NULL, NULL, 0);
    enum pgcw_status status = PGCW_OK;

    if (PQresultStatus(answer) != PGRES_TUPLES_OK) {
        status = pgcwi_refusal_set(error, connection, answer, doing);
    } else if (!pgcwi_session_take(session, answer)) {
        status = pgcwi_error_set(error, PGCW_UNSUPPORTED, "%s",
                                 PGCWI_SESSION_HAS_CHANGED);
    }
    PQclear(answer);
    return status;
}

enum pgcw_status
pgcwi_session_get(PGconn *connection, struct pgcwi_session **session,
                  struct pgcw_error *error)
{
    struct pgcwi_session *found = attach(connection);
    enum pgcw_status status = PGCW_OK;

    if (found == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "%s: no memory", doing);
    }
    if (!found->is_known) {
        status = pgcwi_session_check(connection, found, error);
    }
    if (status == PGCW_OK || status == PGCW_UNSUPPORTED) {
        *session = found;
        return PGCW_OK;
    }
    return status;
}

void
pgcwi_session_forget(PGconn *connection)
{
    forget(connection);
}
