/* SPDX-License-Identifier: MIT */
/* Transactions of PostgreSQL, and the cache in the threads that have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/door.h"
#include "support/fault_proxy.h"

#define DATABASE "pgcw_test_transaction"
#include "support/own_database.h"

#define CHANNEL "ch_transaction"
#define UNCOMMITTED 1000000

/* Of one test: a listener whose events can be held up, and its cache. */
struct transaction_test {
    struct fault_proxy *proxy;
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
    struct pgcw_transaction *transaction;
};

static int
set_up(void **state)
{
    static struct transaction_test test;
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    memset(&test, 0, sizeof(test));
    test.proxy = fault_proxy_start(FAULT_PROXY_PASS);
    options.dsn = fault_proxy_dsn(test.proxy);
    options.channel = CHANNEL;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    *state = &test;
    return server_make_table(server, "orders", 10, CHANNEL) &&
                   pgcw_listener_open(&options, &test.listener, NULL) ==
                       PGCW_OK &&
                   pgcw_cache_create(test.listener, NULL, &test.cache, NULL) ==
                       PGCW_OK
               ? 0
               : -1;
}

static int
tear_down(void **state)
{
    struct transaction_test *test = *state;

    pgcw_cache_destroy(test->cache);
    pgcw_listener_close(test->listener);
    fault_proxy_stop(test->proxy);
    return await_library_threads(0) == 0 ? 0 : -1;
}

struct row {
    PGconn *connection;
    int id;
    char key[16];
};

static struct row
row_of(PGconn *connection, int id)
{
    struct row row = {connection, id, ""};

    (void)snprintf(row.key, sizeof(row.key), "%d", id);
    return row;
}

/* To be used before the row goes. */
static struct pgcw_tag
tag_of(const struct row *row)
{
    return (struct pgcw_tag){.table = "orders",
                             .key = {row->key, strlen(row->key)}};
}

/* A value is the row's version, and depends on this row. */
static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    const struct row *row = context;
    struct pgcw_tag tag = tag_of(row);
    char sql[100];

    (void)key;
    (void)error;
    (void)snprintf(sql, sizeof(sql), "SELECT version FROM orders WHERE id = %d",
                   row->id);
    int64_t version = server_number(row->connection, sql);
    return version >= 0 && pgcw_fill_add_tag(fill, &tag) == PGCW_OK
               ? pgcw_fill_set_value(
                     fill, (struct pgcw_bytes){&version, sizeof(version)})
               : PGCW_LOAD_FAILED;
}

/* The version, from the cache or by this connection; -1: failed. */
static int64_t
fetch(struct pgcw_cache *cache, PGconn *connection, int id)
{
    struct row row = row_of(connection, id);
    struct pgcw_bytes key = {row.key, strlen(row.key)};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    int64_t version = -1;

    if (pgcw_cache_fetch(cache, key,
                         (struct pgcw_loader){.load = load, .context = &row},
                         &value, NULL) == PGCW_OK) {
        memcpy(&version, value.data, sizeof(version));
    }
    pgcw_buffer_free(&value);
    return version;
}

/* From the cache only; -1: a miss. */
static int64_t
look(struct pgcw_cache *cache, int id)
{
    struct row row = row_of(NULL, id);
    struct pgcw_bytes key = {row.key, strlen(row.key)};
    struct pgcw_bytes value;
    int64_t version = -1;

    pgcw_read_begin();
    if (pgcw_cache_lookup(cache, key, &value) == PGCW_OK) {
        memcpy(&version, value.data, sizeof(version));
    }
    pgcw_read_end();
    return version;
}

/* The same in another thread. */
struct looking {
    struct pgcw_cache *cache;
    int id;
    int64_t version;
};

static void *
run_look(void *context)
{
    struct looking *looking = context;

    looking->version = look(looking->cache, looking->id);
    return NULL;
}

static int64_t
other_thread_looks(struct pgcw_cache *cache, int id)
{
    struct looking looking = {cache, id, -1};
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, run_look, &looking), 0);
    pthread_join(thread, NULL);
    return looking.version;
}

static bool
set_version(PGconn *connection, int id, int version)
{
    return server_runf(connection,
                       "UPDATE orders SET version = %d WHERE id = %d", version,
                       id);
}

