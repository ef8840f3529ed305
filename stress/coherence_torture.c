/* SPDX-License-Identifier: MIT */
/*
 * Everything goes wrong that can, while threads read: servers crash and fail
 * over, connections end, hang and answer late. No read gives a value that the
 * library has said is too old: none loaded before an event that was applied
 * (P1), none older than the horizon (P6), none older than a sync (P7), none
 * from the cache in an outage (P2). And events come in their order (P5).
 * Without callbacks nobody sees events applied, which leaves P2, P6 and P7;
 * but then the listener's own thread may apply them.
 *
 * `--threads` are the readers; two writers and the faults come on top. It
 * starts servers of its own, and ends them.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <pgcachewatch/pgcachewatch.h>

#include "torture_cluster.h"
#include "torture_faults.h"
#include "torture_network.h"
#include "torture_oracle.h"
#include "torture_threads.h"

#define READERS_MAX 32
#define SKIPPED 77
#define OPEN_TIMEOUT_MS 1000
#define RING_CAPACITY 64
#define DSN_BYTES 256

static struct stress stress = {
    .thread_count = 2, .seconds = 5, .slack_ms = TORTURE_SLACK_MS};
static struct torture torture;
static struct torture_thread readers[READERS_MAX];
static struct torture_thread writers[TORTURE_WRITERS];
static pthread_t reader_threads[READERS_MAX];
static pthread_t writer_threads[TORTURE_WRITERS];
static atomic_bool is_interrupted;

static void
note_signal(int number)
{
    (void)number;
    /* relaxed: only a request to stop */
    atomic_store_explicit(&is_interrupted, true, memory_order_relaxed);
}

/* The turn waits, as it would for a strategy that breaks the rule. */
static bool
look_slowly(void *context, const struct pgcw_event *event)
{
    const struct timespec pause = {.tv_nsec = 1000000};

    (void)context;
    (void)event;
    /* relaxed: a time; no other memory is read because of its value */
    while (atomic_load_explicit(&torture.stalled_until_ns,
                                memory_order_relaxed) > stress_now_ns()) {
        (void)nanosleep(&pause, NULL);
    }
    torture_oracle_applies();
    return true;
}

static bool
open_listener(const char *through)
{
    char dsn[DSN_BYTES];
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_error error = {.status = PGCW_OK};

    (void)snprintf(dsn, sizeof(dsn), "%s user=postgres dbname=postgres",
                   through);
    options.dsn = dsn;
    options.channel = TORTURE_CHANNEL;
    options.transport = stress.transport;
    options.ring_capacity = RING_CAPACITY;
    options.connect_timeout_ms = OPEN_TIMEOUT_MS;
    options.heartbeat_interval_ms = TORTURE_INTERVAL_MS;
    options.heartbeat_timeout_ms = TORTURE_TIMEOUT_MS;
    options.reconnect_min_ms = 5;
    options.reconnect_max_ms = 50;
    options.on_state = torture_oracle_on_state;
    if (!stress.is_without_callbacks) {
        options.on_event = torture_oracle_on_event;
        options.on_event_context = &stress;
    }
    if (pgcw_listener_open(&options, &torture.listener, &error) != PGCW_OK) {
        (void)fprintf(stderr, "no listener: %s\n", error.detail);
        return false;
    }
    return true;
}

static bool
open_cache(void)
{
    struct pgcw_greedy_options greedy = PGCW_GREEDY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    if (!stress.is_without_callbacks) {
        greedy.filter.predicate = look_slowly;
    }
    if (pgcw_greedy_create(&greedy, &options.strategy, NULL) != PGCW_OK) {
        return false;
    }
    options.load_timeout_ms = 200;
    if (pgcw_cache_create(torture.listener, &options, &torture.cache, NULL) !=
        PGCW_OK) {
        pgcw_strategy_destroy(options.strategy);
        return false;
    }
    return true;
}

static bool
start_threads(void)
{
    bool is_started = true;

    for (unsigned int i = 0; i < TORTURE_WRITERS; i++) {
        writers[i] = (struct torture_thread){.torture = &torture, .number = i};
        is_started &= pthread_create(&writer_threads[i], NULL, torture_write,
                                     &writers[i]) == 0;
    }
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        readers[i].torture = &torture;
        readers[i].number = i;
        is_started &= pthread_create(&reader_threads[i], NULL,
                                     torture_read_rows, &readers[i]) == 0;
    }
    return is_started;
}

static void
join_threads(void)
{
    /* relaxed: only ends the loops; the join orders the rest */
    atomic_store_explicit(&torture.is_over, true, memory_order_relaxed);
    for (unsigned int i = 0; i < TORTURE_WRITERS; i++) {
        (void)pthread_join(writer_threads[i], NULL);
    }
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        (void)pthread_join(reader_threads[i], NULL);
    }
}

static void
torment(struct torture_faults *faults)
{
    /* relaxed: only a request to stop */
    while (!stress_is_over(&stress) &&
           !atomic_load_explicit(&is_interrupted, memory_order_relaxed)) {
        if (!torture_faults_one(faults)) {
            stress_fail(&stress, "a fault could not be healed");
            break;
        }
    }
}

