/* SPDX-License-Identifier: MIT */
/*
 * How long a listener takes to open, until LIVE, and to close; beside a
 * connection that only says LISTEN, and its end. On a local server, with
 * default options, in turns; a repetition is one of each.
 */
#include <stdio.h>

#include "events.h"
#include "results.h"
#include "support.h"
#include "support/server_client.h"

static double opened_ms[BENCH_SUBJECTS][BENCH_MOST_REPETITIONS];
static double closed_ms[BENCH_SUBJECTS][BENCH_MOST_REPETITIONS];

static double
ms_since(int64_t began_ns)
{
    return (double)(stress_now_ns() - began_ns) / 1e6;
}

static void
measure_ours(unsigned i)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error = {PGCW_OK, "", ""};
    char dsn[64];

    (void)snprintf(dsn, sizeof(dsn), "dbname=%s", bench_databases[BENCH_OURS]);
    options.dsn = dsn;
    int64_t began_ns = stress_now_ns();
    if (pgcw_listener_open(&options, &listener, &error) != PGCW_OK) {
        bench_fail("%s", error.detail);
    }
    opened_ms[BENCH_OURS][i] = ms_since(began_ns);
    began_ns = stress_now_ns();
    pgcw_listener_close(listener);
    closed_ms[BENCH_OURS][i] = ms_since(began_ns);
}

static void
measure_raw(unsigned i)
{
    int64_t began_ns = stress_now_ns();
    PGconn *connection = server_connect(bench_databases[BENCH_RAW]);

    if (connection == NULL || !server_run(connection, "LISTEN x")) {
        bench_fail("no connection");
    }
    opened_ms[BENCH_RAW][i] = ms_since(began_ns);
    began_ns = stress_now_ns();
    PQfinish(connection);
    closed_ms[BENCH_RAW][i] = ms_since(began_ns);
}

int
main(int argc, char **argv)
{
    struct bench_options options = {.repetitions = 50, .seconds = 1};
    PGconn *servers[BENCH_SUBJECTS];

    (void)argc;
    bench_read_options(&options, argv);
    bench_make_databases(servers);
    measure_ours(0); /* warms up */
    measure_raw(0);
    for (unsigned i = 0; i < options.repetitions; i++) {
        measure_ours(i);
        measure_raw(i);
    }
    bench_results_begin(
        "lifetime", "How long does it take to open and to close?",
        "open until LIVE (raw: connected, and LISTEN answered); close "
        "until all threads have ended (raw: PQfinish)");
    for (int s = 0; s < BENCH_SUBJECTS; s++) {
        const char *name = bench_subject_names[s];

        bench_results_add(
            &(struct bench_result){name, NULL, "open", "ms", NULL},
            opened_ms[s], options.repetitions);
        bench_results_add(
            &(struct bench_result){name, NULL, "close", "ms", NULL},
            closed_ms[s], options.repetitions);
    }
    bench_results_end(NULL);
    bench_drop_databases(servers);
    return 0;
}
