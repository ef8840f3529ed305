/* SPDX-License-Identifier: MIT */
/* The queries of sql/, run as psql would run them. */
#include "install/template.h"

#include <stdbool.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/alloc.h"
#include "base/status.h"
#include "listener/refusal.h"

/* PostgreSQL's oid of the type text, fixed for ever. */
#define TEXT_OID 25

/* Where a reference to the variable ends that begins at `text`; NULL if none
 * does. */
static const char *
match(const char *text, const char *name)
{
    size_t bytes = strlen(name);

    if (strncmp(text, ":'", 2) != 0 || strncmp(text + 2, name, bytes) != 0 ||
        text[2 + bytes] != '\'') {
        return NULL;
    }
    return text + bytes + 3;
}

/* Write $n for the variable at `*text` and go beyond it. */
static bool
replace(const struct pgcwi_template *template, const char **text, char *out)
{
    for (size_t i = 0; i < PGCWI_VARIABLES_MAX; i++) {
        const char *end = template->variables[i].name == NULL
                              ? NULL
                              : match(*text, template->variables[i].name);

        if (end != NULL) {
            out[0] = '$';
            out[1] = (char)('1' + i);
            *text = end;
            return true;
        }
    }
    return false;
}

/* For pgcwi_free(). It is never longer than the template: :'x' becomes $1. */
static char *
make_query(const struct pgcwi_template *template)
{
    const char *text = template->text;
    const char *end = strstr(text, "\n\\g");
    size_t bytes = 0;
    char *query = pgcwi_alloc(strlen(text) + 1);

    if (query == NULL) {
        return NULL;
    }
    while (*text != '\0' && text != end) {
        if (replace(template, &text, query + bytes)) {
            bytes += 2;
        } else {
            query[bytes++] = *text++;
        }
    }
    query[bytes] = '\0';
    return query;
}

enum pgcw_status
pgcwi_template_run(PGconn *connection, const struct pgcwi_template *template,
                   PGresult **result, struct pgcw_error *error)
{
    const char *values[PGCWI_VARIABLES_MAX] = {0};
    Oid types[PGCWI_VARIABLES_MAX];
    PGresult *rows;
    enum pgcw_status status;
    char *query = make_query(template);

    if (query == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "%s: no memory",
                               template->doing);
    }
    for (size_t i = 0; i < PGCWI_VARIABLES_MAX; i++) {
        values[i] = template->variables[i].value;
        types[i] = TEXT_OID; /* said, as the query may not use all */
    }
    rows = PQexecParams(connection, query, PGCWI_VARIABLES_MAX, types, values,
                        NULL, NULL, 0);
    pgcwi_free(query);
    if (PQresultStatus(rows) == PGRES_TUPLES_OK) {
        *result = rows;
        return PGCW_OK;
    }
    status = pgcwi_refusal_set(error, connection, rows, template->doing);
    PQclear(rows);
    return status;
}
