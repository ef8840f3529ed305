/* SPDX-License-Identifier: MIT */
/* Calling a strategy, whoever made it: one call at a time. */
#ifndef PGCWI_STRATEGY_STRATEGY_H
#define PGCWI_STRATEGY_STRATEGY_H

#include <stdbool.h>

#include <pgcachewatch/strategy.h>

/* pgcw_strategy_create() of our own callbacks, with a filter that they ask; but
 * if it fails the context is destroyed. */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_strategy_adopt(const struct pgcw_strategy_options *options,
                     const struct pgcw_event_filter *filter,
                     struct pgcw_strategy **strategy, struct pgcw_error *error);
/* Whether no call of it runs code of the user's. */
bool pgcwi_strategy_is_ours(const struct pgcw_strategy *strategy);
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
