/* SPDX-License-Identifier: MIT */
/* TLS with an authority of its own: who is trusted, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/door.h"
#include "support/opening.h"
#include "support/own_cluster.h"
#include "support/process.h"

#define OPENSSL "/usr/bin/openssl"

static struct pgcwi_scratch_server *cluster;
static struct opening opening;
static char dsn[PGCWI_SCRATCH_PATH_BYTES + 200];

/* Runs in the server's folder, as its user: keys are as it wants them. */
static bool
make_certificates(void)
{
    static char *ca[] = {OPENSSL,    "req",         "-x509",   "-newkey",
                         "rsa:2048", "-nodes",      "-keyout", "data/ca.key",
                         "-out",     "data/ca.crt", "-subj",   "/CN=authority",
                         "-days",    "2",           NULL};
    static char *other[] = {
        OPENSSL,  "req",         "-x509",          "-newkey", "rsa:2048",
        "-nodes", "-keyout",     "data/other.key", "-out",    "data/other.crt",
        "-subj",  "/CN=another", "-days",          "2",       NULL};
    static char *request[] = {
        OPENSSL,           "req",     "-newkey",         "rsa:2048",
        "-nodes",          "-keyout", "data/server.key", "-out",
        "data/server.csr", "-subj",   "/CN=localhost",   NULL};
    static char *sign[] = {OPENSSL,
                           "x509",
                           "-req",
                           "-in",
                           "data/server.csr",
                           "-CA",
                           "data/ca.crt",
                           "-CAkey",
                           "data/ca.key",
                           "-CAcreateserial",
                           "-out",
                           "data/server.crt",
                           "-days",
                           "2",
                           NULL};

    return cluster_program(cluster, ca) && cluster_program(cluster, other) &&
           cluster_program(cluster, request) && cluster_program(cluster, sign);
}

static int
make_cluster(void **state)
{
    (void)state;
    if (access(OPENSSL, X_OK) != 0) {
        (void)fprintf(stderr, "no " OPENSSL " here\n");
        /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread */
        exit(getenv("PGCW_SERVER_REQUIRED") != NULL ? 1 : 77);
    }
    cluster = cluster_start();
    bool is_made =
        cluster != NULL && make_certificates() &&
        cluster_run(cluster,
                    "CREATE ROLE secret LOGIN PASSWORD '" OPENING_SECRET "'") &&
        cluster_run(cluster, "ALTER SYSTEM SET ssl = on") &&
        cluster_write(cluster, "pg_hba.conf", "we",
                      "local all all trust\n"
                      "hostssl all all 127.0.0.1/32 scram-sha-256\n") &&
        cluster_run(cluster, "SELECT pg_reload_conf()");
    start_rcu_thread();
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

static enum pgcw_status
try_with(const char *host, const char *mode, const char *authority)
{
    (void)snprintf(dsn, sizeof(dsn),
                   "host=%s hostaddr=127.0.0.1 port=%u user=secret "
                   "dbname=postgres password=" OPENING_SECRET
                   " sslmode=%s sslrootcert=%s/data/%s",
                   host, (unsigned)pgcwi_scratch_server_port(cluster), mode,
                   pgcwi_scratch_server_folder(cluster), authority);
    opening_init(&opening, dsn);
    return opening_try(&opening);
}

static void
assert_refused(const char *words)
{
    print_message("    %s\n", opening.error.detail);
    assert_non_null(strstr(opening.error.detail, words));
    assert_null(strchr(opening.error.detail, '\n'));
    assert_false(opening_has_told_secret(&opening));
}

static void
required_encryption_is_live_and_encrypted(void **state)
{
    (void)state;
    assert_int_equal(try_with("localhost", "require", "none.crt"), PGCW_OK);
    assert_true(cluster_run(
        cluster, "SELECT 1 / (count(*) FILTER (WHERE s.ssl))::int FROM"
                 " pg_stat_ssl s JOIN pg_stat_activity a USING (pid)"
                 " WHERE a.application_name = 'pgcachewatch'"));
    assert_int_equal(pgcw_listener_sync(opening.listener, PATIENCE_MS),
                     PGCW_OK);
    opening_close(&opening);
    assert_false(opening_has_told_secret(&opening));
}

static void
full_verification_by_the_right_authority_is_live(void **state)
{
    (void)state;
    assert_int_equal(try_with("localhost", "verify-full", "ca.crt"), PGCW_OK);
}

static void
another_authority_is_not_trusted(void **state)
{
    (void)state;
    assert_int_equal(try_with("localhost", "verify-full", "other.crt"),
                     PGCW_DISCONNECTED);
    assert_refused("certificate verify failed");
}

static void
certificate_of_another_name_is_not_trusted(void **state)
{
    (void)state;
    assert_int_equal(try_with("elsewhere.example", "verify-full", "ca.crt"),
                     PGCW_DISCONNECTED);
    assert_refused("does not match host name");
}

static void
server_that_wants_encryption_refuses_without(void **state)
{
    (void)state;
    assert_int_equal(try_with("localhost", "disable", "ca.crt"), PGCW_REFUSED);
    assert_refused("no encryption");
    assert_string_equal(opening.error.sqlstate, "28000");
}

#define TEST(name) cmocka_unit_test_teardown(name, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(required_encryption_is_live_and_encrypted),
        TEST(full_verification_by_the_right_authority_is_live),
        TEST(another_authority_is_not_trusted),
        TEST(certificate_of_another_name_is_not_trusted),
        TEST(server_that_wants_encryption_refuses_without),
    };

    return cmocka_run_group_tests_name("tls", tests, make_cluster,
                                       drop_cluster);
}