/* UPDATE, and say so. */
static void
write_version(struct transaction_test *test, int id, int version)
{
    struct row row = row_of(server, id);
    struct pgcw_tag tag = tag_of(&row);

    assert_true(set_version(server, id, version));
    assert_int_equal(pgcw_transaction_wrote(test->transaction, &tag), PGCW_OK);
}

/* Rows 1 and 2 are cached, and no event arrives from now on. */
static void
fill_and_hold_events(struct transaction_test *test)
{
    assert_int_equal(fetch(test->cache, server, 1), 0);
    assert_int_equal(fetch(test->cache, server, 2), 0);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_STALL);
}

static void
let_events_come(struct transaction_test *test)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    pgcw_listener_read_stats(test->listener, &stats);
    assert_int_equal(stats.messages_heard, 0);
    assert_int_equal(pgcw_listener_read_state(test->listener),
                     PGCW_LISTENER_LIVE);
    fault_proxy_set_mode(test->proxy, FAULT_PROXY_PASS);
    assert_int_equal(pgcw_listener_sync(test->listener, PATIENCE_MS), PGCW_OK);
}

static void
begin(struct transaction_test *test)
{
    assert_int_equal(
        pgcw_transaction_begin(test->cache, &test->transaction, NULL), PGCW_OK);
    assert_true(server_run(server, "BEGIN"));
}

static void
own_write_is_read_at_once_and_by_others_after_the_commit(void **state)
{
    struct transaction_test *test = *state;

    fill_and_hold_events(test);
    begin(test);
    write_version(test, 1, 7);
    assert_int_equal(look(test->cache, 1), -1);
    assert_int_equal(fetch(test->cache, server, 1), 7);
    assert_int_equal(fetch(test->cache, server, 2), 0);
    assert_int_equal(other_thread_looks(test->cache, 1), 0);
    assert_true(server_run(server, "COMMIT"));
    assert_int_equal(other_thread_looks(test->cache, 1), 0);
    pgcw_transaction_commit(test->transaction);
    assert_int_equal(other_thread_looks(test->cache, 1), -1);
    assert_int_equal(other_thread_looks(test->cache, 2), 0);
    assert_int_equal(fetch(test->cache, server, 1), 7);
    assert_int_equal(other_thread_looks(test->cache, 1), 7);
    let_events_come(test);
    assert_int_equal(look(test->cache, 1), -1);
    assert_int_equal(fetch(test->cache, server, 1), 7);
}

static void
rollback_leaves_the_cache_as_it_was(void **state)
{
    struct transaction_test *test = *state;

    fill_and_hold_events(test);
    begin(test);
    write_version(test, 1, 7);
    assert_int_equal(fetch(test->cache, server, 1), 7);
    assert_int_equal(fetch(test->cache, server, 3), 0);
    assert_true(server_run(server, "ROLLBACK"));
    pgcw_transaction_rollback(test->transaction);
    assert_int_equal(look(test->cache, 1), 0);
    assert_int_equal(look(test->cache, 2), 0);
    assert_int_equal(look(test->cache, 3), -1);
    let_events_come(test);
    assert_int_equal(look(test->cache, 1), 0);
}

static void
follow(struct transaction_test *test, PGconn *connection)
{
    assert_int_equal(pgcw_transaction_follow(test->cache, connection,
                                             &test->transaction, NULL),
                     PGCW_OK);
}

static void
commit_of_a_followed_connection_is_seen_at_the_next_use(void **state)
{
    struct transaction_test *test = *state;

    fill_and_hold_events(test);
    follow(test, server);
    for (int version = 7; version < 9; version++) {
        int64_t before = fetch(test->cache, server, 1);

        assert_true(server_run(server, "BEGIN"));
        write_version(test, 1, version);
        assert_int_equal(fetch(test->cache, server, 1), version);
        assert_int_equal(other_thread_looks(test->cache, 1), before);
        assert_true(server_run(server, "COMMIT"));
        assert_int_equal(look(test->cache, 1), -1);
        assert_int_equal(fetch(test->cache, server, 1), version);
        assert_int_equal(other_thread_looks(test->cache, 1), version);
        assert_int_equal(other_thread_looks(test->cache, 2), 0);
    }
    let_events_come(test);
    pgcw_transaction_rollback(test->transaction);
}

