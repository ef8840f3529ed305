/* SPDX-License-Identifier: MIT */
/* The Python of Debian, which has asyncpg; a child that is told what to do. */
#define _GNU_SOURCE /* pipe2() */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "query.h"

#define PYTHON "/usr/bin/python3"

static pid_t child;
static FILE *orders;
static FILE *answers;

static _Noreturn void
exec_python(int input, int output)
{
    if (dup2(input, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0) {
        execl(PYTHON, PYTHON, BENCH_FOLDER "/python_cache.py", QUERY_DATABASE,
              (char *)NULL);
    }
    _exit(127);
}

static void
start(void)
{
    int to_child[2];
    int to_us[2];

    if (pipe2(to_child, O_CLOEXEC) != 0 || pipe2(to_us, O_CLOEXEC) != 0) {
        bench_fail("no pipe");
    }
    child = fork();
    if (child == 0) {
        exec_python(to_child[0], to_us[1]);
    }
    (void)close(to_child[0]);
    (void)close(to_us[1]);
    orders = fdopen(to_child[1], "w");
    answers = fdopen(to_us[0], "r");
    if (child < 0 || orders == NULL || answers == NULL) {
        bench_fail("no Python was started");
    }
}

static int64_t
read_answer(void)
{
    char line[40];

    if (fgets(line, sizeof(line), answers) == NULL) {
        bench_fail("python_cache.py has failed");
    }
    return strtoll(line, NULL, 10);
}

static void
stop(void)
{
    (void)fclose(orders); /* it ends by that */
    (void)fclose(answers);
    (void)waitpid(child, NULL, 0);
}

bool
query_python_open(struct turns_subject *subject)
{
    if (access(PYTHON, X_OK) != 0) {
        return turns_skip(subject->name, "not installed");
    }
    start();
    if (read_answer() != 0) {
        stop();
        return turns_skip(subject->name, "python3-asyncpg is not installed");
    }
    subject->server = child;
    return true;
}

/* A batch takes milliseconds, and telling it some microseconds. */
void
query_python_run(struct turns_subject *subject, size_t calls)
{
    (void)fprintf(orders, "%" PRIu32 " %zu\n", query_row_count, calls);
    (void)fflush(orders);
    int64_t misses = read_answer();
    if (misses < 0 || misses > query_row_count) {
        bench_fail("%s: %" PRId64 " misses in %zu calls", subject->name, misses,
                   calls);
    }
}

void
query_python_close(struct turns_subject *subject)
{
    (void)subject;
    stop();
}
