/* SPDX-License-Identifier: MIT */
/* What a statement depends on. */
#include "query/dependency.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/alloc.h"
#include "base/status.h"
#include "query/probe.h"

/* The longest oid as text, and a comma or the terminator. */
#define OID_BYTES 11

static const char *
field(const PGresult *facts, int row, enum pgcwi_fact column)
{
    return PQgetvalue(facts, row, (int)column);
}

static bool
is_kind(const PGresult *facts, int row, const char *kind)
{
    return strcmp(field(facts, row, PGCWI_FACT_KIND), kind) == 0;
}

/* For pgcwi_free(); NULL if memory is short. */
static char *
list_vouched(const PGresult *facts)
{
    size_t room = (size_t)PQntuples(facts) * OID_BYTES + sizeof "{}";
    char *text = pgcwi_alloc(room);
    size_t bytes = 1;

    if (text == NULL) {
        return NULL;
    }
    text[0] = '{';
    for (int row = 0; row < PQntuples(facts); row++) {
        if (is_kind(facts, row, "vouched")) {
            bytes += (size_t)snprintf(text + bytes, room - bytes, "%s%s",
                                      bytes > 1 ? "," : "",
                                      field(facts, row, PGCWI_FACT_OID));
        }
    }
    snprintf(text + bytes, room - bytes, "}");
    return text;
}

enum pgcw_status
pgcwi_dependency_find(PGconn *connection, const struct pgcw_query *statement,
                      const struct pgcwi_trust *trust,
                      struct pgcwi_dependency *dependency,
                      struct pgcw_error *error)
{
    struct pgcw_error failure;
    PGresult *facts = NULL;
    enum pgcw_status status =
        pgcwi_probe_run(connection, statement, trust, &facts, &failure);

    memset(dependency, 0, sizeof *dependency);
    if (status == PGCW_REFUSED || status == PGCW_UNSUPPORTED) {
        memcpy(dependency->reason, failure.detail, sizeof failure.detail);
        return PGCW_OK;
    }
    if (status != PGCW_OK) {
        if (error != NULL) {
            *error = failure;
        }
        return status;
    }
    dependency->is_cacheable =
        pgcwi_judge_facts(facts, statement->command, dependency->reason);
    if (!dependency->is_cacheable) {
        PQclear(facts);
        return PGCW_OK;
    }
    dependency->facts = facts;
    dependency->vouched = list_vouched(facts);
    if (dependency->vouched == NULL) {
        pgcwi_dependency_fini(dependency);
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for the tables of a statement");
    }
    return PGCW_OK;
}

void
pgcwi_dependency_fini(struct pgcwi_dependency *dependency)
{
    PQclear(dependency->facts);
    pgcwi_free(dependency->vouched);
}

bool
pgcwi_dependency_knows(const struct pgcwi_dependency *dependency,
                       const char *oid, const char *stamp)
{
    const PGresult *facts = dependency->facts;

    for (int row = 0; row < PQntuples(facts); row++) {
        if (is_kind(facts, row, "relation") &&
            strcmp(field(facts, row, PGCWI_FACT_OID), oid) == 0) {
            return strcmp(field(facts, row, PGCWI_FACT_STAMP), stamp) == 0;
        }
    }
    return false;
}

static bool
is_clock(const struct pgcwi_dependency *dependency, int parameter)
{
    const PGresult *facts = dependency->facts;

    for (int row = 0; row < PQntuples(facts); row++) {
        if (is_kind(facts, row, "parameter") &&
            strtol(field(facts, row, PGCWI_FACT_NAME), NULL, 10) ==
                parameter + 1) {
            return true;
        }
    }
    return false;
}

bool
pgcwi_dependency_reads_now(const struct pgcwi_dependency *dependency,
                           const struct pgcw_query *query)
{
    for (int i = 0; i < query->parameter_count && query->values != NULL; i++) {
        bool is_text = query->formats == NULL || query->formats[i] == 0;

        if (is_text && pgcwi_judge_reads_clock(query->values[i]) &&
            is_clock(dependency, i)) {
            return true;
        }
    }
    return false;
}
