/* SPDX-License-Identifier: MIT */
#include "strategy/strategy.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/status.h"

struct pgcw_strategy {
    struct pgcw_strategy_options callbacks;
};

enum pgcw_status
pgcw_strategy_create(const struct pgcw_strategy_options *options,
                     struct pgcw_strategy **strategy, struct pgcw_error *error)
{
    struct pgcw_strategy_options known;
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, error);

    if (status != PGCW_OK) {
        return status;
    }
    if (known.decide == NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "decide: a strategy needs this callback");
    }
    struct pgcw_strategy *made = pgcwi_alloc(sizeof(*made));
    if (made == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a strategy");
    }
    made->callbacks = known;
    *strategy = made;
    return PGCW_OK;
}

void
pgcw_strategy_destroy(struct pgcw_strategy *strategy)
{
    if (strategy == NULL) {
        return;
    }
    if (strategy->callbacks.destroy != NULL) {
        strategy->callbacks.destroy(strategy->callbacks.context);
    }
    pgcwi_free(strategy);
}

enum pgcw_decision
pgcwi_strategy_decide(const struct pgcw_strategy *strategy,
                      const struct pgcw_event *event)
{
    return strategy->callbacks.decide(strategy->callbacks.context, event);
}
