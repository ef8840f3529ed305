/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <pgcachewatch/strategy.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "listener/listener.h"
#include "support/door.h"
#include "support/recorder.h"

#define MANY 100000u

/* Only the attachments of it are used: no thread, no server. */
static struct pgcw_listener listener;

static int
set_up(void **state)
{
    (void)state;
    pgcwi_attachments_init(&listener.attachments);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pgcwi_attachments_fini(&listener.attachments);
    return 0;
}

static struct pgcw_cache *
create_cache(pgcw_strategy_decide_fn *decide, void *context)
{
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    callbacks.decide = decide;
    callbacks.context = context;
    if (decide != NULL) {
        assert_int_equal(
            pgcw_strategy_create(&callbacks, &options.strategy, NULL), PGCW_OK);
    }
    assert_int_equal(pgcw_cache_create(&listener, &options, &cache, NULL),
                     PGCW_OK);
    return cache;
}

static const struct pgcw_bytes key = {"key", 3};

static void
put(struct pgcw_cache *cache)
{
    assert_int_equal(
        pgcw_cache_put(cache, key, key, pgcw_cache_stamp(cache), NULL),
        PGCW_OK);
}

static bool
is_hit(struct pgcw_cache *cache)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    enum pgcw_status status = pgcw_cache_lookup(cache, key, &value);
    pgcw_read_end();
    return status == PGCW_OK;
}

static struct pgcw_event
event_number(uint64_t number)
{
    return (struct pgcw_event){
        .operation = PGCW_UPDATE,
        .number = number,
        .channel = "channel",
        .schema = "",
        .table = "orders",
    };
}

static enum pgcw_decision
keep(void *context, const struct pgcw_event *event)
{
    (void)context;
    (void)event;
    return PGCW_KEEP;
}

static enum pgcw_decision
decide_as_told(void *context, const struct pgcw_event *event)
{
    const enum pgcw_decision *decision = context;

    (void)event;
    return *decision;
}

static void
put_of_table(struct pgcw_cache *cache, const char *table)
{
    struct pgcw_tag tag = {.table = table};
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.tags = &tag;
    options.tag_count = 1;
    assert_int_equal(
        pgcw_cache_put(cache, key, key, pgcw_cache_stamp(cache), &options),
        PGCW_OK);
    assert_true(is_hit(cache));
}

static void
decision_says_how_much_an_event_makes_invalid(void **state)
{
    enum pgcw_decision decision = PGCW_KEEP;
    struct pgcw_cache *cache = create_cache(decide_as_told, &decision);
    struct pgcw_event event = event_number(1); /* of orders */

    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    put_of_table(cache, "orders");
    pgcwi_attachments_apply(&listener.attachments, &event);
    assert_true(is_hit(cache));
    decision = PGCW_INVALIDATE;
    pgcwi_attachments_apply(&listener.attachments, &event);
    assert_false(is_hit(cache));
    put_of_table(cache, "customers");
    pgcwi_attachments_apply(&listener.attachments, &event);
    assert_true(is_hit(cache));
    decision = PGCW_INVALIDATE_ALL;
    pgcwi_attachments_apply(&listener.attachments, &event);
    assert_false(is_hit(cache));
    pgcw_cache_destroy(cache);
}

static void
p2_cache_serves_only_between_open_and_close(void **state)
{
    struct pgcw_cache *cache = create_cache(NULL, NULL);

    (void)state;
    put(cache);
    assert_false(is_hit(cache));
    pgcwi_attachments_open(&listener.attachments);
    put(cache);
    assert_true(is_hit(cache));
    pgcwi_attachments_close(&listener.attachments);
    assert_false(is_hit(cache));
    put(cache);
    assert_false(is_hit(cache));
    pgcw_cache_destroy(cache);
}

static void
p3_opening_again_serves_nothing_from_before(void **state)
{
    struct pgcw_cache *cache = create_cache(NULL, NULL);

    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    put(cache);
    struct pgcw_stamp before = pgcw_cache_stamp(cache);
    pgcwi_attachments_close(&listener.attachments);
    pgcwi_attachments_open(&listener.attachments);
    assert_false(is_hit(cache));
    assert_int_equal(pgcw_cache_put(cache, key, key, before, NULL), PGCW_OK);
    assert_false(is_hit(cache));
    put(cache);
    assert_true(is_hit(cache));
    pgcw_cache_destroy(cache);
}

