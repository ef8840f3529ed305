/* SPDX-License-Identifier: MIT */
/* A server that lets nobody in: which words, which way out, and no secret. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/door.h"
#include "support/opening.h"
#include "support/own_cluster.h"
#include "support/process.h"

#define PASSWORD OPENING_SECRET

static struct pgcwi_scratch_server *cluster;
static struct opening opening;
static char dsn[600];

static const char access_list[] =
    "local all postgres trust\n"
    "local all rejected reject\n"
    "local all locked,passless,with_file scram-sha-256\n"
    "local all all trust\n"
    "host all all 127.0.0.1/32 scram-sha-256\n";

static int
start_all(void **state)
{
    (void)state;
    cluster = cluster_start();
    if (cluster == NULL) {
        return -1;
    }
    start_rcu_thread();
    bool is_made =
        cluster_run(cluster,
                    "CREATE ROLE locked LOGIN PASSWORD '" PASSWORD "';"
                    "CREATE ROLE rejected LOGIN; CREATE ROLE nologin NOLOGIN;"
                    "CREATE ROLE few LOGIN CONNECTION LIMIT 0;"
                    "CREATE ROLE stranger LOGIN;"
                    "CREATE ROLE reader LOGIN;"
                    "ALTER ROLE reader SET default_transaction_read_only = on;"
                    "CREATE ROLE foreigner LOGIN") &&
        cluster_run(cluster, "CREATE DATABASE closed") &&
        cluster_run(cluster, "REVOKE CONNECT ON DATABASE closed FROM public") &&
        cluster_write(cluster, "pg_hba.conf", "we", access_list) &&
        cluster_run(cluster, "SELECT pg_reload_conf()");
    return is_made ? 0 : -1;
}

static int
drop_cluster(void **state)
{
    (void)state;
    return pgcwi_scratch_server_stop(cluster) ? 0 : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    opening_fini(&opening);
    return await_library_threads(0) == 0 ? 0 : -1;
}

/* The socket, and what is different. */
static const char *
dsn_with(const char *rest)
{
    (void)snprintf(dsn, sizeof(dsn), "host=%s port=%u dbname=postgres %s",
                   pgcwi_scratch_server_folder(cluster),
                   (unsigned)pgcwi_scratch_server_port(cluster), rest);
    return dsn;
}

struct expected {
    const char *dsn;
    enum pgcw_status status;
    const char *sqlstate;
    const char *words;
    const char *way_out;
};

static void
expect(const struct expected *expected)
{
    opening_init(&opening, dsn_with(expected->dsn));
    enum pgcw_status status = opening_try(&opening);
    print_message("    %s\n", opening.error.detail);
    if (status != expected->status ||
        strstr(opening.error.detail, expected->words) == NULL ||
        strstr(opening.error.detail, expected->way_out) == NULL ||
        strcmp(opening.error.sqlstate, expected->sqlstate) != 0) {
        fail_msg("%s: %s, %s: %s", expected->dsn, pgcw_status_text(status),
                 opening.error.sqlstate, opening.error.detail);
    }
    assert_null(strchr(opening.error.detail, '\n'));
    assert_null(strstr(opening.error.detail, ".c:"));
    assert_false(opening_has_told_secret(&opening));
    size_t down = state_recorder_wait(&opening.states, PGCW_LISTENER_DOWN, 0,
                                      PATIENCE_MS);
    assert_string_equal(opening.states.reasons[down - 1], opening.error.detail);
    opening_fini(&opening);
}

