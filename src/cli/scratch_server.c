/* SPDX-License-Identifier: MIT */
/*
 * The folder is made first, then the janitor, then all else: whatever ends
 * this process on the way, somebody is there to clean up. The janitor reads
 * from a pipe that only we can write to. End of file means that we are gone;
 * a byte means that there is nothing to do.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "cli/scratch_server.h"

#define FOLDER_BYTES 80 /* a socket's whole path may have 107 */
#define DEFAULT_PORT 5432
#define INITDB_TIMEOUT_MS 60000
#define READY_TIMEOUT_MS 30000
#define READY_POLL_MS 10
#define LOG_TAIL_BYTES 1200

struct pgcwi_scratch_server {
    char folder[FOLDER_BYTES];
    char data[FOLDER_BYTES + 8];
    char log_path[FOLDER_BYTES + 8];
    char dsn[2 * FOLDER_BYTES + 64];
    char programs[PGCWI_SCRATCH_PATH_BYTES];
    struct pgcwi_scratch_user user;
    uint16_t port;
    bool is_detached;
    const atomic_bool *cancelled;
    pid_t janitor;
    int janitor_pipe; /* -1 when there is none */
};

static bool
make_folder(struct pgcwi_scratch_server *server,
            struct pgcwi_scratch_error *error)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes it here */
    const char *parent = getenv("TMPDIR");
    if (parent == NULL || parent[0] != '/' ||
        strlen(parent) + sizeof("/pgcw-XXXXXX") > FOLDER_BYTES) {
        parent = "/tmp";
    }
    snprintf(server->folder, sizeof(server->folder), "%s/pgcw-XXXXXX", parent);
    if (mkdtemp(server->folder) == NULL) {
        server->folder[0] = '\0';
        return pgcwi_scratch_fail_errno(
            error, "cannot make a folder for the server; set TMPDIR to one "
                   "where you may write");
    }
    if (server->user.is_other &&
        chown(server->folder, server->user.uid, server->user.gid) != 0) {
        return pgcwi_scratch_fail_errno(error, server->folder);
    }
    return true;
}

/* The folder in quotes, as TMPDIR may have spaces in it. */
static void
name_paths(struct pgcwi_scratch_server *server)
{
    char quoted[2 * FOLDER_BYTES];
    size_t length = 0;
    for (const char *from = server->folder; *from != '\0'; from++) {
        if (*from == '\'' || *from == '\\') {
            quoted[length++] = '\\';
        }
        quoted[length++] = *from;
    }
    quoted[length] = '\0';
    snprintf(server->data, sizeof(server->data), "%s/data", server->folder);
    snprintf(server->log_path, sizeof(server->log_path), "%s/log",
             server->folder);
    snprintf(server->dsn, sizeof(server->dsn),
             "host='%s' port=%u user=postgres dbname=postgres", quoted,
             (unsigned)server->port);
}

static _Noreturn void
run_janitor(const struct pgcwi_scratch_server *server, int pipe_end)
{
    char byte;
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    for (int fd = 0; nothing >= 0 && fd <= STDERR_FILENO; fd++) {
        dup2(nothing, fd); /* whoever reads our output need not wait */
    }
    ssize_t count;
    do {
        count = read(pipe_end, &byte, 1);
    } while (count < 0 && errno == EINTR);
    if (count == 0) {
        pgcwi_scratch_stop_postmaster(server->data, PGCWI_SCRATCH_IMMEDIATE);
        pgcwi_scratch_remove(server->folder);
    }
    _exit(0);
}

static bool
start_janitor(struct pgcwi_scratch_server *server,
              struct pgcwi_scratch_error *error)
{
    int ends[2];
    if (pipe(ends) != 0) {
        return pgcwi_scratch_fail_errno(error, "pipe");
    }
    /* no program that we start may keep the pipe open after we are gone */
    fcntl(ends[0], F_SETFD, FD_CLOEXEC);
    fcntl(ends[1], F_SETFD, FD_CLOEXEC);
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    server->janitor = fork();
    if (server->janitor == 0) {
        close(ends[1]);
        run_janitor(server, ends[0]);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[0]);
    if (server->janitor < 0) {
        close(ends[1]);
        return pgcwi_scratch_fail_errno(error, "fork");
    }
    server->janitor_pipe = ends[1];
    return true;
}

static void
dismiss_janitor(struct pgcwi_scratch_server *server)
{
    if (server->janitor_pipe < 0) {
        return;
    }
    ssize_t written = write(server->janitor_pipe, "", 1);
    close(server->janitor_pipe);
    server->janitor_pipe = -1;
    if (written == 1) {
        while (waitpid(server->janitor, NULL, 0) < 0 && errno == EINTR) {
        }
    }
}

