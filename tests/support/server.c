/* SPDX-License-Identifier: MIT */
/*
 * A PostgreSQL for tests: `server start DIR [--tcp]`, `server stop DIR`,
 * `server restart DIR [fast|immediate]`.
 *
 * It goes on until it is stopped. DIR/env, to be read by a shell, says where
 * it is. Its own folder is a short one elsewhere, which DIR/folder names:
 * the path of a socket may have only 107 bytes, and as root the server runs
 * as a user who may not be allowed to enter a build folder.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/scratch_server.h"

#define SKIPPED 77 /* what ctest takes for "could not be tried here" */

static atomic_bool is_interrupted;

static void
note_signal(int number)
{
    (void)number;
    /* relaxed: only a request to stop; nothing is read because of it */
    atomic_store_explicit(&is_interrupted, true, memory_order_relaxed);
}

static bool
read_folder(const char *directory, char folder[PGCWI_SCRATCH_PATH_BYTES])
{
    char path[PGCWI_SCRATCH_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/folder", directory);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }
    bool is_read = fgets(folder, PGCWI_SCRATCH_PATH_BYTES, file) != NULL;
    fclose(file);
    folder[is_read ? strcspn(folder, "\n") : 0] = '\0';
    return is_read;
}

static bool
write_file(const char *directory, const char *name, const char *text)
{
    char path[PGCWI_SCRATCH_PATH_BYTES];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    bool is_written = fputs(text, file) >= 0;
    return fclose(file) == 0 && is_written;
}

static bool
write_where_it_is(const char *directory,
                  const struct pgcwi_scratch_server *server,
                  struct pgcwi_scratch_error *error)
{
    char env[PGCWI_SCRATCH_PATH_BYTES];
    snprintf(env, sizeof(env),
             "export PGHOST='%s'\nexport PGPORT=%u\n"
             "export PGUSER=postgres\nexport PGDATABASE=postgres\n",
             pgcwi_scratch_server_folder(server),
             (unsigned)pgcwi_scratch_server_port(server));
    if (write_file(directory, "folder", pgcwi_scratch_server_folder(server)) &&
        write_file(directory, "env", env)) {
        return true;
    }
    return pgcwi_scratch_fail_errno(error, directory);
}

/* Nothing there is fine: then there is nothing to stop. */
static bool
stop(const char *directory, struct pgcwi_scratch_error *error)
{
    char folder[PGCWI_SCRATCH_PATH_BYTES];
    char path[PGCWI_SCRATCH_PATH_BYTES];
    struct pgcwi_scratch_server *server = NULL;
    if (!read_folder(directory, folder)) {
        return true;
    }
    if (!pgcwi_scratch_server_attach(folder, &server, error)) {
        return false;
    }
    if (!pgcwi_scratch_server_stop(server)) {
        return pgcwi_scratch_fail(error, "%s is not stopped", folder);
    }
    snprintf(path, sizeof(path), "%s/folder", directory);
    (void)remove(path);
    snprintf(path, sizeof(path), "%s/env", directory);
    (void)remove(path);
    return true;
}

static bool
start(const char *directory, bool has_tcp, struct pgcwi_scratch_error *error)
{
    struct pgcwi_scratch_server_options options = {
        .is_detached = true,
        .has_tcp = has_tcp,
        .cancelled = &is_interrupted,
    };
    struct pgcwi_scratch_server *server = NULL;
    if (mkdir(directory, 0777) != 0 && errno != EEXIST) {
        return pgcwi_scratch_fail_errno(error, directory);
    }
    if (!stop(directory, error) ||
        !pgcwi_scratch_server_start(&options, &server, error)) {
        return false;
    }
    if (!write_where_it_is(directory, server, error)) {
        pgcwi_scratch_server_stop(server);
        return false;
    }
    pgcwi_scratch_server_leave(server);
    return true;
}

static bool
restart(const char *directory, enum pgcwi_scratch_stop how,
        struct pgcwi_scratch_error *error)
{
    char folder[PGCWI_SCRATCH_PATH_BYTES];
    struct pgcwi_scratch_server *server = NULL;
    if (!read_folder(directory, folder)) {
        return pgcwi_scratch_fail(error, "no server in %s", directory);
    }
    if (!pgcwi_scratch_server_attach(folder, &server, error)) {
        return false;
    }
    bool is_ready = pgcwi_scratch_server_restart(server, how, error);
    pgcwi_scratch_server_leave(server);
    return is_ready;
}

int
main(int argc, char **argv)
{
    struct pgcwi_scratch_error error = {"usage: server start DIR [--tcp] | "
                                        "stop DIR | "
                                        "restart DIR [fast|immediate]"};
    const char *command = argc > 2 ? argv[1] : "";
    const char *option = argc > 3 ? argv[3] : "";
    struct sigaction action = {.sa_handler = note_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL); /* the janitor may be gone */
    bool is_done = false;
    if (strcmp(command, "start") == 0) {
        char programs[PGCWI_SCRATCH_PATH_BYTES];
        if (!pgcwi_scratch_find_programs(programs, &error)) {
            (void)fprintf(stderr, "server: %s\n", error.text);
            return SKIPPED;
        }
        is_done = start(argv[2], strcmp(option, "--tcp") == 0, &error);
    } else if (strcmp(command, "stop") == 0) {
        is_done = stop(argv[2], &error);
    } else if (strcmp(command, "restart") == 0) {
        is_done =
            restart(argv[2],
                    strcmp(option, "immediate") == 0 ? PGCWI_SCRATCH_IMMEDIATE
                                                     : PGCWI_SCRATCH_FAST,
                    &error);
    }
    if (!is_done) {
        (void)fprintf(stderr, "server: %s\n", error.text);
    }
    return is_done ? 0 : 1;
}
