/* SPDX-License-Identifier: MIT */
/* What the user vouches for, as arrays that PostgreSQL reads. */
#include "query/trust.h"

#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/status.h"

struct pairs {
    struct pgcw_bytes *functions;
    struct pgcw_bytes *tables;
    size_t count;
};

static size_t
count_pairs(const struct pgcw_query_options *options)
{
    size_t count = 0;

    for (size_t i = 0; i < options->function_count; i++) {
        size_t tables = options->functions[i].table_count;

        count += tables == 0 ? 1 : tables;
    }
    return count;
}

static struct pgcw_bytes
bytes_of(const char *text)
{
    return (struct pgcw_bytes){text, strlen(text)};
}

static void
append_pairs(struct pairs *pairs, const struct pgcw_query_function *function)
{
    size_t i = 0;

    do {
        pairs->functions[pairs->count] = bytes_of(function->name);
        pairs->tables[pairs->count] =
            bytes_of(function->table_count == 0 ? "" : function->tables[i]);
        pairs->count++;
        i++;
    } while (i < function->table_count);
}

static bool
are_names(const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (names[i] == NULL || names[i][0] == '\0') {
            return false;
        }
    }
    return true;
}

static enum pgcw_status
check(const struct pgcw_query_options *options, struct pgcw_error *error)
{
    for (size_t i = 0; i < options->function_count; i++) {
        const struct pgcw_query_function *function = &options->functions[i];

        if (!are_names(&function->name, 1) ||
            !are_names(function->tables, function->table_count)) {
            return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                                   "functions: a name is missing");
        }
    }
    if (!are_names(options->extensions, options->extension_count)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "extensions: a name is missing");
    }
    return PGCW_OK;
}

static char *
extensions_text(const struct pgcw_query_options *options)
{
    struct pgcw_bytes *names =
        pgcwi_alloc_array(options->extension_count + 1, sizeof *names);
    char *text;

    if (names == NULL) {
        return NULL;
    }
    for (size_t i = 0; i < options->extension_count; i++) {
        names[i] = bytes_of(options->extensions[i]);
    }
    text = pgcwi_array_text(names, options->extension_count);
    pgcwi_free(names);
    return text;
}

enum pgcw_status
pgcwi_trust_init(struct pgcwi_trust *trust,
                 const struct pgcw_query_options *options,
                 struct pgcw_error *error)
{
    struct pairs pairs = {0};
    size_t room;
    enum pgcw_status status = check(options, error);

    memset(trust, 0, sizeof *trust);
    if (status != PGCW_OK) {
        return status;
    }
    room = count_pairs(options) + 1;
    pairs.functions = pgcwi_alloc_array(room, sizeof *pairs.functions);
    pairs.tables = pgcwi_alloc_array(room, sizeof *pairs.tables);
    if (pairs.functions != NULL && pairs.tables != NULL) {
        for (size_t i = 0; i < options->function_count; i++) {
            append_pairs(&pairs, &options->functions[i]);
        }
        trust->functions = pgcwi_array_text(pairs.functions, pairs.count);
        trust->tables = pgcwi_array_text(pairs.tables, pairs.count);
        trust->extensions = extensions_text(options);
    }
    if (trust->functions == NULL || trust->tables == NULL ||
        trust->extensions == NULL) {
        status = pgcwi_error_set(error, PGCW_NO_MEMORY,
                                 "no memory for the declared functions");
    }
    pgcwi_free(pairs.functions);
    pgcwi_free(pairs.tables);
    return status;
}

void
pgcwi_trust_fini(struct pgcwi_trust *trust)
{
    pgcwi_free(trust->functions);
    pgcwi_free(trust->tables);
    pgcwi_free(trust->extensions);
}
