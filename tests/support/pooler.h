/* SPDX-License-Identifier: MIT */
/*
 * PgBouncer in front of a test program's own PostgreSQL. Start it before any
 * thread. Nothing asserts: what failed is told on stderr.
 */
#ifndef TESTS_SUPPORT_POOLER_H
#define TESTS_SUPPORT_POOLER_H

#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "support/own_cluster.h"

struct pooler {
    const struct pgcwi_scratch_server *cluster;
    const char *program; /* NULL: this machine has none */
    pid_t pid;           /* 0: it does not run */
    unsigned port;
    char dsn[200];
};

static inline void
pooler_init(struct pooler *pooler, const struct pgcwi_scratch_server *cluster)
{
    static const char *const programs[] = {"/usr/sbin/pgbouncer",
                                           "/usr/bin/pgbouncer"};

    *pooler = (struct pooler){.cluster = cluster};
    for (size_t i = 0; i < 2 && pooler->program == NULL; i++) {
        pooler->program = access(programs[i], X_OK) == 0 ? programs[i] : NULL;
    }
    if (pooler->program == NULL) {
        (void)fprintf(stderr, "no pgbouncer here\n");
    }
}

/* Nobody's at the moment. */
static inline unsigned
pooler_find_port(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t bytes = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    unsigned port = 0;

    if (bind(fd, (struct sockaddr *)&address, bytes) == 0 &&
        getsockname(fd, (struct sockaddr *)&address, &bytes) == 0) {
        port = ntohs(address.sin_port);
    }
    close(fd);
    return port;
}

static inline bool
pooler_is_answering(const struct pooler *pooler)
{
    for (int i = 0; i < 2000; i++) {
        if (PQping(pooler->dsn) == PQPING_OK) {
            return true;
        }
        pgcwi_scratch_pause_ms(5);
    }
    return false;
}

/* SIGHUP makes it read this again. */
static inline bool
pooler_configure(const struct pooler *pooler, const char *mode,
                 unsigned pool_size)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "[databases]\n* = host=%s port=%u user=postgres\n"
                   "[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %u\n"
                   "unix_socket_dir =\nauth_type = any\npool_mode = %s\n"
                   "default_pool_size = %u\n",
                   pgcwi_scratch_server_folder(pooler->cluster),
                   (unsigned)pgcwi_scratch_server_port(pooler->cluster),
                   pooler->port, mode, pool_size);
    return cluster_write(pooler->cluster, "pooler.ini", "we", text);
}

static inline bool
pooler_start(struct pooler *pooler, const char *mode, unsigned pool_size)
{
    const char *folder = pgcwi_scratch_server_folder(pooler->cluster);
    char ini[PGCWI_SCRATCH_PATH_BYTES];
    char log[PGCWI_SCRATCH_PATH_BYTES];
    struct pgcwi_scratch_user user;
    struct pgcwi_scratch_error error;

    pooler->port = pooler_find_port();
    if (!pooler_configure(pooler, mode, pool_size) ||
        !pgcwi_scratch_find_user(&user, &error)) {
        return false;
    }
    (void)snprintf(ini, sizeof(ini), "%s/data/pooler.ini", folder);
    (void)snprintf(log, sizeof(log), "%s/pooler.log", folder);
    char *arguments[] = {(char *)pooler->program, "-q", ini, NULL};
    struct pgcwi_scratch_command command = {
        .arguments = arguments,
        .user = &user,
        .folder = folder,
        .log_path = log,
        .death_signal = SIGKILL,
    };
    pooler->pid = pgcwi_scratch_spawn(&command);
    (void)snprintf(pooler->dsn, sizeof(pooler->dsn),
                   "host=127.0.0.1 port=%u user=postgres dbname=postgres "
                   "sslmode=disable gssencmode=disable",
                   pooler->port);
    return pooler->pid > 0 && pooler_is_answering(pooler);
}

static inline void
pooler_stop(struct pooler *pooler)
{
    if (pooler->pid > 0) {
        kill(pooler->pid, SIGKILL);
        waitpid(pooler->pid, NULL, 0);
        pooler->pid = 0;
    }
}

#endif
