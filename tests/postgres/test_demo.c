/* SPDX-License-Identifier: MIT */
/*
 * `pgcachewatch demo`, run for real in a child process: on a server of its
 * own, and on the tests' server. What it leaves behind is looked for in a
 * TMPDIR of the test's own, and in the catalogs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "cli/command.h"

#define MAX_ARGUMENTS 16
#define OUTPUT_BYTES 65536
#define PATIENCE_MS 20000

/* A demo under way, and what it has printed. */
struct demo {
    pid_t pid;
    int output;
    size_t length;
    char text[OUTPUT_BYTES];
};

static struct demo demo; /* too large for a stack */
static char temporary[] = "/tmp/pgcwt-XXXXXX";

static void
pause_10_ms(void)
{
    struct timespec pause = {0, 10000000};
    nanosleep(&pause, NULL);
}

static _Noreturn void
run_in_child(int output, char *const *arguments)
{
    char *copy[MAX_ARGUMENTS + 1] = {NULL};
    int count = 0;
    while (arguments[count] != NULL && count < MAX_ARGUMENTS) {
        copy[count] = arguments[count];
        count++;
    }
    dup2(output, STDOUT_FILENO);
    dup2(output, STDERR_FILENO);
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): its threads have ended */
    exit(pgcwi_command_demo(count, copy));
}

static void
start_demo(char *const *arguments)
{
    int ends[2];
    memset(&demo, 0, sizeof(demo));
    assert_int_equal(pipe(ends), 0);
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    demo.pid = fork();
    if (demo.pid == 0) {
        run_in_child(ends[1], arguments);
    }
    close(ends[1]);
    assert_true(demo.pid > 0);
    demo.output = ends[0];
}

/* One more piece of its output; false when there will be no more. */
static int
read_more(void)
{
    ssize_t count = read(demo.output, demo.text + demo.length,
                         OUTPUT_BYTES - 1 - demo.length);
    if (count > 0) {
        demo.length += (size_t)count;
    }
    return count > 0;
}

static void
expect_words(const char *words)
{
    if (strstr(demo.text, words) == NULL) {
        fail_msg("\"%s\" is not in: %s", words, demo.text);
    }
}

static void
wait_for_words(const char *words)
{
    while (strstr(demo.text, words) == NULL && read_more()) {
    }
    expect_words(words);
}

/* Its exit code; minus the signal if one ended it. */
static int
wait_for_end(void)
{
    int result = 0;
    while (read_more()) {
    }
    close(demo.output);
    assert_int_equal(waitpid(demo.pid, &result, 0), demo.pid);
    return WIFEXITED(result) ? WEXITSTATUS(result) : -WTERMSIG(result);
}

static int
entries_in_temporary(void)
{
    int count = 0;
    DIR *folder = opendir(temporary);
    assert_non_null(folder);
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count - 2; /* itself and its parent */
}

/* A figure of the line of JSON. */
static double
figure(const char *name)
{
    char pattern[64];
    snprintf(pattern, sizeof(pattern), "\"%s\":", name);
    expect_words(pattern);
    return strtod(strstr(demo.text, pattern) + strlen(pattern), NULL);
}

static PGconn *
connect_to_server(void)
{
    PGconn *connection = PQconnectdb("");
    assert_int_equal(PQstatus(connection), CONNECTION_OK);
    return connection;
}

/* The first value of the first row, as a number. */
static long
ask(const char *sql)
{
    PGconn *connection = connect_to_server();
    PGresult *result = PQexec(connection, sql);
    assert_int_equal(PQresultStatus(result), PGRES_TUPLES_OK);
    long answer =
        PQntuples(result) > 0 ? strtol(PQgetvalue(result, 0, 0), NULL, 10) : 0;
    PQclear(result);
    PQfinish(connection);
    return answer;
}

static void
expect_nothing_left_in_database(void)
{
    assert_int_equal(ask("SELECT count(*) FROM pg_namespace "
                         "WHERE nspname LIKE 'pgcachewatch\\_demo\\_%'"),
                     0);
    assert_int_equal(ask("SELECT count(*) FROM pg_proc "
                         "WHERE proname LIKE '%ch\\_pgcw\\_demo\\_%'"),
                     0);
    assert_int_equal(ask("SELECT count(*) FROM pg_publication "
                         "WHERE pubname LIKE '%ch\\_pgcw\\_demo\\_%'"),
                     0);
}

static void
demo_on_its_own_server_finds_no_stale_read(void **state)
{
    (void)state;
    char *arguments[] = {
        "demo",   "--seconds",           "2",  "--rows", "10000",
        "--json", "--writes-per-second", "50", NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 0);
    expect_words("stale reads found       0");
    assert_true(figure("hits_per_s") > 0);
    assert_true(figure("commits") > 20);
    assert_true(figure("invalidations") >= figure("commits"));
    assert_true(figure("commits_unheard") == 0);
    assert_true(figure("compared_at_end") > 0);
    assert_true(figure("latency_p50_ms") < figure("latency_max_ms"));
    assert_int_equal(entries_in_temporary(), 0);
}

