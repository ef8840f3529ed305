/* SPDX-License-Identifier: MIT */
/* Writes and removes the triggers, or the publication, that tell of changes. */
#ifndef PGCACHEWATCH_INSTALL_H
#define PGCACHEWATCH_INSTALL_H

#include <stdbool.h>
#include <stddef.h>

#include <pgcachewatch/event.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

struct pg_conn; /* libpq's PGconn */

/**
 * Start with PGCW_INSTALL_OPTIONS_INIT; NULL always means the default.
 *
 * PostgreSQL's limit of 63 bytes holds for the whole names, which end in
 * "_<channel>", and those of triggers in "_i", "_u" or "_d" as well.
 */
struct pgcw_install_options {
    size_t size;
    /** Default PGCW_DEFAULT_CHANNEL. With PGCW_TRANSPORT_WAL it may have 34
     * bytes, unless `publication` is set. */
    const char *channel;
    /** The function's name before "_<channel>".
     * Default "fn_pgcachewatch_table_change". */
    const char *function_name;
    /** The triggers' name before "_<channel>".
     * Default "tg_pgcachewatch_table_change". */
    const char *trigger_name;
    /** As one writes them in SQL: orders, public.orders, "Mixed Case". For
     * pgcw_uninstall_plan() none means wherever a trigger is found. */
    const char *const *tables;
    size_t table_count;
    /** As one writes them in SQL. An UPDATE that leaves these as they were,
     * in all rows, is not told, and of other rows no key. That needs a
     * primary key; each table must have the columns. NULL: all columns. */
    const char *const *columns;
    size_t column_count;
    /** Tell which rows: see pgcw_event.keys. */
    bool rows;
    /** Fire also under session_replication_role = replica (but PostgreSQL
     * fires no triggers of statements for what a subscription applies). Once
     * set it stays when they are replaced; only the owner of a table can. */
    bool always;
    /** The publication's whole name, as PostgreSQL stores it; only with
     * PGCW_TRANSPORT_WAL. Default pb_pgcachewatch_table_change_<channel>. */
    const char *publication;
    /**
     * Default PGCW_TRANSPORT_NOTIFY: triggers. PGCW_TRANSPORT_WAL: a
     * publication of the tables; it always tells rows, and has no
     * function_name, trigger_name, columns or always.
     *
     * PostgreSQL lets each UPDATE and DELETE fail on a published table that
     * has no replica identity. So such a table is refused. Do not take its
     * primary key away later while it is published.
     *
     * Changes of partitions are told as of the table that is named, but
     * TRUNCATE of a partition by its own name is not told. Unlogged and
     * foreign tables are refused, as decoding tells nothing of them.
     */
    enum pgcw_transport transport;
};

#define PGCW_INSTALL_OPTIONS_INIT                                          \
    {                                                                      \
        sizeof(struct pgcw_install_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
            (enum pgcw_transport)0                                         \
    }

/** What is to be done: one step for each object. */
struct pgcw_plan;

/**
 * Work out how to install the triggers, or the publication. Reads the
 * catalogs, writes nothing.
 *
 * What is there already, and as it should be, is no step: an empty plan
 * means that all is installed. What is there in another form, with rows or
 * without, is replaced. With PGCW_TRANSPORT_WAL a step without SQL says if
 * wal_level is not logical.
 *
 * So this is also how a server asks, at its start, whether its triggers are
 * there: PGCW_OK and a plan without steps. For that its role needs no right
 * but to see the tables. Where something is missing, or disabled, or of another
 * form, the plan has steps, whose text says which; or, to a role that could not
 * make it, PGCW_REFUSED is said. The page pgcachewatch_patterns has the code.
 *
 * @param[in,out] connection  open, idle, outside of a transaction
 * @param[in]     options     `tables` is required; not kept by reference
 * @param[out]    plan        set only on PGCW_OK; give it to
 *                            pgcw_plan_destroy()
 * @param[out]    error       may be NULL; written only on failure
 * @retval PGCW_OK                worked out
 * @retval PGCW_INVALID_ARGUMENT  a name is over 63 bytes or badly quoted, a
 *                                table is missing, or is a view or another
 *                                relation that can have no such trigger; or
 *                                an option is not of the transport
 * @retval PGCW_REFUSED           a privilege is missing, a table has not
 *                                one of the columns, or cannot be published
 *                                without harm, or the server refused
 *                                otherwise
 * @retval PGCW_DISCONNECTED      the connection is not usable
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set
 * @retval PGCW_NO_MEMORY         nothing was made
 *
 * Threads: one at a time per connection. Blocks: until the server answers.
 * Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_install_plan(struct pg_conn *connection,
                  const struct pgcw_install_options *options,
                  struct pgcw_plan **plan, struct pgcw_error *error);

/**
 * Work out how to remove exactly what an install made. Writes nothing.
 *
 * Parameters and results are those of pgcw_install_plan(), except that
 * `tables` may be empty.
 *
 * Threads: one at a time per connection. Blocks: until the server answers.
 * Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_uninstall_plan(struct pg_conn *connection,
                    const struct pgcw_install_options *options,
                    struct pgcw_plan **plan, struct pgcw_error *error);

/**
 * Return how many steps a plan has.
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API size_t pgcw_plan_step_count(const struct pgcw_plan *plan);

/**
 * Return a step's SQL: one or more statements, each with its semicolon.
 *
 * @return valid as long as the plan; empty if the step only says what stays
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API const char *pgcw_plan_step_sql(const struct pgcw_plan *plan,
                                        size_t step);

/**
 * Return what a step does, in words: "create trigger … on public.orders".
 *
 * @return valid as long as the plan
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API const char *pgcw_plan_step_text(const struct pgcw_plan *plan,
                                         size_t step);

/**
 * Do all steps in one transaction: all of them, or none.
 *
 * @param[in,out] connection  open, idle, outside of a transaction
 * @param[out]    error       may be NULL; written only on failure
 * @retval PGCW_OK                committed
 * @retval PGCW_INVALID_ARGUMENT  the connection is inside of a transaction
 * @retval PGCW_REFUSED           the server refused a step; nothing was
 *                                written. SQLSTATE 42710: somebody else has
 *                                published the same meanwhile, so plan again
 * @retval PGCW_DISCONNECTED      the connection was lost; if that was during
 *                                COMMIT, look what is there
 *
 * Threads: one at a time per connection. Blocks: until the server answers.
 * Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_plan_commit(struct pg_conn *connection, const struct pgcw_plan *plan,
                 struct pgcw_error *error);

/**
 * Free a plan. Accepts NULL.
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_plan_destroy(struct pgcw_plan *plan);

PGCW_END_DECLS

#endif
