/* SPDX-License-Identifier: MIT */
/* What this process holds. */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cache/rcu.h"
#include "support/door.h"

static inline int
count_entries(const char *folder)
{
    DIR *directory = opendir(folder);
    const struct dirent *entry;
    int count = 0;

    if (directory == NULL) {
        return -1;
    }
    while ((entry = readdir(directory)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

static inline int
count_descriptors(void)
{
    return count_entries("/proc/self/fd");
}

static inline int
count_threads(void)
{
    return count_entries("/proc/self/task");
}

/* liburcu has a thread of its own, which stays, and which has the name of the
 * thread that started it: let that be the test's. */
static inline void
start_rcu_thread(void)
{
    (void)urcu_memb_get_default_call_rcu_data();
}

/* Threads with a name of the library's. */
static inline int
count_library_threads(void)
{
    DIR *directory = opendir("/proc/self/task");
    struct dirent *entry;
    int count = 0;

    while (directory != NULL && (entry = readdir(directory)) != NULL) {
        char path[300];
        char name[32] = "";

        (void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm",
                       entry->d_name);
        FILE *file = fopen(path, "r");
        if (file != NULL) {
            if (fgets(name, sizeof(name), file) == NULL) {
                name[0] = '\0';
            }
            fclose(file);
        }
        count += strncmp(name, "pgcw:", 5) == 0;
    }
    if (directory != NULL) {
        closedir(directory);
    }
    return count;
}

static inline int
await_number(int (*read)(void), int number)
{
    struct timespec deadline = wait_deadline(PATIENCE_MS);
    struct timespec now;
    int found;

    do {
        sched_yield();
        found = read();
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (found != number && now.tv_sec <= deadline.tv_sec);
    return found;
}

/*
 * The number of them, as soon as it is `count`, or after PATIENCE_MS: a
 * thread names itself a little after its start, and is listed for a moment
 * after it has been joined.
 */
static inline int
await_library_threads(int count)
{
    return await_number(count_library_threads, count);
}

static inline int
await_threads(int count)
{
    return await_number(count_threads, count);
}

#endif