/* A row is loaded by one thread while another changes it, all the time: a
 * stamp taken after the load instead of before shows at once. */
static void
p1_few_rows_under_many_writes_are_never_stale(void **state)
{
    (void)state;
    char *arguments[] = {"demo",
                         "--seconds",
                         "2",
                         "--rows",
                         "64",
                         "--json",
                         "--readers",
                         "4",
                         "--writers",
                         "4",
                         "--writes-per-second",
                         "0",
                         NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 0);
    assert_true(figure("commits") > 100);
    assert_true(figure("stale_reads") == 0);
}

static void
p1_values_that_depend_on_their_rows_are_never_stale(void **state)
{
    (void)state;
    char *arguments[] = {
        "demo",   "--seconds",  "2",         "--rows", "64",
        "--json", "--row-keys", "--writers", "4",      "--writes-per-second",
        "0",      NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 0);
    expect_words("of single rows");
    assert_true(figure("commits") > 100);
    assert_true(figure("stale_reads") == 0);
    assert_true(figure("compared_at_end") > 0);
}

/* What the check is worth: caches that ignore events are found out. */
static void
deaf_caches_are_found_stale_and_the_exit_code_says_so(void **state)
{
    (void)state;
    char *arguments[] = {
        "demo",   "--seconds",           "2",   "--rows", "1000",
        "--deaf", "--writes-per-second", "100", NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 1);
    expect_words("was already applied");
    assert_int_equal(entries_in_temporary(), 0);
}

static void
p1_decoded_changes_of_few_rows_leave_nothing_stale(void **state)
{
    (void)state;
    char *arguments[] = {"demo",      "--transport", "wal",
                         "--seconds", "2",           "--rows",
                         "64",        "--json",      "--row-keys",
                         "--pg-user", "postgres",    "--writes-per-second",
                         "0",         NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 0);
    expect_words("of single rows");
    assert_true(figure("commits") > 100);
    assert_true(figure("stale_reads") == 0);
    assert_true(figure("commits_unheard") == 0);
    assert_true(figure("compared_at_end") > 0);
    expect_nothing_left_in_database();
}

static void
deaf_caches_are_found_stale_with_decoding_too(void **state)
{
    (void)state;
    char *arguments[] = {"demo",      "--transport", "wal",
                         "--seconds", "1",           "--rows",
                         "1000",      "--deaf",      "--writes-per-second",
                         "100",       NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 1);
    expect_words("was already applied");
    assert_int_equal(entries_in_temporary(), 0);
}

/* All of what was audited, and nothing else, is counted. */
static double
audited(void)
{
    double sum = figure("audit_same") + figure("audit_raced") +
                 figure("audit_late") + figure("audit_missed") +
                 figure("audit_undecided");
    assert_true(figure("audited") == sum);
    return sum;
}

static void
p6_auditors_find_nothing_missed(void **state)
{
    (void)state;
    char *arguments[] = {
        "demo",   "--seconds", "2",         "--rows",   "64",
        "--json", "--audit",   "--pg-user", "postgres", "--writes-per-second",
        "50",     NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 0);
    expect_words(" 0 missed");
    assert_true(audited() > 0);
    assert_true(figure("audit_missed") == 0);
    assert_true(figure("audit_undecided") == 0);
    assert_true(figure("stale_reads") == 0);
}

static void
p6_auditors_find_what_deaf_caches_miss(void **state)
{
    (void)state;
    char *arguments[] = {"demo",      "--seconds", "3",      "--rows",
                         "64",        "--json",    "--deaf", "--audit",
                         "--pg-user", "postgres",  NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 1);
    assert_true(audited() > 0);
    assert_true(figure("audit_missed") > 0);
}

static void
interrupted_demo_sums_up_and_leaves_nothing(void **state)
{
    (void)state;
    char *arguments[] = {"demo", "--seconds", "60", "--rows", "1000", NULL};
    start_demo(arguments);
    wait_for_words("listening on channel");
    kill(demo.pid, SIGINT);
    assert_int_equal(wait_for_end(), 130);
    expect_words("until it was interrupted");
    expect_words("stale reads found       0");
    assert_int_equal(entries_in_temporary(), 0);
}

static void
demo_interrupted_while_its_server_starts_leaves_nothing(void **state)
{
    (void)state;
    char *arguments[] = {"demo", NULL};
    start_demo(arguments);
    wait_for_words("starting a PostgreSQL");
    kill(demo.pid, SIGTERM);
    assert_int_equal(wait_for_end(), 130);
    assert_int_equal(entries_in_temporary(), 0);
}

static void
killed_demo_is_cleaned_up_after(void **state)
{
    (void)state;
    char *arguments[] = {"demo", "--seconds", "60", "--rows", "1000", NULL};
    start_demo(arguments);
    wait_for_words("listening on channel");
    assert_true(entries_in_temporary() > 0);
    kill(demo.pid, SIGKILL);
    assert_int_equal(wait_for_end(), -SIGKILL);
    for (int waited = 0; entries_in_temporary() > 0; waited += 10) {
        assert_true(waited < PATIENCE_MS);
        pause_10_ms();
    }
}

