/* SPDX-License-Identifier: MIT */
/*
 * `pgcachewatch demo`: real updates invalidate real caches under read load.
 *
 * What is made is removed in the opposite order, on every way out. A signal
 * only raises a flag, at which everything ends as it does when the time is
 * up; threads other than the first never see it.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "cli/command.h"
#include "cli/demo_audit.h"
#include "cli/demo_data.h"
#include "cli/demo_report.h"
#include "cli/demo_threads.h"
#include "cli/options.h"
#include "cli/scratch_server.h"

#define EXIT_INTERRUPTED 130
#define SIGNAL_POLL_NS INT64_C(50000000)
#define FINAL_SYNC_TIMEOUT_MS 10000

static atomic_bool is_interrupted;

static void
note_signal(int number)
{
    (void)number;
    /* relaxed: only a request to stop; nothing is read because of it */
    atomic_store_explicit(&is_interrupted, true, memory_order_relaxed);
}

static void
catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = note_signal};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        sigaction(numbers[i], &action, NULL);
    }
    /* `demo | head` shall clean up as well */
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
}

static bool
open_listener(struct pgcwi_demo_run *run)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_error error;
    options.dsn = run->dsn;
    options.channel = run->channel;
    options.transport = run->options->transport;
    options.on_event = pgcwi_demo_on_event;
    options.on_event_context = run;
    return pgcw_listener_open(&options, &run->listener, &error) == PGCW_OK ||
           pgcwi_demo_fail(run, "cannot listen: %s", error.detail);
}

/* --deaf: a table that does not exist, so that no event ever passes. */
static bool
create_cache(struct pgcwi_demo_run *run, unsigned table)
{
    struct pgcw_greedy_options greedy = PGCW_GREEDY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_error error;
    char name[PGCWI_DEMO_NAME_BYTES];
    snprintf(name, sizeof(name), "%s_%02u",
             run->options->is_deaf ? "nothing" : "items", table);
    struct pgcw_table watched = {run->schema, name};
    greedy.filter.tables = &watched;
    greedy.filter.table_count = 1;
    options.max_entries = 2 * (uint64_t)run->options->rows + 1024;
    if (pgcw_greedy_create(&greedy, &options.strategy, &error) != PGCW_OK) {
        return pgcwi_demo_fail(run, "cannot make a strategy: %s", error.detail);
    }
    if (pgcw_cache_create(run->listener, &options, &run->caches[table],
                          &error) != PGCW_OK) {
        pgcw_strategy_destroy(options.strategy);
        return pgcwi_demo_fail(run, "cannot make a cache: %s", error.detail);
    }
    return true;
}

static bool
create_caches(struct pgcwi_demo_run *run)
{
    for (unsigned table = 0; table < PGCWI_DEMO_TABLES; table++) {
        if (!create_cache(run, table)) {
            return false;
        }
    }
    return true;
}

static void
close_caches(struct pgcwi_demo_run *run)
{
    pgcwi_demo_audit_stop(run);
    pgcwi_demo_audit_destroy(run);
    for (unsigned table = 0; table < PGCWI_DEMO_TABLES; table++) {
        pgcw_cache_destroy(run->caches[table]);
    }
    pgcw_listener_close(run->listener);
}

