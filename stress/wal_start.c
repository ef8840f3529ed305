/* SPDX-License-Identifier: MIT */
/*
 * A listener by logical decoding opens while threads write, again and again,
 * and at once all rows are loaded: each commit is either in what was loaded, or
 * heard. One that is neither would stay unseen for as long as its row is not
 * written again.
 *
 * `--threads` write.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support.h"
#include "support/server_client.h"
#include "support/versions.h"

#define DATABASE "pgcw_stress_start"
#define CHANNEL "ch_stress"
#define PATIENCE_MS 20000
#define ROWS 10000
#define THREADS_MAX 64
#define KEY_BYTES 12

static struct stress stress = {.thread_count = 4, .seconds = 2};
/* The newest version of a row that was acknowledged. */
static _Atomic int64_t acknowledged[ROWS];
static _Atomic bool is_over;
static char keys[ROWS][KEY_BYTES];

struct writer {
    unsigned int number;
    pthread_t thread;
};

static void *
write_rows(void *context)
{
    const struct writer *writer = context;
    struct stress_random random = stress_random_of(&stress, writer->number);
    PGconn *server = server_connect(DATABASE);
    /* a row is seldom written again before it is looked at */
    const struct timespec pause = {.tv_nsec = 1000000};

    /* relaxed: only ends the loop; the join orders the rest */
    while (!atomic_load_explicit(&is_over, memory_order_relaxed)) {
        unsigned int row = stress_random_below(&random, ROWS);

        row -= row % stress.thread_count; /* one thread writes it */
        row += writer->number;
        if (row < ROWS) {
            int64_t version = versions_raise(server, "orders", (int)row + 1);

            if (version < 0) {
                stress_fail(&stress, "a row could not be written");
            }
            /* ORDER: the acknowledged commit before the version. Pairs with:
             * check_all(). Without it: a sync could begin before it. */
            atomic_store_explicit(&acknowledged[row], version,
                                  memory_order_release);
        }
        (void)nanosleep(&pause, NULL);
    }
    PQfinish(server);
    return NULL;
}

static enum pgcw_status
fill(struct pgcw_fill *to, const char *key, const char *version)
{
    const struct pgcw_tag tag = {"public", "orders", {key, strlen(key)}};
    int64_t number = strtoll(version, NULL, 10);

    return pgcw_fill_add_tag(to, &tag) == PGCW_OK
               ? pgcw_fill_set_value(
                     to, (struct pgcw_bytes){&number, sizeof(number)})
               : PGCW_INTERNAL;
}

/* All of them; the keys come in any order. */
static enum pgcw_status
load_all(void *context, const struct pgcw_bytes *wanted,
         struct pgcw_fill *const *fills, size_t count, struct pgcw_error *error)
{
    PGresult *rows = PQexec(context, "SELECT version FROM orders ORDER BY id");
    enum pgcw_status status =
        PQntuples(rows) == ROWS && count == ROWS ? PGCW_OK : PGCW_LOAD_FAILED;

    (void)error;
    for (size_t i = 0; i < count && status == PGCW_OK; i++) {
        const char *key = wanted[i].data;
        int row = (int)strtol(key, NULL, 10) - 1;

        status = fill(fills[i], key, PQgetvalue(rows, row, 0));
    }
    PQclear(rows);
    return status;
}

/* A table that is new to a cache counts as changed by every event before, also
 * by one during the load. */
static bool
make_table_known(struct pgcw_cache *cache)
{
    const struct pgcw_tag table = {"public", "orders", {NULL, 0}};
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.tags = &table;
    options.tag_count = 1;
    return pgcw_cache_put(cache, (struct pgcw_bytes){"table", 5},
                          (struct pgcw_bytes){"", 0}, pgcw_cache_stamp(cache),
                          &options) == PGCW_OK;
}

