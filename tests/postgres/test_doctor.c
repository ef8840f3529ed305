/* SPDX-License-Identifier: MIT */
/*
 * Set-ups that are broken for real, and what `pgcachewatch doctor` says of
 * each. It runs in a child process, on servers of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/command.h"
#include "support/own_cluster.h"
#include "support/pooler.h"

#define SECRET "hunter2"
#define MAX_ARGUMENTS 16
#define TRIGGER "tg_pgcachewatch_table_change_ch_pgcachewatch_table_change"
#define FUNCTION "fn_pgcachewatch_table_change_ch_pgcachewatch_table_change"
/* 90 MB of notifications, of which a COMMIT sends 9 MB */
#define FILL_QUEUE                                                    \
    "DO $$ BEGIN FOR i IN 1..11250 LOOP PERFORM pg_notify('unread', " \
    "repeat('x', 7900) || i); IF i % 1125 = 0 THEN COMMIT; END IF; "  \
    "END LOOP; END $$"

static struct pgcwi_scratch_server *cluster;
static struct pgcwi_scratch_server *standby;
static struct pooler pooler;
static char dsn[600];
/* What the last doctor said, and how it ended. */
static json_t *said;
static int code;

static const char access_list[] = "local all postgres trust\n"
                                  "local all locked scram-sha-256\n"
                                  "local replication all trust\n"
                                  "local all all trust\n"
                                  "host all all 127.0.0.1/32 trust\n";

static int
start_all(void **state)
{
    (void)state;
    cluster = cluster_start();
    standby = cluster != NULL ? cluster_start() : NULL;
    pooler_init(&pooler, cluster);
    if (standby == NULL || !cluster_follow(standby, cluster)) {
        return -1;
    }
    bool is_made =
        cluster_run(cluster,
                    "CREATE ROLE locked LOGIN PASSWORD '" SECRET "';"
                    "CREATE ROLE stranger LOGIN; CREATE ROLE idler LOGIN;"
                    "ALTER ROLE idler SET idle_session_timeout = 900;"
                    "CREATE ROLE replica SUPERUSER LOGIN;"
                    "ALTER ROLE replica SET session_replication_role = replica;"
                    "CREATE TABLE orders (id int PRIMARY KEY, n int);"
                    "CREATE TABLE \"Mixed Case\" (id int PRIMARY KEY, "
                    "\"Stra\u00dfe\" int, b int);"
                    "CREATE TABLE keyless (n int); CREATE VIEW shown AS "
                    "SELECT 1") &&
        cluster_run(cluster, "CREATE DATABASE closed") &&
        cluster_run(cluster, "REVOKE CONNECT ON DATABASE closed FROM public") &&
        cluster_write(cluster, "pg_hba.conf", "we", access_list) &&
        cluster_run(cluster, "SELECT pg_reload_conf()");
    return is_made ? 0 : -1;
}

static int
stop_all(void **state)
{
    (void)state;
    bool is_standby_gone = pgcwi_scratch_server_stop(standby);
    return pgcwi_scratch_server_stop(cluster) && is_standby_gone ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    pooler_stop(&pooler);
    json_decref(said);
    said = NULL;
    return 0;
}

static _Noreturn void
run_in_child(FILE *output, pgcwi_command_fn *command, char **arguments)
{
    int count = 0;

    while (arguments[count] != NULL) {
        count++;
    }
    dup2(fileno(output), STDOUT_FILENO);
    int ended = command(count, arguments);
    (void)fflush(stdout);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): its threads have ended */
    exit(ended);
}

/* Its exit code; what it has printed is in `output`. */
static int
run(FILE *output, pgcwi_command_fn *command, char **arguments)
{
    int result = -1;

    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        run_in_child(output, command, arguments);
    }
    assert_int_equal(waitpid(pid, &result, 0), pid);
    rewind(output);
    return WIFEXITED(result) ? WEXITSTATUS(result) : -1;
}

