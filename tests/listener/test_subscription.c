/* SPDX-License-Identifier: MIT */
/* What is delivered in the turns is what each subscriber takes. */
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
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "listener/listener.h"
#include "support/bare_listener.h"
#include "support/door.h"

/* A pool without a worker: the tests take the turns. */
static struct pgcw_listener listener;

static int
set_up(void **state)
{
    (void)state;
    bare_listener_init(&listener);
    struct pgcwi_worker_pool_options options =
        bare_listener_pool_options(&listener, 0, 64);
    return pgcwi_worker_pool_start(&options, &listener.pool, NULL) == PGCW_OK
               ? 0
               : -1;
}

static int
tear_down(void **state)
{
    (void)state;
    while (listener.subscriptions.first != NULL) { /* of a test that failed */
        pgcw_subscription_close(listener.subscriptions.first);
    }
    bare_listener_fini(&listener);
    return 0;
}

static struct pgcw_subscription *
subscribe(uint64_t capacity)
{
    struct pgcw_subscription_options options = PGCW_SUBSCRIPTION_OPTIONS_INIT;
    struct pgcw_subscription *subscription = NULL;

    options.capacity = capacity;
    assert_int_equal(
        pgcw_subscription_open(&listener, &options, &subscription, NULL),
        PGCW_OK);
    return subscription;
}

static void
deliver(uint64_t number)
{
    char table[16];
    struct pgcw_event event = {
        .operation = PGCW_UPDATE,
        .number = number,
        .channel = "channel",
        .schema = "public",
        .table = table,
        .sent_at_us = 5,
        .received_at_us = 7,
    };

    (void)snprintf(table, sizeof(table), "t%d", (int)number);
    pgcwi_subscriptions_deliver(&listener.subscriptions, &event);
}

static void
deliver_all(uint64_t first, uint64_t last)
{
    for (uint64_t number = first; number <= last; number++) {
        deliver(number);
    }
}

static void
mark(enum pgcw_gap_reason reason)
{
    pgcwi_subscriptions_mark(&listener.subscriptions, UINT64_MAX, reason);
}

static void
assert_takes_event(struct pgcw_subscription *subscription, uint64_t number)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    assert_int_equal(pgcw_subscription_next(subscription, 0, &item), PGCW_OK);
    assert_int_equal(item.kind, PGCW_ITEM_EVENT);
    assert_int_equal(item.gap_reasons, 0);
    assert_int_equal(item.event->number, number);
}

static void
assert_takes_events(struct pgcw_subscription *subscription, uint64_t first,
                    uint64_t last)
{
    for (uint64_t number = first; number <= last; number++) {
        assert_takes_event(subscription, number);
    }
}

static void
assert_takes_gap(struct pgcw_subscription *subscription, uint32_t reasons)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    assert_int_equal(pgcw_subscription_next(subscription, 0, &item), PGCW_OK);
    assert_int_equal(item.kind, PGCW_ITEM_GAP);
    assert_int_equal(item.gap_reasons, reasons);
    assert_null(item.event);
}

static void
assert_takes_nothing(struct pgcw_subscription *subscription)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    assert_int_equal(pgcw_subscription_next(subscription, 0, &item),
                     PGCW_TIMEOUT);
    assert_int_equal(item.kind, 0);
}

static bool
is_readable(const struct pgcw_subscription *subscription)
{
    struct pollfd fd = {
        .fd = pgcw_subscription_fd(subscription),
        .events = POLLIN,
    };

    return poll(&fd, 1, 0) == 1;
}

static void
P5_each_subscriber_takes_every_event_in_order(void **state)
{
    struct pgcw_subscription *subscriptions[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        subscriptions[i] = subscribe(0);
    }
    deliver_all(1, 1000);
    assert_takes_events(subscriptions[1], 1, 500);
    deliver_all(1001, 1024);
    assert_takes_events(subscriptions[1], 501, 1024);
    assert_takes_events(subscriptions[0], 1, 1024);
    assert_takes_events(subscriptions[2], 1, 1024);
    for (int i = 0; i < 3; i++) {
        assert_takes_nothing(subscriptions[i]);
        pgcw_subscription_close(subscriptions[i]);
    }
}

