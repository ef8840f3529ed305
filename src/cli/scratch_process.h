/* SPDX-License-Identifier: MIT */
/* PostgreSQL's own programs: where they are, and running them as whom. */
#ifndef PGCWI_CLI_SCRATCH_PROCESS_H
#define PGCWI_CLI_SCRATCH_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PGCWI_SCRATCH_PATH_BYTES 512

/* What went wrong and, where there is one, the way out; may have lines. */
struct pgcwi_scratch_error {
    char text[2048];
};

/* Write a failure; returns false, so that callers can return the call. */
bool pgcwi_scratch_fail(struct pgcwi_scratch_error *error, const char *format,
                        ...) __attribute__((format(printf, 2, 3)));

/* The same, with the words for errno. */
bool pgcwi_scratch_fail_errno(struct pgcwi_scratch_error *error,
                              const char *what);

/* The folder that has both initdb and postgres. */
bool pgcwi_scratch_find_programs(char folder[PGCWI_SCRATCH_PATH_BYTES],
                                 struct pgcwi_scratch_error *error);

/* PostgreSQL refuses to run as root: then it runs as the user postgres. */
struct pgcwi_scratch_user {
    bool is_other; /* else the programs run as who we are */
    uid_t uid;
    gid_t gid;
};

bool pgcwi_scratch_find_user(struct pgcwi_scratch_user *user,
                             struct pgcwi_scratch_error *error);

struct pgcwi_scratch_command {
    char *const *arguments; /* the first is the program's path */
    const struct pgcwi_scratch_user *user;
    const char *folder;   /* to run in; the user can enter it */
    const char *log_path; /* what it says is appended here */
    int death_signal;     /* sent to it when our thread ends; 0: none */
};

/*
 * Start a program in a session of its own, so that a terminal's Ctrl-C is
 * not for it. Only while the process has one thread. Returns -1 on failure.
 */
pid_t pgcwi_scratch_spawn(const struct pgcwi_scratch_command *command);

/*
 * Wait for a child. It is killed, and waited for, when `cancelled` (may be
 * NULL) becomes true or the time is up. True: it ended by itself, with 0.
 */
bool pgcwi_scratch_wait(pid_t pid, int64_t timeout_ms,
                        const atomic_bool *cancelled);

/* The postmaster of a data folder that is running now; -1 if there is none.
 * Never another process that happens to have the number in its pid file. */
pid_t pgcwi_scratch_postmaster(const char *data);

enum pgcwi_scratch_stop { PGCWI_SCRATCH_FAST, PGCWI_SCRATCH_IMMEDIATE };

/* Stop the postmaster of a data folder, harder if it takes too long. True
 * when none is running there any more. */
bool pgcwi_scratch_stop_postmaster(const char *data,
                                   enum pgcwi_scratch_stop how);

/* Remove a folder and all in it; one that does not exist is fine. */
bool pgcwi_scratch_remove(const char *folder);

int64_t pgcwi_scratch_now_ms(void);
void pgcwi_scratch_pause_ms(long milliseconds);

#endif
