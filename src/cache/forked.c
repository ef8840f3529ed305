/* SPDX-License-Identifier: MIT */
#include "cache/forked.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/status.h"
#include "cache/cache.h"

static pthread_mutex_t caches_lock = PTHREAD_MUTEX_INITIALIZER;
/* guarded by caches_lock */
static CDS_LIST_HEAD(caches);

static pthread_once_t watch_once = PTHREAD_ONCE_INIT;
static bool is_watched;

static _Atomic bool is_child;

static void
prepare(void)
{
    pthread_mutex_lock(&caches_lock);
}

static void
go_on(void)
{
    pthread_mutex_unlock(&caches_lock);
}

static void
close_all(void)
{
    struct cds_list_head *position;

    /* relaxed: the child has one thread */
    atomic_store_explicit(&is_child, true, memory_order_relaxed);
    cds_list_for_each(position, &caches)
    {
        struct pgcw_cache *cache =
            cds_list_entry(position, struct pgcw_cache, in_process);

        pgcwi_stamps_close_for_ever(&cache->stamps);
    }
    pthread_mutex_unlock(&caches_lock);
}

static void
watch(void)
{
    is_watched = pthread_atfork(prepare, go_on, close_all) == 0;
}

bool
pgcwi_forked_is_child(void)
{
    /* relaxed: changes in a fork only */
    return atomic_load_explicit(&is_child, memory_order_relaxed);
}

enum pgcw_status
pgcwi_forked_check(struct pgcw_error *error)
{
    if (pgcwi_forked_is_child()) {
        return pgcwi_error_set(error, PGCW_UNSUPPORTED,
                               "the process used the library before fork(): "
                               "its child may only exec or end");
    }
    pthread_once(&watch_once, watch);
    return is_watched ? PGCW_OK
                      : pgcwi_error_set(error, PGCW_NO_MEMORY,
                                        "no memory to take note of fork()");
}

void
pgcwi_forked_join(struct cds_list_head *in_process)
{
    pthread_mutex_lock(&caches_lock);
    cds_list_add(in_process, &caches);
    pthread_mutex_unlock(&caches_lock);
}

void
pgcwi_forked_leave(struct cds_list_head *in_process)
{
    pthread_mutex_lock(&caches_lock);
    cds_list_del(in_process);
    pthread_mutex_unlock(&caches_lock);
}
