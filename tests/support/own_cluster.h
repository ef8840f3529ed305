/* SPDX-License-Identifier: MIT */
/*
 * A test program's own PostgreSQL, whose files it may change. Start it before
 * any thread. Nothing asserts: what failed is told on stderr.
 */
#ifndef TESTS_SUPPORT_OWN_CLUSTER_H
#define TESTS_SUPPORT_OWN_CLUSTER_H

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "cli/scratch_server.h"

static inline bool
cluster_told(const struct pgcwi_scratch_error *error)
{
    (void)fprintf(stderr, "%s\n", error->text);
    return false;
}

/* On its socket and on 127.0.0.1; NULL: failed. */
static inline struct pgcwi_scratch_server *
cluster_start(void)
{
    struct pgcwi_scratch_server_options options = {.has_tcp = true};
    struct pgcwi_scratch_server *cluster = NULL;
    struct pgcwi_scratch_error error;

    if (!pgcwi_scratch_server_start(&options, &cluster, &error)) {
        cluster_told(&error);
    }
    return cluster;
}

/* Its whole file `name` of the data folder; `mode` as of fopen(). */
static inline bool
cluster_write(const struct pgcwi_scratch_server *cluster, const char *name,
              const char *mode, const char *text)
{
    char path[PGCWI_SCRATCH_PATH_BYTES];

    (void)snprintf(path, sizeof(path), "%s/data/%s",
                   pgcwi_scratch_server_folder(cluster), name);
    FILE *file = fopen(path, mode);
    if (file == NULL) {
        perror(path);
        return false;
    }
    bool is_written = fputs(text, file) >= 0;
    return fclose(file) == 0 && is_written;
}

/* Each as a statement of its own; false if one failed. */
static inline bool
cluster_run(const struct pgcwi_scratch_server *cluster, const char *sql)
{
    PGconn *connection = PQconnectdb(pgcwi_scratch_server_dsn(cluster));
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    bool is_done = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;

    if (!is_done) {
        (void)fprintf(stderr, "%s: %s", sql, PQerrorMessage(connection));
    }
    PQclear(result);
    PQfinish(connection);
    return is_done;
}

/* Run a program to its end, as the server's user, in its folder. */
static inline bool
cluster_program(const struct pgcwi_scratch_server *cluster,
                char *const *arguments)
{
    char log[PGCWI_SCRATCH_PATH_BYTES];
    struct pgcwi_scratch_error error;
    struct pgcwi_scratch_user user;

    if (!pgcwi_scratch_find_user(&user, &error)) {
        return cluster_told(&error);
    }
    (void)snprintf(log, sizeof(log), "%s/log",
                   pgcwi_scratch_server_folder(cluster));
    struct pgcwi_scratch_command command = {
        .arguments = arguments,
        .user = &user,
        .folder = pgcwi_scratch_server_folder(cluster),
        .log_path = log,
        .death_signal = SIGKILL,
    };
    pid_t pid = pgcwi_scratch_spawn(&command);
    return pid >= 0 && pgcwi_scratch_wait(pid, 30000, NULL);
}

static inline bool
cluster_halt(const struct pgcwi_scratch_server *cluster)
{
    char data[PGCWI_SCRATCH_PATH_BYTES];

    (void)snprintf(data, sizeof(data), "%s/data",
                   pgcwi_scratch_server_folder(cluster));
    return pgcwi_scratch_stop_postmaster(data, PGCWI_SCRATCH_IMMEDIATE);
}

/* Make one the hot standby of another; it keeps its folder and port. */
static inline bool
cluster_follow(struct pgcwi_scratch_server *standby,
               const struct pgcwi_scratch_server *primary)
{
    char programs[PGCWI_SCRATCH_PATH_BYTES];
    char program[PGCWI_SCRATCH_PATH_BYTES + 16];
    char data[PGCWI_SCRATCH_PATH_BYTES];
    char from[PGCWI_SCRATCH_PATH_BYTES];
    char port[64];
    struct pgcwi_scratch_error error;

    if (!cluster_halt(standby) ||
        !pgcwi_scratch_find_programs(programs, &error)) {
        return false;
    }
    (void)snprintf(program, sizeof(program), "%s/pg_basebackup", programs);
    (void)snprintf(data, sizeof(data), "%s/data",
                   pgcwi_scratch_server_folder(standby));
    (void)snprintf(from, sizeof(from), "--dbname=%s",
                   pgcwi_scratch_server_dsn(primary));
    (void)snprintf(port, sizeof(port), "port = %u\n",
                   (unsigned)pgcwi_scratch_server_port(standby));
    char *arguments[] = {program,  "-D",        data, "-R",
                         "-cfast", "--no-sync", from, NULL};
    if (!pgcwi_scratch_remove(data) || !cluster_program(standby, arguments) ||
        !cluster_write(standby, "postgresql.conf", "ae", port)) {
        return false;
    }
    return pgcwi_scratch_server_restart(standby, PGCWI_SCRATCH_FAST, &error) ||
           cluster_told(&error);
}

#endif
