/* SPDX-License-Identifier: MIT */
/* Which tables a statement depends on, and which statements are refused. */
#include "support/database.h"

#include "query/dependency.h"
#include "query/load.h"

#define DATABASE "pgcw_test_dependency"

static PGconn *connection;
static struct pgcw_error error;
static struct pgcw_query_options options = PGCW_QUERY_OPTIONS_INIT;

static struct pgcwi_dependency
find(const struct pgcw_query *statement)
{
    struct pgcwi_dependency dependency;
    struct pgcwi_trust trust;

    assert_int_equal(pgcwi_trust_init(&trust, &options, &error), PGCW_OK);
    if (pgcwi_dependency_find(connection, statement, &trust, &dependency,
                              &error) != PGCW_OK) {
        print_error("%s\n", error.detail);
        fail();
    }
    pgcwi_trust_fini(&trust);
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_IDLE);
    return dependency;
}

static void
expect_words(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) {
        print_error("expected: %s\nis: %s\n", words, text);
        fail();
    }
}

static void
refuse(const char *sql, const char *words)
{
    const struct pgcw_query statement = {.command = sql};
    struct pgcwi_dependency dependency = find(&statement);

    if (dependency.is_cacheable) {
        print_error("not refused: %s\n", sql);
    }
    assert_false(dependency.is_cacheable);
    expect_words(dependency.reason, words);
    pgcwi_dependency_fini(&dependency);
}

static struct pgcwi_load
run(const struct pgcwi_dependency *dependency,
    const struct pgcw_query *statement)
{
    struct pgcwi_load load = {.dependency = dependency};

    if (pgcwi_load_run(&load, connection, statement, &error) != PGCW_OK) {
        print_error("%s\n", error.detail);
        fail();
    }
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_IDLE);
    assert_int_equal(PQpipelineStatus(connection), PQ_PIPELINE_OFF);
    if (PQresultStatus(load.rows) != PGRES_TUPLES_OK) {
        print_error("%s\n", PQresultErrorMessage(load.rows));
    }
    assert_int_equal(PQresultStatus(load.rows), PGRES_TUPLES_OK);
    return load;
}

static void
list_tags(const struct pgcwi_load *load, char *text, size_t bytes)
{
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < PQntuples(load->relations); i++) {
        if (pgcwi_load_is_tag(load, i)) {
            used += (size_t)snprintf(
                text + used, bytes - used, "%s%s", used == 0 ? "" : " ",
                PQgetvalue(load->relations, i, PGCWI_RELATION_NAME));
        }
    }
}

/* `tables` in the order of their names, with spaces between. */
static void
read_with(const struct pgcw_query *statement, const char *tables)
{
    struct pgcwi_dependency dependency = find(statement);
    char reason[PGCWI_REASON_BYTES] = "";
    char tags[1024];
    struct pgcwi_load load;

    if (!dependency.is_cacheable) {
        print_error("refused: %s\n%s\n", statement->command, dependency.reason);
    }
    assert_true(dependency.is_cacheable);
    load = run(&dependency, statement);
    list_tags(&load, tags, sizeof tags);
    assert_string_equal(tags, tables);
    if (pgcwi_load_judge(&load, reason) != PGCWI_LOAD_CACHEABLE) {
        print_error("%s: %s\n", statement->command, reason);
        fail();
    }
    pgcwi_load_fini(&load);
    pgcwi_dependency_fini(&dependency);
}

static void
expect_tables(const char *sql, const char *tables)
{
    const struct pgcw_query statement = {.command = sql};

    read_with(&statement, tables);
}

/* Tests that are one statement: what it reads, or why it is refused. */
#define READS(name, sql, tables)    \
    static void name(void **state)  \
    {                               \
        (void)state;                \
        expect_tables(sql, tables); \
    }
#define REFUSES(name, sql, words)  \
    static void name(void **state) \
    {                              \
        (void)state;               \
        refuse(sql, words);        \
    }

/* clang-format off */
READS(a_plain_select_reads_its_table, "SELECT * FROM a", "public.a")
READS(a_semicolon_and_a_comment_may_end_the_statement,
      "SELECT * FROM a; -- that is all", "public.a")
READS(values_and_table_are_selects, "TABLE a", "public.a")
READS(a_join_reads_both, "SELECT * FROM a JOIN b USING (id)",
      "public.a public.b")
READS(two_columns_may_have_one_name, "SELECT a.id, b.id FROM a, b",
      "public.a public.b")
READS(a_row_may_be_a_column, "SELECT ROW(a.*) FROM a", "public.a")
READS(a_sub_select_in_the_target_list_is_read,
      "SELECT (SELECT n FROM b LIMIT 1) FROM a", "public.a public.b")
READS(a_set_operation_reads_all,
      "SELECT id FROM a UNION SELECT id FROM b EXCEPT SELECT id FROM child",
      "public.a public.b public.child public.parent")
READS(a_cte_that_shadows_a_table_hides_it,
      "WITH a AS (SELECT * FROM b) SELECT * FROM a", "public.b")
READS(a_recursive_cte_reads_its_table,
      "WITH RECURSIVE r AS (SELECT 1 AS id UNION SELECT a.n FROM a JOIN r "
      "ON a.id = r.id) SELECT * FROM r", "public.a")
READS(a_join_that_the_planner_removes_is_read,
      "SELECT a.id FROM a LEFT JOIN b ON a.id = b.id", "public.a public.b")
READS(a_condition_that_is_never_true_reads_nevertheless,
      "SELECT * FROM a WHERE false", "public.a")
READS(a_view_over_a_view_reads_the_table,
      "SELECT * FROM view_of_view", "public.a")
READS(a_table_in_a_sub_select_of_a_view_is_read,
      "SELECT * FROM view_with_sub_select", "public.a public.b")
READS(an_inheritance_parent_reads_its_children, "SELECT * FROM parent",
      "public.child public.parent")
READS(an_inheritance_child_can_be_written_through_its_parent,
      "SELECT * FROM child", "public.child public.parent")
