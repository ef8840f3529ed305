/* SPDX-License-Identifier: MIT */
/*
 * How many notifications a second are drained: by a listener with a cache
 * decoded and applied, by a raw libpq loop only heard.
 *
 * Once those of one transaction, from the moment at which COMMIT has
 * returned; and once those of many small transactions of four threads, from
 * their begin, with what the server takes for them. Each names a row of its
 * own. The CPU time is that of this process, but for the threads that write
 * and the one that measures.
 *
 * The raw loop is poll, PQconsumeInput, PQnotifies, PQfreemem. The listener
 * and its cache have default options, and the cache knows the table.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "events.h"
#include "results.h"
#include "support.h"
#include "support/server_client.h"
#include "threads.h"

#define WRITERS 4
#define LOOK_NS 50000
#define LATE_NS 60000000000

enum { ONE_TRANSACTION, SMALL_TRANSACTIONS, LOADS };

static const char *const load_names[LOADS] = {"one transaction",
                                              "small transactions"};
static PGconn *servers[BENCH_SUBJECTS];
static PGconn *writers[BENCH_SUBJECTS][WRITERS];
static struct bench_raw raw;
static struct bench_ours ours;
static int counts[LOADS] = {100000, 20000};

struct run {
    int64_t began_ns;
    int64_t cpu_ns; /* of those who hear, when it began */
};

/* Of all threads but this one. */
static int64_t
others_cpu_ns(void)
{
    return bench_process_ns() - bench_thread_ns();
}

struct writer {
    PGconn *connection;
    int count;
    int64_t cpu_ns;
};

/* One that is dropped is counted as well: see main(). */
static uint64_t
arrived(enum bench_subject subject)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    if (subject == BENCH_RAW) {
        return bench_raw_heard(&raw);
    }
    pgcw_listener_read_stats(ours.listener, &stats);
    return stats.events_applied + stats.messages_dropped;
}

static struct run
run_one(enum bench_subject subject)
{
    PGconn *server = servers[subject];

    if (!server_runf(server,
                     "BEGIN; SELECT count(pg_notify('" BENCH_CHANNEL
                     "', '" BENCH_PAYLOAD_HEAD "' || i || '" BENCH_PAYLOAD_TAIL
                     "')) FROM generate_series(1, %d) AS i",
                     counts[ONE_TRANSACTION])) {
        bench_fail("a notification is refused");
    }
    int64_t cpu_ns = others_cpu_ns();
    if (!server_run(server, "COMMIT")) {
        bench_fail("a commit is refused");
    }
    return (struct run){stress_now_ns(), cpu_ns};
}

static void *
write_all(void *context)
{
    struct writer *writer = context;

    for (int i = 0; i < writer->count; i++) {
        if (!server_runf(writer->connection,
                         "SELECT pg_notify('" BENCH_CHANNEL
                         "', '" BENCH_PAYLOAD_HEAD "%d" BENCH_PAYLOAD_TAIL "')",
                         i)) {
            bench_fail("a notification is refused");
        }
    }
    writer->cpu_ns = bench_thread_ns();
    return NULL;
}

static struct run
run_small(enum bench_subject subject)
{
    struct writer tasks[WRITERS];
    pthread_t threads[WRITERS];
    struct run run = {stress_now_ns(), others_cpu_ns()};

    for (int i = 0; i < WRITERS; i++) {
        tasks[i] = (struct writer){writers[subject][i],
                                   counts[SMALL_TRANSACTIONS] / WRITERS, 0};
        if (pthread_create(&threads[i], NULL, write_all, &tasks[i]) != 0) {
            bench_fail("no thread");
        }
    }
    for (int i = 0; i < WRITERS; i++) {
        (void)pthread_join(threads[i], NULL);
        run.cpu_ns += tasks[i].cpu_ns;
    }
    return run;
}

struct drained {
    double rate;   /* a second */
    double cpu_ns; /* each */
};

