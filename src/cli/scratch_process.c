/* SPDX-License-Identifier: MIT */
/* NOLINTBEGIN(readability-identifier-naming): initgroups(), nftw() */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700
/* NOLINTEND(readability-identifier-naming) */

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/scratch_process.h"

#define POLL_MS 5
#define STOP_TIMEOUT_MS 5000
#define REMOVE_TIMEOUT_MS 2000

bool
pgcwi_scratch_fail(struct pgcwi_scratch_error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof(error->text), format, arguments);
    va_end(arguments);
    return false;
}

bool
pgcwi_scratch_fail_errno(struct pgcwi_scratch_error *error, const char *what)
{
    char reason[128];
    if (strerror_r(errno, reason, sizeof(reason)) != 0) {
        reason[0] = '\0';
    }
    return pgcwi_scratch_fail(error, "%s: %s", what, reason);
}

int64_t
pgcwi_scratch_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
pgcwi_scratch_pause_ms(long milliseconds)
{
    struct timespec pause = {milliseconds / 1000,
                             milliseconds % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static bool
has_programs(const char *folder)
{
    static const char *const names[] = {"initdb", "postgres"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[PGCWI_SCRATCH_PATH_BYTES + 16];
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        if (access(path, X_OK) != 0) {
            return false;
        }
    }
    return true;
}

/* In the child: run pg_config with its output into a pipe. */
static _Noreturn void
exec_pg_config(int output)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (dup2(output, STDOUT_FILENO) >= 0 && dup2(nothing, STDERR_FILENO) >= 0) {
        execlp("pg_config", "pg_config", "--bindir", (char *)NULL);
    }
    _exit(127);
}

static bool
ask_pg_config(char folder[PGCWI_SCRATCH_PATH_BYTES])
{
    int ends[2];
    if (pipe(ends) != 0) {
        return false;
    }
    pid_t pid = fork();
    if (pid == 0) {
        exec_pg_config(ends[1]);
    }
    close(ends[1]);
    FILE *answer = fdopen(ends[0], "r");
    if (answer == NULL) {
        close(ends[0]);
    }
    bool is_read = answer != NULL &&
                   fgets(folder, PGCWI_SCRATCH_PATH_BYTES, answer) != NULL;
    if (answer != NULL) {
        fclose(answer);
    }
    if (pid < 0 || !pgcwi_scratch_wait(pid, STOP_TIMEOUT_MS, NULL)) {
        return false;
    }
    if (is_read) {
        folder[strcspn(folder, "\n")] = '\0';
    }
    return is_read;
}

/* Debian keeps each version in a folder of its own; take the newest. */
static bool
look_where_debian_has_them(char folder[PGCWI_SCRATCH_PATH_BYTES])
{
    glob_t found;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): one thread, no tilde in it */
    if (glob("/usr/lib/postgresql/*/bin", 0, NULL, &found) != 0) {
        return false;
    }
    double newest = -1;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *path = found.gl_pathv[i];
        double version = strtod(path + strlen("/usr/lib/postgresql/"), NULL);
        if (version > newest && strlen(path) < PGCWI_SCRATCH_PATH_BYTES &&
            has_programs(path)) {
            newest = version;
            snprintf(folder, PGCWI_SCRATCH_PATH_BYTES, "%s", path);
        }
    }
    globfree(&found);
    return newest >= 0;
}

bool
pgcwi_scratch_find_programs(char folder[PGCWI_SCRATCH_PATH_BYTES],
                            struct pgcwi_scratch_error *error)
{
    if (ask_pg_config(folder) && has_programs(folder)) {
        return true;
    }
    if (look_where_debian_has_them(folder)) {
        return true;
    }
    return pgcwi_scratch_fail(
        error, "PostgreSQL server programs (initdb, postgres) not found: "
               "apt-get install postgresql");
}

bool
pgcwi_scratch_find_user(struct pgcwi_scratch_user *user,
                        struct pgcwi_scratch_error *error)
{
    *user = (struct pgcwi_scratch_user){.uid = geteuid(), .gid = getegid()};
    if (user->uid != 0) {
        return true;
    }
    struct passwd entry;
    struct passwd *found = NULL;
    char strings[4096];
    if (getpwnam_r("postgres", &entry, strings, sizeof(strings), &found) != 0 ||
        found == NULL) {
        return pgcwi_scratch_fail(
            error, "PostgreSQL does not run as root, and there is no user "
                   "\"postgres\" to run it as: apt-get install postgresql, "
                   "or start this as another user");
    }
    *user = (struct pgcwi_scratch_user){true, found->pw_uid, found->pw_gid};
    return true;
}

static bool
become(const struct pgcwi_scratch_user *user)
{
    return !user->is_other ||
           (initgroups("postgres", user->gid) == 0 && setgid(user->gid) == 0 &&
            setuid(user->uid) == 0);
}

