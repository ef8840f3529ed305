/* SPDX-License-Identifier: MIT */
/* From a statement in PostgreSQL to the next lookup. */
#include "support/pipeline.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* Of a transaction that has an undecodable message, nothing else is known. */
static bool
is_wal(void)
{
    return server_transport() == PGCW_TRANSPORT_WAL;
}

static void
P7_own_write_is_read_after_sync(void **state)
{
    struct pipeline *pipeline = *state;

    for (int64_t version = 0; version < 200; version++) {
        for (int i = 0; i < CACHES; i++) {
            struct pgcw_cache *cache = pipeline->caches[i];

            assert_int_equal(versions_fetch(cache, server, "orders", 1),
                             version);
            assert_int_equal(versions_lookup(cache, 1), version);
        }
        assert_int_equal(versions_raise(server, "orders", 1), version + 1);
        pipeline_sync(pipeline);
        for (int i = 0; i < CACHES; i++) {
            assert_int_equal(versions_lookup(pipeline->caches[i], 1), -1);
        }
    }
}

/* One row, raised, synced and read by one thread. */
struct writer {
    struct pipeline *pipeline;
    int id;
    int rounds;
    int failures;
};

static void *
write_and_read(void *context)
{
    struct writer *writer = context;
    struct pipeline *pipeline = writer->pipeline;
    PGconn *own = server_connect(DATABASE);

    writer->failures = own == NULL;
    for (int i = 0; i < writer->rounds && writer->failures == 0; i++) {
        struct pgcw_cache *cache = pipeline->caches[i % CACHES];
        int64_t version = versions_raise(own, "orders", writer->id);
        bool is_synced =
            pgcw_listener_sync(pipeline->listener, PATIENCE_MS) == PGCW_OK;
        int64_t cached = versions_lookup(cache, writer->id);
        int64_t fetched = versions_fetch(cache, own, "orders", writer->id);

        writer->failures += !is_synced || (cached != -1 && cached < version) ||
                            fetched < version;
    }
    PQfinish(own);
    return NULL;
}

/* A version that a writer has committed and synced is known to readers. */
struct reader {
    struct pipeline *pipeline;
    _Atomic int64_t *known;
    _Atomic bool *is_over;
    int failures;
};

static bool
is_set(const _Atomic bool *flag)
{
    /* relaxed: only ends loops */
    return atomic_load_explicit(flag, memory_order_relaxed);
}

static void *
read_known(void *context)
{
    struct reader *reader = context;
    PGconn *own = server_connect(DATABASE);

    reader->failures = own == NULL;
    while (reader->failures == 0 && !is_set(reader->is_over)) {
        /*
         * ORDER: our look at the version before our fetch. Pairs with: the
         * writer's store. Without it: the fetch may miss what was synced.
         */
        int64_t known =
            atomic_load_explicit(reader->known, memory_order_acquire);
        int64_t fetched =
            versions_fetch(reader->pipeline->caches[0], own, "orders", 1);

        reader->failures += fetched < known;
    }
    PQfinish(own);
    return NULL;
}

static void
P7_threads_that_write_and_sync_read_their_own_writes(void **state)
{
    struct writer writers[4];
    pthread_t threads[4];
    int failures = 0;

    /* two of them write the same row */
    for (int i = 0; i < 4; i++) {
        writers[i] = (struct writer){*state, 1 + i / 2, 150, 0};
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_and_read, &writers[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        failures += writers[i].failures;
    }
    assert_int_equal(failures, 0);
}

static void
P1_P7_reader_never_gets_less_than_a_synced_version(void **state)
{
    struct pipeline *pipeline = *state;
    _Atomic int64_t known = 0;
    _Atomic bool is_over = false;
    struct reader readers[3];
    pthread_t threads[3];
    bool is_synced = true;
    int failures = 0;

    for (int i = 0; i < 3; i++) {
        readers[i] = (struct reader){pipeline, &known, &is_over, 0};
        assert_int_equal(
            pthread_create(&threads[i], NULL, read_known, &readers[i]), 0);
    }
    for (int i = 0; i < 500; i++) {
        int64_t version = versions_raise(server, "orders", 1);

        is_synced =
            pgcw_listener_sync(pipeline->listener, PATIENCE_MS) == PGCW_OK &&
            is_synced;
        /*
         * ORDER: the sync before the version. Pairs with: read_known().
         * Without it: see there.
         */
        atomic_store_explicit(&known, version, memory_order_release);
    }
    /* relaxed: only ends loops */
    atomic_store_explicit(&is_over, true, memory_order_relaxed);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        failures += readers[i].failures;
    }
    assert_true(is_synced);
    assert_int_equal(failures, 0);
}