static void
cache_made_while_open_serves_at_once(void **state)
{
    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    struct pgcw_cache *cache = create_cache(NULL, NULL);
    put(cache);
    assert_true(is_hit(cache));
    pgcw_cache_destroy(cache);
}

static void
p5_event_goes_to_every_cache_and_each_decides_for_itself(void **state)
{
    struct pgcw_event event = event_number(1);
    struct event_recorder recorders[3];
    struct pgcw_cache *caches[3];
    struct pgcw_cache *keeper = create_cache(keep, NULL);

    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    put(keeper);
    for (int i = 0; i < 3; i++) {
        event_recorder_init(&recorders[i], 4);
        caches[i] = create_cache(event_recorder_decide, &recorders[i]);
        put(caches[i]);
    }
    pgcwi_attachments_apply(&listener.attachments, &event);
    assert_true(is_hit(keeper));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(recorders[i].count, 1);
        assert_false(is_hit(caches[i]));
        pgcw_cache_destroy(caches[i]);
        event_recorder_fini(&recorders[i]);
    }
    pgcw_cache_destroy(keeper);
}

static void
p3_flush_empties_every_cache_whatever_its_strategy(void **state)
{
    struct pgcw_cache *one = create_cache(keep, NULL);
    struct pgcw_cache *other = create_cache(NULL, NULL);
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    put(one);
    put(other);
    pgcwi_attachments_flush(&listener.attachments);
    assert_false(is_hit(one));
    assert_false(is_hit(other));
    pgcw_cache_read_stats(one, &stats);
    assert_int_equal(stats.flushes, 2); /* opening is one too */
    pgcw_cache_destroy(other);
    pgcw_cache_destroy(one);
}

static enum pgcw_decision
wait_at_door(void *context, const struct pgcw_event *event)
{
    (void)event;
    door_pass(context);
    return PGCW_INVALIDATE;
}

static void *
apply_one(void *context)
{
    struct pgcw_event event = event_number(1);

    (void)context;
    pgcwi_attachments_apply(&listener.attachments, &event);
    return NULL;
}

static void *
flush_close_and_open(void *context)
{
    pgcwi_attachments_flush(&listener.attachments);
    pgcwi_attachments_close(&listener.attachments);
    pgcwi_attachments_open(&listener.attachments);
    (void)pgcwi_attachments_sweep(&listener.attachments);
    pgcwi_attachments_close(&listener.attachments);
    door_pass(context);
    return NULL;
}

static void
strategy_that_blocks_does_not_delay_flush_close_open_and_sweep(void **state)
{
    struct door strategys;
    struct door flushers;
    pthread_t applier;
    pthread_t flusher;

    (void)state;
    door_init(&strategys);
    door_init(&flushers);
    door_open(&flushers);
    struct pgcw_cache *cache = create_cache(wait_at_door, &strategys);
    pgcwi_attachments_open(&listener.attachments);
    put(cache);
    assert_int_equal(pthread_create(&applier, NULL, apply_one, NULL), 0);
    assert_true(door_wait_for_arrivals(&strategys, 1));
    assert_int_equal(
        pthread_create(&flusher, NULL, flush_close_and_open, &flushers), 0);
    bool is_done = door_wait_for_arrivals(&flushers, 1);
    bool is_served = is_hit(cache);
    door_open(&strategys);
    pthread_join(applier, NULL);
    pthread_join(flusher, NULL);
    pgcw_cache_destroy(cache);
    door_fini(&flushers);
    door_fini(&strategys);
    assert_true(is_done);
    assert_false(is_served);
}

/* A strategy with a timer, which writes down how it is called. */
struct script {
    int64_t due_ns;
    int64_t next_due_ns; /* after it has expired */
    enum pgcw_decision decision;
    char calls[32]; /* e: an event, t: its timer, g: a gap */
    size_t call_count;
};

static void
write_down(struct script *script, char call)
{
    if (script->call_count < sizeof(script->calls) - 1) {
        script->calls[script->call_count++] = call;
    }
}

