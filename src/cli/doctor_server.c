/* SPDX-License-Identifier: MIT */
/* What the server says of itself. */
#include "cli/doctor.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include "cli/ask.h"
#include "cli/doctor_limits.h"

#define SAMPLES 7

static const char server_sql[] =
    "SELECT pg_catalog.pg_is_in_recovery(), session_user,"
    " pg_catalog.current_database(),"
    " pg_catalog.pg_notification_queue_usage(),"
    " (SELECT setting FROM pg_catalog.pg_settings"
    "   WHERE name = 'idle_session_timeout'),"
    " pg_catalog.has_function_privilege("
    "   'public', 'pg_catalog.pg_notify(text, text)', 'EXECUTE'),"
    " pg_catalog.current_setting('max_prepared_transactions')::int";

enum { STANDBY, ROLE, DATABASE, USAGE, IDLE_TIMEOUT, CAN_NOTIFY, PREPARED };

static const char wal_sql[] =
    "SELECT pg_catalog.current_setting('wal_level'),"
    " pg_catalog.current_setting('max_wal_senders')::int,"
    " (SELECT count(*) FROM pg_catalog.pg_stat_replication),"
    " pg_catalog.current_setting('max_replication_slots')::int,"
    " (SELECT count(*) FROM pg_catalog.pg_replication_slots),"
    " session_user, pg_catalog.quote_ident(session_user),"
    " (SELECT rolreplication OR rolsuper FROM pg_catalog.pg_roles"
    "   WHERE rolname = session_user),"
    " EXISTS (SELECT FROM pg_catalog.pg_publication WHERE pubname::text = $1),"
    " pg_catalog.current_database()"
    " WHERE $2::text IS NULL";

enum {
    LEVEL,
    SENDERS_MAX,
    SENDERS,
    SLOTS_MAX,
    SLOTS,
    WAL_ROLE,
    QUOTED_ROLE,
    CAN_REPLICATE,
    HAS_PUBLICATION,
    WAL_DATABASE
};

static struct pgcwi_subject
subject(enum pgcwi_level level, const char *check)
{
    return (struct pgcwi_subject){level, check, NULL};
}

