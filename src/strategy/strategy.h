/* SPDX-License-Identifier: MIT */
/* Calling a strategy, whoever made it. */
#ifndef PGCWI_STRATEGY_STRATEGY_H
#define PGCWI_STRATEGY_STRATEGY_H

#include <pgcachewatch/strategy.h>

/* In the event's turn. */
enum pgcw_decision pgcwi_strategy_decide(const struct pgcw_strategy *strategy,
                                         const struct pgcw_event *event);

#endif