/* With the words that follow, up to NULL. */
static void
examine(const char *where, ...)
{
    char *arguments[MAX_ARGUMENTS] = {"doctor", "--json", "--pg-dsn",
                                      (char *)where};
    FILE *output = tmpfile();
    size_t count = 4;
    va_list words;

    assert_non_null(output);
    va_start(words, where);
    while ((arguments[count] = va_arg(words, char *)) != NULL) {
        assert_true(++count < MAX_ARGUMENTS);
    }
    va_end(words);
    code = run(output, pgcwi_command_doctor, arguments);
    json_decref(said);
    said = json_loadf(output, 0, NULL);
    assert_int_equal(fclose(output), 0);
    assert_non_null(said);
}

static void
install(const char *first, ...)
{
    char *arguments[MAX_ARGUMENTS] = {"install", "--commit", "--pg-dsn",
                                      (char *)pgcwi_scratch_server_dsn(cluster),
                                      (char *)first};
    FILE *output = tmpfile();
    size_t count = 5;
    va_list words;

    assert_non_null(output);
    va_start(words, first);
    while ((arguments[count] = va_arg(words, char *)) != NULL) {
        assert_true(++count < MAX_ARGUMENTS);
    }
    va_end(words);
    assert_int_equal(run(output, pgcwi_command_install, arguments), 0);
    assert_int_equal(fclose(output), 0);
}

static bool
has_words(const json_t *finding, const char *key, const char *words)
{
    const char *text = json_string_value(json_object_get(finding, key));

    return text != NULL && strstr(text, words) != NULL;
}

/* Whether there is such a finding; the remedy may be NULL, where one is
 * looked at only if there is one. */
static bool
finds(const char *check, const char *level, const char *says,
      const char *remedy)
{
    const json_t *one;
    size_t i;

    json_array_foreach(json_object_get(said, "findings"), i, one)
    {
        if (has_words(one, "check", check) && has_words(one, "level", level) &&
            has_words(one, "says", says) &&
            (remedy == NULL || has_words(one, "remedy", remedy))) {
            return true;
        }
    }
    return false;
}

static json_int_t
broken_count(void)
{
    return json_integer_value(json_object_get(said, "broken"));
}

static void
expect(const char *check, const char *level, const char *says,
       const char *remedy)
{
    char *text = json_dumps(said, JSON_INDENT(1));

    assert_non_null(text);
    assert_null(strstr(text, SECRET));
    if (!finds(check, level, says, remedy)) {
        print_error("%s, %s: \"%s\" is not in: %s\n", check, level, says, text);
        free(text);
        fail();
    }
    free(text);
}

/* This one is broken, and nothing else. */
static void
expect_broken(const char *check, const char *says, const char *remedy)
{
    expect(check, "broken", says, remedy);
    assert_int_equal(broken_count(), 1);
    assert_int_equal(code, 1);
}

static void
expect_nothing_broken(void)
{
    expect("listener", "ok", "became live", NULL);
    assert_int_equal(broken_count(), 0);
    assert_int_equal(code, 0);
}

static const char *
dsn_with(const char *rest)
{
    (void)snprintf(dsn, sizeof(dsn), "host=%s port=%u dbname=postgres %s",
                   pgcwi_scratch_server_folder(cluster),
                   (unsigned)pgcwi_scratch_server_port(cluster), rest);
    return dsn;
}

static const char *
owner(void)
{
    return pgcwi_scratch_server_dsn(cluster);
}

static void
do_sql(const char *sql)
{
    assert_true(cluster_run(cluster, sql));
}

static void
uninstall_all(void)
{
    do_sql("DROP FUNCTION IF EXISTS " FUNCTION " CASCADE");
}

static void
wrong_password(void **state)
{
    (void)state;
    examine(dsn_with("user=locked password=" SECRET "x"), NULL);
    expect_broken("password", "password authentication failed",
                  "check the password");
    examine(dsn_with("user=locked passfile=/dev/null"), NULL);
    expect_broken("password", "wants a password", "PGPASSWORD");
}

