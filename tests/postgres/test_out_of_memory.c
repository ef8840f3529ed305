/* SPDX-License-Identifier: MIT */
/*
 * Whichever allocation fails, in our code or in libpq: nothing crashes, and
 * what an event concerns is not served once it is known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/recorder.h"
#include "support/scarce_memory.h"
#include "support/versions.h"

#define DATABASE "pgcw_test_out_of_memory"
#include "support/own_database.h"

#define CHANNEL "ch_scarce"
#define MOST_ALLOCATIONS 5000

/*
 * Of one transaction, so that libpq reads them in one go. Memory for keys is
 * kept for the next, so each has larger ones than all before it.
 */
static bool
cause_events(void)
{
    static int round;

    round++;
    return server_runf(
        server,
        "UPDATE rows SET version = version + 1;"
        "SELECT tell('" CHANNEL "', json_build_object("
        "'operation', 'update', 'table', word, 'sent_at', now(), 'keys',"
        " ARRAY['1', repeat('2', 10 * (3 * %d + place::int))])::text)"
        " FROM unnest(ARRAY['before', 'orders', 'behind'])"
        " WITH ORDINALITY AS words (word, place)",
        round);
}

struct scene {
    struct state_recorder states;
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
};

static void
mark_listener(void *context, enum pgcw_listener_state state, const char *reason)
{
    memory_is_scarce_here(true);
    state_recorder_note(context, state, reason);
}

static void
mark_worker(void *context, const struct pgcw_event *event)
{
    (void)context;
    (void)event;
    memory_is_scarce_here(true);
}

static struct pgcw_listener_options
options_of(struct scene *scene)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    options.channel = CHANNEL;
    options.transport = server_transport();
    options.worker_count = 1;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.reconnect_min_ms = 1;
    options.reconnect_max_ms = 10;
    options.on_state = state_recorder_note;
    options.on_state_context = &scene->states;
    return options;
}

static struct pgcw_cache *
create_cache_of_orders(struct pgcw_listener *listener)
{
    const struct pgcw_table orders = {NULL, "orders"};
    struct pgcw_greedy_options greedy = PGCW_GREEDY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    greedy.filter.tables = &orders;
    greedy.filter.table_count = 1;
    assert_int_equal(pgcw_greedy_create(&greedy, &options.strategy, NULL),
                     PGCW_OK);
    assert_int_equal(pgcw_cache_create(listener, &options, &cache, NULL),
                     PGCW_OK);
    return cache;
}

