/* SPDX-License-Identifier: MIT */
#include "torture_cluster.h"

#include <stdio.h>
#include <stdlib.h>

#include <pgcachewatch/install.h>

#include "cli/scratch_server.h"
#include "support.h"
#include "torture_oracle.h"

#define SERVERS 2
#define PATIENCE_NS INT64_C(20000000000)
#define COPY_TIMEOUT_MS 30000
#define PATH_BYTES 256
#define SQL_BYTES 512

struct torture_cluster {
    struct pgcwi_scratch_server *servers[SERVERS];
    enum pgcw_transport transport;
    unsigned int primary;
    struct pgcwi_scratch_error error;
};

static struct pgcwi_scratch_server *
primary_of(const struct torture_cluster *cluster)
{
    return cluster->servers[cluster->primary];
}

const char *
torture_cluster_dsn(const struct torture_cluster *cluster)
{
    return pgcwi_scratch_server_dsn(primary_of(cluster));
}

const char *
torture_cluster_folder(const struct torture_cluster *cluster)
{
    return pgcwi_scratch_server_folder(primary_of(cluster));
}

static void
name_data(const struct pgcwi_scratch_server *server, char path[PATH_BYTES])
{
    (void)snprintf(path, PATH_BYTES, "%s/data",
                   pgcwi_scratch_server_folder(server));
}

pid_t
torture_cluster_postmaster(const struct torture_cluster *cluster)
{
    char data[PATH_BYTES];

    name_data(primary_of(cluster), data);
    return pgcwi_scratch_postmaster(data);
}

static void
ignore_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

PGconn *
torture_cluster_connect(struct torture_cluster *cluster)
{
    int64_t until_ns = stress_now_ns() + PATIENCE_NS;

    while (stress_now_ns() < until_ns) {
        PGconn *connection = PQconnectdb(torture_cluster_dsn(cluster));

        if (PQstatus(connection) == CONNECTION_OK) {
            (void)PQsetNoticeReceiver(connection, ignore_notice, NULL);
            return connection;
        }
        PQfinish(connection);
        pgcwi_scratch_pause_ms(2);
    }
    (void)fprintf(stderr, "the server does not come back\n");
    return NULL;
}

static bool
run(PGconn *connection, const char *sql)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    bool is_done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (!is_done) {
        (void)fprintf(stderr, "%s: %s", sql, PQerrorMessage(connection));
    }
    PQclear(result);
    return is_done;
}

static bool
install(PGconn *connection, const struct pgcw_install_options *options)
{
    struct pgcw_error error = {.status = PGCW_OK};
    struct pgcw_plan *plan = NULL;
    bool is_done =
        pgcw_install_plan(connection, options, &plan, &error) == PGCW_OK &&
        pgcw_plan_commit(connection, plan, &error) == PGCW_OK;

    pgcw_plan_destroy(plan);
    if (!is_done) {
        (void)fprintf(stderr, "install: %s\n", error.detail);
    }
    return is_done;
}

static bool
make_table(PGconn *connection, const char *table, int rows,
           struct pgcw_install_options *options)
{
    char sql[SQL_BYTES];

    (void)snprintf(sql, sizeof(sql),
                   "CREATE TABLE %s (id integer PRIMARY KEY,"
                   " version bigint NOT NULL DEFAULT 0);"
                   "INSERT INTO %s SELECT generate_series(1, %d)",
                   table, table, rows);
    options->channel = TORTURE_CHANNEL;
    options->tables = &table;
    options->table_count = 1;
    return run(connection, sql) && install(connection, options);
}

/* Logical decoding tells rows of both. */
static bool
make_both(PGconn *connection, enum pgcw_transport transport)
{
    struct pgcw_install_options keyed = PGCW_INSTALL_OPTIONS_INIT;
    struct pgcw_install_options plain = PGCW_INSTALL_OPTIONS_INIT;

    keyed.transport = transport;
    plain.transport = transport;
    if (transport == PGCW_TRANSPORT_NOTIFY) {
        keyed.rows = true;
        keyed.function_name = "fn_keyed";
        plain.function_name = "fn_plain";
    }
    return make_table(connection, "keyed", TORTURE_KEYED_ROWS, &keyed) &&
           make_table(connection, "plain", TORTURE_PLAIN_ROWS, &plain);
}

