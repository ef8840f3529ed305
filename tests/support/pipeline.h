/* SPDX-License-Identifier: MIT */
/*
 * A listener with three caches on a table with the Python library's trigger.
 *
 * Everything asserts that it works: for the test's own thread only.
 */
#ifndef TESTS_SUPPORT_PIPELINE_H
#define TESTS_SUPPORT_PIPELINE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/door.h"
#include "support/recorder.h"
#include "support/versions.h"

#define DATABASE "pgcw_test_pipeline"
#include "support/own_database.h"

#define CHANNEL "ch_pipeline"
#define CACHES 3
#define BIG_COUNT 100000

struct pipeline {
    struct event_recorder events;
    struct pgcw_listener *listener;
    struct pgcw_cache *caches[CACHES];
};

static inline struct pgcw_listener *
pipeline_open_listener(struct event_recorder *events, uint32_t ring_capacity)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    options.channel = CHANNEL;
    options.transport = server_transport();
    options.worker_count = 4;
    options.ring_capacity = ring_capacity;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.on_event = event_recorder_note;
    options.on_event_context = events;
    if (pgcw_listener_open(&options, &listener, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
    return listener;
}

static inline int
pipeline_set_up(void **state)
{
    static struct pipeline pipeline;

    if (!server_make_table(server, "orders", 100, CHANNEL)) {
        return -1;
    }
    event_recorder_init(&pipeline.events, BIG_COUNT + 10);
    pipeline.listener = pipeline_open_listener(&pipeline.events, 1u << 18);
    for (int i = 0; i < CACHES; i++) {
        assert_int_equal(pgcw_cache_create(pipeline.listener, NULL,
                                           &pipeline.caches[i], NULL),
                         PGCW_OK);
    }
    *state = &pipeline;
    return 0;
}

static inline int
pipeline_tear_down(void **state)
{
    struct pipeline *pipeline = *state;

    for (int i = 0; i < CACHES; i++) {
        pgcw_cache_destroy(pipeline->caches[i]);
    }
    pgcw_listener_close(pipeline->listener);
    event_recorder_fini(&pipeline->events);
    return await_library_threads(0) == 0 ? 0 : -1;
}

static inline void
pipeline_sync(struct pipeline *pipeline)
{
    assert_int_equal(pgcw_listener_sync(pipeline->listener, PATIENCE_MS),
                     PGCW_OK);
}

static inline struct pgcw_listener_stats
pipeline_stats(struct pgcw_listener *listener)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    pgcw_listener_read_stats(listener, &stats);
    return stats;
}

#define PIPELINE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, pipeline_set_up, pipeline_tear_down)

#endif