static void
demo_on_a_database_uses_a_schema_of_its_own_and_removes_it(void **state)
{
    (void)state;
    char *arguments[] = {"demo",     "--seconds",     "2",
                         "--rows",   "2000",          "--json",
                         "--pg-dsn", "user=postgres", NULL};
    start_demo(arguments);
    wait_for_words("listening on channel");
    assert_int_equal(ask("SELECT count(*) FROM pg_tables WHERE schemaname "
                         "LIKE 'pgcachewatch\\_demo\\_%'"),
                     16);
    assert_int_equal(wait_for_end(), 0);
    assert_true(figure("commits") > 0);
    assert_int_equal(entries_in_temporary(), 0);
    expect_nothing_left_in_database();
}

static void
interrupted_demo_leaves_nothing_in_a_database(void **state)
{
    (void)state;
    char *arguments[] = {"demo", "--seconds", "60",       "--rows",
                         "1000", "--pg-user", "postgres", NULL};
    start_demo(arguments);
    wait_for_words("listening on channel");
    kill(demo.pid, SIGINT);
    assert_int_equal(wait_for_end(), 130);
    expect_nothing_left_in_database();
}

static void
lost_writer_ends_the_demo_with_the_reason(void **state)
{
    (void)state;
    char *arguments[] = {"demo",   "--seconds", "60",
                         "--rows", "1000",      "--writes-per-second",
                         "100",    "--pg-user", "postgres",
                         NULL};
    start_demo(arguments);
    wait_for_words("stale reads 0"); /* the first line of figures */
    assert_int_equal(
        ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE application_name = 'pgcachewatch demo writer'"),
        2);
    assert_int_equal(wait_for_end(), 1);
    expect_words("a writer cannot write");
    expect_nothing_left_in_database();
}

static void
demo_goes_on_when_only_the_listener_is_cut_off(void **state)
{
    (void)state;
    char *arguments[] = {
        "demo",   "--seconds",           "4",   "--rows",    "1000",
        "--json", "--writes-per-second", "100", "--pg-user", "postgres",
        NULL};
    start_demo(arguments);
    wait_for_words("stale reads 0"); /* the first line of figures */
    assert_int_equal(
        ask("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE datname = current_database() "
            "AND (query = '' OR query LIKE 'LISTEN%')"),
        1);
    assert_int_equal(wait_for_end(), 0);
    assert_true(figure("gaps") >= 1);
    assert_true(figure("flushes") >= 16);
    assert_true(figure("stale_reads") == 0);
    expect_nothing_left_in_database();
}

static void
unreachable_server_is_a_clear_error(void **state)
{
    (void)state;
    char *arguments[] = {"demo", "--pg-host", "/nonexistent", NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 1);
    expect_words("cannot connect");
}

static void
no_readers_at_all_is_a_usage_error(void **state)
{
    (void)state;
    char *arguments[] = {"demo", "--readers", "0", NULL};
    start_demo(arguments);
    assert_int_equal(wait_for_end(), 2);
}

static int
prepare(void **state)
{
    (void)state;
    /* the user postgres must be able to pass through it */
    if (mkdtemp(temporary) == NULL || chmod(temporary, 0755) != 0) {
        return -1;
    }
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
    return setenv("TMPDIR", temporary, 1);
}

static int
tidy_up(void **state)
{
    (void)state;
    return rmdir(temporary);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(demo_on_its_own_server_finds_no_stale_read),
        cmocka_unit_test(p1_few_rows_under_many_writes_are_never_stale),
        cmocka_unit_test(p1_values_that_depend_on_their_rows_are_never_stale),
        cmocka_unit_test(deaf_caches_are_found_stale_and_the_exit_code_says_so),
        cmocka_unit_test(p1_decoded_changes_of_few_rows_leave_nothing_stale),
        cmocka_unit_test(deaf_caches_are_found_stale_with_decoding_too),
        cmocka_unit_test(p6_auditors_find_nothing_missed),
        cmocka_unit_test(p6_auditors_find_what_deaf_caches_miss),
        cmocka_unit_test(interrupted_demo_sums_up_and_leaves_nothing),
        cmocka_unit_test(
            demo_interrupted_while_its_server_starts_leaves_nothing),
        cmocka_unit_test(killed_demo_is_cleaned_up_after),
        cmocka_unit_test(
            demo_on_a_database_uses_a_schema_of_its_own_and_removes_it),
        cmocka_unit_test(interrupted_demo_leaves_nothing_in_a_database),
        cmocka_unit_test(lost_writer_ends_the_demo_with_the_reason),
        cmocka_unit_test(demo_goes_on_when_only_the_listener_is_cut_off),
        cmocka_unit_test(unreachable_server_is_a_clear_error),
        cmocka_unit_test(no_readers_at_all_is_a_usage_error),
    };
    return cmocka_run_group_tests(tests, prepare, tidy_up);
}
