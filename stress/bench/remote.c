/* SPDX-License-Identifier: MIT */
/*
 * What a cached value costs in the process, and behind a socket.
 *
 * - pgcachewatch: pgcw_cache_get(), which copies the value, as the peers do;
 *   pgcw_cache_lookup(), which does not; pgcw_cache_lookup_many().
 * - memcached by libmemcached on a Unix socket, one worker thread, text or
 *   binary, whichever is faster; many at once by memcached_mget().
 * - Redis by hiredis on a Unix socket, nothing persisted; many at once by MGET
 *   or by a pipeline of GET, whichever is faster.
 * - Redis with client-side tracking: a table in the process, under a mutex, and
 *   a thread that takes out of it what Redis tells of. hiredis 0.14 has no
 *   RESP3: so by RESP2, redirected to a connection of the thread's own. What
 *   the table has not is asked for with GET.
 *
 * Then how long after a change the copy in the process is invalid: by one
 * thread that changes a value through another connection, which waits for the
 * answer, and then until the copy is gone. Redis: SET. Ours: UPDATE and COMMIT.
 */
#include "remote.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "peer.h"
#include "support.h"

#define PATIENCE_SECONDS 20
#define CHANGES 2000
#define QUICK_CHANGES 20
#define PERCENTILES 2

char remote_keys[REMOTE_ENTRIES][REMOTE_KEY_BYTES];
static uint32_t drawn[TURNS_DRAWN];
static uint32_t drawn_count;

const char *
remote_next(void)
{
    return remote_keys[drawn[drawn_count++ % TURNS_DRAWN]];
}

void
remote_value(const char *key, char value[REMOTE_VALUE_BYTES])
{
    memset(value, 'v', REMOTE_VALUE_BYTES);
    memcpy(value, key, REMOTE_KEY_BYTES);
}

void
remote_look(const char *key, const char *value, size_t bytes)
{
    if (bytes != REMOTE_VALUE_BYTES ||
        memcmp(value, key, REMOTE_KEY_BYTES) != 0) {
        bench_fail("not the value that was asked for");
    }
}

void
remote_mark_set(struct remote_mark *mark)
{
    int64_t now_ns = stress_now_ns();

    (void)pthread_mutex_lock(&mark->lock);
    mark->count++;
    mark->at_ns = now_ns;
    (void)pthread_cond_signal(&mark->is_set);
    (void)pthread_mutex_unlock(&mark->lock);
}

uint64_t
remote_mark_count(struct remote_mark *mark)
{
    (void)pthread_mutex_lock(&mark->lock);
    uint64_t count = mark->count;
    (void)pthread_mutex_unlock(&mark->lock);
    return count;
}

int64_t
remote_mark_await(struct remote_mark *mark, uint64_t count)
{
    struct timespec end;
    int result = 0;

    (void)clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += PATIENCE_SECONDS;
    (void)pthread_mutex_lock(&mark->lock);
    while (mark->count == count && result == 0) {
        result = pthread_cond_timedwait(&mark->is_set, &mark->lock, &end);
    }
    if (mark->count != count + 1) {
        bench_fail("one change was told of %" PRIu64 " times",
                   mark->count - count);
    }
    int64_t at_ns = mark->at_ns;
    (void)pthread_mutex_unlock(&mark->lock);
    return at_ns;
}

enum { MEMCACHED, MEMCACHED_MANY, REDIS, REDIS_MANY, TRACKING, OURS };

/* The servers first, while there is one thread. */
static struct turns_subject subjects[] = {
    [MEMCACHED] = {.name = "memcached",
                   .metric = "hit",
                   .at_once = 1,
                   .open = remote_memcached_open,
                   .run = remote_memcached_run,
                   .close = remote_memcached_close,
                   .ways = {"text", "binary"}},
    [MEMCACHED_MANY] = {.name = "memcached",
                        .metric = "hit",
                        .at_once = REMOTE_AT_ONCE,
                        .open = remote_memcached_open,
                        .run = remote_memcached_run_many,
                        .close = remote_memcached_close,
                        .ways = {"text", "binary"},
                        .remark = "memcached_mget()"},
    [REDIS] = {.name = "Redis",
               .metric = "hit",
               .at_once = 1,
               .open = remote_redis_open,
               .run = remote_redis_run,
               .close = remote_redis_close},
    [REDIS_MANY] = {.name = "Redis",
                    .metric = "hit",
                    .at_once = REMOTE_AT_ONCE,
                    .open = remote_redis_open,
                    .run = remote_redis_run_many,
                    .close = remote_redis_close,
                    .ways = {"MGET", "GET in a pipeline"}},
    [TRACKING] = {.name = "Redis, client-side tracking",
                  .metric = "hit",
                  .at_once = 1,
                  .open = remote_tracking_open,
                  .run = remote_tracking_run,
                  .close = remote_tracking_close,
                  .remark = "RESP2, redirected; a table under a mutex"},
    [OURS] = {.name = "pgcachewatch",
              .metric = "hit",
              .at_once = 1,
              .open = remote_ours_open,
              .run = remote_ours_get,
              .close = remote_ours_close,
              .remark = "pgcw_cache_get(), which copies"},
    {.name = "pgcachewatch, no copy",
     .metric = "hit",
     .at_once = 1,
     .open = remote_ours_open,
     .run = remote_ours_look_up,
     .close = remote_ours_close,
     .remark = "pgcw_cache_lookup()"},
    {.name = "pgcachewatch",
     .metric = "hit",
     .at_once = REMOTE_AT_ONCE,
     .open = remote_ours_open,
     .run = remote_ours_look_up_many,
     .close = remote_ours_close,
     .remark = "pgcw_cache_lookup_many()"},
};