static enum pgcw_decision
script_decide(void *context, const struct pgcw_event *event)
{
    struct script *script = context;

    (void)event;
    write_down(script, 'e');
    return script->decision;
}

static int64_t
script_due(void *context)
{
    return ((const struct script *)context)->due_ns;
}

static enum pgcw_decision
script_expire(void *context, int64_t now_ns)
{
    struct script *script = context;

    write_down(script, now_ns >= script->due_ns ? 't' : '?');
    script->due_ns = script->next_due_ns;
    return script->decision;
}

static void
script_gap(void *context)
{
    write_down(context, 'g');
}

static struct pgcw_cache *
create_scripted(struct script *script)
{
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    callbacks.decide = script_decide;
    callbacks.due = script_due;
    callbacks.expire = script_expire;
    callbacks.on_gap = script_gap;
    callbacks.context = script;
    assert_int_equal(pgcw_strategy_create(&callbacks, &options.strategy, NULL),
                     PGCW_OK);
    assert_int_equal(pgcw_cache_create(&listener, &options, &cache, NULL),
                     PGCW_OK);
    return cache;
}

/* In so many hours, so that no machine is slow enough to reach it. */
static int64_t
in_hours(int64_t hours)
{
    return pgcwi_clock_monotonic_ns() + hours * 3600 * 1000 * PGCWI_NS_PER_MS;
}

static void
pass_hours(int64_t hours)
{
    pgcwi_clock_advance_ns(hours * 3600 * 1000 * PGCWI_NS_PER_MS);
}

static void
apply(void)
{
    struct pgcw_event event = event_number(1);

    pgcwi_attachments_apply(&listener.attachments, &event);
}

static void
decision_to_keep_is_the_only_one_that_keeps(void **state)
{
    struct script script = {.due_ns = INT64_MAX};
    struct pgcw_cache *cache = create_scripted(&script);
    const int decisions[] = {PGCW_INVALIDATE, PGCW_INVALIDATE_ALL, 77};

    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    for (int i = 0; i < 3; i++) {
        script.decision = PGCW_KEEP;
        put(cache);
        apply();
        assert_true(is_hit(cache));
        script.decision = (enum pgcw_decision)decisions[i];
        apply();
        assert_false(is_hit(cache));
    }
    pgcw_cache_destroy(cache);
}

static void
earliest_timer_of_all_is_the_one_that_is_due(void **state)
{
    struct script scripts[3] = {
        {.due_ns = in_hours(3), .next_due_ns = INT64_MAX},
        {.due_ns = in_hours(1), .next_due_ns = in_hours(2)},
        {.due_ns = INT64_MAX},
    };
    struct pgcw_cache *caches[3];
    struct pgcw_cache *without_timer = create_cache(keep, NULL);

    (void)state;
    assert_true(pgcwi_attachments_due_ns(&listener.attachments) == INT64_MAX);
    for (int i = 0; i < 3; i++) {
        caches[i] = create_scripted(&scripts[i]);
        assert_true(pgcwi_attachments_due_ns(&listener.attachments) ==
                    scripts[i == 0 ? 0 : 1].due_ns);
    }
    pass_hours(1);
    pgcwi_attachments_expire(&listener.attachments);
    assert_true(pgcwi_attachments_due_ns(&listener.attachments) ==
                scripts[1].next_due_ns);
    /* an event may change it too */
    scripts[2].due_ns = in_hours(0);
    apply();
    assert_true(pgcwi_attachments_due_ns(&listener.attachments) ==
                scripts[2].due_ns);
    for (int i = 0; i < 3; i++) {
        pgcw_cache_destroy(caches[i]);
    }
    pgcw_cache_destroy(without_timer);
    pgcwi_attachments_expire(&listener.attachments);
    assert_true(pgcwi_attachments_due_ns(&listener.attachments) == INT64_MAX);
}