static void
unknown_role_or_database(void **state)
{
    (void)state;
    examine(dsn_with("user=nobody_at_all"), NULL);
    expect_broken("login", "does not exist", "LOGIN");
    examine(dsn_with("user=stranger dbname=none"), NULL);
    expect_broken("database", "does not exist", "name a database");
}

static void
unreachable_host(void **state)
{
    (void)state;
    examine("host=127.0.0.1 port=1 dbname=postgres", NULL);
    expect_broken("connection", "refused", "whether the server runs");
}

static void
missing_privilege_to_connect(void **state)
{
    (void)state;
    examine(dsn_with("user=stranger dbname=closed"), NULL);
    expect_broken("privilege", "permission denied", "GRANT the role CONNECT");
}

static void
missing_privilege_for_triggers(void **state)
{
    (void)state;
    examine(dsn_with("user=stranger"), "orders", NULL);
    expect("missing", "broken", "public.orders: no trigger tells of INSERT",
           "install");
    expect("privilege", "broken", "GRANT CREATE ON SCHEMA", NULL);
    assert_int_equal(code, 1);
}

static void
standby_that_cannot_listen(void **state)
{
    (void)state;
    examine(pgcwi_scratch_server_dsn(standby), NULL);
    expect_broken("standby", "this is a standby", "name the primary");
    examine(pgcwi_scratch_server_dsn(standby), "--transport", "wal", NULL);
    expect_broken("standby", "this is a standby", "name the primary");
}

static void
pooler_in_transaction_mode(void **state)
{
    (void)state;
    if (pooler.program == NULL) {
        skip();
    }
    assert_true(pooler_start(&pooler, "transaction", 20));
    examine(pooler.dsn, NULL);
    expect_broken("pooler", "transaction-pooling", "session mode");
}

static void
pooler_in_session_mode_is_told_and_fine(void **state)
{
    (void)state;
    if (pooler.program == NULL) {
        skip();
    }
    assert_true(pooler_start(&pooler, "session", 20));
    examine(pooler.dsn, NULL);
    expect("pooler", "ok", "in session mode", NULL);
    expect_nothing_broken();
}

static void
all_well(void **state)
{
    (void)state;
    uninstall_all();
    install("orders", "--rows", NULL);
    install("\"Mixed Case\"", "--columns", "b", "\"Stra\u00dfe\"", NULL);
    examine(owner(), NULL);
    expect_nothing_broken();
    expect("triggers", "ok", "public.orders: installed, rows are told", NULL);
    expect("triggers", "ok", "public.\"Mixed Case\": installed, changes of the",
           NULL);
    expect("clock", "ok", "clock is", NULL);
    expect("round_trip", "ok", " ms", NULL);
    /* also where the function is not in the first schema of the path */
    examine(dsn_with("user=postgres options='-c search_path=nowhere,public'"),
            "orders", NULL);
    expect_nothing_broken();
}

static void
warning_ends_with_1_only_if_strict(void **state)
{
    (void)state;
    uninstall_all();
    do_sql("ALTER ROLE replica RESET session_replication_role");
    examine(owner(), NULL);
    expect("tables", "warning", "no table", "pgcachewatch install");
    expect_nothing_broken();
    examine(owner(), "--strict", NULL);
    assert_int_equal(broken_count(), 0);
    assert_int_equal(code, 1);
    do_sql("ALTER ROLE replica SET session_replication_role = replica");
}

static void
missing_trigger(void **state)
{
    (void)state;
    uninstall_all();
    install("orders", "--rows", NULL);
    do_sql("DROP TRIGGER " TRIGGER "_d ON orders");
    examine(owner(), NULL);
    expect_broken("missing", "no trigger tells of DELETE",
                  "pgcachewatch install --commit --rows public.orders");
    do_sql("CREATE TABLE \"it's\" (id int)");
    examine(owner(), "\"it's\"", NULL);
    expect_broken("missing", "no trigger tells of INSERT",
                  "install --commit 'public.\"it'\\''s\"'");
    examine(owner(), "keyless", NULL);
    expect_broken("missing",
                  "public.keyless: no trigger tells of INSERT "
                  "UPDATE DELETE TRUNCATE",
                  "pgcachewatch install --commit public.keyless");
}

