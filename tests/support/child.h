/* SPDX-License-Identifier: MIT */
/* Children of fork(), for tests; once in a program. */
#ifndef TESTS_SUPPORT_CHILD_H
#define TESTS_SUPPORT_CHILD_H

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cache/forked.h"

/* One that hangs is ended, and has failed. */
#define CHILD_SECONDS 30

/* LeakSanitizer asks. In a child it does not see what is held by the stacks
 * of threads that are not there any more. */
int __lsan_is_turned_off(void);

int
__lsan_is_turned_off(void)
{
    return pgcwi_forked_is_child();
}

typedef int child_fn(void);

/* The exit code of a child that runs it and then ends by `end`, which may be
 * exit() or _exit(); -1: it did not end so. */
static inline int
run_child(child_fn *run, void (*end)(int))
{
    int how = -1;

    (void)fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(CHILD_SECONDS);
        end(run());
    }
    return child > 0 && waitpid(child, &how, 0) == child && WIFEXITED(how)
               ? WEXITSTATUS(how)
               : -1;
}

#endif