static void
only_who_is_due_expires_and_its_decision_counts(void **state)
{
    struct script soon = {.due_ns = in_hours(1),
                          .next_due_ns = in_hours(3),
                          .decision = PGCW_INVALIDATE_ALL};
    struct script late = {.due_ns = in_hours(5),
                          .decision = PGCW_INVALIDATE_ALL};
    struct script keeper = {.due_ns = in_hours(1), .next_due_ns = INT64_MAX};
    struct pgcw_cache *caches[] = {create_scripted(&soon),
                                   create_scripted(&late),
                                   create_scripted(&keeper)};

    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    for (int i = 0; i < 3; i++) {
        put(caches[i]);
    }
    pgcwi_attachments_expire(&listener.attachments);
    assert_true(is_hit(caches[0]));
    pass_hours(1);
    pgcwi_attachments_expire(&listener.attachments);
    pgcwi_attachments_expire(&listener.attachments);
    assert_string_equal(soon.calls, "gt");
    assert_string_equal(late.calls, "g");
    assert_string_equal(keeper.calls, "gt");
    assert_false(is_hit(caches[0]));
    assert_true(is_hit(caches[1]));
    assert_true(is_hit(caches[2]));
    for (int i = 0; i < 3; i++) {
        pgcw_cache_destroy(caches[i]);
    }
}

static void
event_is_shown_after_the_expiry_that_was_due_before_it(void **state)
{
    struct script script = {.due_ns = in_hours(1), .next_due_ns = in_hours(3)};
    struct pgcw_cache *cache = create_scripted(&script);

    (void)state;
    apply();
    pass_hours(1);
    apply();
    apply();
    pass_hours(2);
    script.next_due_ns = INT64_MAX;
    apply();
    assert_string_equal(script.calls, "eteete");
    pgcw_cache_destroy(cache);
}

static void
p3_gap_is_told_once_and_before_the_next_event(void **state)
{
    struct script script = {.due_ns = INT64_MAX, .next_due_ns = INT64_MAX};
    struct pgcw_cache *cache = create_scripted(&script);

    (void)state;
    apply();
    pgcwi_attachments_flush(&listener.attachments);
    pgcwi_attachments_flush(&listener.attachments);
    assert_string_equal(script.calls, "e");
    apply();
    apply();
    assert_string_equal(script.calls, "egee");
    pgcwi_attachments_close(&listener.attachments);
    pgcwi_attachments_open(&listener.attachments);
    apply();
    assert_string_equal(script.calls, "egeege");
    pgcw_cache_destroy(cache);
}

static void
p3_gap_is_told_before_an_expiry(void **state)
{
    struct script script = {.due_ns = in_hours(1), .next_due_ns = INT64_MAX};
    struct pgcw_cache *cache = create_scripted(&script);

    (void)state;
    pass_hours(1);
    pgcwi_attachments_flush(&listener.attachments);
    pgcwi_attachments_expire(&listener.attachments);
    assert_string_equal(script.calls, "gt");
    pgcw_cache_destroy(cache);
}

static void
p3_window_forgets_at_a_gap_what_the_flush_has_covered(void **state)
{
    struct pgcw_windowed_count_options counted =
        PGCW_WINDOWED_COUNT_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    (void)state;
    counted.max_events = 2;
    assert_int_equal(
        pgcw_windowed_count_create(&counted, &options.strategy, NULL), PGCW_OK);
    assert_int_equal(pgcw_cache_create(&listener, &options, &cache, NULL),
                     PGCW_OK);
    pgcwi_attachments_open(&listener.attachments);
    apply();
    pgcwi_attachments_flush(&listener.attachments);
    put(cache);
    apply();
    assert_true(is_hit(cache));
    apply();
    assert_false(is_hit(cache));
    pgcw_cache_destroy(cache);
}

static void
count_destruction(void *context)
{
    ++*(int *)context;
}

static void
strategy_is_destroyed_once_and_with_its_cache(void **state)
{
    int count = 0;
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;

    (void)state;
    callbacks.decide = keep;
    callbacks.destroy = count_destruction;
    callbacks.context = &count;
    assert_int_equal(pgcw_strategy_create(&callbacks, &options.strategy, NULL),
                     PGCW_OK);
    assert_int_equal(pgcw_cache_create(&listener, &options, &cache, NULL),
                     PGCW_OK);
    assert_int_equal(count, 0);
    pgcw_cache_destroy(cache);
    assert_int_equal(count, 1);
}