static bool
fetch_all(struct pgcw_cache *cache, PGconn *server)
{
    static struct pgcw_item items[ROWS];
    const struct pgcw_many_loader loader = {load_all, server};

    for (int i = 0; i < ROWS; i++) {
        items[i].key = (struct pgcw_bytes){keys[i], strlen(keys[i])};
    }
    bool is_done =
        make_table_known(cache) &&
        pgcw_cache_fetch_many(cache, items, ROWS, loader, NULL) == PGCW_OK;
    for (int i = 0; i < ROWS; i++) {
        pgcw_pin_release(items[i].pin);
    }
    return is_done;
}

static int64_t
look_up(struct pgcw_cache *cache, int row)
{
    struct pgcw_bytes value;
    int64_t version = INT64_MAX;

    pgcw_read_begin();
    if (pgcw_cache_lookup(cache,
                          (struct pgcw_bytes){keys[row], strlen(keys[row])},
                          &value) == PGCW_OK) {
        memcpy(&version, value.data, sizeof(version));
    }
    pgcw_read_end();
    return version;
}

static uint64_t
check_all(struct pgcw_listener *listener, struct pgcw_cache *cache)
{
    static int64_t least[ROWS];
    uint64_t hits = 0;

    for (int i = 0; i < ROWS; i++) {
        /* ORDER: see write_rows() */
        least[i] = atomic_load_explicit(&acknowledged[i], memory_order_acquire);
    }
    if (pgcw_listener_sync(listener, PATIENCE_MS) != PGCW_OK) {
        stress_fail(&stress, "no sync");
        return 0;
    }
    for (int i = 0; i < ROWS; i++) {
        int64_t version = look_up(cache, i);

        hits += version != INT64_MAX;
        if (version < least[i]) {
            stress_fail(&stress,
                        "row %d has version %" PRId64 ", %" PRId64
                        " was acknowledged before the sync",
                        i + 1, version, least[i]);
        }
    }
    return hits;
}

static uint64_t
run_round(PGconn *server)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *listener = NULL;
    struct pgcw_cache *cache = NULL;
    struct pgcw_error error = {.status = PGCW_OK};
    uint64_t hits = 0;

    options.channel = CHANNEL;
    options.transport = PGCW_TRANSPORT_WAL;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    if (pgcw_listener_open(&options, &listener, &error) != PGCW_OK ||
        pgcw_cache_create(listener, NULL, &cache, &error) != PGCW_OK) {
        stress_fail(&stress, "open: %s", error.detail);
    } else if (!fetch_all(cache, server)) {
        stress_fail(&stress, "the rows were not loaded");
    } else {
        hits = check_all(listener, cache);
    }
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    return hits;
}

static bool
start_writers(struct writer *writers)
{
    bool is_started = true;

    for (int i = 0; i < ROWS; i++) {
        (void)snprintf(keys[i], KEY_BYTES, "%d", i + 1);
    }
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        writers[i].number = i;
        is_started &= pthread_create(&writers[i].thread, NULL, write_rows,
                                     &writers[i]) == 0;
    }
    return is_started;
}

static void
join_writers(const struct writer *writers)
{
    /* relaxed: see write_rows() */
    atomic_store_explicit(&is_over, true, memory_order_relaxed);
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        (void)pthread_join(writers[i].thread, NULL);
    }
}

int
main(int argc, char **argv)
{
    static struct writer writers[THREADS_MAX];
    uint64_t rounds = 0;
    uint64_t hits = 0;

    stress_start(&stress, "wal_start", argc, argv);
    PGconn *server = server_make_database(DATABASE);
    if (server == NULL || setenv("PGCW_TEST_TRANSPORT", "wal", 1) != 0 ||
        setenv("PGDATABASE", DATABASE, 1) != 0 ||
        !server_make_table(server, "orders", ROWS, CHANNEL) ||
        stress.thread_count > THREADS_MAX || !start_writers(writers)) {
        return 2;
    }
    while (!stress_is_over(&stress)) {
        hits += run_round(server);
        rounds++;
    }
    join_writers(writers);
    server_drop_database(server, DATABASE);
    if (hits == 0) {
        stress_fail(&stress, "nothing was found in the cache");
    }
    return stress_finish(&stress, "%" PRIu64 " starts, %" PRIu64 " hits",
                         rounds, hits);
}