static int64_t
now_us(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The quickest of some is the best look at the server's clock. */
static void
check_clock(const struct pgcwi_watched *watched)
{
    int64_t best_us = INT64_MAX;
    int64_t ahead_us = 0;

    for (int i = 0; i < SAMPLES; i++) {
        int64_t before_us = now_us(CLOCK_REALTIME);
        int64_t start_us = now_us(CLOCK_MONOTONIC);
        PGresult *rows =
            pgcwi_ask(watched->connection, watched->findings, "clock",
                      "SELECT (extract(epoch FROM pg_catalog.clock_timestamp())"
                      " * 1000000)::int8",
                      NULL);
        int64_t took_us = now_us(CLOCK_MONOTONIC) - start_us;

        if (rows == NULL) {
            return;
        }
        if (took_us < best_us) {
            best_us = took_us;
            ahead_us = strtoll(PQgetvalue(rows, 0, 0), NULL, 10) - before_us -
                       took_us / 2;
        }
        PQclear(rows);
    }
    pgcwi_doctor_judge_round_trip(watched->findings, best_us);
    pgcwi_doctor_judge_clock(watched->findings, ahead_us, best_us);
}

static void
check_writers(const struct pgcwi_watched *watched, const PGresult *rows)
{
    const char *prepared = PQgetvalue(rows, 0, PREPARED);

    pgcwi_doctor_judge_queue(watched->findings,
                             strtod(PQgetvalue(rows, 0, USAGE), NULL));
    if (PQgetvalue(rows, 0, CAN_NOTIFY)[0] != 't') {
        pgcwi_findings_add(watched->findings,
                           subject(PGCWI_LEVEL_BROKEN, "privilege"),
                           "not everybody may execute pg_notify(): writes to "
                           "a watched table fail");
        pgcwi_findings_remedy(watched->findings,
                              "GRANT EXECUTE ON FUNCTION pg_notify(text, "
                              "text) TO public");
    }
    if (strtol(prepared, NULL, 10) > 0) {
        pgcwi_findings_add(watched->findings,
                           subject(PGCWI_LEVEL_WARNING, "prepared"),
                           "max_prepared_transactions is %s: PREPARE "
                           "TRANSACTION fails after a write to a watched table",
                           prepared);
        pgcwi_findings_remedy(watched->findings,
                              "if two-phase commit is used, take --transport "
                              "wal");
    }
}

static bool
check_standby(const struct pgcwi_watched *watched, const PGresult *rows)
{
    if (PQgetvalue(rows, 0, STANDBY)[0] != 't') {
        return true;
    }
    pgcwi_findings_add(watched->findings,
                       subject(PGCWI_LEVEL_BROKEN, "standby"),
                       "this is a standby, where nothing can be heard");
    pgcwi_findings_remedy(watched->findings,
                          "name the primary, or several hosts with "
                          "target_session_attrs=read-write");
    return false;
}

bool
pgcwi_doctor_check_server(const struct pgcwi_watched *watched)
{
    bool is_notify = watched->install->transport == PGCW_TRANSPORT_NOTIFY;
    bool can_listen;
    PGresult *rows;

    check_clock(watched);
    rows = pgcwi_ask(watched->connection, watched->findings, "server",
                     server_sql, NULL);
    if (rows == NULL) {
        return false;
    }
    can_listen = check_standby(watched, rows);
    pgcwi_doctor_judge_idle_timeout(
        watched->findings,
        strtoll(PQgetvalue(rows, 0, IDLE_TIMEOUT), NULL, 10));
    if (is_notify) {
        check_writers(watched, rows);
    }
    PQclear(rows);
    return can_listen;
}

/* Of max_wal_senders or max_replication_slots. */
static bool
check_room(const struct pgcwi_watched *watched, const char *name,
           const char *used, const char *maximum)
{
    bool has_room = strtol(used, NULL, 10) < strtol(maximum, NULL, 10);

    pgcwi_findings_add(
        watched->findings,
        subject(has_room ? PGCWI_LEVEL_OK : PGCWI_LEVEL_BROKEN, name),
        "%s of %s %s are taken; each listener needs one", used, maximum, name);
    if (!has_room) {
        pgcwi_findings_remedy(watched->findings,
                              "ALTER SYSTEM SET %s to more, and restart the "
                              "server",
                              name);
    }
    return has_room;
}

static bool
check_wal_level(const struct pgcwi_watched *watched, const char *level)
{
    bool is_logical = level[0] == 'l';

    pgcwi_findings_add(
        watched->findings,
        subject(is_logical ? PGCWI_LEVEL_OK : PGCWI_LEVEL_BROKEN, "wal_level"),
        "wal_level is %s%s", level, is_logical ? "" : ", and must be logical");
    if (!is_logical) {
        pgcwi_findings_remedy(watched->findings,
                              "ALTER SYSTEM SET wal_level = logical, and "
                              "restart the server");
    }
    return is_logical;
}

static bool
check_replication(const struct pgcwi_watched *watched, const PGresult *rows)
{
    if (PQgetvalue(rows, 0, CAN_REPLICATE)[0] == 't') {
        return true;
    }
    pgcwi_findings_add(watched->findings,
                       subject(PGCWI_LEVEL_BROKEN, "replication"),
                       "role %s lacks the attribute REPLICATION",
                       PQgetvalue(rows, 0, WAL_ROLE));
    pgcwi_findings_remedy(watched->findings, "ALTER ROLE %s REPLICATION",
                          PQgetvalue(rows, 0, QUOTED_ROLE));
    return false;
}

static bool
check_publication(const struct pgcwi_watched *watched, const PGresult *rows)
{
    if (PQgetvalue(rows, 0, HAS_PUBLICATION)[0] == 't') {
        return true;
    }
    pgcwi_findings_add(watched->findings,
                       subject(PGCWI_LEVEL_BROKEN, "publication"),
                       "database %s has no publication %s",
                       PQgetvalue(rows, 0, WAL_DATABASE), watched->publication);
    pgcwi_findings_remedy(watched->findings,
                          "pgcachewatch install --transport wal --commit "
                          "TABLE");
    return false;
}

bool
pgcwi_doctor_check_wal(const struct pgcwi_watched *watched)
{
    const char *const values[] = {watched->publication, NULL};
    PGresult *rows = pgcwi_ask(watched->connection, watched->findings, "server",
                               wal_sql, values);
    bool can_listen = rows != NULL;

    if (rows != NULL) {
        can_listen &= check_wal_level(watched, PQgetvalue(rows, 0, LEVEL));
        can_listen &=
            check_room(watched, "max_wal_senders", PQgetvalue(rows, 0, SENDERS),
                       PQgetvalue(rows, 0, SENDERS_MAX));
        can_listen &= check_room(watched, "max_replication_slots",
                                 PQgetvalue(rows, 0, SLOTS),
                                 PQgetvalue(rows, 0, SLOTS_MAX));
        can_listen &= check_replication(watched, rows);
        can_listen &= check_publication(watched, rows);
    }
    PQclear(rows);
    return can_listen;
}

PGconn *
pgcwi_doctor_connect(const char *dsn)
{
    /* of the same name a later one counts, and those of the string are later */
    static const char *const keywords[] = {"connect_timeout", "dbname", NULL};
    const char *const values[] = {"5", dsn, NULL};

    return PQconnectdbParams(keywords, values, 1);
}
