/* SPDX-License-Identifier: MIT */
/* From a COMMIT to what a subscriber takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/door.h"
#include "support/fault_proxy.h"
#include "support/recorder.h"

#define DATABASE "pgcw_test_subscription"
#include "support/own_database.h"

#define CHANNEL "ch_subscription"
#define BIG_COUNT 100000

#define NOTIFY(table)                                                \
    "pg_notify('" CHANNEL "', json_build_object('operation',"        \
    " 'update', 'table', " table ", 'sent_at', clock_timestamp())::" \
    "text)"

static struct state_recorder states;

static int
set_up(void **state)
{
    (void)state;
    state_recorder_init(&states);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    state_recorder_fini(&states);
    return 0;
}

static struct pgcw_listener_options
plain_options(void)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    options.channel = CHANNEL;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.on_state = state_recorder_note;
    options.on_state_context = &states;
    return options;
}

static struct pgcw_listener *
open_listener(const struct pgcw_listener_options *options)
{
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    if (pgcw_listener_open(options, &listener, &error) != PGCW_OK) {
        fail_msg("%s", error.detail);
    }
    return listener;
}

static struct pgcw_listener *
open_plain(void)
{
    struct pgcw_listener_options options = plain_options();

    return open_listener(&options);
}

static struct pgcw_subscription *
subscribe(struct pgcw_listener *listener, uint64_t capacity)
{
    struct pgcw_subscription_options options = PGCW_SUBSCRIPTION_OPTIONS_INIT;
    struct pgcw_subscription *subscription = NULL;

    options.capacity = capacity;
    assert_int_equal(
        pgcw_subscription_open(listener, &options, &subscription, NULL),
        PGCW_OK);
    return subscription;
}

/* Of an event its table's number, of a mark -reasons, of nothing 0. */
static int
take(struct pgcw_subscription *subscription, uint32_t timeout_ms)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    if (pgcw_subscription_next(subscription, timeout_ms, &item) != PGCW_OK) {
        return 0;
    }
    return item.kind == PGCW_ITEM_EVENT ? atoi(item.event->table)
                                        : -(int)item.gap_reasons;
}

static void
emit(int number)
{
    assert_true(server_runf(server, "SELECT " NOTIFY("'%d'"), number));
}

static void
emit_many(int count)
{
    assert_true(server_runf(
        server, "SELECT " NOTIFY("i::text") " FROM generate_series(1, %d) AS i",
        count));
}

static void
sync_with(struct pgcw_listener *listener)
{
    assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
}

static struct pgcw_listener_stats
stats_of(struct pgcw_listener *listener)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    pgcw_listener_read_stats(listener, &stats);
    return stats;
}

static void
P7_all_that_was_committed_before_a_sync_waits(void **state)
{
    struct pgcw_listener *listener = open_plain();
    struct pgcw_subscription *subscription = subscribe(listener, 0);

    (void)state;
    for (int i = 1; i <= 200; i++) {
        emit(i);
        sync_with(listener);
        assert_int_equal(take(subscription, 0), i);
        assert_int_equal(take(subscription, 0), 0);
    }
    pgcw_subscription_close(subscription);
    pgcw_listener_close(listener);
}

static void *
write_sequence(void *context)
{
    PGconn *own = server_connect(DATABASE);
    bool is_done = own != NULL;

    /* the row's lock makes the order of the numbers that of the commits */
    for (int i = 0; i < 200 && is_done; i++) {
        is_done = server_run(own, "BEGIN; UPDATE counter SET n = n + 1;"
                                  "SELECT " NOTIFY("n::text") " FROM counter;"
                                                              "COMMIT");
    }
    PQfinish(own);
    *(bool *)context = is_done;
    return NULL;
}

struct subscriber {
    struct pgcw_subscription *subscription;
    bool is_polling;
    int taken_count;
};

/* 1 … 800, without a mark. */
static void *
take_sequence(void *context)
{
    struct subscriber *subscriber = context;
    struct pollfd fd = {
        .fd = pgcw_subscription_fd(subscriber->subscription),
        .events = POLLIN,
    };
    bool is_well = true;

    while (is_well && subscriber->taken_count < 800) {
        bool is_ready =
            !subscriber->is_polling || poll(&fd, 1, PATIENCE_MS) == 1;

        is_well = is_ready && take(subscriber->subscription,
                                   subscriber->is_polling ? 0 : PATIENCE_MS) ==
                                  subscriber->taken_count + 1;
        subscriber->taken_count += is_well;
    }
    return NULL;
}