/* Start readers and writers, deaf to signals; returns how many there are. */
static size_t
start_threads(struct pgcwi_demo_run *run, struct pgcwi_demo_thread *threads)
{
    size_t count = 0;
    size_t wanted = run->options->readers + run->options->writers;
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (count < wanted) {
        struct pgcwi_demo_thread *thread = &threads[count];
        *thread =
            (struct pgcwi_demo_thread){.run = run, .number = (uint32_t)count};
        if (pthread_create(&thread->id, NULL,
                           count < run->options->readers ? pgcwi_demo_read
                                                         : pgcwi_demo_write,
                           thread) != 0) {
            pgcwi_demo_fail(run, "cannot start a thread");
            break;
        }
        count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return count;
}

static int64_t
sooner(int64_t one_ns, int64_t other_ns)
{
    return one_ns < other_ns ? one_ns : other_ns;
}

/* Until the time is up, or a thread or a signal wants it to end. */
static void
watch(struct pgcwi_demo_run *run, struct pgcwi_demo_report *report)
{
    int64_t interval_ns = pgcwi_demo_report_interval_ns(report);
    int64_t now_ns = pgcwi_demo_now_ns();
    int64_t show_ns = now_ns + interval_ns;
    int64_t end_ns =
        now_ns + (int64_t)run->options->seconds * PGCWI_DEMO_NS_PER_SECOND;
    int64_t look_ns = now_ns;
    while (pgcwi_demo_wait_until(run, look_ns) &&
           !pgcwi_demo_is_interrupted(run)) {
        now_ns = pgcwi_demo_now_ns();
        if (now_ns >= end_ns) {
            break;
        }
        if (now_ns >= show_ns) {
            pgcwi_demo_report_live(report, end_ns - now_ns);
            show_ns += interval_ns;
        }
        look_ns = sooner(now_ns + SIGNAL_POLL_NS, sooner(show_ns, end_ns));
    }
    pgcwi_demo_stop(run);
}

/* All that was committed is applied when it returns. */
static void
sync_at_the_end(struct pgcwi_demo_run *run)
{
    int64_t started_ns = pgcwi_demo_now_ns();
    if (pgcw_listener_sync(run->listener, FINAL_SYNC_TIMEOUT_MS) == PGCW_OK) {
        pgcwi_demo_oracle_synced(run->oracle, started_ns);
    } else {
        pgcwi_demo_fail(run, "the last sync was not answered");
    }
}

/* Nothing that is still cached may be older than what was committed. */
static uint64_t
compare_all(struct pgcwi_demo_run *run)
{
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    uint64_t compared = 0;
    for (uint64_t row = 0; row < run->options->rows; row++) {
        int64_t id = pgcwi_demo_id_of(row);
        int64_t known = pgcwi_demo_oracle_known(run->oracle, row);
        enum pgcw_status status =
            pgcw_cache_get(run->caches[pgcwi_demo_table_of(row)],
                           (struct pgcw_bytes){&id, sizeof(id)}, &value);
        if (status == PGCW_OK) {
            compared++;
            pgcwi_demo_check(run, row, known, value.data, value.size);
        }
    }
    pgcw_buffer_free(&value);
    return compared;
}

/* A check that heard nothing has proven nothing. */
static void
check_that_events_came(struct pgcwi_demo_run *run,
                       const struct pgcwi_demo_sample *last)
{
    if (last->listener.gaps == 0 && last->findings.commits_unheard > 0) {
        pgcwi_demo_fail(run, "%llu commits were never heard of",
                        (unsigned long long)last->findings.commits_unheard);
    }
}

/* Returns how much was wrong: stale reads, and changes that were missed. */
static uint64_t
measure(struct pgcwi_demo_run *run, struct pgcwi_demo_report *report,
        struct pgcwi_demo_thread *threads)
{
    struct pgcwi_demo_sample *last = &report->last;
    struct pgcwi_demo_verdict verdict = {.compared_at_end = 0};
    pgcwi_demo_report_begin(report);
    size_t count = start_threads(run, threads);
    watch(run, report);
    for (size_t i = 0; i < count; i++) {
        pthread_join(threads[i].id, NULL);
    }
    if (!pgcwi_demo_has_failed(run)) {
        sync_at_the_end(run);
    }
    pgcwi_demo_audit_stop(run);
    pgcwi_demo_sample_take(run, last);
    if (!pgcwi_demo_has_failed(run)) {
        check_that_events_came(run, last);
        verdict.compared_at_end = compare_all(run);
        pgcwi_demo_oracle_findings(run->oracle, &last->findings);
    }
    verdict.is_interrupted = pgcwi_demo_is_interrupted(run);
    pgcwi_demo_report_fini(report);
    pgcwi_demo_report_summary(report, &verdict);
    return last->findings.stale_reads + last->audit.missed;
}

/* Rows and triggers are there. Returns how much was wrong. */
static uint64_t
run_threads(struct pgcwi_demo_run *run, struct pgcwi_demo_report *report)
{
    uint64_t error_count = 0;
    size_t count = run->options->readers + run->options->writers;
    struct pgcwi_demo_thread *threads = calloc(count, sizeof(*threads));
    run->zipf = pgcwi_demo_zipf_create(run->options->rows);
    run->oracle = pgcwi_demo_oracle_create(run->options->rows);
    if (threads == NULL || run->zipf == NULL || run->oracle == NULL) {
        pgcwi_demo_fail(run, "out of memory");
    } else if (open_listener(run) && create_caches(run) &&
               (!run->options->is_audited || pgcwi_demo_audit_start(run))) {
        pgcwi_demo_report_step("listening on channel %s", run->channel);
        error_count = measure(run, report, threads);
    }
    close_caches(run);
    pgcwi_demo_oracle_destroy(run->oracle);
    pgcwi_demo_zipf_destroy(run->zipf);
    free(threads);
    return error_count;
}

static uint64_t
run_on_database(struct pgcwi_demo_run *run)
{
    struct pgcwi_demo_report report;
    uint64_t error_count = 0;
    pgcwi_demo_report_init(&report, run);
    pgcwi_demo_data_name(run);
    PGconn *connection = pgcwi_demo_connect(run, "pgcachewatch demo");
    if (connection != NULL) {
        bool is_loaded = pgcwi_demo_data_create(
            run, connection, pgcwi_demo_report_progress, &report);
        PQfinish(connection);
        if (is_loaded) {
            error_count = run_threads(run, &report);
        }
        if (!pgcwi_demo_data_drop(run)) {
            pgcwi_demo_fail(run, "something was left in the database");
        }
    }
    pgcwi_demo_report_fini(&report);
    return error_count;
}

static uint64_t
run_on_scratch_server(struct pgcwi_demo_run *run)
{
    struct pgcwi_scratch_server_options options = {.cancelled =
                                                       &is_interrupted};
    struct pgcwi_scratch_server *server = NULL;
    struct pgcwi_scratch_error error;
    uint64_t error_count = 0;
    pgcwi_demo_report_step("starting a PostgreSQL of its own");
    if (pgcwi_scratch_server_start(&options, &server, &error)) {
        pgcwi_demo_report_step("started in %s",
                               pgcwi_scratch_server_folder(server));
        run->dsn = pgcwi_scratch_server_dsn(server);
        run->is_database_removed = true;
        error_count = run_on_database(run);
        if (!pgcwi_scratch_server_stop(server)) {
            pgcwi_demo_fail(run, "something was left of the server");
        }
    } else if (!pgcwi_demo_is_interrupted(run)) {
        pgcwi_demo_fail(run, "%s", error.text);
    }
    return error_count;
}

static uint64_t
run_on_named_server(struct pgcwi_demo_run *run)
{
    uint64_t error_count = 0;
    char *dsn = pgcwi_connection_string(&run->options->connection);
    if (dsn == NULL) {
        pgcwi_demo_fail(run, "no connection");
    } else {
        run->dsn = dsn;
        error_count = run_on_database(run);
    }
    free(dsn);
    return error_count;
}

static int
exit_code(const struct pgcwi_demo_run *run, uint64_t error_count)
{
    if (run->failure[0] != '\0') {
        (void)fprintf(stderr, "pgcachewatch demo: %s\n", run->failure);
        return PGCWI_EXIT_FAILURE;
    }
    if (error_count > 0) {
        return PGCWI_EXIT_FAILURE;
    }
    return pgcwi_demo_is_interrupted(run) ? EXIT_INTERRUPTED : PGCWI_EXIT_OK;
}

int
pgcwi_command_demo(int argc, char **argv)
{
    struct pgcwi_demo_options options;
    int result = pgcwi_demo_options_parse(&options, argc, argv);
    if (result != PGCWI_OPTIONS_PARSED) {
        return result;
    }
    struct pgcwi_demo_run run = {.options = &options,
                                 .interrupted = &is_interrupted};
    if (!pgcwi_demo_run_init(&run)) {
        (void)fputs("pgcachewatch demo: out of memory\n", stderr);
        return PGCWI_EXIT_FAILURE;
    }
    catch_signals();
    uint64_t error_count = pgcwi_connection_is_named(&options.connection)
                               ? run_on_named_server(&run)
                               : run_on_scratch_server(&run);
    result = exit_code(&run, error_count);
    pgcwi_demo_run_fini(&run);
    return result;
}