READS(only_excludes_the_children, "SELECT * FROM ONLY parent",
      "public.parent")
READS(a_partitioned_table_reads_its_partitions, "SELECT * FROM parts",
      "public.parts public.parts_1 public.parts_2 public.parts_21")
READS(a_pruned_partition_is_not_read, "SELECT * FROM parts WHERE id = 1",
      "public.parts public.parts_1")
READS(a_partition_can_be_written_through_every_table_above_it,
      "SELECT * FROM parts_21", "public.parts public.parts_2 public.parts_21")
READS(another_schema_is_told, "SELECT * FROM \"Other\".\"Mixed Case\"",
      "\"Other\".\"Mixed Case\"")
READS(the_search_path_chooses_the_table, "SELECT * FROM c", "later.c")
READS(functions_of_the_system_that_are_immutable_are_safe,
      "SELECT lower(t), count(*), string_agg(t, ',' ORDER BY t), "
      "row_number() OVER (ORDER BY t) FROM a GROUP BY t HAVING max(n) > 1",
      "public.a")
READS(functions_that_depend_on_settings_of_the_key_are_safe,
      "SELECT to_char(at, 'YYYY'), date_trunc('day', at), at::text, "
      "json_agg(a), concat(at, n) FROM a GROUP BY at, n", "public.a")
READS(user_and_database_are_parts_of_the_key,
      "SELECT current_user, session_user, current_catalog, current_schema "
      "FROM a", "public.a")
READS(dates_that_are_written_out_are_safe,
      "SELECT * FROM a WHERE at > '2026-01-01' AND at < date '2027-01-01'",
      "public.a")
READS(a_word_for_now_is_safe_where_no_date_is,
      "SELECT 'now' FROM a WHERE t = 'today'", "public.a")
READS(a_name_that_looks_like_a_tree_is_a_name,
      "SELECT n AS \" :funcid 2621 {TABLESAMPLECLAUSE\" FROM a", "public.a")
READS(expressions_of_every_sort_are_known,
      "SELECT CASE n WHEN 1 THEN 'x' ELSE t END, coalesce(t, 'y'), "
      "nullif(n, 3), greatest(n, 4), n IS DISTINCT FROM 5, (n, id) < (1, 2), "
      "n = ANY (ARRAY[1, 2]), (ARRAY[1, 2])[n], t IS NULL, (n > 1) IS TRUE, "
      "t COLLATE \"C\", n::text::varchar(3), ROW(n, t), grouping(n), "
      "'{1,2}'::int[]::bigint[], (row(1, at)::pair).x, NOT (n > 1 OR n < 0), "
      "5::positive, count(*) FILTER (WHERE n > 1), (SELECT max(n) FROM b), "
      "EXISTS (SELECT FROM b), n IN (SELECT n FROM b), ARRAY(SELECT n FROM b), "
      "sum(n) OVER w, xmlelement(name x, t) "
      "FROM a GROUP BY GROUPING SETS ((n, id, t, at), ()) "
      "WINDOW w AS (PARTITION BY t ORDER BY n RANGE BETWEEN 1 PRECEDING AND "
      "CURRENT ROW) ORDER BY n DESC NULLS LAST LIMIT 5 OFFSET 1",
      "public.a public.b")
READS(functions_in_from_are_known,
      "SELECT * FROM a, LATERAL generate_series(1, a.n) WITH ORDINALITY AS g, "
      "unnest(ARRAY[1], ARRAY[2]) AS u, "
      "jsonb_to_recordset('[]') AS j (x int, y text)", "public.a")
READS(search_and_cycle_clauses_are_known,
      "WITH RECURSIVE r AS (SELECT id, n FROM a UNION ALL SELECT a.id, a.n "
      "FROM a JOIN r ON a.id = r.n) SEARCH DEPTH FIRST BY id SET o CYCLE id "
      "SET is_cycle USING path SELECT id FROM r ORDER BY o", "public.a")

REFUSES(insert_is_refused, "INSERT INTO a VALUES (1)", "it writes")
REFUSES(update_is_refused, "UPDATE a SET n = 1 RETURNING n", "it writes")
REFUSES(delete_is_refused, "DELETE FROM a RETURNING n", "it writes")
REFUSES(merge_is_refused,
        "MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE",
        "it writes")
REFUSES(a_cte_that_writes_is_refused,
        "WITH w AS (DELETE FROM a RETURNING *) SELECT * FROM w", "it writes")
REFUSES(select_into_is_refused, "SELECT * INTO made FROM a", "no SELECT")
REFUSES(utility_statements_are_refused, "SHOW TimeZone", "no SELECT")
REFUSES(explain_is_refused, "EXPLAIN SELECT * FROM a", "no SELECT")
REFUSES(transaction_statements_are_refused, "BEGIN", "no SELECT")
REFUSES(the_end_of_a_transaction_is_refused, "END", "no SELECT")
REFUSES(an_empty_statement_is_refused, " ", "no SELECT")
REFUSES(a_comment_alone_is_refused, "-- nothing", "no SELECT")
REFUSES(several_statements_are_refused, "SELECT * FROM a; SELECT * FROM b",
        "multiple commands")
REFUSES(what_is_no_sql_is_refused, "SELEKT", "syntax error")
REFUSES(a_missing_table_is_refused, "SELECT * FROM nowhere",
        "\"nowhere\" does not exist")
REFUSES(closing_the_body_by_hand_is_refused,
        "SELECT * FROM a; END; DROP TABLE a; --", "multiple commands")
REFUSES(a_select_without_a_table_is_refused, "SELECT 1", "reads no table")
REFUSES(random_is_refused, "SELECT random() FROM a", "random()")
REFUSES(a_volatile_function_in_where_is_refused,
        "SELECT * FROM a WHERE random() < 0.5", "random()")
REFUSES(nextval_is_refused, "SELECT nextval('numbers') FROM a", "nextval()")
REFUSES(now_is_refused, "SELECT * FROM a WHERE at > now()",
        "now() goes with the clock")