/* Failure with the end of what initdb or the server has said. */
static bool
fail_with_log(const struct pgcwi_scratch_server *server, const char *what,
              struct pgcwi_scratch_error *error)
{
    char tail[LOG_TAIL_BYTES + 1];
    size_t length = 0;
    FILE *log = fopen(server->log_path, "re");
    if (log != NULL) {
        if (fseek(log, -LOG_TAIL_BYTES, SEEK_END) != 0) {
            rewind(log); /* it is shorter than that */
        }
        length = fread(tail, 1, LOG_TAIL_BYTES, log);
        fclose(log);
    }
    while (length > 0 && tail[length - 1] == '\n') {
        length--;
    }
    tail[length] = '\0';
    return pgcwi_scratch_fail(error, "%s; the end of its log:\n%s", what,
                              length > 0 ? tail : "(it has said nothing)");
}

static bool
is_cancelled(const struct pgcwi_scratch_server *server)
{
    /* relaxed: only a request to stop; nothing is read because of it */
    return server->cancelled != NULL &&
           atomic_load_explicit(server->cancelled, memory_order_relaxed);
}

static bool
run_initdb(const struct pgcwi_scratch_server *server,
           struct pgcwi_scratch_error *error)
{
    char program[PGCWI_SCRATCH_PATH_BYTES + 16];
    char data[FOLDER_BYTES + 32];
    snprintf(program, sizeof(program), "%s/initdb", server->programs);
    snprintf(data, sizeof(data), "--pgdata=%s", server->data);
    char *arguments[] = {program,
                         data,
                         "--username=postgres",
                         "--auth=trust",
                         "--encoding=UTF8",
                         "--locale=C",
                         "--no-sync",
                         "--no-instructions",
                         NULL};
    struct pgcwi_scratch_command command = {
        .arguments = arguments,
        .user = &server->user,
        .folder = server->folder,
        .log_path = server->log_path,
        .death_signal = SIGKILL,
    };
    pid_t pid = pgcwi_scratch_spawn(&command);
    if (pid < 0) {
        return pgcwi_scratch_fail_errno(error, "fork");
    }
    if (pgcwi_scratch_wait(pid, INITDB_TIMEOUT_MS, server->cancelled)) {
        return true;
    }
    if (is_cancelled(server)) {
        return pgcwi_scratch_fail(error, "interrupted");
    }
    return fail_with_log(server, "initdb failed", error);
}

static uint16_t
free_tcp_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof(address);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    bool is_found =
        probe >= 0 &&
        bind(probe, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        getsockname(probe, (struct sockaddr *)&address, &size) == 0;
    if (probe >= 0) {
        close(probe);
    }
    return is_found ? ntohs(address.sin_port) : DEFAULT_PORT;
}

/* Written into its file, so that a restart needs to know nothing. The
 * server runs in `data`, and its socket lies one folder higher. */
static bool
configure(const struct pgcwi_scratch_server *server, bool has_tcp,
          struct pgcwi_scratch_error *error)
{
    char path[FOLDER_BYTES + 32];
    snprintf(path, sizeof(path), "%s/postgresql.conf", server->data);
    FILE *file = fopen(path, "ae");
    if (file == NULL) {
        return pgcwi_scratch_fail_errno(error, path);
    }
    fprintf(file,
            "listen_addresses = '%s'\n"
            "port = %u\n"
            "unix_socket_directories = '..'\n"
            "fsync = off\n"
            "wal_level = logical\n"
            "full_page_writes = off\n"
            "max_wal_size = 1GB\n"
            "max_connections = 100\n"
            "logging_collector = off\n",
            has_tcp ? "127.0.0.1" : "", (unsigned)server->port);
    if (fclose(file) != 0) {
        return pgcwi_scratch_fail_errno(error, path);
    }
    return true;
}

/* `pid` becomes -1 if the process has ended. */
static bool
wait_until_ready(const struct pgcwi_scratch_server *server, pid_t *pid,
                 struct pgcwi_scratch_error *error)
{
    int64_t deadline = pgcwi_scratch_now_ms() + READY_TIMEOUT_MS;
    while (pgcwi_scratch_now_ms() < deadline) {
        if (waitpid(*pid, NULL, WNOHANG) == *pid) {
            *pid = -1;
            return fail_with_log(server, "the PostgreSQL server did not start",
                                 error);
        }
        if (is_cancelled(server)) {
            return pgcwi_scratch_fail(error, "interrupted");
        }
        if (PQping(server->dsn) == PQPING_OK) {
            return true;
        }
        pgcwi_scratch_pause_ms(READY_POLL_MS);
    }
    return fail_with_log(server, "the PostgreSQL server is not ready in time",
                         error);
}

