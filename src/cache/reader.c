/* SPDX-License-Identifier: MIT */
#include "cache/reader.h"

#include <assert.h>
#include <pthread.h>

#include <pgcachewatch/cache.h>

#include "base/alloc.h"
#include "cache/forked.h"
#include "cache/transaction.h"

#define CACHE_LINE_BYTES 64

char pgcwi_rcu_edge;
#ifndef PGCWI_TSAN
_Thread_local struct urcu_reader *pgcwi_rcu_own
    __attribute__((tls_model("initial-exec")));
#endif

_Thread_local struct pgcwi_thread pgcwi_thread
    __attribute__((tls_model("initial-exec")));

static pthread_mutex_t readers_lock = PTHREAD_MUTEX_INITIALIZER;
/* guarded by readers_lock */
static CDS_LIST_HEAD(readers);
static struct pgcwi_reader_counts ended[PGCWI_CACHE_MAX];
static bool is_cache_number_taken[PGCWI_CACHE_MAX];

/* Counts for threads that got no memory for their own; some may get lost. */
static struct pgcwi_reader spare_reader;

static pthread_once_t key_once = PTHREAD_ONCE_INIT;
static pthread_key_t end_key;
static bool has_end_key;

static void
keep_counts(const struct pgcwi_reader *reader)
{
    for (uint32_t i = 0; i < PGCWI_CACHE_MAX; i++) {
        ended[i].hits += pgcwi_reader_read(&reader->of_cache[i].hits);
        ended[i].misses += pgcwi_reader_read(&reader->of_cache[i].misses);
        ended[i].stale_hits +=
            pgcwi_reader_read(&reader->of_cache[i].stale_hits);
    }
}

static void
leave(void)
{
    struct pgcwi_reader *reader = pgcwi_thread.reader;

    pgcwi_thread.reader = NULL;
    urcu_memb_unregister_thread();
    if (reader == &spare_reader) {
        return;
    }
    pthread_mutex_lock(&readers_lock);
    keep_counts(reader);
    cds_list_del(&reader->in_readers);
    pthread_mutex_unlock(&readers_lock);
    pgcwi_free(reader);
}

bool
pgcwi_reader_is_inside(void)
{
    return pgcwi_thread.reader != NULL && urcu_memb_read_ongoing() != 0;
}

static void
end_section(void)
{
    assert(pgcwi_reader_is_inside() && "no read section is open");
    PGCWI_PUBLISHED(&pgcwi_rcu_edge);
    urcu_memb_read_unlock();
}

static void
end_of_thread(void *unused)
{
    (void)unused;
    if (pgcwi_forked_is_child()) {
        return;
    }
    pgcwi_transaction_end_of_thread();
    if (pgcwi_thread.reader == NULL) {
        return;
    }
    while (pgcwi_reader_is_inside()) {
        end_section();
    }
    leave();
}

static void
make_end_key(void)
{
    has_end_key = pthread_key_create(&end_key, end_of_thread) == 0;
}

static __attribute__((noinline)) void
join(void)
{
    pgcwi_rcu_find_own();
    if (pgcwi_forked_is_child()) {
        /* nobody frees there, and liburcu's lock may be held for ever */
        pgcwi_thread.reader = &spare_reader;
        return;
    }
    struct pgcwi_reader *reader =
        pgcwi_alloc_aligned(CACHE_LINE_BYTES, sizeof(*reader));

    if (reader == NULL) {
        reader = &spare_reader;
    } else {
        pthread_mutex_lock(&readers_lock);
        cds_list_add(&reader->in_readers, &readers);
        pthread_mutex_unlock(&readers_lock);
    }
    pthread_once(&key_once, make_end_key);
    pgcwi_thread.leaves_after_section =
        !has_end_key || pthread_setspecific(end_key, reader) != 0;
    pgcwi_thread.reader = reader;
    urcu_memb_register_thread();
}

void
pgcwi_reader_begin(void)
{
    if (__builtin_expect(pgcwi_thread.reader == NULL, false)) {
        join();
    }
    urcu_memb_read_lock();
}

void
pgcwi_reader_end(void)
{
    end_section();
    if (__builtin_expect(pgcwi_thread.leaves_after_section, false) &&
        !pgcwi_reader_is_inside()) {
        leave();
    }
}

static void
add_counts(struct pgcwi_reader_counts *sum, const struct pgcwi_reader *reader,
           uint32_t cache_number)
{
    sum->hits += pgcwi_reader_read(&reader->of_cache[cache_number].hits);
    sum->misses += pgcwi_reader_read(&reader->of_cache[cache_number].misses);
    sum->stale_hits +=
        pgcwi_reader_read(&reader->of_cache[cache_number].stale_hits);
}

struct pgcwi_reader_counts
pgcwi_reader_sum(uint32_t cache_number)
{
    struct cds_list_head *position;

    pthread_mutex_lock(&readers_lock);
    struct pgcwi_reader_counts sum = ended[cache_number];
    add_counts(&sum, &spare_reader, cache_number);
    cds_list_for_each(position, &readers)
    {
        add_counts(&sum,
                   cds_list_entry(position, struct pgcwi_reader, in_readers),
                   cache_number);
    }
    pthread_mutex_unlock(&readers_lock);
    return sum;
}

bool
pgcwi_reader_cache_join(uint32_t *cache_number)
{
    bool is_found = false;

    pthread_mutex_lock(&readers_lock);
    for (uint32_t i = 0; i < PGCWI_CACHE_MAX && !is_found; i++) {
        if (!is_cache_number_taken[i]) {
            is_cache_number_taken[i] = true;
            *cache_number = i;
            is_found = true;
        }
    }
    pthread_mutex_unlock(&readers_lock);
    return is_found;
}

static void
clear_counts(struct pgcwi_reader *reader, uint32_t cache_number)
{
    pgcwi_reader_write(&reader->of_cache[cache_number].hits, 0);
    pgcwi_reader_write(&reader->of_cache[cache_number].misses, 0);
    pgcwi_reader_write(&reader->of_cache[cache_number].stale_hits, 0);
}

void
pgcwi_reader_cache_leave(uint32_t cache_number)
{
    struct cds_list_head *position;

    pthread_mutex_lock(&readers_lock);
    is_cache_number_taken[cache_number] = false;
    ended[cache_number] = (struct pgcwi_reader_counts){0, 0, 0};
    clear_counts(&spare_reader, cache_number);
    cds_list_for_each(position, &readers)
    {
        clear_counts(cds_list_entry(position, struct pgcwi_reader, in_readers),
                     cache_number);
    }
    pthread_mutex_unlock(&readers_lock);
}

void
pgcw_read_begin(void)
{
    pgcwi_reader_begin();
}

void
pgcw_read_end(void)
{
    pgcwi_reader_end();
}
