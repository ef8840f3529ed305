/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* PR_SET_CHILD_SUBREAPER, mkdtemp() */

#include "peer.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/scratch_process.h"
#include "peer_tree.h"
#include "turns.h"

#define START_TIMEOUT_MS 20000
#define STOP_TIMEOUT_MS 10000
#define POLL_MS 5
#define MOST_ARGUMENTS 30

static char folder[] = "/tmp/pgcw-bench-XXXXXX";
static struct pgcwi_scratch_user user;
/* Of the parent, for its signal handler. */
static _Atomic pid_t child;

static void
hand_on(int number)
{
    /* relaxed: a number, of this thread */
    (void)kill(atomic_load_explicit(&child, memory_order_relaxed), number);
}

static void
make_folder(void)
{
    struct pgcwi_scratch_error error;

    if (!pgcwi_scratch_find_user(&user, &error)) {
        bench_fail("%s", error.text);
    }
    if (mkdtemp(folder) == NULL ||
        (user.is_other && chown(folder, user.uid, user.gid) != 0)) {
        bench_fail("%s: %s", folder, strerror(errno));
    }
}

static void
kill_child(pid_t pid, void *context)
{
    (void)context;
    if (pid != getpid()) {
        (void)kill(pid, SIGKILL);
    }
}

/* All that is left became ours when their parent ended. */
static void
await_servers(void)
{
    int64_t deadline_ms = pgcwi_scratch_now_ms() + STOP_TIMEOUT_MS;
    pid_t ended;

    while ((ended = waitpid(-1, NULL, WNOHANG)) >= 0 || errno == EINTR) {
        if (ended == 0) {
            pgcwi_scratch_pause_ms(POLL_MS);
        }
        if (pgcwi_scratch_now_ms() > deadline_ms) {
            (void)fprintf(stderr, "servers did not stop: killed\n");
            peer_tree_visit(getpid(), kill_child, NULL);
            deadline_ms += STOP_TIMEOUT_MS;
        }
    }
}

static _Noreturn void
supervise(pid_t pid)
{
    struct sigaction action = {.sa_handler = hand_on};
    int status = 0;

    /* relaxed: as above */
    atomic_store_explicit(&child, pid, memory_order_relaxed);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    while (waitpid(pid, &status, 0) != pid) {
    }
    await_servers();
    if (!pgcwi_scratch_remove(folder)) {
        (void)fprintf(stderr, "%s is left\n", folder);
    }
    /* what was printed is the child's */
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void
peer_supervise(void)
{
    make_folder();
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        bench_fail("prctl: %s", strerror(errno));
    }
    pid_t parent = getpid();
    pid_t pid = fork();

    if (pid < 0) {
        bench_fail("fork: %s", strerror(errno));
    }
    if (pid > 0) {
        supervise(pid);
    }
    if (prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || getppid() != parent) {
        _exit(1);
    }
}

void
peer_path(char path[PEER_PATH_BYTES], const char *name)
{
    (void)snprintf(path, PEER_PATH_BYTES, "%s/%s", folder, name);
}

void
peer_write(const char *name, const char *text)
{
    char path[PEER_PATH_BYTES];

    peer_path(path, name);
    FILE *file = fopen(path, "we");
    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0) {
        bench_fail("%s: %s", path, strerror(errno));
    }
}

/* False: it is not installed. */
static bool
find_program(char path[PEER_PATH_BYTES], const char *program)
{
    static const char *const folders[] = {"/usr/bin", "/usr/sbin",
                                          "/usr/local/bin", "/usr/local/sbin"};

    for (size_t i = 0; i < BENCH_COUNT_OF(folders); i++) {
        (void)snprintf(path, PEER_PATH_BYTES, "%s/%s", folders[i], program);
        if (access(path, X_OK) == 0) {
            return true;
        }
    }
    return false;
}

static bool
accepts(const char *socket_path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                   socket_path);
    bool is_accepted = fd >= 0 && connect(fd, (struct sockaddr *)&address,
                                          sizeof(address)) == 0;
    (void)close(fd);
    return is_accepted;
}

static bool
await_socket(pid_t pid, const char *socket_name)
{
    char path[PEER_PATH_BYTES];
    int64_t deadline_ms = pgcwi_scratch_now_ms() + START_TIMEOUT_MS;

    peer_path(path, socket_name);
    while (!accepts(path)) {
        if (waitpid(pid, NULL, WNOHANG) != 0 ||
            pgcwi_scratch_now_ms() > deadline_ms) {
            return false;
        }
        pgcwi_scratch_pause_ms(POLL_MS);
    }
    return true;
}

/* What a server has said before it ended. */
static void
show_log(const char *path)
{
    char line[500];
    FILE *file = fopen(path, "re");

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        (void)fputs(line, stderr);
    }
    if (file != NULL) {
        (void)fclose(file);
    }
}

pid_t
peer_start(const char *program, const char *const *arguments,
           const char *socket_name, const char **reason)
{
    char path[PEER_PATH_BYTES];
    char log_name[40];
    char log_path[PEER_PATH_BYTES];
    char *all[MOST_ARGUMENTS + 2] = {path};

    if (!find_program(path, program)) {
        *reason = "not installed";
        return 0;
    }
    for (size_t i = 0; arguments[i] != NULL && i < MOST_ARGUMENTS; i++) {
        all[i + 1] = (char *)arguments[i];
    }
    (void)snprintf(log_name, sizeof(log_name), "%s.log", program);
    peer_path(log_path, log_name);
    struct pgcwi_scratch_command command = {.arguments = all,
                                            .user = &user,
                                            .folder = folder,
                                            .log_path = log_path,
                                            .death_signal = SIGINT};
    pid_t pid = pgcwi_scratch_spawn(&command);
    if (pid < 0 || !await_socket(pid, socket_name)) {
        show_log(log_path);
        *reason = "the server did not start";
        return 0;
    }
    return pid;
}