REFUSES(clock_timestamp_is_refused, "SELECT clock_timestamp() FROM a",
        "clock_timestamp() goes with the clock")
REFUSES(current_date_is_refused, "SELECT * FROM a WHERE at > current_date",
        "CURRENT_DATE goes with the clock")
REFUSES(current_timestamp_is_refused, "SELECT current_timestamp(3) FROM a",
        "CURRENT_TIMESTAMP goes with the clock")
REFUSES(localtime_is_refused, "SELECT localtime FROM a", "LOCALTIME goes")
REFUSES(age_of_one_argument_is_refused, "SELECT age(at) FROM a", "age() goes")
REFUSES(a_constant_that_was_now_is_refused,
        "SELECT * FROM a WHERE at > 'Today'", "constant seems to be")
REFUSES(a_cast_of_a_column_to_a_date_is_refused, "SELECT t::date FROM a",
        "cast of text to date")
REFUSES(a_cast_of_a_column_to_dates_is_refused, "SELECT t::date[] FROM a",
        "cast of text to date[]")
REFUSES(a_record_of_json_with_a_date_is_refused,
        "SELECT j.* FROM a, json_to_record(t::json) AS j (d date)",
        "json_to_record may read")
REFUSES(an_xml_table_with_a_date_is_refused,
        "SELECT x.* FROM a, XMLTABLE('/r' PASSING (t::xml) COLUMNS d date) AS x",
        "XMLTABLE may read")
REFUSES(current_setting_is_refused,
        "SELECT * FROM a WHERE t = current_setting('my.tenant')",
        "current_setting()")
REFUSES(txid_current_is_refused, "SELECT txid_current() FROM a",
        "txid_current()")
REFUSES(inet_client_addr_is_refused, "SELECT inet_client_addr() FROM a",
        "inet_client_addr()")
REFUSES(pg_stat_views_are_refused,
        "SELECT * FROM a, pg_stat_activity", "catalog of the system")
REFUSES(pg_locks_is_refused, "SELECT * FROM pg_locks", "catalog of the system")
REFUSES(catalogs_are_refused, "SELECT * FROM pg_class",
        "pg_catalog.pg_class is a catalog of the system")
REFUSES(the_information_schema_is_refused,
        "SELECT * FROM information_schema.tables", "information_schema")
REFUSES(a_name_of_the_catalogs_is_refused, "SELECT tableoid::regclass FROM a",
        "a regclass that is not a constant")
REFUSES(to_regclass_is_refused, "SELECT to_regclass(t) IS NULL FROM a",
        "to_regclass()")
REFUSES(for_update_is_refused, "SELECT * FROM a FOR UPDATE", "locks rows")
REFUSES(for_share_in_a_sub_select_is_refused,
        "SELECT * FROM (SELECT * FROM a FOR SHARE) s", "locks rows")
REFUSES(a_sample_is_refused, "SELECT * FROM a TABLESAMPLE system (50)",
        "TABLESAMPLE")
REFUSES(a_temporary_table_is_refused, "SELECT * FROM t_temporary",
        "is temporary")
REFUSES(a_materialized_view_is_refused, "SELECT * FROM a_copy",
        "public.a_copy is a materialized view")
REFUSES(a_view_over_a_materialized_view_is_refused,
        "SELECT * FROM view_of_copy", "public.a_copy is a materialized view")
REFUSES(a_foreign_table_is_refused, "SELECT * FROM far",
        "public.far is a foreign table")
REFUSES(a_foreign_partition_is_refused, "SELECT * FROM mixed WHERE id = 1",
        "public.mixed_far is a foreign table")
REFUSES(a_sequence_is_refused, "SELECT last_value FROM numbers",
        "public.numbers is a sequence")
REFUSES(row_security_is_refused, "SELECT * FROM guarded",
        "public.guarded has row security")
REFUSES(a_view_over_row_security_is_refused, "SELECT * FROM view_of_guarded",
        "public.guarded has row security")
REFUSES(a_view_that_tells_the_time_is_refused, "SELECT * FROM view_of_time",
        "now() goes with the clock")
REFUSES(a_view_that_locks_is_refused, "SELECT * FROM view_that_locks",
        "locks rows")
REFUSES(a_function_of_the_users_is_refused, "SELECT price_of(id) FROM a",
        "function public.price_of")
REFUSES(a_function_of_the_users_in_from_is_refused,
        "SELECT * FROM a, price_of(1)", "function public.price_of")
REFUSES(an_immutable_function_of_the_users_is_refused,
        "SELECT constant_of(1) FROM a", "function public.constant_of")
REFUSES(a_function_in_a_view_is_refused, "SELECT * FROM view_of_prices",
        "function public.price_of")
REFUSES(an_aggregate_of_the_users_is_refused, "SELECT total(n) FROM a",
        "function public.total")
REFUSES(an_aggregate_of_the_users_as_window_function_is_refused,
        "SELECT total(n) OVER () FROM a", "function public.total")
REFUSES(an_operator_of_the_users_is_refused, "SELECT n <+> n FROM a",
        "function public.plus")
REFUSES(an_operator_of_the_users_with_any_is_refused,
        "SELECT n <=> ANY (ARRAY[1]) FROM a", "function public.same")
REFUSES(a_cast_of_the_users_is_refused, "SELECT n::pair FROM a",
        "function public.pair_of")
REFUSES(a_sort_by_an_operator_of_the_users_is_refused,
        "SELECT id FROM a ORDER BY p USING <<<", "function public.pair_before")
REFUSES(a_function_in_limit_is_refused, "SELECT * FROM a LIMIT price_of(1)",
        "function public.price_of")
REFUSES(a_function_in_a_cte_that_nobody_reads_is_refused,
        "WITH w AS (SELECT price_of(1)) SELECT * FROM a",
        "function public.price_of")
/* clang-format on */

