/* SPDX-License-Identifier: MIT */
/* The two kinds of threads of the demo, and the event that ties them. */
#ifndef PGCWI_CLI_DEMO_THREADS_H
#define PGCWI_CLI_DEMO_THREADS_H

#include <pthread.h>

#include "cli/demo_run.h"

struct pgcwi_demo_thread {
    struct pgcwi_demo_run *run;
    uint32_t number; /* among all threads; seeds its choice of rows */
    pthread_t id;
};

/* Both are for pthread_create() with a struct pgcwi_demo_thread. They end
 * when the run stops, and stop it when they cannot go on. */
void *pgcwi_demo_read(void *context);
void *pgcwi_demo_write(void *context);

/* A generator for a thread: another one for each, the same for each seed. */
struct pgcwi_demo_random
pgcwi_demo_thread_random(const struct pgcwi_demo_thread *thread);

/* For on_event of the listener; the context is the run. */
void pgcwi_demo_on_event(void *context, const struct pgcw_event *event);

#endif
