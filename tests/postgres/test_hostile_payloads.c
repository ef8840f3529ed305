/* SPDX-License-Identifier: MIT */
/* What anybody can NOTIFY: every size, garbage, other people's JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/recorder.h"
#include "support/versions.h"

#define DATABASE "pgcw_test_hostile_payloads"
#include "support/own_database.h"

#define CHANNEL "ch_hostile"
#define LARGEST 7999 /* the server's limit */
#define AT_ONCE 500  /* sizes; a part of LARGEST + 1 */
#define STRANGERS 3
#define ROUNDS 20
#define SECRET "hunter2"

struct log_record {
    /* written under the log's lock, read when the listener is closed */
    int line_count;
    bool has_secret;
};

static struct state_recorder states;
static struct log_record lines;

static void
note_line(void *context, enum pgcw_log_level level, const char *line)
{
    struct log_record *record = context;

    (void)level;
    record->line_count++;
    record->has_secret |= strstr(line, SECRET) != NULL;
}

static struct pgcw_listener *
open_listener(void)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *listener = NULL;

    memset(&lines, 0, sizeof(lines));
    options.channel = CHANNEL;
    options.worker_count = 4;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.log = note_line;
    options.log_context = &lines;
    options.log_level = PGCW_LOG_INFO;
    options.on_state = state_recorder_note;
    options.on_state_context = &states;
    state_recorder_init(&states);
    assert_int_equal(pgcw_listener_open(&options, &listener, NULL), PGCW_OK);
    return listener;
}

/* It has been LIVE all the time. */
static void
close_listener(struct pgcw_listener *listener)
{
    pgcw_listener_close(listener);
    assert_int_equal(state_recorder_wait(&states, PGCW_LISTENER_DOUBT, 0, 0) +
                         state_recorder_wait(&states, PGCW_LISTENER_DOWN, 0, 0),
                     0);
    state_recorder_fini(&states);
}

/* Only a flush, or an event of its table, makes its values invalid. */
static struct pgcw_cache *
create_cache(struct pgcw_listener *listener)
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

static struct pgcw_listener_stats
stats_of(struct pgcw_listener *listener)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    pgcw_listener_read_stats(listener, &stats);
    return stats;
}

static void
sync_all(struct pgcw_listener *listener)
{
    assert_int_equal(pgcw_listener_sync(listener, PATIENCE_MS), PGCW_OK);
}

/* `n` is the size, which is the table's name as well. */
#define HEAD                                                 \
    "'{\"operation\":\"update\",\"table\":\"t' || n || '\"," \
    "\"sent_at\":\"2026-01-01T00:00:00Z\""
#define FILLED(head, tail)                                        \
    HEAD head "' || repeat('x', n - octet_length(" HEAD head tail \
              "')) || '" tail "'"

struct pair {
    const char *event;
    const char *garbage;
};

/* Each event has `n` bytes, or as few as it can; all garbage has `n`. */
static const struct pair pairs[] = {
    {FILLED(",\"note\":\"", "\"}"),
     "left(" HEAD ",\"note\":\"' || repeat('\\\"', 4000), n)"},
    {FILLED(",\"keys\":[\"", "\"]}"),
     "repeat('[', n / 2) || repeat(U&'\\00e9', n / 4) || repeat(' ', n - n / 2 "
     "- n"
     " / 4 * 2)"},
};

/* Of each size a garbage and an event, in one transaction. */
static void
send_sizes(const struct pair *pair, int first)
{
    char sql[2000];

    assert_in_range(snprintf(sql, sizeof(sql),
                             "SELECT count(pg_notify('" CHANNEL "',"
                             " CASE part WHEN 0 THEN %s ELSE %s END))"
                             " FROM (SELECT n, part"
                             " FROM generate_series(%d, %d) AS n,"
                             " generate_series(0, 1) AS part"
                             " ORDER BY n, part) AS parts",
                             pair->garbage, pair->event, first,
                             first + AT_ONCE - 1),
                    1, sizeof(sql) - 1);
    assert_int_equal(server_number(server, sql), 2 * AT_ONCE);
}