static const char schema[] =
    "DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
    "CREATE TYPE pair AS (x int, y timestamptz);"
    "CREATE DOMAIN positive AS int CHECK (VALUE > 0);"
    "CREATE TABLE a (id int PRIMARY KEY, n int, t text, at timestamptz,"
    " p pair);"
    "CREATE TABLE b (id int PRIMARY KEY, n int);"
    "INSERT INTO a VALUES (1, 1, 'one', '2026-02-03');"
    "INSERT INTO b VALUES (1, 2);"
    "CREATE TABLE prices (id int, price int);"
    "CREATE TABLE parent (id int); CREATE TABLE child () INHERITS (parent);"
    "CREATE TABLE parts (id int) PARTITION BY RANGE (id);"
    "CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
    "CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20)"
    " PARTITION BY RANGE (id);"
    "CREATE TABLE parts_21 PARTITION OF parts_2 FOR VALUES FROM (10) TO (15);"
    "DROP SCHEMA IF EXISTS \"Other\" CASCADE; CREATE SCHEMA \"Other\";"
    "CREATE TABLE \"Other\".\"Mixed Case\" (id int);"
    "DROP SCHEMA IF EXISTS later CASCADE; CREATE SCHEMA later;"
    "CREATE TABLE later.c (id int);"
    "SET search_path = sooner, public, later;"
    "CREATE SEQUENCE numbers;"
    "DROP TABLE IF EXISTS t_temporary; CREATE TEMPORARY TABLE t_temporary ();"
    "CREATE MATERIALIZED VIEW a_copy AS SELECT * FROM a;"
    "CREATE EXTENSION IF NOT EXISTS file_fdw WITH SCHEMA pg_catalog;"
    "CREATE SERVER IF NOT EXISTS far_server FOREIGN DATA WRAPPER file_fdw;"
    "CREATE FOREIGN TABLE far (id int) SERVER far_server"
    " OPTIONS (filename '/dev/null');"
    "CREATE TABLE mixed (id int) PARTITION BY RANGE (id);"
    "CREATE TABLE mixed_near PARTITION OF mixed FOR VALUES FROM (0) TO (10);"
    "CREATE FOREIGN TABLE mixed_far PARTITION OF mixed"
    " FOR VALUES FROM (10) TO (20) SERVER far_server"
    " OPTIONS (filename '/dev/null');"
    "CREATE TABLE guarded (id int);"
    "ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;"
    "CREATE FUNCTION price_of(int) RETURNS int LANGUAGE sql"
    " AS 'SELECT price FROM prices WHERE id = $1';"
    "CREATE FUNCTION constant_of(int) RETURNS int IMMUTABLE LANGUAGE sql"
    " AS 'SELECT $1';"
    "CREATE FUNCTION plus(int, int) RETURNS int IMMUTABLE LANGUAGE sql"
    " AS 'SELECT $1 + $2';"
    "CREATE FUNCTION same(int, int) RETURNS bool IMMUTABLE LANGUAGE sql"
    " AS 'SELECT $1 = $2';"
    "CREATE OPERATOR <+> (FUNCTION = plus, LEFTARG = int, RIGHTARG = int);"
    "CREATE OPERATOR <=> (FUNCTION = same, LEFTARG = int, RIGHTARG = int);"
    "CREATE AGGREGATE total (int) (SFUNC = plus, STYPE = int);"
    "CREATE FUNCTION pair_of(int) RETURNS pair IMMUTABLE LANGUAGE sql"
    " AS 'SELECT ROW($1, NULL)::pair';"
    "CREATE CAST (int AS pair) WITH FUNCTION pair_of(int);"
    "CREATE FUNCTION pair_before(pair, pair) RETURNS bool IMMUTABLE"
    " LANGUAGE sql AS 'SELECT $1.x < $2.x';"
    "CREATE FUNCTION pair_order(pair, pair) RETURNS int IMMUTABLE"
    " LANGUAGE sql AS 'SELECT $1.x - $2.x';"
    "CREATE OPERATOR <<< (FUNCTION = pair_before, LEFTARG = pair,"
    " RIGHTARG = pair);"
    "CREATE FUNCTION pair_same(pair, pair) RETURNS bool IMMUTABLE"
    " LANGUAGE sql AS 'SELECT $1.x = $2.x';"
    "CREATE OPERATOR === (FUNCTION = pair_same, LEFTARG = pair,"
    " RIGHTARG = pair);"
    "CREATE OPERATOR CLASS pair_ops FOR TYPE pair USING btree AS"
    " OPERATOR 1 <<<, OPERATOR 3 ===, FUNCTION 1 pair_order(pair, pair);"
    "CREATE VIEW view_of_a AS SELECT * FROM a;"
    "CREATE VIEW view_of_view AS SELECT * FROM view_of_a;"
    "CREATE VIEW view_with_sub_select AS"
    " SELECT (SELECT max(n) FROM b) AS m FROM a;"
    "CREATE VIEW view_of_copy AS SELECT * FROM a_copy;"
    "CREATE VIEW view_of_guarded AS SELECT * FROM guarded;"
    "CREATE VIEW view_of_time AS SELECT *, now() FROM a;"
    "CREATE VIEW view_that_locks AS SELECT * FROM a FOR SHARE;"
    "CREATE VIEW view_of_prices AS SELECT price_of(id) FROM a";

/* Once: only the tests that follow the table change anything. */
static int
make_schema(void **state)
{
    (void)state;
    database_run(connection, schema);
    return 0;
}

static void
row_security_reads_what_its_policy_reads(void **state)
{
    (void)state;
    /* refused, and yet the reason that is told is not that of a table */
    database_run(connection,
                 "CREATE POLICY p ON guarded USING (id IN (SELECT id FROM b))");
    refuse("SELECT * FROM guarded", "public.guarded has row security");
    database_run(connection, "DROP POLICY p ON guarded");
}