/* relaxed: see count() of those who write */
static uint64_t
counted(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

static void
print_faults(const struct torture_faults *faults)
{
    const char *name;

    for (size_t i = 0; torture_faults_name(i, &name); i++) {
        (void)printf("%8" PRIu64 "  %s\n", faults->counts[i], name);
    }
    (void)printf("%8" PRIu64 "  faults\n", faults->total);
}

/* Of all hits, of which most were not old at all. */
static double
quantile_ms(const struct torture_findings *sum, double share)
{
    uint64_t fresh = sum->hits - sum->hits_of_old;
    double wanted = share * (double)sum->hits - (double)fresh;

    if (wanted <= 0 || sum->hits_of_old == 0) {
        return 0;
    }
    return (double)pgcwi_demo_histogram_quantile(
               &sum->staleness, wanted / (double)sum->hits_of_old) /
           1e6;
}

static void
print_findings(const struct torture_findings *sum)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;
    struct pgcw_cache_stats cache = PGCW_CACHE_STATS_INIT;

    pgcw_listener_read_stats(torture.listener, &stats);
    pgcw_cache_read_stats(torture.cache, &cache);
    (void)printf("reads %" PRIu64 ", hits %" PRIu64 ", fetches %" PRIu64
                 " (and %" PRIu64 " that failed)\n",
                 sum->reads, sum->hits, sum->fetches, sum->fetch_failures);
    (void)printf("commits %" PRIu64 ", unanswered %" PRIu64 ", syncs %" PRIu64
                 "\n",
                 counted(&torture.commits), counted(&torture.unanswered),
                 counted(&torture.syncs));
    (void)printf("connects %" PRIu64 ", gaps %" PRIu64 ", dropped %" PRIu64
                 ", undecodable %" PRIu64 ", late fills refused %" PRIu64 "\n",
                 stats.connects, stats.gaps, stats.messages_dropped,
                 stats.payloads_undecodable, cache.fills_refused_stale);
    (void)printf("staleness of a hit: p50 %.3f, p99.9 %.3f, max %.3f ms;"
                 " bound %d ms, and %d for scheduling\n",
                 quantile_ms(sum, 0.5), quantile_ms(sum, 0.999),
                 (double)sum->staleness.largest / 1e6, TORTURE_BOUND_MS,
                 (int)stress.slack_ms);
    (void)printf("the oldest: horizon %.3f ms old, heartbeat before took %.3f"
                 " ms, during or after \"%s\"\n",
                 (double)sum->oldest.horizon_age_ns / 1e6,
                 (double)sum->oldest.round_trip_us / 1e3,
                 sum->oldest.fault != NULL ? sum->oldest.fault : "nothing");
    (void)printf("violations: P1 %" PRIu64 ", P2 %" PRIu64 ", P5 %" PRIu64
                 ", P6 %" PRIu64 " (horizon) and %" PRIu64
                 " (bound), P7 %" PRIu64 "\n",
                 sum->p1, sum->p2, torture_oracle_p5(), sum->p6,
                 sum->over_bound, sum->p7);
}

static int
report(const struct torture_faults *faults)
{
    static struct torture_findings sum;

    for (unsigned int i = 0; i < stress.thread_count; i++) {
        torture_oracle_add(&sum, &readers[i].findings);
    }
    print_faults(faults);
    print_findings(&sum);
    if (sum.reads < stress.least_reads || faults->total < stress.least_faults) {
        stress_fail(&stress, "less was done than was asked for");
    }
    return stress_finish(&stress, "%" PRIu64 " reads, %" PRIu64 " faults",
                         sum.reads, faults->total);
}

/* The time begins when all is ready. */
static int
run(struct torture_faults *faults)
{
    int exit_code = 2;

    stress_begin(&stress);
    if (open_listener(fault_proxy_dsn(faults->proxy)) && open_cache()) {
        if (start_threads()) {
            torment(faults);
        } else {
            stress_fail(&stress, "a thread was not started");
        }
        join_threads();
        exit_code = report(faults);
    }
    pgcw_cache_destroy(torture.cache);
    pgcw_listener_close(torture.listener);
    return exit_code;
}

static void
catch_signals(void)
{
    struct sigaction action = {.sa_handler = note_signal};

    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN;
    (void)sigaction(SIGPIPE, &action, NULL);
}

int
main(int argc, char **argv)
{
    struct torture_faults faults = {.torture = &torture};
    bool is_missing = false;
    int exit_code = 2;

    stress_start(&stress, "coherence_torture", argc, argv);
    if (stress.thread_count > READERS_MAX) {
        (void)fprintf(stderr, "at most %d readers\n", READERS_MAX);
        return 2;
    }
    catch_signals();
    faults.has_network = torture_network_enter();
    if (!faults.has_network) {
        (void)printf("no network namespace may be made: without the fault of"
                     " its interface\n");
    }
    torture.stress = &stress;
    faults.random = stress_random_of(&stress, 2000);
    faults.cluster = torture_cluster_start(stress.transport, &is_missing);
    if (faults.cluster == NULL) {
        return is_missing ? SKIPPED : 2;
    }
    atomic_init(&torture.dsn, torture_cluster_dsn(faults.cluster));
    faults.proxy = fault_proxy_start(FAULT_PROXY_PASS);
    if (faults.proxy != NULL) {
        fault_proxy_set_target(faults.proxy,
                               torture_cluster_folder(faults.cluster));
        exit_code = run(&faults);
    }
    torture_faults_end(&faults);
    fault_proxy_stop(faults.proxy);
    torture_cluster_stop(faults.cluster);
    return exit_code;
}
