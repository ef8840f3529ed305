/* SPDX-License-Identifier: MIT */
/*
 * Caffeine, the cache of the Java world, in a JVM of its own that is told
 * when to run: see Caffeine.java. It is bounded to the number of entries, as
 * the library's cache is, so that its hits are recorded for eviction. The
 * collector is the one for throughput, with a heap that never needs to grow,
 * in huge pages: that is a switch of the JVM, and without it hits among a
 * million entries were slower.
 */
#define _GNU_SOURCE /* posix_spawnp() and its file actions */

#include "subject.h"

#include <dirent.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "threads.h"

enum what { FILL = 1, DRAW, RUN, RUN_DEPENDENT };

struct command {
    uint32_t what;
    uint32_t count;
    uint64_t number;
};

extern char **environ;

static pid_t jvm;
static FILE *to_jvm;
static FILE *from_jvm;
static double taken_bytes;

/* A heap that is twice what the entries take, and all of it there at once. */
static bool
start_jvm(uint32_t key_count)
{
    char least[32];
    char most[32];
    char *const arguments[] = {BENCH_JAVA,
                               least,
                               most,
                               "-XX:+UseParallelGC",
                               "-XX:+AlwaysPreTouch",
                               "-XX:+UseTransparentHugePages",
                               "-cp",
                               BENCH_CLASS_PATH,
                               "Caffeine",
                               NULL};
    unsigned heap_mib = 512 + key_count / 1024;
    int in[2];
    int out[2];
    posix_spawn_file_actions_t actions;

    (void)snprintf(least, sizeof(least), "-Xms%um", heap_mib);
    (void)snprintf(most, sizeof(most), "-Xmx%um", heap_mib);
    if (pipe(in) != 0 || pipe(out) != 0) {
        return false;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* a JVM that has ended is an error */
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    (void)posix_spawn_file_actions_addclose(&actions, in[1]);
    (void)posix_spawn_file_actions_addclose(&actions, out[0]);
    int result =
        posix_spawnp(&jvm, arguments[0], &actions, NULL, arguments, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)close(in[0]);
    (void)close(out[1]);
    to_jvm = fdopen(in[1], "w");
    from_jvm = fdopen(out[0], "r");
    return result == 0 && to_jvm != NULL && from_jvm != NULL;
}

/* Send a command and what belongs to it; take the line of the answer. */
static bool
ask(struct command command, const struct bench_key *keys, char *line,
    int line_bytes)
{
    size_t key_count = keys != NULL ? command.count : 0;

    if (fwrite(&command, sizeof(command), 1, to_jvm) != 1 ||
        fwrite(keys, sizeof(*keys), key_count, to_jvm) != key_count ||
        fflush(to_jvm) != 0 || fgets(line, line_bytes, from_jvm) == NULL) {
        (void)fprintf(stderr, "Caffeine: no answer\n");
        return false;
    }
    return true;
}

/* The JVM's threads are known by their names. */
static void
pin_readers(void)
{
    char path[320];
    char name[32];
    struct dirent *task;

    (void)snprintf(path, sizeof(path), "/proc/%d/task", (int)jvm);
    DIR *tasks = opendir(path);
    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        (void)snprintf(path, sizeof(path), "/proc/%d/task/%s/comm", (int)jvm,
                       task->d_name);
        FILE *file = fopen(path, "re");
        if (file == NULL) {
            continue;
        }
        if (fgets(name, sizeof(name), file) != NULL &&
            strncmp(name, "reader-", 7) == 0) {
            bench_pin(atoi(task->d_name), (unsigned)atoi(name + 7));
        }
        (void)fclose(file);
    }
    if (tasks != NULL) {
        (void)closedir(tasks);
    }
}

static bool
open_caffeine(const struct bench_key *keys, uint32_t key_count)
{
    char line[128];

    if (!start_jvm(key_count)) {
        (void)fprintf(stderr, "Caffeine: %s does not start\n", BENCH_JAVA);
        return false;
    }
    if (!ask((struct command){FILL, key_count, 0}, keys, line, sizeof(line))) {
        return false;
    }
    taken_bytes = strtod(line, NULL);
    pin_readers();
    return true;
}

static void
close_caffeine(void)
{
    (void)fclose(to_jvm); /* then it ends */
    (void)waitpid(jvm, NULL, 0);
    (void)fclose(from_jvm);
}

static bool
draw(const struct bench_workload *workload)
{
    char line[128];
    bool is_done = true;

    for (unsigned i = 0; i < BENCH_MOST_THREADS && is_done; i++) {
        is_done =
            ask((struct command){DRAW, (uint32_t)workload->drawn_count, i},
                workload->drawn[i], line, sizeof(line));
    }
    return is_done;
}

static bool
run(unsigned thread_count, double seconds, bool is_dependent,
    struct bench_figures *figures)
{
    char line[128];
    char *next;

    struct command command = {is_dependent ? RUN_DEPENDENT : RUN, thread_count,
                              (uint64_t)(seconds * 1e9)};

    if (!ask(command, NULL, line, sizeof(line))) {
        return false;
    }
    figures->ns_per_hit = strtod(line, &next);
    figures->hits_per_second = strtod(next, &next);
    figures->has_missed = strtol(next, NULL, 10) != 0;
    return true;
}

static double
memory_bytes(void)
{
    return taken_bytes;
}

static const struct subject_process process = {draw, run, memory_bytes};

const struct bench_subject subject_caffeine = {
    .name = "Caffeine",
    .note = "bounded to the number of entries; JVM with the parallel "
            "collector and huge pages, warm; keys of two longs, made for "
            "each hit",
    .open = open_caffeine,
    .close = close_caffeine,
    .process = &process,
};