static void
parameters_keep_their_place(void **state)
{
    static const char *const values[] = {"1", "one"};
    const struct pgcw_query statement = {
        .command = "SELECT $2::text || t FROM a WHERE id = $1 AND t = $2",
        .parameter_count = 2,
        .values = values,
    };
    struct pgcwi_dependency dependency = find(&statement);
    struct pgcwi_load load;

    (void)state;
    assert_true(dependency.is_cacheable);
    load = run(&dependency, &statement);
    assert_int_equal(PQntuples(load.rows), 1);
    assert_string_equal(PQgetvalue(load.rows, 0, 0), "oneone");
    pgcwi_load_fini(&load);
    pgcwi_dependency_fini(&dependency);
}

static void
types_that_were_given_are_kept(void **state)
{
    static const Oid types[] = {0, 20, 1184};
    static const char *const values[] = {"one", "1", "2026-02-03"};
    const struct pgcw_query statement = {
        .command = "SELECT pg_typeof($2)::text FROM a WHERE t = $1 AND at = $3",
        .parameter_count = 3,
        .types = types,
        .values = values,
    };
    struct pgcwi_dependency dependency = find(&statement);

    (void)state;
    assert_false(dependency.is_cacheable);
    expect_words(dependency.reason, "pg_typeof()");
    pgcwi_dependency_fini(&dependency);
    read_with(
        &(struct pgcw_query){.command =
                                 "SELECT $2 FROM a WHERE t = $1 AND at = $3",
                             .parameter_count = 3,
                             .types = types,
                             .values = values},
        "public.a");
}

/* With four parameters, all NULL but one. */
static void
expect_now(const struct pgcwi_dependency *dependency, int parameter,
           const char *text, bool reads_now)
{
    const char *values[4] = {0};
    const struct pgcw_query query = {
        .command = "", .parameter_count = 4, .values = values};

    values[parameter] = text;
    assert_int_equal(pgcwi_dependency_reads_now(dependency, &query), reads_now);
}

static void
a_parameter_that_is_a_date_may_read_the_clock(void **state)
{
    const struct pgcw_query statement = {
        .command = "SELECT * FROM a WHERE t = $1 AND at > $2 AND "
                   "at <@ $3::tstzrange AND at = ANY ($4)",
        .parameter_count = 4,
    };
    struct pgcwi_dependency dependency = find(&statement);

    (void)state;
    assert_true(dependency.is_cacheable);
    expect_now(&dependency, 0, "today", false);
    expect_now(&dependency, 1, " TODAY", true);
    expect_now(&dependency, 2, "[now,)", true);
    expect_now(&dependency, 3, "{tomorrow}", true);
    expect_now(&dependency, 1, "2026-01-01", false);
    expect_now(&dependency, 1, NULL, false);
    pgcwi_dependency_fini(&dependency);
}

static void
a_declared_function_is_safe_and_its_tables_are_read(void **state)
{
    static const char *const tables[] = {"public.prices", "public.parts"};
    static const struct pgcw_query_function functions[] = {
        {"public.price_of", tables, 2},
        {"plus", NULL, 0},
    };

    (void)state;
    options.functions = functions;
    options.function_count = 2;
    expect_tables("SELECT price_of(id), n <+> n FROM a WHERE false",
                  "public.a public.parts public.parts_1 public.parts_2 "
                  "public.parts_21 public.prices");
    expect_tables("SELECT n <+> n FROM a", "public.a");
    refuse("SELECT constant_of(1) FROM a", "function public.constant_of");
    options.functions = NULL;
    options.function_count = 0;
}

static void
declare_one(const char *table)
{
    static const char *tables[1];
    static struct pgcw_query_function function = {"price_of", tables, 1};

    tables[0] = table;
    options.functions = &function;
    options.function_count = 1;
}

static void
a_declared_table_that_is_none_is_refused(void **state)
{
    (void)state;
    declare_one("public.nothing");
    refuse("SELECT price_of(id) FROM a", "public.nothing, declared as read");
    declare_one("prices");
    refuse("SELECT price_of(id) FROM a", "give its schema");
    declare_one("public.view_of_a");
    refuse("SELECT price_of(id) FROM a", "is no table");
    declare_one("public.guarded");
    refuse("SELECT price_of(id) FROM a", "has row security");
    /* a statement that does not call it has nothing to do with that */
    expect_tables("SELECT * FROM a", "public.a");
    options.functions = NULL;
    options.function_count = 0;
}

static void
a_declared_extension_is_safe(void **state)
{
    static const char *const extensions[] = {"citext"};

    (void)state;
    database_run(connection,
                 "CREATE EXTENSION citext; CREATE TABLE words (w citext)");
    refuse("SELECT * FROM words WHERE w = 'x'", "function public.citext_eq");
    options.extensions = extensions;
    options.extension_count = 1;
    expect_tables("SELECT DISTINCT w FROM words WHERE w = 'x' ORDER BY w",
                  "public.words");
    options.extension_count = 0;
    database_run(connection, "DROP EXTENSION citext CASCADE; DROP TABLE words");
}

static void
looking_leaves_nothing_behind(void **state)
{
    static const char count[] =
        "SELECT concat((SELECT count(*) FROM pg_proc), ' ', "
        "(SELECT count(*) FROM pg_depend), ' ', "
        "current_setting('search_path'), ' ', current_schemas(true))";
    char before[DATABASE_TEXT_BYTES];

    (void)state;
    snprintf(before, sizeof before, "%s", database_text(connection, count));
    refuse("SELECT random() FROM a", "random()");
    refuse("SELEKT", "syntax error");
    expect_tables("SELECT * FROM a", "public.a");
    assert_string_equal(database_text(connection, count), before);
}