static void
what_is_no_table(void **state)
{
    (void)state;
    examine(owner(), "nosuch", "shown", NULL);
    expect("table", "broken", "nosuch: there is no such table", NULL);
    expect("table", "broken", "shown: it is a view", NULL);
    assert_int_equal(broken_count(), 2);
}

static void
disabled_trigger(void **state)
{
    (void)state;
    uninstall_all();
    install("orders", NULL);
    do_sql("ALTER TABLE orders DISABLE TRIGGER " TRIGGER "_u");
    examine(owner(), NULL);
    expect_broken("disabled", "trigger " TRIGGER "_u is disabled",
                  "ALTER TABLE public.orders ENABLE TRIGGER " TRIGGER "_u");
    do_sql("ALTER TABLE orders ENABLE REPLICA TRIGGER " TRIGGER "_u");
    examine(owner(), NULL);
    expect_broken("disabled", "only where session_replication_role", NULL);
}

static void
trigger_or_function_that_was_changed_by_hand(void **state)
{
    (void)state;
    uninstall_all();
    install("orders", NULL);
    do_sql("CREATE OR REPLACE TRIGGER " TRIGGER "_u AFTER UPDATE ON orders "
           "REFERENCING NEW TABLE AS changed_rows FOR EACH STATEMENT WHEN "
           "(false) EXECUTE FUNCTION " FUNCTION "('changed_rows')");
    examine(owner(), NULL);
    expect_broken("changed", "replace trigger " TRIGGER "_u", "install");
    install("orders", NULL);
    do_sql("ALTER FUNCTION " FUNCTION " SECURITY DEFINER");
    examine(owner(), NULL);
    expect("changed", "warning", "replace function public." FUNCTION,
           "install");
    expect_nothing_broken();
}

static void
trigger_of_the_python_library_is_fine(void **state)
{
    (void)state;
    uninstall_all();
    do_sql("CREATE FUNCTION " FUNCTION "() RETURNS trigger LANGUAGE plpgsql AS "
           "$$ BEGIN PERFORM pg_notify('ch_pgcachewatch_table_change', "
           "json_build_object('operation', lower(TG_OP), 'table', "
           "TG_TABLE_NAME, 'sent_at', now())::text); RETURN NEW; END $$;"
           "CREATE TRIGGER " TRIGGER " AFTER INSERT OR UPDATE OR DELETE OR "
           "TRUNCATE ON orders EXECUTE FUNCTION " FUNCTION "()");
    examine(owner(), NULL);
    expect("triggers", "ok", "as the Python library", NULL);
    expect_nothing_broken();
}

static void
session_replication_role(void **state)
{
    (void)state;
    uninstall_all();
    install("orders", NULL);
    examine(owner(), NULL);
    expect("session_replication_role", "warning", "for role replica",
           "install --always");
    expect_nothing_broken();
    examine(dsn_with("user=replica"), NULL);
    expect_broken("session_replication_role", "for this session",
                  "install --always");
    install("orders", "--always", NULL);
    examine(dsn_with("user=replica"), NULL);
    assert_false(finds("session_replication_role", "", "", NULL));
    expect_nothing_broken();
}

static void
session_that_is_ended_when_idle(void **state)
{
    (void)state;
    examine(dsn_with("user=idler"), NULL);
    expect("timeouts", "broken", "idle_session_timeout is 900 ms",
           "idle_session_timeout = 0");
    assert_int_equal(code, 1);
}

static void
queue_that_somebody_does_not_read(void **state)
{
    PGconn *idle = PQconnectdb(owner());

    (void)state;
    PQclear(PQexec(idle, "LISTEN unread"));
    PQclear(PQexec(idle, "BEGIN"));
    PQclear(PQexec(idle, "SELECT 1"));
    do_sql(FILL_QUEUE);
    examine(owner(), NULL);
    expect("queue", "warning", "1.", "idle in transaction");
    assert_int_equal(code, 0);
    PQfinish(idle);
}