static struct drained
measure(enum bench_subject subject, int load)
{
    const struct timespec pause = {0, LOOK_NS};
    uint64_t goal = arrived(subject) + (uint64_t)counts[load];
    struct run run =
        load == ONE_TRANSACTION ? run_one(subject) : run_small(subject);

    while (arrived(subject) < goal) {
        (void)nanosleep(&pause, NULL);
        if (stress_now_ns() - run.began_ns > LATE_NS) {
            bench_fail("notifications do not arrive");
        }
    }
    int64_t took_ns = stress_now_ns() - run.began_ns;
    return (struct drained){(double)counts[load] / ((double)took_ns / 1e9),
                            (double)(others_cpu_ns() - run.cpu_ns) /
                                (double)counts[load]};
}

static void
repeat(const struct bench_options *options, int load)
{
    double rate[BENCH_SUBJECTS][BENCH_MOST_REPETITIONS];
    double cpu_ns[BENCH_SUBJECTS][BENCH_MOST_REPETITIONS];
    char parameters[64];

    for (unsigned i = 0; i < options->repetitions; i++) {
        for (int s = 0; s < BENCH_SUBJECTS; s++) {
            /* none is always first */
            enum bench_subject subject =
                ((unsigned)s + i) % 2 == 0 ? BENCH_OURS : BENCH_RAW;
            struct drained drained = measure(subject, load);

            rate[subject][i] = drained.rate;
            cpu_ns[subject][i] = drained.cpu_ns;
        }
    }
    (void)snprintf(parameters, sizeof(parameters),
                   "\"load\": \"%s\", \"notifications\": %d", load_names[load],
                   counts[load]);
    for (int s = 0; s < BENCH_SUBJECTS; s++) {
        const char *name = bench_subject_names[s];

        bench_results_add(&(struct bench_result){name, parameters, "rate",
                                                 "notifications/s", NULL},
                          rate[s], options->repetitions);
        bench_results_add(
            &(struct bench_result){name, parameters, "cpu", "ns", NULL},
            cpu_ns[s], options->repetitions);
    }
}

static void
connect_writers(void)
{
    for (int s = 0; s < BENCH_SUBJECTS; s++) {
        for (int i = 0; i < WRITERS; i++) {
            writers[s][i] = server_connect(bench_databases[s]);
            if (writers[s][i] == NULL) {
                bench_fail("no connection");
            }
        }
    }
}

static void
disconnect_writers(void)
{
    for (int s = 0; s < BENCH_SUBJECTS; s++) {
        for (int i = 0; i < WRITERS; i++) {
            PQfinish(writers[s][i]);
        }
    }
}

int
main(int argc, char **argv)
{
    struct bench_options options = {.repetitions = 15, .seconds = 1};
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    (void)argc;
    bench_read_options(&options, argv);
    if (options.is_quick) {
        counts[ONE_TRANSACTION] = 2000;
        counts[SMALL_TRANSACTIONS] = 400;
    }
    bench_make_databases(servers);
    connect_writers();
    bench_raw_open(&raw, bench_databases[BENCH_RAW]);
    bench_ours_open(&ours, bench_databases[BENCH_OURS]);
    bench_ours_put(&ours, "1");
    (void)measure(BENCH_OURS, ONE_TRANSACTION); /* warms up */
    (void)measure(BENCH_RAW, ONE_TRANSACTION);
    bench_results_begin(
        "drain", "How many notifications are drained?",
        "all are heard, and by pgcachewatch decoded and applied; for "
        "one transaction from the return of its COMMIT, for small "
        "ones with the commits");
    repeat(&options, ONE_TRANSACTION);
    repeat(&options, SMALL_TRANSACTIONS);
    bench_results_end(NULL);
    pgcw_listener_read_stats(ours.listener, &stats);
    bench_ours_close(&ours);
    bench_raw_close(&raw);
    disconnect_writers();
    bench_drop_databases(servers);
    if (stats.messages_dropped > 0) {
        (void)fprintf(stderr, "%llu messages were dropped: no result\n",
                      (unsigned long long)stats.messages_dropped);
        return 1;
    }
    return 0;
}
