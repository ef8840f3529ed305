/* SPDX-License-Identifier: MIT */
/* Invalidates on each event that passes a filter. */
#include <stdbool.h>
#include <string.h>

#include <pgcachewatch/strategy.h>

#include "base/alloc.h"
#include "base/name.h"
#include "base/options.h"
#include "base/status.h"

struct watched_table {
    char schema[PGCWI_NAME_BYTES]; /* empty: any */
    char name[PGCWI_NAME_BYTES];
};

struct greedy {
    uint32_t operations;
    pgcw_predicate_fn *predicate;
    void *predicate_context;
    size_t table_count; /* 0: every table */
    struct watched_table tables[];
};

static bool
is_table(const struct watched_table *table, const struct pgcw_event *event)
{
    return strcmp(table->name, event->table) == 0 &&
           (table->schema[0] == '\0' || event->schema[0] == '\0' ||
            strcmp(table->schema, event->schema) == 0);
}

static bool
is_watched(const struct greedy *greedy, const struct pgcw_event *event)
{
    for (size_t i = 0; i < greedy->table_count; i++) {
        if (is_table(&greedy->tables[i], event)) {
            return true;
        }
    }
    return greedy->table_count == 0;
}

static enum pgcw_decision
decide(void *context, const struct pgcw_event *event)
{
    const struct greedy *greedy = context;
    bool passes = (greedy->operations & (uint32_t)event->operation) != 0 &&
                  is_watched(greedy, event) &&
                  (greedy->predicate == NULL ||
                   greedy->predicate(greedy->predicate_context, event));

    return passes ? PGCW_INVALIDATE : PGCW_KEEP;
}

static enum pgcw_status
check_table(const struct pgcw_table *table, size_t position,
            struct pgcw_error *error)
{
    if (!pgcwi_name_is_valid(table->name)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "tables[%zu].name: 1 to %d bytes are allowed",
                               position, PGCWI_NAME_MAX_BYTES);
    }
    if (table->schema != NULL && !pgcwi_name_is_valid(table->schema)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "tables[%zu].schema: NULL, or 1 to %d bytes, "
                               "are allowed",
                               position, PGCWI_NAME_MAX_BYTES);
    }
    return PGCW_OK;
}

static enum pgcw_status
check(const struct pgcw_greedy_options *options, struct pgcw_error *error)
{
    if ((options->operations & ~PGCW_ALL_OPERATIONS) != 0) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "operations: only the bits of %u are allowed",
                               PGCW_ALL_OPERATIONS);
    }
    if (options->table_count > 0 && options->tables == NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "tables: NULL, but table_count is not 0");
    }
    for (size_t i = 0; i < options->table_count; i++) {
        enum pgcw_status status = check_table(&options->tables[i], i, error);

        if (status != PGCW_OK) {
            return status;
        }
    }
    return PGCW_OK;
}

static void
copy_tables(struct greedy *greedy, const struct pgcw_greedy_options *options)
{
    greedy->table_count = options->table_count;
    for (size_t i = 0; i < options->table_count; i++) {
        const struct pgcw_table *table = &options->tables[i];
        const char *schema = table->schema != NULL ? table->schema : "";

        memcpy(greedy->tables[i].schema, schema, strlen(schema) + 1);
        memcpy(greedy->tables[i].name, table->name, strlen(table->name) + 1);
    }
}

static struct greedy *
make(const struct pgcw_greedy_options *options)
{
    struct greedy *greedy = NULL;

    if (options->table_count <
        (SIZE_MAX - sizeof(*greedy)) / sizeof(greedy->tables[0])) {
        greedy = pgcwi_alloc(sizeof(*greedy) +
                             options->table_count * sizeof(greedy->tables[0]));
    }
    if (greedy == NULL) {
        return NULL;
    }
    greedy->operations =
        options->operations != 0 ? options->operations : PGCW_ALL_OPERATIONS;
    greedy->predicate = options->predicate;
    greedy->predicate_context = options->predicate_context;
    copy_tables(greedy, options);
    return greedy;
}

enum pgcw_status
pgcw_greedy_create(const struct pgcw_greedy_options *options,
                   struct pgcw_strategy **strategy, struct pgcw_error *error)
{
    struct pgcw_greedy_options known;
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, error);

    if (status == PGCW_OK) {
        status = check(&known, error);
    }
    if (status != PGCW_OK) {
        return status;
    }
    callbacks.decide = decide;
    callbacks.destroy = pgcwi_free;
    callbacks.context = make(&known);
    if (callbacks.context == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a strategy");
    }
    status = pgcw_strategy_create(&callbacks, strategy, error);
    if (status != PGCW_OK) {
        pgcwi_free(callbacks.context);
    }
    return status;
}