/* A mark for each garbage, and behind it the event of the same size. */
static void
take_sizes(struct pgcw_subscription *subscription, int first)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    for (int n = first; n < first + AT_ONCE; n++) {
        char table[16];

        (void)snprintf(table, sizeof(table), "t%d", n);
        assert_int_equal(pgcw_subscription_next(subscription, 0, &item),
                         PGCW_OK);
        assert_int_equal(item.kind, PGCW_ITEM_GAP);
        assert_int_equal(item.gap_reasons, PGCW_GAP_UNDECODABLE);
        assert_int_equal(pgcw_subscription_next(subscription, 0, &item),
                         PGCW_OK);
        assert_int_equal(item.kind, PGCW_ITEM_EVENT);
        assert_string_equal(item.event->table, table);
    }
    assert_int_equal(pgcw_subscription_next(subscription, 0, &item),
                     PGCW_TIMEOUT);
}

static void
P3_payload_of_every_size_is_applied_or_flushes(void **state)
{
    struct pgcw_subscription_options options = PGCW_SUBSCRIPTION_OPTIONS_INIT;
    struct pgcw_subscription *subscription = NULL;
    struct pgcw_listener *listener = open_listener();

    (void)state;
    options.capacity = UINT64_C(2) * AT_ONCE;
    assert_int_equal(
        pgcw_subscription_open(listener, &options, &subscription, NULL),
        PGCW_OK);
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        for (int first = 0; first <= LARGEST; first += AT_ONCE) {
            send_sizes(&pairs[i], first);
            sync_all(listener);
            take_sizes(subscription, first);
        }
        uint64_t count = (i + 1) * (LARGEST + 1);
        struct pgcw_listener_stats stats = stats_of(listener);
        assert_int_equal(stats.events_applied, count);
        assert_int_equal(stats.payloads_undecodable, count);
        assert_int_equal(stats.messages_heard, 2 * count);
        assert_int_equal(stats.messages_dropped, 0);
    }
    pgcw_subscription_close(subscription);
    close_listener(listener);
}

static void
P3_garbage_of_any_size_flushes_before_a_sync_returns(void **state)
{
    static const int sizes[] = {0, 1, 2, 100, 4096, LARGEST - 1, LARGEST};
    struct pgcw_listener *listener = open_listener();
    struct pgcw_cache *cache = create_cache(listener);

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        assert_true(versions_put(cache, 1, 7));
        assert_int_equal(versions_lookup(cache, 1), 7);
        assert_true(server_runf(
            server, "SELECT pg_notify('" CHANNEL "', repeat('{', %d))",
            sizes[i]));
        sync_all(listener);
        assert_int_equal(versions_lookup(cache, 1), -1);
    }
    assert_false(server_runf(server,
                             "SELECT pg_notify('" CHANNEL "', repeat('{', %d))",
                             LARGEST + 1));
    sync_all(listener);
    assert_int_equal(stats_of(listener).messages_heard,
                     sizeof(sizes) / sizeof(sizes[0]));
    pgcw_cache_destroy(cache);
    close_listener(listener);
}

/* The number makes each different: the server would fold them. */
#define GARBAGE_KINDS 9
#define FOREIGN                                                               \
    "(ARRAY["                                                                 \
    "'" SECRET " ' || i,"                                                     \
    "'{\"chat\": \"" SECRET "\", \"user\": ' || i || '}',"                    \
    "'[' || i || ', \"update\", \"orders\"]',"                                \
    "'{\"operation\": \"select\", \"table\": \"t' || i || '\", ' || time || " \
    "'}',"                                                                    \
    "'{\"operation\": \"update\", \"table\": ' || i || ', ' || time || '}',"  \
    "'{\"operation\": \"update\", \"table\": \"a\\u0000b\", ' || time ||"     \
    " ', \"i\": ' || i || '}',"                                               \
    "'{\"operation\": \"update\", \"table\": \"' || repeat('y', 64) ||"       \
    " '\", ' || time || ', \"i\": ' || i || '}',"                             \
    "'{\"operation\": \"update\", \"table\": \"orders\", \"sent_at\": ' ||"   \
    " i || '}',"                                                              \
    "'{\"table\": \"a\", \"table\": \"b\", \"operation\": \"update\", ' ||"   \
    " time || ', \"i\": ' || i || '}',"                                       \
    "'{\"operation\": \"update\", \"table\": \"theirs' || i || '\", ' ||"     \
    " time || '}'])"

