/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "cli/scratch_server.h"

static struct pgcwi_scratch_error error;

static int
runs(const char *dsn, const char *sql)
{
    PGconn *connection = PQconnectdb(dsn);
    PGresult *result = PQexec(connection, sql);
    int is_done = PQresultStatus(result) == PGRES_TUPLES_OK ||
                  PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    PQfinish(connection);
    return is_done;
}

static struct pgcwi_scratch_server *
start(struct pgcwi_scratch_server_options options)
{
    struct pgcwi_scratch_server *server = NULL;
    if (!pgcwi_scratch_server_start(&options, &server, &error)) {
        fail_msg("%s", error.text);
    }
    return server;
}

static void
started_server_answers_and_stopped_one_has_left_no_folder(void **state)
{
    (void)state;
    char folder[PGCWI_SCRATCH_PATH_BYTES];
    struct pgcwi_scratch_server *server =
        start((struct pgcwi_scratch_server_options){.is_detached = false});
    snprintf(folder, sizeof(folder), "%s", pgcwi_scratch_server_folder(server));
    assert_true(runs(pgcwi_scratch_server_dsn(server), "SELECT 1"));
    assert_true(pgcwi_scratch_server_stop(server));
    assert_int_not_equal(access(folder, F_OK), 0);
}

static void
nobody_else_can_enter_its_folder(void **state)
{
    (void)state;
    struct stat about;
    struct pgcwi_scratch_server *server =
        start((struct pgcwi_scratch_server_options){.is_detached = false});
    assert_int_equal(stat(pgcwi_scratch_server_folder(server), &about), 0);
    assert_int_equal(about.st_mode & (S_IRWXG | S_IRWXO), 0);
    assert_true(pgcwi_scratch_server_stop(server));
}

static void
network_is_off_unless_it_is_asked_for(void **state)
{
    (void)state;
    char dsn[128];
    for (int has_tcp = 0; has_tcp < 2; has_tcp++) {
        struct pgcwi_scratch_server *server = start(
            (struct pgcwi_scratch_server_options){.has_tcp = has_tcp == 1});
        snprintf(dsn, sizeof(dsn),
                 "host=127.0.0.1 port=%u user=postgres connect_timeout=2",
                 (unsigned)pgcwi_scratch_server_port(server));
        if (has_tcp == 1) {
            assert_true(runs(dsn, "SELECT 1"));
        }
        PGconn *connection = PQconnectdb(pgcwi_scratch_server_dsn(server));
        PGresult *result = PQexec(connection, "SHOW listen_addresses");
        assert_string_equal(PQgetvalue(result, 0, 0),
                            has_tcp == 1 ? "127.0.0.1" : "");
        PQclear(result);
        PQfinish(connection);
        assert_true(pgcwi_scratch_server_stop(server));
    }
}

static void
restarted_server_has_the_same_place_and_data(void **state)
{
    (void)state;
    struct pgcwi_scratch_server *server =
        start((struct pgcwi_scratch_server_options){.is_detached = false});
    const char *dsn = pgcwi_scratch_server_dsn(server);
    assert_true(runs(dsn, "CREATE TABLE kept (id int)"));
    assert_true(
        pgcwi_scratch_server_restart(server, PGCWI_SCRATCH_FAST, &error));
    assert_true(runs(dsn, "SELECT id FROM kept"));
    assert_true(
        pgcwi_scratch_server_restart(server, PGCWI_SCRATCH_IMMEDIATE, &error));
    assert_true(runs(dsn, "SELECT id FROM kept"));
    assert_true(pgcwi_scratch_server_stop(server));
}

static void
detached_server_is_found_again_by_its_folder(void **state)
{
    (void)state;
    char folder[PGCWI_SCRATCH_PATH_BYTES];
    struct pgcwi_scratch_server *found = NULL;
    struct pgcwi_scratch_server *server =
        start((struct pgcwi_scratch_server_options){.is_detached = true,
                                                    .has_tcp = true});
    uint16_t port = pgcwi_scratch_server_port(server);
    snprintf(folder, sizeof(folder), "%s", pgcwi_scratch_server_folder(server));
    pgcwi_scratch_server_leave(server);
    assert_true(pgcwi_scratch_server_attach(folder, &found, &error));
    assert_int_equal(pgcwi_scratch_server_port(found), port);
    assert_true(runs(pgcwi_scratch_server_dsn(found), "SELECT 1"));
    assert_true(pgcwi_scratch_server_stop(found));
    assert_int_not_equal(access(folder, F_OK), 0);
}

