/* SPDX-License-Identifier: MIT */
#include "cli/ask.h"

#include <string.h>

PGresult *
pgcwi_ask(PGconn *connection, struct pgcwi_findings *findings,
          const char *check, const char *sql,
          const char *const values[PGCWI_ASK_VALUES])
{
    int count = values == NULL ? 0 : PGCWI_ASK_VALUES;
    PGresult *rows =
        PQexecParams(connection, sql, count, NULL, values, NULL, NULL, 0);
    const char *sqlstate = PQresultErrorField(rows, PG_DIAG_SQLSTATE);
    const char *words = PQresultErrorField(rows, PG_DIAG_MESSAGE_PRIMARY);
    bool is_privilege = sqlstate != NULL && strcmp(sqlstate, "42501") == 0;

    if (PQresultStatus(rows) == PGRES_TUPLES_OK) {
        return rows;
    }
    pgcwi_findings_add(
        findings,
        (struct pgcwi_subject){PGCWI_LEVEL_BROKEN,
                               is_privilege ? "privilege" : check, NULL},
        "%s", words == NULL ? PQerrorMessage(connection) : words);
    if (is_privilege) {
        pgcwi_findings_remedy(findings,
                              "GRANT that to the role, or take another");
    }
    PQclear(rows);
    return NULL;
}
