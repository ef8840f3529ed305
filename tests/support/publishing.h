/* SPDX-License-Identifier: MIT */
/* Installing and uninstalling a publication. */
#ifndef PGCWI_TESTS_SUPPORT_PUBLISHING_H
#define PGCWI_TESTS_SUPPORT_PUBLISHING_H

#include "support/installing.h"

#define PUBLICATION "pb_pgcachewatch_table_change_" CHANNEL

/* Set up a test: two tables in public, and no publication. */
static inline int
make_unpublished(void **state)
{
    database_run(connection,
                 "DO $$ DECLARE p record; BEGIN FOR p IN SELECT pubname FROM "
                 "pg_publication LOOP EXECUTE format('DROP PUBLICATION %I', "
                 "p.pubname); END LOOP; END $$");
    return make_schema(state);
}

static inline struct pgcw_install_options
of_tables(const char *const *tables, size_t table_count)
{
    struct pgcw_install_options options = on_tables(tables, table_count);

    options.transport = PGCW_TRANSPORT_WAL;
    return options;
}

static inline void
publish(const char *table)
{
    struct pgcw_install_options options = of_tables(&table, 1);

    commit(plan(&options));
}

static inline void
unpublish(const char *table)
{
    struct pgcw_install_options options =
        of_tables(&table, table == NULL ? 0 : 1);

    commit(plan_removal(&options));
}

static inline void
refuse_to_publish(const char *table, const char *words)
{
    struct pgcw_install_options options = of_tables(&table, 1);

    refuse(&options, PGCW_REFUSED, words);
}

/* All the steps' texts, a line each, until the next call; frees the plan. */
static inline const char *
plan_text(struct pgcw_plan *made)
{
    static char text[DATABASE_TEXT_BYTES];
    size_t bytes = 0;

    text[0] = '\0';
    for (size_t i = 0; i < pgcw_plan_step_count(made); i++) {
        bytes += (size_t)snprintf(text + bytes, sizeof text - bytes, "%s\n",
                                  pgcw_plan_step_text(made, i));
    }
    pgcw_plan_destroy(made);
    return text;
}

/* Each publication with its tables: "p: public.a public.b\n". */
static inline const char *
publications(void)
{
    return database_text(
        connection,
        "SELECT coalesce(string_agg(p.pubname || ':' || coalesce((SELECT "
        "string_agg(' ' || r.prrelid::regclass, '' ORDER BY "
        "r.prrelid::regclass::text) FROM pg_publication_rel AS r WHERE "
        "r.prpubid = p.oid), ''), E'\\n' ORDER BY p.pubname), '') "
        "FROM pg_publication AS p");
}

#endif
