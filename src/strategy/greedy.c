/* SPDX-License-Identifier: MIT */
/* Invalidates on each event that passes a filter. */
#include <pgcachewatch/strategy.h>

#include "base/alloc.h"
#include "base/options.h"
#include "strategy/filter.h"
#include "strategy/strategy.h"

static enum pgcw_decision
decide(void *context, const struct pgcw_event *event)
{
    return pgcwi_filter_passes(context, event) ? PGCW_INVALIDATE : PGCW_KEEP;
}

enum pgcw_status
pgcw_greedy_create(const struct pgcw_greedy_options *options,
                   struct pgcw_strategy **strategy, struct pgcw_error *error)
{
    struct pgcw_greedy_options known;
    struct pgcw_strategy_options callbacks = {
        .size = sizeof(callbacks),
        .decide = decide,
        .destroy = pgcwi_free,
    };
    struct pgcwi_filter *filter = NULL;
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, error);

    if (status == PGCW_OK) {
        status = pgcwi_filter_create(&known.filter, &filter, error);
    }
    if (status == PGCW_OK) {
        callbacks.context = filter;
        status =
            pgcwi_strategy_adopt(&callbacks, &known.filter, strategy, error);
    }
    return status;
}