/* Who has a copy that a change makes invalid. */
struct changer {
    struct turns_subject *subject; /* of the above, that is open or not */
    int64_t (*change)(void);
    double figures[PERCENTILES][BENCH_MOST_REPETITIONS];
};

static const double percentiles[PERCENTILES] = {0.5, 0.99};
static const char *const percentile_names[PERCENTILES] = {
    "change returned to copy invalid, p50",
    "change returned to copy invalid, p99"};

static void
time_changes(struct changer *changer, unsigned turn, size_t count)
{
    static double times_us[CHANGES];

    for (size_t i = 0; i < count; i++) {
        times_us[i] = (double)changer->change() / 1e3;
    }
    figures_sort(times_us, count);
    for (size_t i = 0; i < PERCENTILES; i++) {
        changer->figures[i][turn] =
            figures_quantile(times_us, count, percentiles[i]);
    }
}

static void
print_changes(const struct bench_options *options, struct changer *changer)
{
    for (size_t i = 0; i < PERCENTILES; i++) {
        const struct turns_subject subject = {.name = changer->subject->name,
                                              .metric = percentile_names[i],
                                              .remark =
                                                  changer->subject->remark};

        turns_result(options, &subject, "us", "\"entries\": 10000",
                     changer->figures[i]);
    }
}

/* Threads and servers run where they like: what matters is who wakes whom. */
static void
measure_changes(const struct bench_options *options)
{
    static struct changer changers[] = {
        {.subject = &subjects[TRACKING], .change = remote_tracking_change},
        {.subject = &subjects[OURS], .change = remote_ours_change},
    };
    size_t count = options->is_quick ? QUICK_CHANGES : CHANGES;

    if (subjects[REDIS].is_open) {
        peer_place_anywhere(subjects[REDIS].server);
    }
    for (unsigned turn = 0; turn < options->repetitions; turn++) {
        bench_progress("changes: repetition %u of %u", turn + 1,
                       options->repetitions);
        for (size_t i = 0; i < BENCH_COUNT_OF(changers); i++) {
            if (changers[i].subject->is_open) {
                time_changes(&changers[i], turn, count);
            }
        }
    }
    for (size_t i = 0; i < BENCH_COUNT_OF(changers); i++) {
        if (changers[i].subject->is_open) {
            print_changes(options, &changers[i]);
        }
    }
}

int
main(int argc, char **argv)
{
    struct bench_options options = turns_options(argv);

    (void)argc;
    peer_supervise();
    for (uint32_t i = 0; i < REMOTE_ENTRIES; i++) {
        char text[REMOTE_KEY_BYTES + 1];

        (void)snprintf(text, sizeof(text), "product:%08" PRIu32, i);
        memcpy(remote_keys[i], text, REMOTE_KEY_BYTES);
    }
    turns_draw(drawn, REMOTE_ENTRIES);
    bench_results_begin(
        "remote",
        "What does a cached value cost in the process, and behind a "
        "socket?",
        "a key that was drawn beforehand, the call, and a look at the "
        "value; at_once: the time of a call by its values");
    turns_open(subjects, BENCH_COUNT_OF(subjects));
    turns_measure(&options, subjects, BENCH_COUNT_OF(subjects),
                  "\"entries\": 10000, \"value_bytes\": 32, "
                  "\"keys\": \"uniform\"");
    measure_changes(&options);
    turns_end();
    turns_close(subjects, BENCH_COUNT_OF(subjects));
    return 0;
}
