/* SPDX-License-Identifier: MIT */
/* What the threads of one demo share, and how they end. */
#ifndef PGCWI_CLI_DEMO_RUN_H
#define PGCWI_CLI_DEMO_RUN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <pgcachewatch/pgcachewatch.h>

#include "cli/demo_options.h"
#include "cli/demo_oracle.h"
#include "cli/demo_zipf.h"

struct pg_conn; /* libpq's PGconn */
struct pgcwi_demo_audit;

#define PGCWI_DEMO_NAME_BYTES 64
#define PGCWI_DEMO_NS_PER_SECOND INT64_C(1000000000)
/* Stale reads that are described, not only counted. */
#define PGCWI_DEMO_EXAMPLES 5

struct pgcwi_demo_run {
    /* immutable once the threads have started */
    const struct pgcwi_demo_options *options;
    const char *dsn;
    const atomic_bool *interrupted;
    /* the whole database will be, so nothing in it need be */
    bool is_database_removed;
    bool has_schema;
    char schema[PGCWI_DEMO_NAME_BYTES];
    char channel[PGCWI_DEMO_NAME_BYTES];
    struct pgcwi_demo_zipf *zipf;
    struct pgcwi_demo_oracle *oracle;
    struct pgcw_listener *listener;
    struct pgcw_cache *caches[PGCWI_DEMO_TABLES];
    struct pgcwi_demo_audit *audit; /* NULL: nothing is audited */
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    char failure[512]; /* the first; empty if there is none */
    char examples[PGCWI_DEMO_EXAMPLES][128];
    size_t example_count;
    /* shared */
    atomic_bool is_stopping;
};

/* What a cache holds for a row; the payload's bytes follow. */
struct pgcwi_demo_value {
    int64_t id;
    int64_t version;
};

bool pgcwi_demo_run_init(struct pgcwi_demo_run *run);
void pgcwi_demo_run_fini(struct pgcwi_demo_run *run);

int64_t pgcwi_demo_now_ns(void);
void pgcwi_demo_stop(struct pgcwi_demo_run *run);
/* Stop, and say why; the first one to say it is heard. Returns false. */
bool pgcwi_demo_fail(struct pgcwi_demo_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
bool pgcwi_demo_has_failed(struct pgcwi_demo_run *run);
bool pgcwi_demo_is_stopping(const struct pgcwi_demo_run *run);
bool pgcwi_demo_is_interrupted(const struct pgcwi_demo_run *run);
/* False if the run is stopping, and then at once. */
bool pgcwi_demo_wait_until(struct pgcwi_demo_run *run, int64_t deadline_ns);

/* Compare a value with what was known before it was read. False, after
 * pgcwi_demo_fail(), only if it is not the value of that row at all. */
bool pgcwi_demo_check(struct pgcwi_demo_run *run, uint64_t row, int64_t known,
                      const void *data, size_t size);

/* A connection for one thread; NULL after pgcwi_demo_fail(). */
struct pg_conn *pgcwi_demo_connect(struct pgcwi_demo_run *run,
                                   const char *name);

/* What gives no rows. On failure pgcwi_demo_fail(), with `complaint` and the
 * server's words. */
bool pgcwi_demo_execute(struct pgcwi_demo_run *run, struct pg_conn *connection,
                        const char *sql, const char *complaint);

/* Prepare a statement for each table: verb, the table's name, rest. It is
 * called by the prefix and the table's number: "r0" to "r15". */
bool pgcwi_demo_prepare(struct pgcwi_demo_run *run, struct pg_conn *connection,
                        char prefix, const char *verb, const char *rest);

#endif