static void
cancelled_start_leaves_nothing_and_says_so(void **state)
{
    (void)state;
    atomic_bool cancelled;
    struct pgcwi_scratch_server *server = NULL;
    struct pgcwi_scratch_server_options options = {.cancelled = &cancelled};
    atomic_init(&cancelled, true);
    assert_false(pgcwi_scratch_server_start(&options, &server, &error));
    assert_null(server);
    assert_string_equal(error.text, "interrupted");
}

static void
folder_that_cannot_be_made_is_an_error_with_the_way_out(void **state)
{
    (void)state;
    struct pgcwi_scratch_server *server = NULL;
    struct pgcwi_scratch_server_options options = {.is_detached = false};
    /* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
    assert_int_equal(setenv("TMPDIR", "/nonexistent", 1), 0);
    assert_false(pgcwi_scratch_server_start(&options, &server, &error));
    assert_int_equal(unsetenv("TMPDIR"), 0);
    /* NOLINTEND(concurrency-mt-unsafe) */
    assert_null(server);
    assert_non_null(strstr(error.text, "set TMPDIR"));
}

/* Programs of the test's own, in a folder that comes first in the PATH. */
static char programs[] = "/tmp/pgcwt-XXXXXX";

static void
write_program(const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", programs, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0755), 0);
}

static int
make_programs(void **state)
{
    (void)state;
    char path[4096];
    /* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
    const char *before = getenv("PATH");
    snprintf(programs, sizeof(programs), "/tmp/pgcwt-XXXXXX");
    /* the user postgres must be able to pass through it */
    if (mkdtemp(programs) == NULL || chmod(programs, 0755) != 0 ||
        setenv("PGCW_TEST_PATH", before, 1) != 0) {
        return -1;
    }
    snprintf(path, sizeof(path), "%s:%s", programs, before);
    return setenv("PATH", path, 1);
}

static int
remove_programs(void **state)
{
    (void)state;
    const char *before = getenv("PGCW_TEST_PATH");
    /* NOLINTEND(concurrency-mt-unsafe) */
    return setenv("PATH", before, 1) == 0 && pgcwi_scratch_remove(programs)
               ? 0
               : -1;
}

static void
refuses_to_start(const char *first, const char *second)
{
    struct pgcwi_scratch_server *server = NULL;
    struct pgcwi_scratch_server_options options = {.is_detached = false};
    assert_false(pgcwi_scratch_server_start(&options, &server, &error));
    assert_null(server);
    if (strstr(error.text, first) == NULL ||
        strstr(error.text, second) == NULL) {
        fail_msg("neither %s nor %s: %s", first, second, error.text);
    }
}

static void
failed_start_shows_the_end_of_the_log(void **state)
{
    (void)state;
    char answer[64];
    snprintf(answer, sizeof(answer), "echo %s", programs);
    write_program("pg_config", answer);
    write_program("postgres", "exit 1");
    write_program("initdb", "exit 1");
    refuses_to_start("initdb failed", "(it has said nothing)");
    write_program("initdb", "echo there is no room; echo; exit 1");
    refuses_to_start("initdb failed", "\nthere is no room");
    write_program("initdb", "seq 1000; exit 1");
    refuses_to_start("initdb failed", "\n999\n1000");
    assert_null(strstr(error.text, "\n100\n"));
    write_program("initdb", "mkdir \"${1#--pgdata=}\"");
    write_program("postgres", "echo this server is not well; exit 1");
    refuses_to_start("the PostgreSQL server did not start",
                     "this server is not well");
    write_program("postgres", "kill -9 $$");
    refuses_to_start("the PostgreSQL server did not start",
                     "(it has said nothing)");
}

/* Then they are where Debian has them, if it is Debian. */
static void
programs_that_pg_config_does_not_know_are_looked_for(void **state)
{
    (void)state;
    char folder[PGCWI_SCRATCH_PATH_BYTES];
    char path[PGCWI_SCRATCH_PATH_BYTES + 16];
    const char *const answers[] = {"exit 1", "echo /nonexistent", "exit 0"};
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        write_program("pg_config", answers[i]);
        if (pgcwi_scratch_find_programs(folder, &error)) {
            snprintf(path, sizeof(path), "%s/initdb", folder);
            assert_int_equal(access(path, X_OK), 0);
        } else {
            assert_int_not_equal(access("/usr/lib/postgresql", F_OK), 0);
            assert_non_null(strstr(error.text, "apt-get install postgresql"));
        }
    }
}

