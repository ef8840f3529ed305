/* SPDX-License-Identifier: MIT */
#include "strategy/filter.h"

#include <string.h>

#include "base/alloc.h"
#include "base/name.h"
#include "base/status.h"

#if UINTPTR_MAX == UINT64_MAX
_Static_assert(sizeof(struct pgcw_event_filter) == 40, "the size is frozen");
#endif

struct watched_table {
    char schema[PGCWI_NAME_BYTES]; /* empty: any */
    char name[PGCWI_NAME_BYTES];
};

struct pgcwi_filter {
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
is_watched(const struct pgcwi_filter *filter, const struct pgcw_event *event)
{
    for (size_t i = 0; i < filter->table_count; i++) {
        if (is_table(&filter->tables[i], event)) {
            return true;
        }
    }
    return filter->table_count == 0;
}

bool
pgcwi_filter_has_operation(const struct pgcwi_filter *filter,
                           enum pgcw_operation operation)
{
    return (filter->operations & (uint32_t)operation) != 0;
}

bool
pgcwi_filter_passes(const struct pgcwi_filter *filter,
                    const struct pgcw_event *event)
{
    return pgcwi_filter_has_operation(filter, event->operation) &&
           is_watched(filter, event) &&
           (filter->predicate == NULL ||
            filter->predicate(filter->predicate_context, event));
}

static enum pgcw_status
check_table(const struct pgcw_table *table, size_t position,
            struct pgcw_error *error)
{
    if (!pgcwi_name_is_valid(table->name)) {
        return pgcwi_error_set(
            error, PGCW_INVALID_ARGUMENT,
            "filter.tables[%zu].name: 1 to %d bytes are allowed", position,
            PGCWI_NAME_MAX_BYTES);
    }
    if (table->schema != NULL && !pgcwi_name_is_valid(table->schema)) {
        return pgcwi_error_set(
            error, PGCW_INVALID_ARGUMENT,
            "filter.tables[%zu].schema: NULL, or 1 to %d bytes, are allowed",
            position, PGCWI_NAME_MAX_BYTES);
    }
    return PGCW_OK;
}

static enum pgcw_status
check(const struct pgcw_event_filter *options, struct pgcw_error *error)
{
    if ((options->operations & ~PGCW_ALL_OPERATIONS) != 0) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "filter.operations: only the bits of %u are "
                               "allowed",
                               PGCW_ALL_OPERATIONS);
    }
    if (options->table_count > 0 && options->tables == NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "filter.tables: NULL, but table_count is not 0");
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
copy_tables(struct pgcwi_filter *filter,
            const struct pgcw_event_filter *options)
{
    filter->table_count = options->table_count;
    for (size_t i = 0; i < options->table_count; i++) {
        const struct pgcw_table *table = &options->tables[i];
        const char *schema = table->schema != NULL ? table->schema : "";

        memcpy(filter->tables[i].schema, schema, strlen(schema) + 1);
        memcpy(filter->tables[i].name, table->name, strlen(table->name) + 1);
    }
}

static struct pgcwi_filter *
make(const struct pgcw_event_filter *options)
{
    struct pgcwi_filter *filter = NULL;

    if (options->table_count <
        (SIZE_MAX - sizeof(*filter)) / sizeof(filter->tables[0])) {
        filter = pgcwi_alloc(sizeof(*filter) +
                             options->table_count * sizeof(filter->tables[0]));
    }
    if (filter == NULL) {
        return NULL;
    }
    filter->operations =
        options->operations != 0 ? options->operations : PGCW_ALL_OPERATIONS;
    filter->predicate = options->predicate;
    filter->predicate_context = options->predicate_context;
    copy_tables(filter, options);
    return filter;
}

enum pgcw_status
pgcwi_filter_create(const struct pgcw_event_filter *options,
                    struct pgcwi_filter **filter, struct pgcw_error *error)
{
    enum pgcw_status status = check(options, error);

    if (status != PGCW_OK) {
        return status;
    }
    struct pgcwi_filter *made = make(options);
    if (made == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a strategy");
    }
    *filter = made;
    return PGCW_OK;
}

enum pgcw_status
pgcwi_filter_create_context(size_t bytes,
                            const struct pgcw_event_filter *options,
                            void **context, struct pgcw_error *error)
{
    struct pgcwi_filter **made = pgcwi_alloc_array(1, bytes);
    enum pgcw_status status;

    if (made == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for a strategy");
    }
    status = pgcwi_filter_create(options, made, error);
    if (status != PGCW_OK) {
        pgcwi_free(made);
        return status;
    }
    *context = made;
    return PGCW_OK;
}

void
pgcwi_filter_destroy_context(void *context)
{
    struct pgcwi_filter **filter = context;

    if (filter != NULL) {
        pgcwi_free(*filter);
    }
    pgcwi_free(context);
}
