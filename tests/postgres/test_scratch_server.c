/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