static void
write_without_a_transaction_is_committed_at_once(void **state)
{
    struct transaction_test *test = *state;

    fill_and_hold_events(test);
    follow(test, server);
    write_version(test, 1, 7);
    assert_int_equal(fetch(test->cache, server, 1), 7);
    assert_int_equal(look(test->cache, 1), 7);
    let_events_come(test);
    pgcw_transaction_rollback(test->transaction);
}

static void
failed_transaction_goes_on_until_its_end(void **state)
{
    struct transaction_test *test = *state;

    fill_and_hold_events(test);
    follow(test, server);
    assert_true(server_run(server, "BEGIN"));
    write_version(test, 1, 7);
    PQclear(PQexec(server, "SELECT 1/0"));
    assert_int_equal(PQtransactionStatus(server), PQTRANS_INERROR);
    assert_int_equal(look(test->cache, 1), -1);
    assert_int_equal(other_thread_looks(test->cache, 1), 0);
    assert_true(server_run(server, "ROLLBACK"));
    assert_int_equal(fetch(test->cache, server, 1), 0);
    assert_int_equal(look(test->cache, 1), 0);
    let_events_come(test);
    pgcw_transaction_rollback(test->transaction);
}

static void
command_under_way_has_not_ended_it(void **state)
{
    struct transaction_test *test = *state;

    fill_and_hold_events(test);
    follow(test, server);
    assert_true(server_run(server, "BEGIN"));
    write_version(test, 1, 7);
    assert_int_equal(PQsendQuery(server, "COMMIT"), 1);
    assert_int_equal(look(test->cache, 1), -1);
    assert_int_equal(other_thread_looks(test->cache, 1), 0);
    PQclear(PQgetResult(server));
    assert_null(PQgetResult(server));
    assert_int_equal(look(test->cache, 1), -1);
    assert_int_equal(other_thread_looks(test->cache, 1), -1);
    let_events_come(test);
    pgcw_transaction_rollback(test->transaction);
}

static void
lost_connection_has_ended_it(void **state)
{
    struct transaction_test *test = *state;
    PGconn *own = server_connect(DATABASE);

    assert_non_null(own);
    fill_and_hold_events(test);
    follow(test, own);
    assert_true(server_run(own, "BEGIN") && set_version(own, 1, 7));
    assert_int_equal(pgcw_transaction_wrote(test->transaction, NULL), PGCW_OK);
    assert_int_equal(look(test->cache, 2), -1);
    assert_int_equal(other_thread_looks(test->cache, 2), 0);
    assert_true(server_runf(server, "SELECT pg_terminate_backend(%d)",
                            PQbackendPID(own)));
    PQclear(PQexec(own, "SELECT 1"));
    assert_int_equal(PQtransactionStatus(own), PQTRANS_UNKNOWN);
    assert_int_equal(look(test->cache, 2), -1);
    assert_int_equal(other_thread_looks(test->cache, 2), -1);
    assert_int_equal(fetch(test->cache, server, 2), 0);
    assert_int_equal(look(test->cache, 2), 0);
    let_events_come(test);
    pgcw_transaction_rollback(test->transaction);
    PQfinish(own);
}

static void
older_snapshot_is_not_stored(void **state)
{
    struct transaction_test *test = *state;
    PGconn *own = server_connect(DATABASE);

    assert_non_null(own);
    assert_int_equal(
        pgcw_transaction_begin(test->cache, &test->transaction, NULL), PGCW_OK);
    pgcw_transaction_keep_loads(test->transaction);
    assert_true(server_run(own, "BEGIN ISOLATION LEVEL REPEATABLE READ") &&
                server_number(own, "SELECT count(*) FROM orders") == 10);
    assert_true(set_version(server, 1, 7));
    assert_int_equal(pgcw_listener_sync(test->listener, PATIENCE_MS), PGCW_OK);
    assert_int_equal(fetch(test->cache, own, 1), 0);
    assert_int_equal(look(test->cache, 1), -1);
    assert_true(server_run(own, "COMMIT"));
    pgcw_transaction_commit(test->transaction);
    assert_int_equal(fetch(test->cache, server, 1), 7);
    PQfinish(own);
}

/* One writer for each row; readers of all. */
#define WRITERS 3
#define ROUNDS 200

struct shared {
    struct pgcw_cache *cache;
    /* what was committed, and is invalid for all */
    _Atomic int64_t known[WRITERS + 1];
    _Atomic bool is_over;
};

struct worker {
    struct shared *shared;
    int id;
    int failures;
};