static void
pg_notify_that_not_everybody_may_execute(void **state)
{
    (void)state;
    do_sql("REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM public");
    examine(owner(), NULL);
    expect("privilege", "broken", "pg_notify()", "GRANT EXECUTE");
    do_sql("GRANT EXECUTE ON FUNCTION pg_notify(text, text) TO public");
}

static void
no_publication_and_no_replication_attribute(void **state)
{
    (void)state;
    examine(dsn_with("user=stranger"), "--transport", "wal", NULL);
    expect("publication", "broken", "has no publication pb_pgcachewatch",
           "install --transport wal");
    expect("replication", "broken", "role stranger lacks",
           "ALTER ROLE stranger REPLICATION");
    expect("wal_level", "ok", "logical", NULL);
    assert_int_equal(broken_count(), 2);
    assert_int_equal(code, 1);
}

static void
table_that_is_not_published(void **state)
{
    (void)state;
    install("orders", "--transport", "wal", NULL);
    examine(owner(), "--transport", "wal", NULL);
    expect("publication", "ok", "public.orders is published", NULL);
    expect_nothing_broken();
    examine(owner(), "--transport", "wal", "orders", "\"Mixed Case\"", NULL);
    expect_broken("publication", "add public.\"Mixed Case\" to publication",
                  "install --transport wal");
    examine(owner(), "--transport", "wal", "keyless", NULL);
    expect_broken("publication", "has no primary key", NULL);
}

static void
pooler_between_for_logical_decoding(void **state)
{
    (void)state;
    if (pooler.program == NULL) {
        skip();
    }
    assert_true(pooler_start(&pooler, "session", 20));
    examine(pooler.dsn, "--transport", "wal", NULL);
    expect_broken("pooler", "replication", "PostgreSQL itself");
}

/* The last: it restarts the server, and the standby loses it. */
static void
server_without_logical_decoding(void **state)
{
    struct pgcwi_scratch_error error;

    (void)state;
    do_sql("ALTER SYSTEM SET wal_level = minimal");
    do_sql("ALTER SYSTEM SET max_wal_senders = 0");
    do_sql("ALTER SYSTEM SET max_replication_slots = 0");
    do_sql("ALTER SYSTEM SET max_prepared_transactions = 5");
    assert_true(
        pgcwi_scratch_server_restart(cluster, PGCWI_SCRATCH_FAST, &error));
    examine(owner(), "--transport", "wal", NULL);
    expect("wal_level", "broken", "wal_level is minimal",
           "ALTER SYSTEM SET wal_level = logical");
    expect("max_wal_senders", "broken", "0 of 0", "ALTER SYSTEM");
    expect("max_replication_slots", "broken", "0 of 0", "ALTER SYSTEM");
    assert_int_equal(broken_count(), 3);
    assert_int_equal(code, 1);
    examine(owner(), NULL);
    expect("prepared", "warning", "max_prepared_transactions is 5", "wal");
    expect_nothing_broken();
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(wrong_password),
        TEST(unknown_role_or_database),
        TEST(unreachable_host),
        TEST(missing_privilege_to_connect),
        TEST(missing_privilege_for_triggers),
        TEST(standby_that_cannot_listen),
        TEST(pooler_in_transaction_mode),
        TEST(pooler_in_session_mode_is_told_and_fine),
        TEST(all_well),
        TEST(warning_ends_with_1_only_if_strict),
        TEST(missing_trigger),
        TEST(what_is_no_table),
        TEST(disabled_trigger),
        TEST(trigger_or_function_that_was_changed_by_hand),
        TEST(trigger_of_the_python_library_is_fine),
        TEST(session_replication_role),
        TEST(session_that_is_ended_when_idle),
        TEST(queue_that_somebody_does_not_read),
        TEST(pg_notify_that_not_everybody_may_execute),
        TEST(no_publication_and_no_replication_attribute),
        TEST(table_that_is_not_published),
        TEST(pooler_between_for_logical_decoding),
        TEST(server_without_logical_decoding),
    };

    return cmocka_run_group_tests_name("doctor", tests, start_all, stop_all);
}