static void
hanging_program_is_ended_when_cancelled_or_late(void **state)
{
    (void)state;
    atomic_bool cancelled;
    struct pgcwi_scratch_user user;
    char *arguments[] = {"/bin/sleep", "1000", NULL};
    struct pgcwi_scratch_command command = {
        .arguments = arguments,
        .user = &user,
        .folder = programs,
        .log_path = "/dev/null",
    };
    assert_true(pgcwi_scratch_find_user(&user, &error));
    atomic_init(&cancelled, true);
    pid_t pid = pgcwi_scratch_spawn(&command);
    assert_true(pid > 0);
    assert_false(pgcwi_scratch_wait(pid, INT32_MAX, &cancelled));
    assert_int_equal(kill(pid, 0), -1);
    pid = pgcwi_scratch_spawn(&command);
    assert_true(pid > 0);
    assert_false(pgcwi_scratch_wait(pid, 0, NULL));
    assert_int_equal(kill(pid, 0), -1);
}

static void
folder_may_have_any_name(void **state)
{
    (void)state;
    char parent[64];
    /* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
    snprintf(parent, sizeof(parent), "%s/it's a \"\\ folder", programs);
    assert_int_equal(mkdir(parent, 0755), 0);
    assert_int_equal(setenv("TMPDIR", parent, 1), 0);
    struct pgcwi_scratch_server *server =
        start((struct pgcwi_scratch_server_options){.is_detached = false});
    assert_int_equal(unsetenv("TMPDIR"), 0);
    /* NOLINTEND(concurrency-mt-unsafe) */
    assert_ptr_equal(strstr(pgcwi_scratch_server_folder(server), parent),
                     pgcwi_scratch_server_folder(server));
    assert_true(runs(pgcwi_scratch_server_dsn(server), "SELECT 1"));
    assert_true(pgcwi_scratch_server_stop(server));
    assert_int_equal(rmdir(parent), 0);
}

static void
what_is_no_server_is_not_found_nor_restarted(void **state)
{
    (void)state;
    char longest[PGCWI_SCRATCH_PATH_BYTES];
    struct pgcwi_scratch_server *server = NULL;
    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = '\0';
    assert_false(pgcwi_scratch_server_attach(longest, &server, &error));
    assert_non_null(strstr(error.text, "not a scratch server"));
    assert_true(pgcwi_scratch_server_attach(programs, &server, &error));
    assert_false(
        pgcwi_scratch_server_restart(server, PGCWI_SCRATCH_FAST, &error));
    assert_non_null(strstr(error.text, "did not start"));
    pgcwi_scratch_server_leave(server);
    assert_true(pgcwi_scratch_server_stop(NULL));
}

/* Its pid file may name a process that is another's by now. */
static void
process_that_only_has_the_number_is_not_taken_for_the_server(void **state)
{
    (void)state;
    char data[] = "/tmp/pgcwt-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(data));
    snprintf(path, sizeof(path), "%s/postmaster.pid", data);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%ld\n%s\n", (long)getpid(), data);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(pgcwi_scratch_postmaster(data), -1);
    assert_true(pgcwi_scratch_stop_postmaster(data, PGCWI_SCRATCH_FAST));
    assert_true(pgcwi_scratch_remove(data));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            started_server_answers_and_stopped_one_has_left_no_folder),
        cmocka_unit_test(nobody_else_can_enter_its_folder),
        cmocka_unit_test(network_is_off_unless_it_is_asked_for),
        cmocka_unit_test(restarted_server_has_the_same_place_and_data),
        cmocka_unit_test(detached_server_is_found_again_by_its_folder),
        cmocka_unit_test(cancelled_start_leaves_nothing_and_says_so),
        cmocka_unit_test(
            folder_that_cannot_be_made_is_an_error_with_the_way_out),
        cmocka_unit_test(
            process_that_only_has_the_number_is_not_taken_for_the_server),
#define WITH_PROGRAMS(name) \
    cmocka_unit_test_setup_teardown(name, make_programs, remove_programs)
        WITH_PROGRAMS(failed_start_shows_the_end_of_the_log),
        WITH_PROGRAMS(programs_that_pg_config_does_not_know_are_looked_for),
        WITH_PROGRAMS(hanging_program_is_ended_when_cancelled_or_late),
        WITH_PROGRAMS(folder_may_have_any_name),
        WITH_PROGRAMS(what_is_no_server_is_not_found_nor_restarted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