#define EACH_KIND 30

struct stranger {
    pthread_t thread;
    int number;
    bool is_refused;
};

static void *
flood(void *context)
{
    struct stranger *stranger = context;
    PGconn *own = server_connect(DATABASE);

    for (int round = 0; round < ROUNDS && !stranger->is_refused; round++) {
        stranger->is_refused =
            own == NULL ||
            !server_runf(own,
                         "SELECT count(pg_notify('" CHANNEL "'," FOREIGN
                         "[kind])) FROM (SELECT '\"sent_at\":"
                         " \"2026-01-01T00:00:00Z\"'::text AS time, kind,"
                         " format('%d%d%%s', n)::int AS i"
                         " FROM generate_series(1, %d) AS n,"
                         " generate_series(1, %d) AS kind) AS all_kinds",
                         stranger->number + 1, 10 + round, EACH_KIND,
                         GARBAGE_KINDS + 1);
    }
    PQfinish(own);
    return NULL;
}

/* A cache that is flushed all the time still has no old value. */
static int
write_and_read(struct pgcw_listener *listener, struct pgcw_cache *cache)
{
    int write_count = 0;
    uint64_t garbage_count =
        (uint64_t)STRANGERS * ROUNDS * EACH_KIND * GARBAGE_KINDS;

    do {
        int64_t version = versions_raise(server, "orders", 1);

        assert_true(version > 0);
        sync_all(listener);
        assert_int_equal(versions_fetch(cache, server, "orders", 1), version);
        assert_int_equal(pgcw_listener_read_state(listener),
                         PGCW_LISTENER_LIVE);
        write_count++;
    } while (stats_of(listener).payloads_undecodable < garbage_count &&
             write_count < 20000);
    return write_count;
}

static void
P10_flood_of_foreign_payloads_only_costs_reloads(void **state)
{
    struct stranger strangers[STRANGERS] = {0};
    struct pgcw_listener *listener = open_listener();
    struct pgcw_cache *cache = create_cache(listener);
    const uint64_t each_kind = (uint64_t)STRANGERS * ROUNDS * EACH_KIND;

    (void)state;
    assert_true(server_make_table(server, "orders", 1, CHANNEL));
    for (int i = 0; i < STRANGERS; i++) {
        strangers[i].number = i;
        assert_int_equal(
            pthread_create(&strangers[i].thread, NULL, flood, &strangers[i]),
            0);
    }
    int write_count = write_and_read(listener, cache);
    for (int i = 0; i < STRANGERS; i++) {
        pthread_join(strangers[i].thread, NULL);
        assert_false(strangers[i].is_refused);
    }
    sync_all(listener);
    struct pgcw_listener_stats stats = stats_of(listener);
    assert_int_equal(stats.payloads_undecodable, GARBAGE_KINDS * each_kind);
    assert_int_equal(stats.gaps, GARBAGE_KINDS * each_kind);
    assert_int_equal(stats.events_applied, each_kind + (uint64_t)write_count);
    assert_int_equal(stats.messages_heard,
                     stats.payloads_undecodable + stats.events_applied);
    assert_int_equal(stats.messages_dropped, 0);
    pgcw_cache_destroy(cache);
    close_listener(listener);
    assert_false(lines.has_secret);
    /* what is the same is told once in ten seconds */
    assert_in_range(lines.line_count, 1, 40);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(P3_payload_of_every_size_is_applied_or_flushes),
        cmocka_unit_test(P3_garbage_of_any_size_flushes_before_a_sync_returns),
        cmocka_unit_test(P10_flood_of_foreign_payloads_only_costs_reloads),
    };

    return cmocka_run_group_tests_name("hostile payloads", tests, make_database,
                                       drop_database);
}