static void
without_the_right_to_make_temporary_things_the_reason_is_told(void **state)
{
    (void)state;
    database_run(connection,
                 "REVOKE TEMP ON DATABASE " DATABASE " FROM PUBLIC;"
                 "DROP ROLE IF EXISTS pgcw_poor; CREATE ROLE pgcw_poor;"
                 "GRANT ALL ON SCHEMA public TO pgcw_poor; "
                 "GRANT SELECT ON a TO pgcw_poor; DROP TABLE t_temporary");
    PQreset(connection);
    database_run(connection, "SET ROLE pgcw_poor");
    refuse("SELECT * FROM a", "temporary");
    database_run(connection,
                 "RESET ROLE; SET search_path = sooner, public, later;"
                 "GRANT TEMP ON DATABASE " DATABASE " TO PUBLIC;"
                 "CREATE TEMPORARY TABLE t_temporary ();"
                 "DROP OWNED BY pgcw_poor; DROP ROLE pgcw_poor");
}

static void
a_session_that_is_read_only_by_default_is_no_obstacle(void **state)
{
    (void)state;
    database_run(connection, "SET default_transaction_read_only = on;"
                             "SET default_transaction_isolation = "
                             "serializable");
    expect_tables("SELECT * FROM a", "public.a");
    database_run(connection, "RESET default_transaction_read_only;"
                             "RESET default_transaction_isolation");
}

/* What a load says, with what was known of the statement before. */
static void
expect_verdict(const struct pgcwi_dependency *dependency, const char *sql,
               enum pgcwi_load_verdict verdict, const char *words)
{
    const struct pgcw_query statement = {.command = sql};
    struct pgcwi_load load = run(dependency, &statement);
    char reason[PGCWI_REASON_BYTES] = "";

    assert_int_equal(pgcwi_load_judge(&load, reason), verdict);
    expect_words(reason, words);
    pgcwi_load_fini(&load);
}

/* `change` and then a load; `undo` at the end. */
static void
change_between(const char *sql, const char *change,
               enum pgcwi_load_verdict verdict, const char *words,
               const char *undo)
{
    const struct pgcw_query statement = {.command = sql};
    struct pgcwi_dependency dependency = find(&statement);

    assert_true(dependency.is_cacheable);
    expect_verdict(&dependency, sql, PGCWI_LOAD_CACHEABLE, "");
    database_run(connection, change);
    expect_verdict(&dependency, sql, verdict, words);
    database_run(connection, undo);
    pgcwi_dependency_fini(&dependency);
}

static void
a_view_that_is_replaced_is_noticed_by_the_next_load(void **state)
{
    (void)state;
    change_between("SELECT n FROM view_of_a",
                   "CREATE OR REPLACE VIEW view_of_a AS SELECT id, n, t, "
                   "now() AS at, p FROM a",
                   PGCWI_LOAD_OUTDATED, "definition of public.view_of_a",
                   "CREATE OR REPLACE VIEW view_of_a AS SELECT * FROM a");
}

static void
a_table_that_takes_the_place_of_another_is_noticed(void **state)
{
    (void)state;
    change_between("SELECT id FROM a",
                   "CREATE SCHEMA sooner; CREATE TABLE sooner.a (id int)",
                   PGCWI_LOAD_OUTDATED, "definition of sooner.a",
                   "DROP SCHEMA sooner CASCADE");
}

static void
a_temporary_table_that_takes_the_place_is_noticed(void **state)
{
    (void)state;
    change_between("SELECT id FROM a", "CREATE TEMPORARY TABLE a (id int)",
                   PGCWI_LOAD_REFUSED, "is temporary", "DROP TABLE pg_temp.a");
}

static void
row_security_that_is_new_is_noticed(void **state)
{
    (void)state;
    change_between("SELECT id FROM a",
                   "ALTER TABLE a ENABLE ROW LEVEL SECURITY",
                   PGCWI_LOAD_REFUSED, "row security",
                   "ALTER TABLE a DISABLE ROW LEVEL SECURITY");
}

static void
a_partition_that_is_new_is_noticed(void **state)
{
    (void)state;
    change_between("SELECT id FROM parts",
                   "CREATE TABLE parts_3 PARTITION OF parts "
                   "FOR VALUES FROM (20) TO (30)",
                   PGCWI_LOAD_OUTDATED, "definition of public.parts",
                   "DROP TABLE parts_3");
}

static void
a_table_that_is_vacuumed_and_analysed_is_as_it_was(void **state)
{
    (void)state;
    database_run(connection, "ANALYZE b");
    change_between("SELECT id FROM b", "VACUUM (ANALYZE, FREEZE) b",
                   PGCWI_LOAD_CACHEABLE, "", "VACUUM b");
}

/* What the load says of the triggers of table a. */
static void
expect_triggers(enum pgcwi_load_verdict verdict, const char *words)
{
    const struct pgcw_query statement = {.command = "SELECT * FROM a"};
    struct pgcwi_dependency dependency = find(&statement);
    struct pgcwi_load load = {.dependency = &dependency,
                              .trigger_function = "tells"};
    char reason[PGCWI_REASON_BYTES] = "";

    assert_int_equal(pgcwi_load_run(&load, connection, &statement, &error),
                     PGCW_OK);
    assert_int_equal(pgcwi_load_judge(&load, reason), verdict);
    expect_words(reason, words);
    pgcwi_load_fini(&load);
    pgcwi_dependency_fini(&dependency);
}

static void
a_table_whose_changes_are_not_told_is_refused(void **state)
{
    (void)state;
    expect_triggers(PGCWI_LOAD_REFUSED,
                    "public.a has no triggers that tell of all changes");
    database_run(connection,
                 "CREATE FUNCTION tells() RETURNS trigger LANGUAGE plpgsql AS "
                 "'BEGIN RETURN NULL; END';"
                 "CREATE TRIGGER one AFTER INSERT OR DELETE OR TRUNCATE ON a "
                 "EXECUTE FUNCTION tells()");
    expect_triggers(PGCWI_LOAD_REFUSED, "no triggers that tell of all");
    database_run(connection, "CREATE TRIGGER two AFTER UPDATE ON a "
                             "EXECUTE FUNCTION tells('x', 'rows')");
    expect_triggers(PGCWI_LOAD_CACHEABLE, "");
    database_run(connection, "ALTER TABLE a DISABLE TRIGGER two");
    expect_triggers(PGCWI_LOAD_REFUSED, "no triggers that tell of all");
    database_run(connection, "DROP TRIGGER two ON a;"
                             "CREATE TRIGGER two AFTER UPDATE ON a "
                             "EXECUTE FUNCTION tells('x', 'rows', 'n')");
    expect_triggers(PGCWI_LOAD_REFUSED, "without --columns");
    database_run(connection, "DROP TRIGGER two ON a;"
                             "CREATE TRIGGER two AFTER UPDATE OF n ON a "
                             "EXECUTE FUNCTION tells()");
    expect_triggers(PGCWI_LOAD_REFUSED, "without --columns");
    database_run(connection, "DROP FUNCTION tells CASCADE");
}