/* Write a version within a transaction, and read it there. */
static bool
write_and_read(PGconn *own, const struct worker *worker, bool is_committed,
               int version)
{
    struct pgcw_cache *cache = worker->shared->cache;
    struct row row = row_of(own, worker->id);
    struct pgcw_tag tag = tag_of(&row);
    struct pgcw_transaction *transaction;

    if (pgcw_transaction_begin(cache, &transaction, NULL) != PGCW_OK) {
        return false;
    }
    bool is_well = server_run(own, "BEGIN") &&
                   pgcw_transaction_wrote(transaction, &tag) == PGCW_OK &&
                   set_version(own, worker->id, version) &&
                   fetch(cache, own, worker->id) == version &&
                   server_run(own, is_committed ? "COMMIT" : "ROLLBACK");
    if (is_committed) {
        pgcw_transaction_commit(transaction);
    } else {
        pgcw_transaction_rollback(transaction);
    }
    return is_well;
}

static void *
write_rows(void *context)
{
    struct worker *worker = context;
    PGconn *own = server_connect(DATABASE);

    worker->failures = own == NULL;
    for (int i = 1; i <= ROUNDS && worker->failures == 0; i++) {
        bool is_well = write_and_read(own, worker, false, UNCOMMITTED + i) &&
                       fetch(worker->shared->cache, own, worker->id) == i - 1 &&
                       write_and_read(own, worker, true, i);

        /*
         * ORDER: the commit before the version. Pairs with: read_rows().
         * Without it: a reader could know of it before.
         */
        atomic_store_explicit(&worker->shared->known[worker->id], i,
                              memory_order_release);
        is_well = is_well && fetch(worker->shared->cache, own, worker->id) == i;
        worker->failures += !is_well;
    }
    PQfinish(own);
    return NULL;
}

static bool
is_over(const struct shared *shared)
{
    /* relaxed: only ends loops */
    return atomic_load_explicit(&shared->is_over, memory_order_relaxed);
}

static void *
read_rows(void *context)
{
    struct worker *reader = context;
    struct shared *shared = reader->shared;
    PGconn *own = server_connect(DATABASE);

    reader->failures = own == NULL;
    for (int i = 0; reader->failures == 0 && !is_over(shared); i++) {
        int id = 1 + i % WRITERS;
        /*
         * ORDER: our look at the version before our fetch. Pairs with:
         * write_rows(). Without it: the fetch may miss what was committed.
         */
        int64_t known =
            atomic_load_explicit(&shared->known[id], memory_order_acquire);
        int64_t version = fetch(shared->cache, own, id);

        reader->failures += version < known || version >= UNCOMMITTED;
    }
    PQfinish(own);
    return NULL;
}

static void
P1_nobody_reads_the_uncommitted_nor_less_than_the_committed(void **state)
{
    struct transaction_test *test = *state;
    static struct shared shared;
    struct worker workers[WRITERS + 2];
    pthread_t threads[WRITERS + 2];
    int failures = 0;

    memset(&shared, 0, sizeof(shared));
    shared.cache = test->cache;
    for (int i = 0; i < WRITERS + 2; i++) {
        workers[i] = (struct worker){&shared, 1 + i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL,
                                        i < WRITERS ? write_rows : read_rows,
                                        &workers[i]),
                         0);
    }
    for (int i = 0; i < WRITERS + 2; i++) {
        if (i == WRITERS) {
            /* relaxed: only ends loops */
            atomic_store_explicit(&shared.is_over, true, memory_order_relaxed);
        }
        pthread_join(threads[i], NULL);
        failures += workers[i].failures;
    }
    assert_int_equal(failures, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(own_write_is_read_at_once_and_by_others_after_the_commit),
        TEST(rollback_leaves_the_cache_as_it_was),
        TEST(commit_of_a_followed_connection_is_seen_at_the_next_use),
        TEST(write_without_a_transaction_is_committed_at_once),
        TEST(failed_transaction_goes_on_until_its_end),
        TEST(command_under_way_has_not_ended_it),
        TEST(lost_connection_has_ended_it),
        TEST(older_snapshot_is_not_stored),
        TEST(P1_nobody_reads_the_uncommitted_nor_less_than_the_committed),
    };

    return cmocka_run_group_tests_name("transactions", tests, make_database,
                                       drop_database);
}