static void
P5_subscribers_take_all_of_several_writers_in_commit_order(void **state)
{
    struct pgcw_listener *listener = open_plain();
    struct subscriber subscribers[2];
    pthread_t takers[2];
    pthread_t writers[4];
    bool is_done[4];

    (void)state;
    assert_true(server_run(server, "DROP TABLE IF EXISTS counter;"
                                   "CREATE TABLE counter AS SELECT 0 AS n"));
    struct pgcw_subscription *slow = subscribe(listener, 16);
    for (int i = 0; i < 2; i++) {
        subscribers[i] = (struct subscriber){subscribe(listener, 0), i == 1, 0};
        assert_int_equal(
            pthread_create(&takers[i], NULL, take_sequence, &subscribers[i]),
            0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(
            pthread_create(&writers[i], NULL, write_sequence, &is_done[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(writers[i], NULL);
        assert_true(is_done[i]);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(takers[i], NULL);
        assert_int_equal(subscribers[i].taken_count, 800);
        assert_int_equal(take(subscribers[i].subscription, 0), 0);
        pgcw_subscription_close(subscribers[i].subscription);
    }
    sync_with(listener);
    for (int i = 1; i <= 16; i++) {
        assert_int_equal(take(slow, 0), i);
    }
    assert_int_equal(take(slow, 0), -PGCW_GAP_OVERFLOW);
    emit(801);
    assert_int_equal(take(slow, PATIENCE_MS), 801);
    assert_int_equal(take(slow, 0), 0);
    pgcw_subscription_close(slow);
    pgcw_listener_close(listener);
}

static void
P8_P9_full_subscription_delays_neither_socket_nor_others(void **state)
{
    struct pgcw_listener_options options = plain_options();

    (void)state;
    options.ring_capacity = 1u << 18;
    struct pgcw_listener *listener = open_listener(&options);
    struct pgcw_subscription *small = subscribe(listener, 100);
    struct pgcw_subscription *large = subscribe(listener, BIG_COUNT);
    emit_many(BIG_COUNT);
    sync_with(listener);
    assert_int_equal(stats_of(listener).messages_dropped, 0);
    assert_int_equal(stats_of(listener).events_applied, BIG_COUNT);
    assert_int_equal(
        server_number(server,
                      "SELECT ceil(1e6 * pg_notification_queue_usage())"),
        0);
    for (int i = 1; i <= BIG_COUNT; i++) {
        assert_int_equal(take(large, 0), i);
    }
    assert_int_equal(take(large, 0), 0);
    for (int i = 1; i <= 100; i++) {
        assert_int_equal(take(small, 0), i);
    }
    assert_int_equal(take(small, 0), -PGCW_GAP_OVERFLOW);
    assert_int_equal(take(small, 0), 0);
    pgcw_subscription_close(large);
    pgcw_subscription_close(small);
    pgcw_listener_close(listener);
}

/* Each number that is missing has a mark in its place, and only there. */
static void
assert_marks_stand_where_numbers_are_missing(
    struct pgcw_subscription *subscription, int count)
{
    int last = 0;
    int number;

    while ((number = take(subscription, 0)) != 0) {
        bool is_marked = number < 0;

        if (is_marked) {
            assert_int_equal(number, -PGCW_GAP_DROPPED);
            assert_int_not_equal(last, count);
            number = take(subscription, 0);
            if (number == 0) {
                return;
            }
        }
        assert_int_equal(is_marked, number > last + 1);
        assert_true(number > last);
        last = number;
    }
    assert_int_equal(last, count);
}

/* With it, all go through the ring. */
static void
ignore(void *context, const struct pgcw_event *event)
{
    (void)context;
    (void)event;
}

static void
P3_each_message_that_the_ring_dropped_has_its_mark(void **state)
{
    struct pgcw_listener_options options = plain_options();

    (void)state;
    options.ring_capacity = 4;
    options.on_event = ignore;
    struct pgcw_listener *listener = open_listener(&options);
    struct pgcw_subscription *subscription = subscribe(listener, 4000);
    for (int i = 0; i < 20; i++) {
        emit_many(3000);
        sync_with(listener);
        assert_marks_stand_where_numbers_are_missing(subscription, 3000);
    }
    assert_true(stats_of(listener).messages_dropped > 0);
    pgcw_subscription_close(subscription);
    pgcw_listener_close(listener);
}

static enum pgcw_decision
decide_at_door(void *context, const struct pgcw_event *event)
{
    (void)event;
    door_pass(context);
    return PGCW_KEEP;
}

static struct pgcw_cache *
create_cache_at_door(struct pgcw_listener *listener, struct door *door)
{
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    callbacks.decide = decide_at_door;
    callbacks.context = door;
    assert_int_equal(pgcw_strategy_create(&callbacks, &options.strategy, NULL),
                     PGCW_OK);
    assert_int_equal(pgcw_cache_create(listener, &options, &cache, NULL),
                     PGCW_OK);
    return cache;
}

static void
P3_mark_of_a_drop_comes_also_if_nothing_follows(void **state)
{
    struct pgcw_listener_options options = plain_options();
    struct door door;
    static const int expected[] = {9, 1, 2, 3, -PGCW_GAP_DROPPED};
    int taken[5];

    (void)state;
    door_init(&door);
    options.worker_count = 1;
    options.ring_capacity = 4;
    options.heartbeat_interval_ms = 1000 * PATIENCE_MS; /* no fence helps */
    struct pgcw_listener *listener = open_listener(&options);
    struct pgcw_cache *cache = create_cache_at_door(listener, &door);
    struct pgcw_subscription *subscription = subscribe(listener, 0);
    sync_with(listener); /* the ring is empty */
    emit(9);
    bool is_stuck = door_wait_for_arrivals(&door, 1);
    emit_many(20); /* three find room in the ring */
    while (stats_of(listener).messages_heard < 21) {
        (void)poll(NULL, 0, 1);
    }
    int early = take(subscription, 0);
    door_open(&door);
    for (int i = 0; i < 5; i++) {
        taken[i] = take(subscription, PATIENCE_MS);
    }
    pgcw_subscription_close(subscription);
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    door_fini(&door);
    assert_true(is_stuck);
    assert_int_equal(early, 0);
    assert_memory_equal(taken, expected, sizeof(expected));
}

static void
P3_undecodable_payload_leaves_a_mark_in_its_place(void **state)
{
    struct pgcw_listener *listener = open_plain();
    struct pgcw_subscription *subscription = subscribe(listener, 0);

    (void)state;
    emit(1);
    assert_true(server_run(server, "SELECT pg_notify('" CHANNEL "', 'x')"));
    emit(2);
    sync_with(listener);
    assert_int_equal(take(subscription, 0), 1);
    assert_int_equal(take(subscription, 0), -PGCW_GAP_UNDECODABLE);
    assert_int_equal(take(subscription, 0), 2);
    assert_int_equal(take(subscription, 0), 0);
    pgcw_subscription_close(subscription);
    pgcw_listener_close(listener);
}

static void
P3_lost_connection_leaves_a_mark_before_what_comes_then(void **state)
{
    struct pgcw_listener *listener = open_plain();
    struct pgcw_subscription *subscription = subscribe(listener, 0);
    size_t live = state_recorder_wait(&states, PGCW_LISTENER_LIVE, 0, 1);

    (void)state;
    for (int i = 0; i < 3; i++) {
        emit(1);
        assert_int_equal(take(subscription, PATIENCE_MS), 1);
        assert_int_equal(server_end_listeners(server), 1);
        emit(2); /* may be missing */
        live =
            state_recorder_wait(&states, PGCW_LISTENER_LIVE, live, PATIENCE_MS);
        assert_int_not_equal(live, 0);
        /* also if nothing follows */
        int number = take(subscription, PATIENCE_MS);
        if (number == 2) { /* the backend was slower than we */
            number = take(subscription, PATIENCE_MS);
        }
        assert_int_equal(number, -PGCW_GAP_CONNECTION);
        emit(3);
        sync_with(listener);
        number = take(subscription, 0);
        if (number == 2) { /* the backend was faster than we */
            number = take(subscription, 0);
        }
        assert_int_equal(number, 3);
        assert_int_equal(take(subscription, 0), 0);
    }
    pgcw_subscription_close(subscription);
    pgcw_listener_close(listener);
}

static void
P2_doubt_that_heals_leaves_a_mark(void **state)
{
    struct fault_proxy *proxy = fault_proxy_start(FAULT_PROXY_PASS);
    struct pgcw_listener_options options = plain_options();

    (void)state;
    assert_non_null(proxy);
    options.dsn = fault_proxy_dsn(proxy);
    options.heartbeat_interval_ms = 100;
    options.heartbeat_timeout_ms = 4000;
    struct pgcw_listener *listener = open_listener(&options);
    struct pgcw_subscription *subscription = subscribe(listener, 0);
    sync_with(listener);
    emit(1);
    assert_int_equal(take(subscription, PATIENCE_MS), 1);
    fault_proxy_set_mode(proxy, FAULT_PROXY_STALL);
    emit(2);
    size_t doubt =
        state_recorder_wait(&states, PGCW_LISTENER_DOUBT, 0, PATIENCE_MS);
    assert_int_not_equal(doubt, 0);
    fault_proxy_set_mode(proxy, FAULT_PROXY_PASS);
    assert_int_equal(take(subscription, PATIENCE_MS), -PGCW_GAP_CONNECTION);
    assert_int_equal(take(subscription, PATIENCE_MS), 2);
    /* the same connection, not a new one */
    assert_int_equal(
        state_recorder_wait(&states, PGCW_LISTENER_LIVE, doubt, PATIENCE_MS),
        doubt + 1);
    sync_with(listener);
    assert_int_equal(take(subscription, 0), 0);
    pgcw_subscription_close(subscription);
    pgcw_listener_close(listener);
    fault_proxy_stop(proxy);
}

static void
wait_at_door(void *context, enum pgcw_listener_state state, const char *reason)
{
    (void)state;
    (void)reason;
    door_pass(context);
}

static void
subscription_opened_before_live_begins_with_a_mark(void **state)
{
    struct pgcw_listener_options options = plain_options();
    struct door door;

    (void)state;
    door_init(&door);
    options.open_in_background = 1;
    options.on_state = wait_at_door;
    options.on_state_context = &door;
    struct pgcw_listener *listener = open_listener(&options);
    struct pgcw_subscription *subscription = subscribe(listener, 0);
    door_open(&door);
    assert_int_equal(take(subscription, PATIENCE_MS), -PGCW_GAP_CONNECTION);
    emit(1);
    assert_int_equal(take(subscription, PATIENCE_MS), 1);
    pgcw_subscription_close(subscription);
    pgcw_listener_close(listener);
    door_fini(&door);
}

static void
subscription_opened_when_live_begins_without_a_mark(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct pgcw_listener *listener = open_plain();
        struct pgcw_subscription *subscription = subscribe(listener, 0);

        sync_with(listener);
        int first = take(subscription, 0);
        pgcw_subscription_close(subscription);
        pgcw_listener_close(listener);
        assert_int_equal(first, 0);
    }
}

struct line {
    pthread_mutex_t lock;
    char text[512];
    int count;
};

static void
note_line(void *context, enum pgcw_log_level level, const char *text)
{
    struct line *line = context;

    (void)level;
    pthread_mutex_lock(&line->lock);
    (void)snprintf(line->text, sizeof(line->text), "%s", text);
    line->count++;
    pthread_mutex_unlock(&line->lock);
}

static void
late_events_are_counted_told_once_and_delivered(void **state)
{
    struct pgcw_listener_options options = plain_options();
    struct line line = {.lock = PTHREAD_MUTEX_INITIALIZER};

    (void)state;
    options.max_latency_ms = 3600000;
    options.log = note_line;
    options.log_context = &line;
    struct pgcw_listener *listener = open_listener(&options);
    struct pgcw_subscription *subscription = subscribe(listener, 0);
    assert_true(server_run(
        server, "SELECT pg_notify('" CHANNEL "', json_build_object("
                "'operation', 'update', 'schema', 'public', 'table', i::text,"
                " 'sent_at', now() - i * interval '30 min')::text)"
                " FROM generate_series(1, 4) AS i"));
    sync_with(listener);
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(take(subscription, 0), i);
    }
    uint64_t late_count = stats_of(listener).events_late;
    pgcw_subscription_close(subscription);
    pgcw_listener_close(listener);
    /* the second took an hour and a few milliseconds */
    assert_int_equal(late_count, 3);
    assert_int_equal(line.count, 1);
    assert_non_null(strstr(line.text, "\"public.2\""));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(P7_all_that_was_committed_before_a_sync_waits),
        TEST(P5_subscribers_take_all_of_several_writers_in_commit_order),
        TEST(P8_P9_full_subscription_delays_neither_socket_nor_others),
        TEST(P3_each_message_that_the_ring_dropped_has_its_mark),
        TEST(P3_mark_of_a_drop_comes_also_if_nothing_follows),
        TEST(P3_undecodable_payload_leaves_a_mark_in_its_place),
        TEST(P3_lost_connection_leaves_a_mark_before_what_comes_then),
        TEST(P2_doubt_that_heals_leaves_a_mark),
        TEST(subscription_opened_before_live_begins_with_a_mark),
        TEST(subscription_opened_when_live_begins_without_a_mark),
        TEST(late_events_are_counted_told_once_and_delivered),
    };

    return cmocka_run_group_tests_name("subscription", tests, make_database,
                                       drop_database);
}