static void
a_failure_of_the_statement_is_its_result(void **state)
{
    const struct pgcw_query statement = {.command =
                                             "SELECT 1 / (n - n) FROM a"};
    struct pgcwi_dependency dependency = find(&statement);
    struct pgcwi_load load = {.dependency = &dependency};

    (void)state;
    assert_int_equal(pgcwi_load_run(&load, connection, &statement, &error),
                     PGCW_OK);
    assert_int_equal(PQresultStatus(load.rows), PGRES_FATAL_ERROR);
    assert_string_equal(PQresultErrorField(load.rows, PG_DIAG_SQLSTATE),
                        "22012");
    assert_null(load.relations);
    assert_int_equal(PQtransactionStatus(connection), PQTRANS_IDLE);
    assert_int_equal(PQpipelineStatus(connection), PQ_PIPELINE_OFF);
    pgcwi_load_fini(&load);
    pgcwi_dependency_fini(&dependency);
}

static void
a_declared_function_cannot_write(void **state)
{
    const struct pgcw_query statement = {.command = "SELECT writes() FROM a"};
    struct pgcwi_dependency dependency;
    struct pgcwi_load load = {.dependency = &dependency};
    static const struct pgcw_query_function function = {"writes", NULL, 0};

    (void)state;
    database_run(connection,
                 "CREATE FUNCTION writes() RETURNS int LANGUAGE sql AS "
                 "'INSERT INTO b VALUES (9) RETURNING 1'");
    options.functions = &function;
    options.function_count = 1;
    dependency = find(&statement);
    assert_true(dependency.is_cacheable);
    assert_int_equal(pgcwi_load_run(&load, connection, &statement, &error),
                     PGCW_OK);
    assert_string_equal(PQresultErrorField(load.rows, PG_DIAG_SQLSTATE),
                        "25006");
    pgcwi_load_fini(&load);
    pgcwi_dependency_fini(&dependency);
    options.functions = NULL;
    options.function_count = 0;
    database_run(connection, "DROP FUNCTION writes");
}

