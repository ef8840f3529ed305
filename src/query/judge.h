/* SPDX-License-Identifier: MIT */
/*
 * Whether a statement may be cached, by the facts of query/probe.h.
 *
 * A result may be kept if nothing but writes to the tables that were read can
 * change it. What is not known to be so is refused.
 */
#ifndef PGCWI_QUERY_JUDGE_H
#define PGCWI_QUERY_JUDGE_H

#include <stdbool.h>

#include <pgcachewatch/status.h>

struct pg_result; /* libpq's PGresult */

/* As much as the detail of an error holds. */
#define PGCWI_REASON_BYTES sizeof((struct pgcw_error *)0)->detail

/*
 * True if the statement may be cached. Otherwise `reason` of
 * PGCWI_REASON_BYTES has one line that names the first thing that is in the
 * way, and what to do about it.
 */
bool pgcwi_judge_facts(const struct pg_result *facts, const char *text,
                       char *reason);

/*
 * Why a relation of the kind, as query/relation.h has it, is in the way; NULL
 * if it is not. To follow its name.
 */
const char *pgcwi_judge_relation(const char *kind);

/* Whether a date or time written so is another one as time goes by: "now",
 * "today" and the like stand in it. NULL has none. */
bool pgcwi_judge_reads_clock(const char *text);

#endif
