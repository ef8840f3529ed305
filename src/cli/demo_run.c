/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "cli/demo_run.h"

bool
pgcwi_demo_run_init(struct pgcwi_demo_run *run)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0) {
        return false;
    }
    bool is_made =
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
        pthread_cond_init(&run->stopped, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    if (is_made && pthread_mutex_init(&run->lock, NULL) != 0) {
        pthread_cond_destroy(&run->stopped);
        is_made = false;
    }
    atomic_init(&run->is_stopping, false);
    return is_made;
}

void
pgcwi_demo_run_fini(struct pgcwi_demo_run *run)
{
    pthread_mutex_destroy(&run->lock);
    pthread_cond_destroy(&run->stopped);
}

int64_t
pgcwi_demo_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * PGCWI_DEMO_NS_PER_SECOND + now.tv_nsec;
}

void
pgcwi_demo_stop(struct pgcwi_demo_run *run)
{
    pthread_mutex_lock(&run->lock);
    /* relaxed: those who wait look under the lock, the others only end */
    atomic_store_explicit(&run->is_stopping, true, memory_order_relaxed);
    pthread_cond_broadcast(&run->stopped);
    pthread_mutex_unlock(&run->lock);
}

bool
pgcwi_demo_fail(struct pgcwi_demo_run *run, const char *format, ...)
{
    char text[sizeof(run->failure)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    text[strcspn(text, "\n")] = '\0'; /* libpq's first line says it all */
    pthread_mutex_lock(&run->lock);
    if (run->failure[0] == '\0') {
        memcpy(run->failure, text, sizeof(text));
    }
    pthread_mutex_unlock(&run->lock);
    pgcwi_demo_stop(run);
    return false;
}

bool
pgcwi_demo_has_failed(struct pgcwi_demo_run *run)
{
    pthread_mutex_lock(&run->lock);
    bool has_failed = run->failure[0] != '\0';
    pthread_mutex_unlock(&run->lock);
    return has_failed;
}

bool
pgcwi_demo_is_stopping(const struct pgcwi_demo_run *run)
{
    /* relaxed: the thread only ends; who wants its results joins it */
    return atomic_load_explicit(&run->is_stopping, memory_order_relaxed);
}

bool
pgcwi_demo_is_interrupted(const struct pgcwi_demo_run *run)
{
    /* relaxed: only a request to stop; nothing is read because of it */
    return atomic_load_explicit(run->interrupted, memory_order_relaxed);
}

bool
pgcwi_demo_wait_until(struct pgcwi_demo_run *run, int64_t deadline_ns)
{
    struct timespec deadline = {
        .tv_sec = (time_t)(deadline_ns / PGCWI_DEMO_NS_PER_SECOND),
        .tv_nsec = (long)(deadline_ns % PGCWI_DEMO_NS_PER_SECOND)};
    pthread_mutex_lock(&run->lock);
    while (!pgcwi_demo_is_stopping(run) && pgcwi_demo_now_ns() < deadline_ns) {
        pthread_cond_timedwait(&run->stopped, &run->lock, &deadline);
    }
    pthread_mutex_unlock(&run->lock);
    return !pgcwi_demo_is_stopping(run);
}

static void
describe(struct pgcwi_demo_run *run, uint64_t row, int64_t known,
         int64_t version)
{
    pthread_mutex_lock(&run->lock);
    if (run->example_count < PGCWI_DEMO_EXAMPLES) {
        snprintf(run->examples[run->example_count], sizeof(run->examples[0]),
                 "items_%02u, id %lld: version %lld was read when %lld was "
                 "already applied",
                 (unsigned)pgcwi_demo_table_of(row),
                 (long long)pgcwi_demo_id_of(row), (long long)version,
                 (long long)known);
        run->example_count++;
    }
    pthread_mutex_unlock(&run->lock);
}

bool
pgcwi_demo_check(struct pgcwi_demo_run *run, uint64_t row, int64_t known,
                 const void *data, size_t size)
{
    struct pgcwi_demo_value value;
    if (size >= sizeof(value)) {
        memcpy(&value, data, sizeof(value));
    }
    if (size < sizeof(value) || value.id != pgcwi_demo_id_of(row)) {
        return pgcwi_demo_fail(
            run, "items_%02u, id %lld: the cache gave another row's value",
            (unsigned)pgcwi_demo_table_of(row),
            (long long)pgcwi_demo_id_of(row));
    }
    if (!pgcwi_demo_oracle_judge(run->oracle, known, value.version)) {
        describe(run, row, known, value.version);
    }
    return true;
}

/* They would stand in the middle of the figures. */
static void
ignore_notice(void *context, const char *message)
{
    (void)context;
    (void)message;
}

struct pg_conn *
pgcwi_demo_connect(struct pgcwi_demo_run *run, const char *name)
{
    const char *const keywords[] = {"dbname", "application_name", NULL};
    const char *const values[] = {run->dsn, name, NULL};
    PGconn *connection = PQconnectdbParams(keywords, values, 1);
    PQsetNoticeProcessor(connection, ignore_notice, NULL);
    if (PQstatus(connection) == CONNECTION_OK) {
        /* whatever hangs, the demo ends */
        PGresult *result = PQexec(connection, "SET statement_timeout = '60s'");
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        if (status == PGRES_COMMAND_OK) {
            return connection;
        }
    }
    pgcwi_demo_fail(run, "cannot connect: %s", PQerrorMessage(connection));
    PQfinish(connection);
    return NULL;
}

bool
pgcwi_demo_execute(struct pgcwi_demo_run *run, struct pg_conn *connection,
                   const char *sql, const char *complaint)
{
    PGresult *result = PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK ||
           pgcwi_demo_fail(run, "%s: %s", complaint,
                           PQerrorMessage(connection));
}

bool
pgcwi_demo_prepare(struct pgcwi_demo_run *run, struct pg_conn *connection,
                   char prefix, const char *verb, const char *rest)
{
    for (unsigned table = 0; table < PGCWI_DEMO_TABLES; table++) {
        char name[8];
        char sql[512];
        snprintf(name, sizeof(name), "%c%u", prefix, table);
        snprintf(sql, sizeof(sql), "%s %s.items_%02u %s", verb, run->schema,
                 table, rest);
        PGresult *result = PQprepare(connection, name, sql, 0, NULL);
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        if (status != PGRES_COMMAND_OK) {
            return pgcwi_demo_fail(run, "cannot prepare: %s",
                                   PQerrorMessage(connection));
        }
    }
    return true;
}
