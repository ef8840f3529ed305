/* SPDX-License-Identifier: MIT */
/* Threads of the library: named, and deaf to signals. */
#include "base/thread.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>

#include "base/alloc.h"

#define NAME_BYTES 16 /* the kernel's limit, its terminator included */

struct start {
    pgcwi_thread_fn *run;
    void *context;
    char name[NAME_BYTES];
};

static _Thread_local bool is_ours;

bool
pgcwi_thread_is_ours(void)
{
    return is_ours;
}

void
pgcwi_thread_block_signals(sigset_t *callers)
{
    sigset_t all;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, callers);
}

void
pgcwi_thread_restore_signals(const sigset_t *callers)
{
    (void)pthread_sigmask(SIG_SETMASK, callers, NULL);
}

static void *
run_thread(void *argument)
{
    struct start start = *(struct start *)argument;

    pgcwi_free(argument);
    is_ours = true;
    /* cannot fail, and a thread without a name would still work */
    (void)prctl(PR_SET_NAME, start.name);
    start.run(start.context);
    return NULL;
}

enum pgcw_status
pgcwi_thread_start(pthread_t *thread, const char *name, pgcwi_thread_fn *run,
                   void *context)
{
    sigset_t callers_signals;
    struct start *start = pgcwi_alloc(sizeof *start);
    int failure;

    if (start == NULL) {
        return PGCW_NO_MEMORY;
    }
    assert(strlen(name) < NAME_BYTES);
    *start = (struct start){.run = run, .context = context};
    memcpy(start->name, name, strnlen(name, NAME_BYTES - 1));
    pgcwi_thread_block_signals(&callers_signals);
    failure = pthread_create(thread, NULL, run_thread, start);
    pgcwi_thread_restore_signals(&callers_signals);
    if (failure != 0) {
        pgcwi_free(start);
        return failure == ENOMEM ? PGCW_NO_MEMORY : PGCW_SYSTEM_ERROR;
    }
    return PGCW_OK;
}