static void
strategy_stays_with_the_caller_when_no_cache_is_made(void **state)
{
    int count = 0;
    struct pgcw_strategy_options callbacks = PGCW_STRATEGY_OPTIONS_INIT;
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache = NULL;
    enum pgcw_status status = PGCW_NO_MEMORY;
    long nth = 0;

    (void)state;
    callbacks.decide = keep;
    callbacks.destroy = count_destruction;
    callbacks.context = &count;
    assert_int_equal(pgcw_strategy_create(&callbacks, &options.strategy, NULL),
                     PGCW_OK);
    while (status != PGCW_OK) {
        struct pgcw_error error = {.status = PGCW_OK};

        pgcwi_alloc_fail_nth(++nth);
        status = pgcw_cache_create(&listener, &options, &cache, &error);
        pgcwi_alloc_fail_nth(0);
        assert_int_equal(error.status, status);
        assert_int_equal(count, 0);
        assert_true(status == PGCW_OK || status == PGCW_NO_MEMORY);
    }
    assert_true(nth > 2);
    pgcw_cache_destroy(cache);
    assert_int_equal(count, 1);
}

static void
default_strategy_is_freed_when_no_cache_is_made(void **state)
{
    struct pgcw_cache *cache = NULL;
    enum pgcw_status status = PGCW_NO_MEMORY;

    (void)state;
    for (long nth = 1; status != PGCW_OK; nth++) {
        pgcwi_alloc_fail_nth(nth);
        status = pgcw_cache_create(&listener, NULL, &cache, NULL);
        pgcwi_alloc_fail_nth(0);
    }
    pgcw_cache_destroy(cache); /* what leaks, the sanitizer tells */
}

struct flow {
    _Atomic bool is_over;
};

static void *
apply_until_over(void *context)
{
    struct flow *flow = context;

    /* relaxed: only ends the loop */
    for (uint64_t n = 1;
         !atomic_load_explicit(&flow->is_over, memory_order_relaxed); n++) {
        struct pgcw_event event = event_number(n);

        pgcwi_attachments_apply(&listener.attachments, &event);
        pgcwi_attachments_flush(&listener.attachments);
        (void)pgcwi_attachments_sweep(&listener.attachments);
    }
    return NULL;
}

static void
caches_come_and_go_while_events_flow(void **state)
{
    struct flow flow = {false};
    pthread_t thread;

    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    assert_int_equal(pthread_create(&thread, NULL, apply_until_over, &flow), 0);
    for (int i = 0; i < 100; i++) {
        struct pgcw_cache *first = create_cache(NULL, NULL);
        struct pgcw_cache *second = create_cache(keep, NULL);
        struct pgcw_cache *third = create_cache(NULL, NULL);

        put(first);
        put(second);
        pgcw_cache_destroy(second);
        pgcw_cache_destroy(first);
        pgcw_cache_destroy(third);
    }
    /* relaxed: only ends the loop */
    atomic_store_explicit(&flow.is_over, true, memory_order_relaxed);
    pthread_join(thread, NULL);
}

static void
put_many(struct pgcw_cache *cache, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct pgcw_bytes number = {&i, sizeof(i)};

        assert_int_equal(pgcw_cache_put(cache, number, number,
                                        pgcw_cache_stamp(cache), NULL),
                         PGCW_OK);
    }
}

static uint64_t
entries_of(struct pgcw_cache *cache)
{
    struct pgcw_cache_stats stats = PGCW_CACHE_STATS_INIT;

    pgcw_cache_read_stats(cache, &stats);
    return stats.entries;
}

/* So many that it takes long enough. In between as many may wait to be freed
 * as may, and there is nothing to do. */
static void
sweeping_rests_and_goes_on(void **state)
{
    int64_t goes_on_ns = 0;

    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    struct pgcw_cache *cache = create_cache(NULL, NULL);
    assert_int_equal(pgcwi_attachments_sweep(&listener.attachments), INT64_MAX);
    put_many(cache, MANY);
    pgcw_cache_invalidate_all(cache);
    do {
        goes_on_ns = pgcwi_attachments_sweep(&listener.attachments);
    } while (goes_on_ns == 0 || goes_on_ns == INT64_MAX);
    assert_true(goes_on_ns > pgcwi_clock_monotonic_ns());
    uint64_t left = entries_of(cache);
    assert_in_range(left, 1, MANY - 1);
    assert_int_equal(pgcwi_attachments_sweep(&listener.attachments),
                     goes_on_ns);
    assert_int_equal(entries_of(cache), left);
    while (entries_of(cache) > 0) {
        pgcwi_clock_advance_ns(INT64_C(1000) * PGCWI_NS_PER_MS);
        (void)pgcwi_attachments_sweep(&listener.attachments);
    }
    pgcw_cache_destroy(cache);
}

