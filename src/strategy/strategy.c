/* SPDX-License-Identifier: MIT */
#include "strategy/strategy.h"

#include "base/alloc.h"
#include "base/options.h"
#include "base/status.h"

struct pgcw_strategy {
    struct pgcw_strategy_options callbacks;
    bool is_ours;
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
    if ((known.due == NULL) != (known.expire == NULL)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "due, expire: one is of no use without the "
                               "other");
    }
    struct pgcw_strategy *made = pgcwi_alloc(sizeof(*made));
    if (made == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a strategy");
    }
    *made = (struct pgcw_strategy){.callbacks = known};
    *strategy = made;
    return PGCW_OK;
}

enum pgcw_status
pgcwi_strategy_adopt(const struct pgcw_strategy_options *options,
                     const struct pgcw_event_filter *filter,
                     struct pgcw_strategy **strategy, struct pgcw_error *error)
{
    enum pgcw_status status = pgcw_strategy_create(options, strategy, error);

    if (status != PGCW_OK) {
        options->destroy(options->context);
        return status;
    }
    (*strategy)->is_ours = filter->predicate == NULL;
    return PGCW_OK;
}

bool
pgcwi_strategy_is_ours(const struct pgcw_strategy *strategy)
{
    return strategy->is_ours;
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

int64_t
pgcwi_strategy_due_ns(const struct pgcw_strategy *strategy)
{
    return strategy->callbacks.due != NULL
               ? strategy->callbacks.due(strategy->callbacks.context)
               : INT64_MAX;
}

enum pgcw_decision
pgcwi_strategy_expire(const struct pgcw_strategy *strategy, int64_t now_ns)
{
    return strategy->callbacks.expire(strategy->callbacks.context, now_ns);
}

void
pgcwi_strategy_tell_gap(const struct pgcw_strategy *strategy)
{
    if (strategy->callbacks.on_gap != NULL) {
        strategy->callbacks.on_gap(strategy->callbacks.context);
    }
}