static void
every_operation_of_the_python_librarys_trigger_invalidates(void **state)
{
    static const struct {
        const char *sql;
        enum pgcw_operation operation;
    } changes[] = {
        {"INSERT INTO orders VALUES (1000, 0)", PGCW_INSERT},
        {"UPDATE orders SET version = 5 WHERE id = 1", PGCW_UPDATE},
        {"DELETE FROM orders WHERE id = 1000", PGCW_DELETE},
        {"TRUNCATE orders", PGCW_TRUNCATE},
    };
    struct pipeline *pipeline = *state;
    const char *schema = is_wal() ? "public" : "";

    for (size_t i = 0; i < 4; i++) {
        struct recorded_event *event = &pipeline->events.events[i];

        assert_true(versions_put(pipeline->caches[0], 1, 7));
        assert_true(server_run(server, changes[i].sql));
        pipeline_sync(pipeline);
        assert_int_equal(versions_lookup(pipeline->caches[0], 1), -1);
        assert_int_equal(pipeline->events.count, i + 1);
        assert_int_equal(event->operation, changes[i].operation);
        assert_string_equal(event->table, "orders");
        assert_string_equal(event->schema, schema);
    }
    assert_int_equal(pipeline_stats(pipeline->listener).payloads_undecodable,
                     0);
}

static void
P3_P10_strangers_garbage_flushes_and_does_nothing_else(void **state)
{
    struct pipeline *pipeline = *state;

    assert_true(versions_put(pipeline->caches[0], 1, 7));
    assert_true(server_run(server, "SELECT tell('" CHANNEL "', t) FROM"
                                   " unnest(ARRAY['', 'x', '{}', '[]',"
                                   " repeat('[', 7999), E'{\"\\u00e9']) AS t"));
    pipeline_sync(pipeline);
    assert_int_equal(versions_lookup(pipeline->caches[0], 1), -1);
    assert_int_equal(pgcw_listener_read_state(pipeline->listener),
                     PGCW_LISTENER_LIVE);
    assert_int_equal(pipeline_stats(pipeline->listener).payloads_undecodable,
                     is_wal() ? 0 : 6);
    assert_int_equal(pipeline_stats(pipeline->listener).gaps, is_wal() ? 1 : 6);
    assert_int_equal(pipeline->events.count, 0);
    assert_int_equal(versions_fetch(pipeline->caches[0], server, "orders", 1),
                     0);
}

static void
notification_of_another_channel_changes_nothing(void **state)
{
    struct pipeline *pipeline = *state;

    assert_true(versions_put(pipeline->caches[0], 1, 7));
    assert_true(server_run(server, "SELECT tell('" CHANNEL "_2', 'x')"));
    pipeline_sync(pipeline);
    assert_int_equal(versions_lookup(pipeline->caches[0], 1), 7);
    assert_int_equal(pipeline_stats(pipeline->listener).messages_heard, 0);
}

static void *
write_sequence(void *context)
{
    PGconn *own = server_connect(DATABASE);
    bool is_done = own != NULL;

    /* the row's lock makes the order of the numbers that of the commits */
    for (int i = 0; i < 200 && is_done; i++) {
        is_done =
            server_run(own, "BEGIN; UPDATE counter SET n = n + 1;"
                            "SELECT tell('" CHANNEL "', json_build_object("
                            "'operation', 'update', 'table', n::text,"
                            " 'sent_at', now())::text) FROM counter; COMMIT");
    }
    PQfinish(own);
    *(bool *)context = is_done;
    return NULL;
}

static void
P5_events_of_several_writers_are_applied_in_commit_order(void **state)
{
    struct pipeline *pipeline = *state;
    pthread_t threads[4];
    bool is_done[4];

    assert_true(server_run(server, "DROP TABLE IF EXISTS counter;"
                                   "CREATE TABLE counter AS SELECT 0 AS n"));
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            pthread_create(&threads[i], NULL, write_sequence, &is_done[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    pipeline_sync(pipeline);
    assert_int_equal(pipeline->events.count, 800);
    for (int i = 0; i < 800; i++) {
        assert_int_equal(atoi(pipeline->events.events[i].table), i + 1);
    }
}

static void
P5_every_listener_and_every_cache_hears_every_event(void **state)
{
    struct pipeline *pipeline = *state;
    struct event_recorder others;
    struct pgcw_cache *cache = NULL;

    event_recorder_init(&others, 1000);
    struct pgcw_listener *other = pipeline_open_listener(&others, 0);
    assert_int_equal(pgcw_cache_create(other, NULL, &cache, NULL), PGCW_OK);
    for (int i = 0; i < 300; i++) {
        (void)versions_raise(server, "orders", 1 + i % 100);
    }
    pipeline_sync(pipeline);
    enum pgcw_status synced = pgcw_listener_sync(other, PATIENCE_MS);
    pgcw_cache_destroy(cache);
    pgcw_listener_close(other);
    assert_int_equal(synced, PGCW_OK);
    assert_int_equal(others.count, 300);
    assert_int_equal(pipeline->events.count, 300);
    event_recorder_fini(&others);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PIPELINE_TEST(P7_own_write_is_read_after_sync),
        PIPELINE_TEST(P7_threads_that_write_and_sync_read_their_own_writes),
        PIPELINE_TEST(P1_P7_reader_never_gets_less_than_a_synced_version),
        PIPELINE_TEST(
            every_operation_of_the_python_librarys_trigger_invalidates),
        PIPELINE_TEST(P3_P10_strangers_garbage_flushes_and_does_nothing_else),
        PIPELINE_TEST(notification_of_another_channel_changes_nothing),
        PIPELINE_TEST(P5_events_of_several_writers_are_applied_in_commit_order),
        PIPELINE_TEST(P5_every_listener_and_every_cache_hears_every_event),
    };

    return cmocka_run_group_tests_name("pipeline", tests, make_database,
                                       drop_database);
}