static enum pgcw_status
put_from_standby(struct pgcw_cache *cache, uint64_t read_lsn)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.read_lsn = read_lsn;
    return pgcw_cache_put(cache, key, key, pgcw_cache_stamp(cache), &options);
}

/* Notifications come before the fence's answer whose commits lie behind the
 * position that it brings. */
static void
P1_checkpoint_covers_what_was_applied_before_its_fence_was_sent(void **state)
{
    struct pgcw_event event = event_number(1);

    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    struct pgcw_cache *cache = create_cache(NULL, NULL);
    cache->ask_fence = NULL; /* there is no thread to ask */
    pgcwi_attachments_note_fence(&listener.attachments);
    pgcwi_attachments_apply(&listener.attachments, &event);
    pgcwi_attachments_add_checkpoint(&listener.attachments, 100);
    assert_int_equal(put_from_standby(cache, 150), PGCW_BEHIND);
    pgcwi_attachments_note_fence(&listener.attachments);
    assert_int_equal(put_from_standby(cache, 250), PGCW_BEHIND);
    pgcwi_attachments_add_checkpoint(&listener.attachments, 200);
    assert_int_equal(put_from_standby(cache, 199), PGCW_BEHIND);
    assert_int_equal(put_from_standby(cache, 200), PGCW_OK);
    assert_true(is_hit(cache));
    pgcw_cache_destroy(cache);
}

static void
fence_that_is_older_than_a_cache_says_nothing_to_it(void **state)
{
    (void)state;
    pgcwi_attachments_open(&listener.attachments);
    pgcwi_attachments_note_fence(&listener.attachments);
    struct pgcw_cache *cache = create_cache(NULL, NULL);
    cache->ask_fence = NULL;
    pgcwi_attachments_add_checkpoint(&listener.attachments, 100);
    assert_int_equal(put_from_standby(cache, 150), PGCW_BEHIND);
    pgcw_cache_destroy(cache);
}

static void
destroying_no_cache_is_nothing(void **state)
{
    (void)state;
    pgcw_cache_destroy(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(decision_says_how_much_an_event_makes_invalid),
        TEST(p2_cache_serves_only_between_open_and_close),
        TEST(p3_opening_again_serves_nothing_from_before),
        TEST(cache_made_while_open_serves_at_once),
        TEST(p5_event_goes_to_every_cache_and_each_decides_for_itself),
        TEST(p3_flush_empties_every_cache_whatever_its_strategy),
        TEST(strategy_that_blocks_does_not_delay_flush_close_open_and_sweep),
        TEST(decision_to_keep_is_the_only_one_that_keeps),
        TEST(earliest_timer_of_all_is_the_one_that_is_due),
        TEST(only_who_is_due_expires_and_its_decision_counts),
        TEST(event_is_shown_after_the_expiry_that_was_due_before_it),
        TEST(p3_gap_is_told_once_and_before_the_next_event),
        TEST(p3_gap_is_told_before_an_expiry),
        TEST(p3_window_forgets_at_a_gap_what_the_flush_has_covered),
        TEST(strategy_is_destroyed_once_and_with_its_cache),
        TEST(strategy_stays_with_the_caller_when_no_cache_is_made),
        TEST(default_strategy_is_freed_when_no_cache_is_made),
        TEST(caches_come_and_go_while_events_flow),
        TEST(sweeping_rests_and_goes_on),
        TEST(P1_checkpoint_covers_what_was_applied_before_its_fence_was_sent),
        TEST(fence_that_is_older_than_a_cache_says_nothing_to_it),
        TEST(destroying_no_cache_is_nothing),
    };

    return cmocka_run_group_tests_name("attachment", tests, NULL, NULL);
}
