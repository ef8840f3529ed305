/* SPDX-License-Identifier: MIT */
#include <pgcachewatch/pgcachewatch.h>

#include "remote.h"
#include "support.h"
#include "support/server_client.h"

#define DATABASE "pgcw_bench_remote"

static unsigned holders; /* subjects that have it open */
static PGconn *connection;
static struct pgcw_listener *listener;
static struct pgcw_cache *cache;
static struct pgcw_buffer buffer = PGCW_BUFFER_INIT;
static struct remote_mark applied = REMOTE_MARK_INIT;

static void
check(enum pgcw_status status, const struct pgcw_error *error)
{
    if (status != PGCW_OK) {
        bench_fail("%s", error->detail);
    }
}

/* Called when it has been applied to every cache. */
static void
note_event(void *context, const struct pgcw_event *event)
{
    (void)context;
    (void)event;
    remote_mark_set(&applied);
}

static void
store(const char *key)
{
    char value[REMOTE_VALUE_BYTES];

    remote_value(key, value);
    if (pgcw_cache_put(cache, (struct pgcw_bytes){key, REMOTE_KEY_BYTES},
                       (struct pgcw_bytes){value, sizeof(value)},
                       pgcw_cache_stamp(cache), NULL) != PGCW_OK) {
        bench_fail("a value was not stored");
    }
}

bool
remote_ours_open(struct turns_subject *subject)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_cache_options cache_options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_error error;

    (void)subject;
    if (holders++ > 0) {
        return true;
    }
    connection = server_make_database(DATABASE);
    if (connection == NULL ||
        !server_make_table(connection, "orders", 1, PGCW_DEFAULT_CHANNEL)) {
        bench_fail("no server");
    }
    options.dsn = "dbname=" DATABASE;
    options.on_event = note_event;
    cache_options.max_entries = 2 * (uint64_t)REMOTE_ENTRIES;
    check(pgcw_listener_open(&options, &listener, &error), &error);
    check(pgcw_cache_create(listener, &cache_options, &cache, &error), &error);
    for (uint32_t i = 0; i < REMOTE_ENTRIES; i++) {
        store(remote_keys[i]);
    }
    return true;
}

void
remote_ours_close(struct turns_subject *subject)
{
    (void)subject;
    if (--holders > 0) {
        return;
    }
    pgcw_cache_destroy(cache);
    pgcw_listener_close(listener);
    pgcw_buffer_free(&buffer);
    server_drop_database(connection, DATABASE);
}

void
remote_ours_get(struct turns_subject *subject, size_t calls)
{
    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        const char *key = remote_next();

        if (pgcw_cache_get(cache, (struct pgcw_bytes){key, REMOTE_KEY_BYTES},
                           &buffer) != PGCW_OK) {
            bench_fail("a miss");
        }
        remote_look(key, buffer.data, buffer.size);
    }
}

void
remote_ours_look_up(struct turns_subject *subject, size_t calls)
{
    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        const char *key = remote_next();
        struct pgcw_bytes value;

        pgcw_read_begin();
        if (pgcw_cache_lookup(cache, (struct pgcw_bytes){key, REMOTE_KEY_BYTES},
                              &value) != PGCW_OK) {
            bench_fail("a miss");
        }
        remote_look(key, value.data, value.size);
        pgcw_read_end();
    }
}

void
remote_ours_look_up_many(struct turns_subject *subject, size_t calls)
{
    struct pgcw_lookup lookups[REMOTE_AT_ONCE];

    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        for (size_t j = 0; j < REMOTE_AT_ONCE; j++) {
            lookups[j].key =
                (struct pgcw_bytes){remote_next(), REMOTE_KEY_BYTES};
        }
        pgcw_read_begin();
        if (pgcw_cache_lookup_many(cache, lookups, REMOTE_AT_ONCE) !=
            REMOTE_AT_ONCE) {
            bench_fail("a miss");
        }
        for (size_t j = 0; j < REMOTE_AT_ONCE; j++) {
            remote_look(lookups[j].key.data, lookups[j].value.data,
                        lookups[j].value.size);
        }
        pgcw_read_end();
    }
}

int64_t
remote_ours_change(void)
{
    uint64_t count = remote_mark_count(&applied);
    struct pgcw_bytes key = {remote_keys[0], REMOTE_KEY_BYTES};

    store(remote_keys[0]);
    if (!server_run(connection, "UPDATE orders SET version = version + 1")) {
        bench_fail("no change");
    }
    int64_t returned_ns = stress_now_ns();
    int64_t applied_ns = remote_mark_await(&applied, count);
    if (pgcw_cache_get(cache, key, &buffer) != PGCW_MISS) {
        bench_fail("the old value is still there");
    }
    return applied_ns - returned_ns;
}