static void
event_is_whole_and_valid_until_the_next_call(void **state)
{
    struct pgcw_subscription *subscription = subscribe(1);
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;
    char name[64];
    struct pgcw_bytes keys[] = {{"1", 1}, {"22", 2}};

    (void)state;
    memset(name, 'n', 63);
    name[63] = '\0';
    struct pgcw_event event = {PGCW_DELETE, 9, "channel", "", name,
                               -5,          7, keys,      2};
    pgcwi_subscriptions_deliver(&listener.subscriptions, &event);
    assert_int_equal(pgcw_subscription_next(subscription, 0, &item), PGCW_OK);
    deliver(10); /* into the same slot */
    assert_int_equal(item.event->operation, PGCW_DELETE);
    assert_int_equal(item.event->number, 9);
    assert_string_equal(item.event->channel, "channel");
    assert_string_equal(item.event->schema, "");
    assert_string_equal(item.event->table, name);
    assert_int_equal(item.event->sent_at_us, -5);
    assert_int_equal(item.event->received_at_us, 7);
    assert_int_equal(item.event->key_count, 2);
    assert_string_equal(item.event->keys[1].data, "22");
    assert_takes_event(subscription, 10);
    /* one that is not taken is freed with its keys */
    event.number = 11;
    pgcwi_subscriptions_deliver(&listener.subscriptions, &event);
    pgcw_subscription_close(subscription);
}

static void
event_whose_keys_find_no_memory_is_one_of_any_row(void **state)
{
    struct pgcw_subscription *subscription = subscribe(1);
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;
    struct pgcw_bytes key = {"1", 1};
    struct pgcw_event event = {PGCW_DELETE, 9, "channel", "", "t",
                               -5,          7, &key,      1};

    (void)state;
    pgcwi_alloc_fail_nth(1);
    pgcwi_subscriptions_deliver(&listener.subscriptions, &event);
    pgcwi_alloc_fail_nth(0);
    assert_int_equal(pgcw_subscription_next(subscription, 0, &item), PGCW_OK);
    assert_int_equal(item.event->key_count, 0);
    pgcw_subscription_close(subscription);
}

static void
P9_overflow_gives_one_mark_where_events_are_missing(void **state)
{
    struct pgcw_subscription *subscription = subscribe(4);

    (void)state;
    deliver_all(1, 10);
    assert_takes_events(subscription, 1, 4);
    assert_takes_gap(subscription, PGCW_GAP_OVERFLOW);
    assert_takes_nothing(subscription);
    deliver_all(11, 14);
    assert_takes_events(subscription, 11, 14);
    assert_takes_nothing(subscription);
    pgcw_subscription_close(subscription);
}

static void
P9_mark_of_an_overflow_stands_before_what_is_taken_again(void **state)
{
    struct pgcw_subscription *subscription = subscribe(4);

    (void)state;
    deliver_all(1, 6);
    assert_takes_events(subscription, 1, 2);
    deliver_all(7, 9); /* 7 and 8 find room */
    assert_takes_events(subscription, 3, 4);
    assert_takes_gap(subscription, PGCW_GAP_OVERFLOW);
    assert_takes_events(subscription, 7, 8);
    assert_takes_gap(subscription, PGCW_GAP_OVERFLOW);
    assert_takes_nothing(subscription);
    pgcw_subscription_close(subscription);
}

static void
slow_subscriber_does_not_concern_another(void **state)
{
    struct pgcw_subscription *before = subscribe(1000);
    struct pgcw_subscription *slow = subscribe(1);
    struct pgcw_subscription *after = subscribe(1000);

    (void)state;
    deliver_all(1, 1000);
    assert_takes_events(before, 1, 1000);
    assert_takes_events(after, 1, 1000);
    assert_takes_nothing(before);
    assert_takes_nothing(after);
    assert_takes_event(slow, 1);
    assert_takes_gap(slow, PGCW_GAP_OVERFLOW);
    assert_takes_nothing(slow);
    pgcw_subscription_close(slow);
    pgcw_subscription_close(after);
    pgcw_subscription_close(before);
}

static void
losses_without_an_event_between_are_one_mark(void **state)
{
    struct pgcw_subscription *subscription = subscribe(2);

    (void)state;
    mark(PGCW_GAP_DROPPED);
    mark(PGCW_GAP_CONNECTION);
    mark(PGCW_GAP_DROPPED);
    deliver(1);
    mark(PGCW_GAP_UNDECODABLE);
    deliver_all(2, 3);
    mark(PGCW_GAP_CONNECTION);
    assert_takes_gap(subscription, PGCW_GAP_DROPPED | PGCW_GAP_CONNECTION);
    assert_takes_event(subscription, 1);
    assert_takes_gap(subscription, PGCW_GAP_UNDECODABLE);
    assert_takes_event(subscription, 2);
    assert_takes_gap(subscription, PGCW_GAP_OVERFLOW | PGCW_GAP_CONNECTION);
    assert_takes_nothing(subscription);
    pgcw_subscription_close(subscription);
}

