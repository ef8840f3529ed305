/* SPDX-License-Identifier: MIT */
/* What is to be done, step by step. */
#ifndef PGCWI_INSTALL_PLAN_H
#define PGCWI_INSTALL_PLAN_H

#include <pgcachewatch/install.h>

struct pg_result; /* libpq's PGresult */

/* An empty plan; NULL if memory is short. */
struct pgcw_plan *pgcwi_plan_create(void);

/*
 * Append a step for each row that a template of sql/ has given: comment,
 * statement, problem. The first problem is the failure, PGCW_REFUSED.
 */
PGCW_MUST_CHECK enum pgcw_status pgcwi_plan_append(struct pgcw_plan *plan,
                                                   const struct pg_result *rows,
                                                   struct pgcw_error *error);

#endif
