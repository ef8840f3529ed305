/* SPDX-License-Identifier: MIT */
/* Which events a strategy is shown. */
#ifndef PGCWI_STRATEGY_FILTER_H
#define PGCWI_STRATEGY_FILTER_H

#include <stdbool.h>

#include <pgcachewatch/strategy.h>

/* One block of memory: pgcwi_free() frees it. */
struct pgcwi_filter;

PGCW_MUST_CHECK enum pgcw_status
pgcwi_filter_create(const struct pgcw_event_filter *options,
                    struct pgcwi_filter **filter, struct pgcw_error *error);
/*
 * The context of a strategy with a filter: `bytes` of zeros, but the first
 * field, its struct pgcwi_filter *, is set.
 */
PGCW_MUST_CHECK enum pgcw_status
pgcwi_filter_create_context(size_t bytes,
                            const struct pgcw_event_filter *options,
                            void **context, struct pgcw_error *error);
/* For pgcw_strategy_options; accepts NULL. */
void pgcwi_filter_destroy_context(void *context);
bool pgcwi_filter_passes(const struct pgcwi_filter *filter,
                         const struct pgcw_event *event);
/* Whether it could pass an event with this operation. */
bool pgcwi_filter_has_operation(const struct pgcwi_filter *filter,
                                enum pgcw_operation operation);

#endif