static void
descriptor_is_readable_exactly_while_an_item_waits(void **state)
{
    struct pgcw_subscription *subscription = subscribe(4);

    (void)state;
    assert_false(is_readable(subscription));
    assert_takes_nothing(subscription);
    for (int round = 0; round < 3; round++) {
        mark(PGCW_GAP_DROPPED);
        assert_true(is_readable(subscription));
        deliver_all(1, 9);
        assert_takes_gap(subscription, PGCW_GAP_DROPPED);
        for (uint64_t number = 1; number <= 4; number++) {
            assert_true(is_readable(subscription));
            assert_takes_event(subscription, number);
        }
        assert_true(is_readable(subscription));
        assert_takes_gap(subscription, PGCW_GAP_OVERFLOW);
        assert_false(is_readable(subscription));
        assert_takes_nothing(subscription);
        deliver(1);
        assert_true(is_readable(subscription));
        assert_takes_event(subscription, 1);
        assert_false(is_readable(subscription));
    }
    pgcw_subscription_close(subscription);
}

static void
next_waits_as_long_as_it_is_told(void **state)
{
    struct pgcw_subscription *subscription = subscribe(4);
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;
    int64_t begin_ns = pgcwi_clock_monotonic_ns();

    (void)state;
    assert_int_equal(pgcw_subscription_next(subscription, 30, &item),
                     PGCW_TIMEOUT);
    int64_t waited_ns = pgcwi_clock_monotonic_ns() - begin_ns;
    assert_true(waited_ns >= 30 * PGCWI_NS_PER_MS);
    assert_true(waited_ns < PATIENCE_MS * PGCWI_NS_PER_MS);
    pgcw_subscription_close(subscription);
}

struct waiter {
    struct pgcw_subscription *subscription;
    uint64_t taken_count;
    bool is_ordered;
};

static void *
take_thousand(void *context)
{
    struct waiter *waiter = context;
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    waiter->is_ordered = true;
    while (waiter->taken_count < 1000 &&
           pgcw_subscription_next(waiter->subscription, PATIENCE_MS, &item) ==
               PGCW_OK) {
        waiter->taken_count++;
        waiter->is_ordered = waiter->is_ordered &&
                             item.kind == PGCW_ITEM_EVENT &&
                             item.event->number == waiter->taken_count;
    }
    return NULL;
}

static void
delivery_wakes_who_waits(void **state)
{
    struct waiter waiter = {.subscription = subscribe(1000)};
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, take_thousand, &waiter), 0);
    for (uint64_t number = 1; number <= 1000; number++) {
        int64_t deadline_ns =
            pgcwi_clock_monotonic_ns() + PATIENCE_MS * PGCWI_NS_PER_MS;

        deliver(number);
        /* one at a time now and then: a lost wake-up would show */
        while (number % 10 == 0 && is_readable(waiter.subscription) &&
               pgcwi_clock_monotonic_ns() < deadline_ns) {
        }
    }
    pthread_join(thread, NULL);
    pgcw_subscription_close(waiter.subscription);
    assert_int_equal(waiter.taken_count, 1000);
    assert_true(waiter.is_ordered);
}

static void
who_subscribes_later_takes_only_what_comes_then(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        assert_true(pgcwi_worker_pool_push_payload(listener.pool, "any", 1));
    }
    struct pgcw_subscription *subscription = subscribe(8);
    deliver_all(1, 5);
    pgcwi_subscriptions_mark(&listener.subscriptions, 5, PGCW_GAP_DROPPED);
    assert_takes_nothing(subscription);
    assert_false(is_readable(subscription));
    pgcwi_subscriptions_mark(&listener.subscriptions, 6, PGCW_GAP_DROPPED);
    deliver_all(6, 7);
    assert_takes_gap(subscription, PGCW_GAP_DROPPED);
    assert_takes_events(subscription, 6, 7);
    assert_takes_nothing(subscription);
    pgcw_subscription_close(subscription);
}

static void
close_leaves_the_others(void **state)
{
    struct pgcw_subscription *subscriptions[3];

    (void)state;
    for (int i = 0; i < 3; i++) {
        subscriptions[i] = subscribe(8);
    }
    deliver(1);
    mark(PGCW_GAP_DROPPED);
    pgcw_subscription_close(subscriptions[1]);
    deliver(2);
    assert_takes_event(subscriptions[0], 1);
    assert_takes_event(subscriptions[2], 1);
    assert_takes_gap(subscriptions[0], PGCW_GAP_DROPPED);
    pgcw_subscription_close(subscriptions[0]);
    assert_takes_gap(subscriptions[2], PGCW_GAP_DROPPED);
    assert_takes_event(subscriptions[2], 2);
    pgcw_subscription_close(subscriptions[2]);
    pgcw_subscription_close(NULL);
    deliver(3);
}

