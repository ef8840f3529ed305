/* SPDX-License-Identifier: MIT */
/* Calling a strategy, whoever made it: one call at a time. */
#ifndef PGCWI_STRATEGY_STRATEGY_H
#define PGCWI_STRATEGY_STRATEGY_H

#include <pgcachewatch/strategy.h>

/* pgcw_strategy_create(), but if it fails the context is destroyed. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_strategy_adopt(const struct pgcw_strategy_options *options,
                     struct pgcw_strategy **strategy, struct pgcw_error *error);
/* In the event's turn. */
enum pgcw_decision pgcwi_strategy_decide(const struct pgcw_strategy *strategy,
                                         const struct pgcw_event *event);
/* When it wants to expire; INT64_MAX: never. */
int64_t pgcwi_strategy_due_ns(const struct pgcw_strategy *strategy);
/* Only if it is due. */
enum pgcw_decision pgcwi_strategy_expire(const struct pgcw_strategy *strategy,
                                         int64_t now_ns);
void pgcwi_strategy_tell_gap(const struct pgcw_strategy *strategy);

#endif