static bool
make_tables(struct torture_cluster *cluster)
{
    PGconn *connection = torture_cluster_connect(cluster);
    bool is_done =
        connection != NULL && make_both(connection, cluster->transport);

    PQfinish(connection);
    return is_done;
}

static void
tell(const struct torture_cluster *cluster)
{
    (void)fprintf(stderr, "%s\n", cluster->error.text);
}

struct torture_cluster *
torture_cluster_start(enum pgcw_transport transport, bool *is_missing)
{
    struct torture_cluster *cluster = calloc(1, sizeof(*cluster));
    const struct pgcwi_scratch_server_options options = {.is_detached = false};
    char programs[PGCWI_SCRATCH_PATH_BYTES];

    if (cluster == NULL) {
        return NULL;
    }
    cluster->transport = transport;
    *is_missing = !pgcwi_scratch_find_programs(programs, &cluster->error);
    bool is_made = !*is_missing;
    for (unsigned int i = 0; i < SERVERS && is_made; i++) {
        is_made = pgcwi_scratch_server_start(&options, &cluster->servers[i],
                                             &cluster->error);
    }
    if (!is_made) {
        tell(cluster);
    }
    if (!is_made || !make_tables(cluster)) {
        torture_cluster_stop(cluster);
        return NULL;
    }
    return cluster;
}

void
torture_cluster_stop(struct torture_cluster *cluster)
{
    if (cluster == NULL) {
        return;
    }
    for (unsigned int i = 0; i < SERVERS; i++) {
        (void)pgcwi_scratch_server_stop(cluster->servers[i]);
    }
    free(cluster);
}

bool
torture_cluster_restart(struct torture_cluster *cluster, bool is_immediate)
{
    bool is_done = pgcwi_scratch_server_restart(
        primary_of(cluster),
        is_immediate ? PGCWI_SCRATCH_IMMEDIATE : PGCWI_SCRATCH_FAST,
        &cluster->error);

    if (!is_done) {
        tell(cluster);
    }
    return is_done;
}

static bool
copy_data(struct torture_cluster *cluster, const char *from, const char *to)
{
    char log[PATH_BYTES + 8];
    char signal[PATH_BYTES + 32];
    struct pgcwi_scratch_user user;
    char *arguments[] = {"/bin/cp", "-a", (char *)from, (char *)to, NULL};
    struct pgcwi_scratch_command command = {
        .arguments = arguments,
        .user = &user,
        .folder = "/",
        .log_path = log,
    };

    (void)snprintf(log, sizeof(log), "%s/../log", from);
    (void)snprintf(signal, sizeof(signal), "%s/standby.signal", to);
    if (!pgcwi_scratch_remove(to) ||
        !pgcwi_scratch_find_user(&user, &cluster->error)) {
        return false;
    }
    pid_t pid = pgcwi_scratch_spawn(&command);
    if (pid < 0 || !pgcwi_scratch_wait(pid, COPY_TIMEOUT_MS, NULL)) {
        return pgcwi_scratch_fail(&cluster->error, "the data was not copied");
    }
    FILE *file = fopen(signal, "we");
    return file != NULL && fclose(file) == 0;
}

bool
torture_cluster_fail_over(struct torture_cluster *cluster)
{
    unsigned int next = (cluster->primary + 1) % SERVERS;
    char from[PATH_BYTES];
    char to[PATH_BYTES];

    name_data(primary_of(cluster), from);
    name_data(cluster->servers[next], to);
    bool is_done =
        pgcwi_scratch_stop_postmaster(from, PGCWI_SCRATCH_FAST) &&
        pgcwi_scratch_stop_postmaster(to, PGCWI_SCRATCH_FAST) &&
        copy_data(cluster, from, to) &&
        pgcwi_scratch_server_restart(cluster->servers[next], PGCWI_SCRATCH_FAST,
                                     &cluster->error);
    cluster->primary = next;
    if (!is_done) {
        tell(cluster);
    }
    return is_done;
}

bool
torture_cluster_promote(struct torture_cluster *cluster)
{
    PGconn *connection = torture_cluster_connect(cluster);
    bool is_done =
        connection != NULL && run(connection, "SELECT pg_promote(true, 20)");

    PQfinish(connection);
    return is_done;
}