static void
wrong_options_are_refused(void **state)
{
    struct pgcw_subscription_options options = PGCW_SUBSCRIPTION_OPTIONS_INIT;
    struct pgcw_subscription *subscription = NULL;
    struct pgcw_error error = {.status = PGCW_OK};

    (void)state;
    options.capacity = (UINT64_C(1) << 24) + 1;
    assert_int_equal(
        pgcw_subscription_open(&listener, &options, &subscription, &error),
        PGCW_INVALID_ARGUMENT);
    assert_int_equal(error.status, PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, "capacity"));
    options.size = 0;
    assert_int_equal(
        pgcw_subscription_open(&listener, &options, &subscription, &error),
        PGCW_INVALID_ARGUMENT);
    assert_null(subscription);
    assert_null(listener.subscriptions.first);
}

static void
item_without_its_size_is_refused_and_nothing_is_taken(void **state)
{
    struct pgcw_subscription *subscription = subscribe(1);
    struct pgcw_subscription_item item = {.size = 0};

    (void)state;
    deliver(1);
    assert_int_equal(pgcw_subscription_next(subscription, 0, &item),
                     PGCW_INVALID_ARGUMENT);
    assert_takes_event(subscription, 1);
    pgcw_subscription_close(subscription);
}

static void
failed_allocation_opens_nothing(void **state)
{
    struct pgcw_subscription *subscription = NULL;
    enum pgcw_status status = PGCW_NO_MEMORY;
    long nth = 0;

    (void)state;
    while (status != PGCW_OK) {
        struct pgcw_error error = {.status = PGCW_OK};

        pgcwi_alloc_fail_nth(++nth);
        status = pgcw_subscription_open(&listener, NULL, &subscription, &error);
        pgcwi_alloc_fail_nth(0);
        assert_int_equal(error.status, status);
        assert_true(status == PGCW_OK || status == PGCW_NO_MEMORY);
        assert_true((status == PGCW_OK) ==
                    (listener.subscriptions.first != NULL));
    }
    assert_int_equal(nth, 3); /* itself, and its slots */
    pgcw_subscription_close(subscription);
}

static void
without_a_descriptor_nothing_is_opened(void **state)
{
    struct pgcw_subscription *subscription = NULL;
    struct pgcw_error error = {.status = PGCW_OK};
    struct rlimit before;
    struct rlimit none;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum pgcw_status status =
        pgcw_subscription_open(&listener, NULL, &subscription, &error);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(status, PGCW_SYSTEM_ERROR);
    assert_int_equal(error.status, PGCW_SYSTEM_ERROR);
    assert_null(listener.subscriptions.first);
}

static void
every_reason_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(pgcw_gap_reason_text(PGCW_GAP_OVERFLOW), "overflow");
    assert_string_equal(pgcw_gap_reason_text(PGCW_GAP_DROPPED), "dropped");
    assert_string_equal(pgcw_gap_reason_text(PGCW_GAP_UNDECODABLE),
                        "undecodable");
    assert_string_equal(pgcw_gap_reason_text(PGCW_GAP_CONNECTION),
                        "connection");
    assert_string_equal(pgcw_gap_reason_text((enum pgcw_gap_reason)3),
                        "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(P5_each_subscriber_takes_every_event_in_order),
        TEST(event_is_whole_and_valid_until_the_next_call),
        TEST(event_whose_keys_find_no_memory_is_one_of_any_row),
        TEST(P9_overflow_gives_one_mark_where_events_are_missing),
        TEST(P9_mark_of_an_overflow_stands_before_what_is_taken_again),
        TEST(slow_subscriber_does_not_concern_another),
        TEST(losses_without_an_event_between_are_one_mark),
        TEST(descriptor_is_readable_exactly_while_an_item_waits),
        TEST(next_waits_as_long_as_it_is_told),
        TEST(delivery_wakes_who_waits),
        TEST(who_subscribes_later_takes_only_what_comes_then),
        TEST(close_leaves_the_others),
        TEST(wrong_options_are_refused),
        TEST(item_without_its_size_is_refused_and_nothing_is_taken),
        TEST(failed_allocation_opens_nothing),
        TEST(without_a_descriptor_nothing_is_opened),
        TEST(every_reason_has_a_name),
    };

    return cmocka_run_group_tests_name("subscription", tests, NULL, NULL);
}