static void
a_lost_connection_is_said(void **state)
{
    const struct pgcw_query statement = {.command = "SELECT * FROM a"};
    struct pgcwi_dependency dependency = find(&statement);
    struct pgcwi_dependency other;
    struct pgcwi_load load = {.dependency = &dependency};
    struct pgcwi_trust trust;
    PGconn *usual = connection;
    char sql[64];

    (void)state;
    connection = database_connect(DATABASE);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 5000)",
             PQbackendPID(connection));
    database_run(usual, sql);
    assert_int_equal(pgcwi_load_run(&load, connection, &statement, &error),
                     PGCW_DISCONNECTED);
    pgcwi_load_fini(&load);
    assert_int_equal(pgcwi_trust_init(&trust, &options, &error), PGCW_OK);
    assert_int_equal(
        pgcwi_dependency_find(connection, &statement, &trust, &other, &error),
        PGCW_DISCONNECTED);
    pgcwi_trust_fini(&trust);
    PQfinish(connection);
    connection = usual;
    pgcwi_dependency_fini(&dependency);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_plain_select_reads_its_table),
    cmocka_unit_test(a_semicolon_and_a_comment_may_end_the_statement),
    cmocka_unit_test(values_and_table_are_selects),
    cmocka_unit_test(a_join_reads_both),
    cmocka_unit_test(two_columns_may_have_one_name),
    cmocka_unit_test(a_row_may_be_a_column),
    cmocka_unit_test(a_sub_select_in_the_target_list_is_read),
    cmocka_unit_test(a_set_operation_reads_all),
    cmocka_unit_test(a_cte_that_shadows_a_table_hides_it),
    cmocka_unit_test(a_recursive_cte_reads_its_table),
    cmocka_unit_test(a_join_that_the_planner_removes_is_read),
    cmocka_unit_test(a_condition_that_is_never_true_reads_nevertheless),
    cmocka_unit_test(a_view_over_a_view_reads_the_table),
    cmocka_unit_test(a_table_in_a_sub_select_of_a_view_is_read),
    cmocka_unit_test(an_inheritance_parent_reads_its_children),
    cmocka_unit_test(an_inheritance_child_can_be_written_through_its_parent),
    cmocka_unit_test(only_excludes_the_children),
    cmocka_unit_test(a_partitioned_table_reads_its_partitions),
    cmocka_unit_test(a_pruned_partition_is_not_read),
    cmocka_unit_test(a_partition_can_be_written_through_every_table_above_it),
    cmocka_unit_test(another_schema_is_told),
    cmocka_unit_test(the_search_path_chooses_the_table),
    cmocka_unit_test(functions_of_the_system_that_are_immutable_are_safe),
    cmocka_unit_test(functions_that_depend_on_settings_of_the_key_are_safe),
    cmocka_unit_test(user_and_database_are_parts_of_the_key),
    cmocka_unit_test(dates_that_are_written_out_are_safe),
    cmocka_unit_test(a_word_for_now_is_safe_where_no_date_is),
    cmocka_unit_test(a_name_that_looks_like_a_tree_is_a_name),
    cmocka_unit_test(expressions_of_every_sort_are_known),
    cmocka_unit_test(functions_in_from_are_known),
    cmocka_unit_test(search_and_cycle_clauses_are_known),
    cmocka_unit_test(insert_is_refused),
    cmocka_unit_test(update_is_refused),
    cmocka_unit_test(delete_is_refused),
    cmocka_unit_test(merge_is_refused),
    cmocka_unit_test(a_cte_that_writes_is_refused),
    cmocka_unit_test(select_into_is_refused),
    cmocka_unit_test(utility_statements_are_refused),
    cmocka_unit_test(explain_is_refused),
    cmocka_unit_test(transaction_statements_are_refused),
    cmocka_unit_test(the_end_of_a_transaction_is_refused),
    cmocka_unit_test(an_empty_statement_is_refused),
    cmocka_unit_test(a_comment_alone_is_refused),
    cmocka_unit_test(several_statements_are_refused),
    cmocka_unit_test(what_is_no_sql_is_refused),
    cmocka_unit_test(a_missing_table_is_refused),
    cmocka_unit_test(closing_the_body_by_hand_is_refused),
    cmocka_unit_test(a_select_without_a_table_is_refused),
    cmocka_unit_test(random_is_refused),
    cmocka_unit_test(a_volatile_function_in_where_is_refused),
    cmocka_unit_test(nextval_is_refused),
    cmocka_unit_test(now_is_refused),
    cmocka_unit_test(clock_timestamp_is_refused),
    cmocka_unit_test(current_date_is_refused),
    cmocka_unit_test(current_timestamp_is_refused),
    cmocka_unit_test(localtime_is_refused),
    cmocka_unit_test(age_of_one_argument_is_refused),
    cmocka_unit_test(a_constant_that_was_now_is_refused),
    cmocka_unit_test(a_cast_of_a_column_to_a_date_is_refused),
    cmocka_unit_test(a_cast_of_a_column_to_dates_is_refused),
    cmocka_unit_test(a_record_of_json_with_a_date_is_refused),
    cmocka_unit_test(an_xml_table_with_a_date_is_refused),
    cmocka_unit_test(current_setting_is_refused),
    cmocka_unit_test(txid_current_is_refused),
    cmocka_unit_test(inet_client_addr_is_refused),
    cmocka_unit_test(pg_stat_views_are_refused),
    cmocka_unit_test(pg_locks_is_refused),
    cmocka_unit_test(catalogs_are_refused),
    cmocka_unit_test(the_information_schema_is_refused),
    cmocka_unit_test(a_name_of_the_catalogs_is_refused),
    cmocka_unit_test(to_regclass_is_refused),
    cmocka_unit_test(for_update_is_refused),
    cmocka_unit_test(for_share_in_a_sub_select_is_refused),
    cmocka_unit_test(a_sample_is_refused),
    cmocka_unit_test(a_temporary_table_is_refused),
    cmocka_unit_test(a_materialized_view_is_refused),
    cmocka_unit_test(a_view_over_a_materialized_view_is_refused),
    cmocka_unit_test(a_foreign_table_is_refused),
    cmocka_unit_test(a_foreign_partition_is_refused),
    cmocka_unit_test(a_sequence_is_refused),
    cmocka_unit_test(row_security_is_refused),
    cmocka_unit_test(a_view_over_row_security_is_refused),
    cmocka_unit_test(a_view_that_tells_the_time_is_refused),
    cmocka_unit_test(a_view_that_locks_is_refused),
    cmocka_unit_test(a_function_of_the_users_is_refused),
    cmocka_unit_test(a_function_of_the_users_in_from_is_refused),
    cmocka_unit_test(an_immutable_function_of_the_users_is_refused),
    cmocka_unit_test(a_function_in_a_view_is_refused),
    cmocka_unit_test(an_aggregate_of_the_users_is_refused),
    cmocka_unit_test(an_aggregate_of_the_users_as_window_function_is_refused),
    cmocka_unit_test(an_operator_of_the_users_is_refused),
    cmocka_unit_test(an_operator_of_the_users_with_any_is_refused),
    cmocka_unit_test(a_cast_of_the_users_is_refused),
    cmocka_unit_test(a_sort_by_an_operator_of_the_users_is_refused),
    cmocka_unit_test(a_function_in_limit_is_refused),
    cmocka_unit_test(a_function_in_a_cte_that_nobody_reads_is_refused),
    cmocka_unit_test(row_security_reads_what_its_policy_reads),
    cmocka_unit_test(parameters_keep_their_place),
    cmocka_unit_test(types_that_were_given_are_kept),
    cmocka_unit_test(a_parameter_that_is_a_date_may_read_the_clock),
    cmocka_unit_test(a_declared_function_is_safe_and_its_tables_are_read),
    cmocka_unit_test(a_declared_table_that_is_none_is_refused),
    cmocka_unit_test(a_declared_extension_is_safe),
    cmocka_unit_test(looking_leaves_nothing_behind),
    cmocka_unit_test(
        without_the_right_to_make_temporary_things_the_reason_is_told),
    cmocka_unit_test(a_session_that_is_read_only_by_default_is_no_obstacle),
    cmocka_unit_test(a_view_that_is_replaced_is_noticed_by_the_next_load),
    cmocka_unit_test(a_table_that_takes_the_place_of_another_is_noticed),
    cmocka_unit_test(a_temporary_table_that_takes_the_place_is_noticed),
    cmocka_unit_test(row_security_that_is_new_is_noticed),
    cmocka_unit_test(a_partition_that_is_new_is_noticed),
    cmocka_unit_test(a_table_that_is_vacuumed_and_analysed_is_as_it_was),
    cmocka_unit_test(a_table_whose_changes_are_not_told_is_refused),
    cmocka_unit_test(a_failure_of_the_statement_is_its_result),
    cmocka_unit_test(a_declared_function_cannot_write),
    cmocka_unit_test(a_lost_connection_is_said),
};

int
main(void)
{
    int failures;

    connection = database_create(DATABASE);
    failures = cmocka_run_group_tests(tests, make_schema, NULL);
    database_drop(connection, DATABASE);
    return failures;
}