static bool
launch(const struct pgcwi_scratch_server *server,
       struct pgcwi_scratch_error *error)
{
    char program[PGCWI_SCRATCH_PATH_BYTES + 16];
    snprintf(program, sizeof(program), "%s/postgres", server->programs);
    char *arguments[] = {program, "-D", (char *)server->data, NULL};
    struct pgcwi_scratch_command command = {
        .arguments = arguments,
        .user = &server->user,
        .folder = server->data,
        .log_path = server->log_path,
        .death_signal = server->is_detached ? 0 : SIGQUIT,
    };
    pid_t pid = pgcwi_scratch_spawn(&command);
    if (pid < 0) {
        return pgcwi_scratch_fail_errno(error, "fork");
    }
    if (wait_until_ready(server, &pid, error)) {
        return true;
    }
    if (pid > 0) {
        kill(pid, SIGQUIT);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    return false;
}

static struct pgcwi_scratch_server *
find_what_is_needed(struct pgcwi_scratch_error *error)
{
    struct pgcwi_scratch_server *server = calloc(1, sizeof(*server));
    if (server == NULL) {
        pgcwi_scratch_fail(error, "out of memory");
        return NULL;
    }
    server->janitor_pipe = -1;
    server->port = DEFAULT_PORT;
    if (!pgcwi_scratch_find_programs(server->programs, error) ||
        !pgcwi_scratch_find_user(&server->user, error)) {
        free(server);
        return NULL;
    }
    return server;
}

bool
pgcwi_scratch_server_start(const struct pgcwi_scratch_server_options *options,
                           struct pgcwi_scratch_server **server,
                           struct pgcwi_scratch_error *error)
{
    struct pgcwi_scratch_server *made = find_what_is_needed(error);
    if (made == NULL) {
        return false;
    }
    made->is_detached = options->is_detached;
    made->cancelled = options->cancelled;
    if (options->has_tcp) {
        made->port = free_tcp_port();
    }
    bool is_made = make_folder(made, error);
    name_paths(made);
    if (!is_made || !start_janitor(made, error) || !run_initdb(made, error) ||
        !configure(made, options->has_tcp, error) || !launch(made, error)) {
        pgcwi_scratch_server_stop(made);
        return false;
    }
    made->cancelled = NULL; /* the caller's; only the start looks at it */
    if (made->is_detached) {
        dismiss_janitor(made);
    }
    *server = made;
    return true;
}

/* `port = 5432`, as configure() wrote it; the last one counts. */
static uint16_t
configured_port(const struct pgcwi_scratch_server *server)
{
    char path[FOLDER_BYTES + 32];
    char line[256];
    unsigned long port = DEFAULT_PORT;
    snprintf(path, sizeof(path), "%s/postgresql.conf", server->data);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return DEFAULT_PORT;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, "port = ", strlen("port = ")) == 0) {
            port = strtoul(line + strlen("port = "), NULL, 10);
        }
    }
    fclose(file);
    return (uint16_t)port;
}

bool
pgcwi_scratch_server_attach(const char *folder,
                            struct pgcwi_scratch_server **server,
                            struct pgcwi_scratch_error *error)
{
    if (strlen(folder) >= FOLDER_BYTES) {
        return pgcwi_scratch_fail(error, "not a scratch server: %s", folder);
    }
    struct pgcwi_scratch_server *found = find_what_is_needed(error);
    if (found == NULL) {
        return false;
    }
    found->is_detached = true;
    snprintf(found->folder, sizeof(found->folder), "%s", folder);
    name_paths(found);
    found->port = configured_port(found);
    name_paths(found);
    *server = found;
    return true;
}

bool
pgcwi_scratch_server_restart(struct pgcwi_scratch_server *server,
                             enum pgcwi_scratch_stop how,
                             struct pgcwi_scratch_error *error)
{
    if (!pgcwi_scratch_stop_postmaster(server->data, how)) {
        return pgcwi_scratch_fail(error, "the server in %s does not stop",
                                  server->folder);
    }
    return launch(server, error);
}

bool
pgcwi_scratch_server_stop(struct pgcwi_scratch_server *server)
{
    if (server == NULL) {
        return true;
    }
    bool is_gone = true;
    if (server->folder[0] != '\0') {
        is_gone =
            pgcwi_scratch_stop_postmaster(server->data, PGCWI_SCRATCH_FAST) &&
            pgcwi_scratch_remove(server->folder);
    }
    if (is_gone) {
        dismiss_janitor(server);
    } else {
        (void)fprintf(stderr, "pgcachewatch: %s could not be removed\n",
                      server->folder);
    }
    pgcwi_scratch_server_leave(server);
    return is_gone;
}

void
pgcwi_scratch_server_leave(struct pgcwi_scratch_server *server)
{
    if (server != NULL && server->janitor_pipe >= 0) {
        close(server->janitor_pipe);
    }
    free(server);
}

const char *
pgcwi_scratch_server_dsn(const struct pgcwi_scratch_server *server)
{
    return server->dsn;
}

const char *
pgcwi_scratch_server_folder(const struct pgcwi_scratch_server *server)
{
    return server->folder;
}

uint16_t
pgcwi_scratch_server_port(const struct pgcwi_scratch_server *server)
{
    return server->port;
}