static void
open_scene(struct scene *scene, const struct pgcw_listener_options *options)
{
    struct pgcw_error error = {.status = PGCW_OK};

    if (pgcw_listener_open(options, &scene->listener, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
    scene->cache = create_cache_of_orders(scene->listener);
}

static void
close_scene(struct scene *scene)
{
    pgcw_cache_destroy(scene->cache);
    pgcw_listener_close(scene->listener);
    scene->cache = NULL;
    scene->listener = NULL;
}

static void
forget_states(struct state_recorder *states)
{
    state_recorder_fini(states);
    state_recorder_init(states);
}

static int
set_up(void **state)
{
    static struct scene scene;

    scene = (struct scene){.listener = NULL};
    state_recorder_init(&scene.states);
    *state = &scene;
    return 0;
}

static int
tear_down(void **state)
{
    struct scene *scene = *state;

    memory_fail_nth(0);
    close_scene(scene);
    state_recorder_fini(&scene->states);
    return await_library_threads(0) == 0 ? 0 : -1;
}

/* The listener may have to connect again; a put before that is refused. */
static void
store_an_order(struct scene *scene)
{
    do {
        assert_int_equal(pgcw_listener_sync(scene->listener, PATIENCE_MS),
                         PGCW_OK);
    } while (!versions_put(scene->cache, 1, 7) ||
             versions_lookup(scene->cache, 1) != 7);
}

/* Each allocation on the way of the events fails once; the number of them. */
static long
sweep_events(struct scene *scene)
{
    for (long nth = 1; nth <= MOST_ALLOCATIONS; nth++) {
        store_an_order(scene);
        memory_fail_nth(nth);
        assert_true(cause_events());
        assert_int_equal(pgcw_listener_sync(scene->listener, PATIENCE_MS),
                         PGCW_OK);
        assert_int_equal(versions_lookup(scene->cache, 1), -1);
        if (!memory_has_failed()) {
            return nth - 1;
        }
    }
    fail_msg("more than %d allocations", MOST_ALLOCATIONS);
    return 0;
}

static void
P3_no_event_is_lost_when_the_listener_has_no_memory(void **state)
{
    struct scene *scene = *state;
    struct pgcw_listener_options options = options_of(scene);

    options.on_state = mark_listener;
    open_scene(scene, &options);
    long count = sweep_events(scene);
    print_message("%ld allocations\n", count);
    assert_in_range(count, 3 * 3, MOST_ALLOCATIONS);
}

static void
P3_no_event_is_lost_when_a_worker_has_no_memory(void **state)
{
    struct scene *scene = *state;
    struct pgcw_listener_options options = options_of(scene);

    options.on_event = mark_worker;
    open_scene(scene, &options);
    assert_true(cause_events());
    assert_int_equal(pgcw_listener_sync(scene->listener, PATIENCE_MS), PGCW_OK);
    long count = sweep_events(scene);
    print_message("%ld allocations\n", count);
    /* the keys of each, but those of the WAL the listener has read */
    assert_in_range(count, server_transport() == PGCW_TRANSPORT_WAL ? 0 : 3,
                    MOST_ALLOCATIONS);
}

/* Each allocation until the first LIVE, one for each attempt to open. */
static void
P8_listener_becomes_live_whatever_fails_meanwhile(void **state)
{
    struct scene *scene = *state;
    struct pgcw_listener_options options = options_of(scene);
    bool has_failed = true;
    long nth;

    options.on_state = mark_listener;
    options.open_in_background = 1;
    for (nth = 1; nth <= MOST_ALLOCATIONS && has_failed; nth++) {
        size_t seen = state_recorder_count(&scene->states);

        memory_fail_nth(nth);
        open_scene(scene, &options);
        assert_true(state_recorder_wait(&scene->states, PGCW_LISTENER_LIVE,
                                        seen, PATIENCE_MS) > 0);
        has_failed = memory_has_failed();
        memory_fail_nth(0);
        store_an_order(scene);
        assert_true(cause_events());
        assert_int_equal(pgcw_listener_sync(scene->listener, PATIENCE_MS),
                         PGCW_OK);
        assert_int_equal(versions_lookup(scene->cache, 1), -1);
        close_scene(scene);
        forget_states(&scene->states);
    }
    print_message("%ld allocations\n", nth - 2);
    assert_in_range(nth, 60, MOST_ALLOCATIONS);
}

/* A life of a listener and a cache; whether all of it could be done. */
static bool
live(struct scene *scene, const struct pgcw_listener_options *options)
{
    struct pgcw_error error = {.status = PGCW_OK};
    enum pgcw_status status =
        pgcw_listener_open(options, &scene->listener, &error);

    if (status == PGCW_OK) {
        status = pgcw_cache_create(scene->listener, NULL, &scene->cache, NULL);
    }
    if (status == PGCW_OK) {
        status = pgcw_listener_sync(scene->listener, PATIENCE_MS);
    }
    bool is_done = status == PGCW_OK && versions_put(scene->cache, 1, 7) &&
                   versions_lookup(scene->cache, 1) == 7;
    assert_true(is_done || status == PGCW_OK || status == PGCW_NO_MEMORY);
    close_scene(scene);
    return is_done;
}

static void
P3_application_is_told_that_there_is_no_memory(void **state)
{
    struct scene *scene = *state;
    struct pgcw_listener_options options = options_of(scene);
    long failed_count = 0;
    long nth = 0;

    do {
        memory_fail_nth(++nth);
        memory_is_scarce_here(true);
        failed_count += live(scene, &options) ? 0 : 1;
        memory_is_scarce_here(false);
    } while (memory_has_failed() && nth < MOST_ALLOCATIONS);
    print_message("%ld allocations, %ld of them told\n", nth - 1, failed_count);
    assert_in_range(nth, 10, MOST_ALLOCATIONS);
    assert_in_range(failed_count, 8, nth);
}

static int
make_rows(void **state)
{
    return make_database(state) == 0 &&
                   server_make_table(server, "rows", 3, CHANNEL)
               ? 0
               : -1;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(P3_no_event_is_lost_when_the_listener_has_no_memory),
        TEST(P3_no_event_is_lost_when_a_worker_has_no_memory),
        TEST(P3_application_is_told_that_there_is_no_memory),
        TEST(P8_listener_becomes_live_whatever_fails_meanwhile),
    };

    return cmocka_run_group_tests(tests, make_rows, drop_database);
}