static void
what_lasts_is_refused_with_its_sqlstate_and_the_way_out(void **state)
{
    static const struct expected all[] = {
        {"user=locked password=" PASSWORD "x", PGCW_REFUSED, "28P01",
         "password authentication failed for user \"locked\"",
         "check the password"},
        {"user=locked passfile=/dev/null", PGCW_REFUSED, "",
         "the server wants a password", "PGPASSWORD"},
        {"user=rejected password=" PASSWORD, PGCW_REFUSED, "28000",
         "pg_hba.conf rejects", "see pg_hba.conf"},
        {"user=nologin password=" PASSWORD, PGCW_REFUSED, "28000",
         "not permitted to log in", "may LOGIN"},
        {"user=nobody_at_all password=" PASSWORD, PGCW_REFUSED, "28000",
         "role \"nobody_at_all\" does not exist", "may LOGIN"},
        {"user=stranger dbname=none password=" PASSWORD, PGCW_REFUSED, "3D000",
         "database \"none\" does not exist", "name a database"},
        {"user=stranger dbname=closed password=" PASSWORD, PGCW_REFUSED,
         "42501", "permission denied for database \"closed\"",
         "GRANT the role CONNECT"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        expect(&all[i]);
    }
    opening_init(&opening, NULL); /* for the tear-down */
}

static void
what_may_pass_is_disconnected_with_its_sqlstate(void **state)
{
    (void)state;
    expect(&(struct expected){"user=few password=" PASSWORD, PGCW_DISCONNECTED,
                              "53300", "too many connections", "tried again"});
    opening_init(&opening, NULL);
}

static void
another_host_that_is_away_may_come_back(void **state)
{
    (void)state;
    (void)snprintf(dsn, sizeof(dsn),
                   "host=/nowhere,%s port=1,%u dbname=postgres user=locked "
                   "password=x" PASSWORD,
                   pgcwi_scratch_server_folder(cluster),
                   (unsigned)pgcwi_scratch_server_port(cluster));
    opening_init(&opening, dsn);
    assert_int_equal(opening_try(&opening), PGCW_DISCONNECTED);
    assert_string_equal(opening.error.sqlstate, "28P01");
    assert_non_null(strstr(opening.error.detail, "/nowhere"));
    assert_false(opening_has_told_secret(&opening));
}

static void
session_that_only_reads_can_listen(void **state)
{
    (void)state;
    opening_init(&opening, dsn_with("user=reader"));
    assert_int_equal(opening_try(&opening), PGCW_OK);
}

static void
session_that_only_reads_is_not_what_read_write_asks_for(void **state)
{
    (void)state;
    opening_init(&opening,
                 dsn_with("user=reader target_session_attrs=read-write"));
    assert_int_equal(opening_try(&opening), PGCW_DISCONNECTED);
    assert_non_null(strstr(opening.error.detail, "read-only"));
}

static void
privilege_that_is_granted_later_makes_it_live(void **state)
{
    (void)state;
    opening_init(&opening, dsn_with("user=stranger dbname=closed"));
    opening.options.open_in_background = 1;
    opening.options.reconnect_max_ms = 20;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    size_t down = state_recorder_wait(&opening.states, PGCW_LISTENER_DOWN, 0,
                                      PATIENCE_MS);
    assert_true(down > 0);
    assert_non_null(
        strstr(opening.states.reasons[down - 1], "GRANT the role CONNECT"));
    assert_true(
        cluster_run(cluster, "GRANT CONNECT ON DATABASE closed TO stranger"));
    assert_true(state_recorder_wait(&opening.states, PGCW_LISTENER_LIVE, 0,
                                    PATIENCE_MS) > 0);
    assert_true(cluster_run(cluster,
                            "REVOKE CONNECT ON DATABASE closed FROM stranger"));
}

static void
refusal_goes_straight_to_the_longest_delay(void **state)
{
    (void)state;
    opening_init(&opening, dsn_with("user=rejected"));
    opening.options.open_in_background = 1;
    opening.options.reconnect_max_ms = 60000;
    assert_int_equal(opening_try(&opening), PGCW_OK);
    size_t down = state_recorder_wait(&opening.states, PGCW_LISTENER_DOWN, 0,
                                      PATIENCE_MS);
    assert_true(down > 0);
    assert_int_equal(state_recorder_wait(&opening.states,
                                         PGCW_LISTENER_CONNECTING, down, 300),
                     0);
}

static void
scram_password_of_a_password_file_lets_in(void **state)
{
    char path[PGCWI_SCRATCH_PATH_BYTES];
    char rest[PGCWI_SCRATCH_PATH_BYTES + 64];

    (void)state;
    assert_true(
        cluster_write(cluster, "passwords", "we", "*:*:*:locked:" PASSWORD));
    (void)snprintf(path, sizeof(path), "%s/data/passwords",
                   pgcwi_scratch_server_folder(cluster));
    assert_int_equal(chmod(path, S_IRUSR | S_IWUSR), 0);
    (void)snprintf(rest, sizeof(rest), "user=locked passfile=%s", path);
    opening_init(&opening, dsn_with(rest));
    assert_int_equal(opening_try(&opening), PGCW_OK);
    opening_close(&opening);
    assert_int_equal(setenv("PGPASSFILE", path, 1), 0);
    opening.options.dsn = dsn_with("user=locked");
    assert_int_equal(opening_try(&opening), PGCW_OK);
    opening_close(&opening);
    assert_int_equal(unsetenv("PGPASSFILE"), 0);
    assert_false(opening_has_told_secret(&opening));
}

static void
uri_that_is_cut_in_its_password_is_refused_without_it(void **state)
{
    static const char *const uris[] = {
        "postgresql://locked:x@" PASSWORD "@localhost/postgres",
        "postgresql://locked:" PASSWORD "/x@localhost/postgres",
        "postgresql://locked:x/" PASSWORD "@localhost",
        "postgres://locked:" PASSWORD "@y@localhost",
        "postgresql://locked:x?" PASSWORD "%zz@localhost/postgres",
        "postgresql://locked:" PASSWORD "%zz@localhost/postgres",
        "user=locked password=x " PASSWORD "=y",
        ("user=locked password='" PASSWORD),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(uris) / sizeof(uris[0]); i++) {
        opening_init(&opening, uris[i]);
        assert_int_equal(opening_try(&opening), PGCW_INVALID_ARGUMENT);
        assert_true(opening.error.detail[0] != '\0');
        assert_false(opening_has_told_secret(&opening));
        opening_fini(&opening);
    }
    opening_init(&opening, NULL);
}

static void
uri_with_a_password_that_is_wrong_or_right(void **state)
{
    (void)state;
    (void)snprintf(dsn, sizeof(dsn),
                   "postgresql://locked:" PASSWORD "%%40@127.0.0.1:%u/postgres",
                   (unsigned)pgcwi_scratch_server_port(cluster));
    opening_init(&opening, dsn);
    assert_int_equal(opening_try(&opening), PGCW_REFUSED);
    assert_string_equal(opening.error.sqlstate, "28P01");
    assert_false(opening_has_told_secret(&opening));
    opening_fini(&opening);
    (void)snprintf(dsn, sizeof(dsn),
                   "postgresql://locked:" PASSWORD "@127.0.0.1:%u/postgres",
                   (unsigned)pgcwi_scratch_server_port(cluster));
    opening_init(&opening, dsn);
    assert_int_equal(opening_try(&opening), PGCW_OK);
    opening_close(&opening);
    assert_false(opening_has_told_secret(&opening));
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_lasts_is_refused_with_its_sqlstate_and_the_way_out),
        TEST(what_may_pass_is_disconnected_with_its_sqlstate),
        TEST(another_host_that_is_away_may_come_back),
        TEST(session_that_only_reads_can_listen),
        TEST(session_that_only_reads_is_not_what_read_write_asks_for),
        TEST(privilege_that_is_granted_later_makes_it_live),
        TEST(refusal_goes_straight_to_the_longest_delay),
        TEST(scram_password_of_a_password_file_lets_in),
        TEST(uri_that_is_cut_in_its_password_is_refused_without_it),
        TEST(uri_with_a_password_that_is_wrong_or_right),
    };

    return cmocka_run_group_tests_name("refusals", tests, start_all,
                                       drop_cluster);
}