static void
reset_signals(void)
{
    static const int caught[] = {SIGHUP, SIGINT, SIGTERM, SIGPIPE};
    sigset_t none;
    sigemptyset(&none);
    for (size_t i = 0; i < sizeof(caught) / sizeof(caught[0]); i++) {
        (void)signal(caught[i], SIG_DFL);
    }
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

/* In the child; what fails here ends up in the log. */
static _Noreturn void
exec_command(const struct pgcwi_scratch_command *command, pid_t parent)
{
    int log = open(command->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
                   0644);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (log < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(log, STDOUT_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0) {
        _exit(127);
    }
    setsid();
    reset_signals();
    umask(S_IRWXG | S_IRWXO);
    if (!become(command->user)) {
        perror("cannot become the user postgres");
        _exit(127);
    }
    if (chdir(command->folder) != 0) {
        perror(command->folder);
        _exit(127);
    }
    /* after setuid(), which forgets it; the parent may be gone already */
    if (command->death_signal != 0 &&
        (prctl(PR_SET_PDEATHSIG, command->death_signal) != 0 ||
         getppid() != parent)) {
        _exit(127);
    }
    execv(command->arguments[0], command->arguments);
    perror(command->arguments[0]);
    _exit(127);
}

pid_t
pgcwi_scratch_spawn(const struct pgcwi_scratch_command *command)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        exec_command(command, parent);
    }
    return pid;
}

bool
pgcwi_scratch_wait(pid_t pid, int64_t timeout_ms, const atomic_bool *cancelled)
{
    int64_t deadline = pgcwi_scratch_now_ms() + timeout_ms;
    int result = 0;
    for (;;) {
        pid_t ended = waitpid(pid, &result, WNOHANG);
        if (ended == pid || (ended < 0 && errno != EINTR)) {
            return ended == pid && WIFEXITED(result) &&
                   WEXITSTATUS(result) == 0;
        }
        /* relaxed: only a request to stop; nothing is read because of it */
        bool is_cancelled =
            cancelled != NULL &&
            atomic_load_explicit(cancelled, memory_order_relaxed);
        if (is_cancelled || pgcwi_scratch_now_ms() > deadline) {
            kill(-pid, SIGKILL); /* its session, and what it has started */
            kill(pid, SIGKILL);
            waitpid(pid, &result, 0);
            return false;
        }
        pgcwi_scratch_pause_ms(POLL_MS);
    }
}

/* A postmaster works in its data folder; a zombie works nowhere. */
static bool
works_in(pid_t pid, const char *folder)
{
    char link[64];
    char place[PGCWI_SCRATCH_PATH_BYTES];
    char real[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/%ld/cwd", (long)pid);
    ssize_t length = readlink(link, place, sizeof(place) - 1);
    if (length < 0 || realpath(folder, real) == NULL) {
        return false;
    }
    place[length] = '\0';
    return strcmp(place, real) == 0;
}

pid_t
pgcwi_scratch_postmaster(const char *data)
{
    char path[PGCWI_SCRATCH_PATH_BYTES + 32];
    char line[32];
    snprintf(path, sizeof(path), "%s/postmaster.pid", data);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return -1;
    }
    bool is_read = fgets(line, sizeof(line), file) != NULL;
    fclose(file);
    long pid = is_read ? strtol(line, NULL, 10) : 0;
    return pid > 1 && works_in((pid_t)pid, data) ? (pid_t)pid : -1;
}

/* Also when it is not our child; if it is, nothing of it stays behind. */
static bool
ends_within(pid_t pid, const char *data, int64_t timeout_ms)
{
    int64_t deadline = pgcwi_scratch_now_ms() + timeout_ms;
    do {
        if (waitpid(pid, NULL, WNOHANG) == pid || !works_in(pid, data)) {
            return true;
        }
        pgcwi_scratch_pause_ms(POLL_MS);
    } while (pgcwi_scratch_now_ms() < deadline);
    return false;
}

bool
pgcwi_scratch_stop_postmaster(const char *data, enum pgcwi_scratch_stop how)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGKILL};
    pid_t pid = pgcwi_scratch_postmaster(data);
    if (pid < 0) {
        return true;
    }
    size_t first = how == PGCWI_SCRATCH_FAST ? 0 : 1;
    for (size_t i = first; i < sizeof(signals) / sizeof(signals[0]); i++) {
        kill(pid, signals[i]);
        if (ends_within(pid, data, STOP_TIMEOUT_MS)) {
            waitpid(pid, NULL, WNOHANG);
            return true;
        }
    }
    return false;
}

static int
remove_one(const char *path, const struct stat *about, int kind,
           struct FTW *place)
{
    (void)about;
    (void)kind;
    (void)place;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

bool
pgcwi_scratch_remove(const char *folder)
{
    int64_t deadline = pgcwi_scratch_now_ms() + REMOVE_TIMEOUT_MS;
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): with its own folder alone */
    while (nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) {
        if (errno == ENOENT) {
            return true;
        }
        if (pgcwi_scratch_now_ms() > deadline) {
            return false;
        }
        /* a process that is just ending may have made a file meanwhile */
        pgcwi_scratch_pause_ms(POLL_MS);
    }
    return true;
}
