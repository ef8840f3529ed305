/* SPDX-License-Identifier: MIT */
/* Why a statement failed, in the server's words. */
#include "listener/refusal.h"

#include <libpq-fe.h>

#include "base/status.h"

static const char *
field(const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);

    return text == NULL ? "" : text;
}

enum pgcw_status
pgcwi_refusal_set(struct pgcw_error *error, const PGconn *connection,
                  const PGresult *result, const char *doing)
{
    const char *sqlstate;
    const char *primary;
    const char *hint;

    if (PQstatus(connection) != CONNECTION_OK) {
        return pgcwi_error_set(error, PGCW_DISCONNECTED, "%s: %s", doing,
                               PQerrorMessage(connection));
    }
    if (result == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "%s: no memory", doing);
    }
    sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    primary = field(result, PG_DIAG_MESSAGE_PRIMARY);
    hint = field(result, PG_DIAG_MESSAGE_DETAIL);
    if (hint[0] == '\0') {
        hint = field(result, PG_DIAG_MESSAGE_HINT);
    }
    return pgcwi_error_set_sqlstate(error, PGCW_REFUSED, sqlstate,
                                    hint[0] == '\0' ? "%s: %s" : "%s: %s: %s",
                                    doing, primary, hint);
}
