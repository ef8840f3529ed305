/* SPDX-License-Identifier: MIT */
#include "torture_threads.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#define SYNC_TIMEOUT_MS 300
#define VERSION_SQL_BYTES 128
#define MANY 8

struct client {
    struct torture *torture;
    PGconn *connection;
    struct stress_random random;
    int64_t retry_at_ns;
};

static bool
is_over(struct torture *torture)
{
    /* relaxed: only ends the loops; the join orders the rest */
    return atomic_load_explicit(&torture->is_over, memory_order_relaxed);
}

/* relaxed: counts, read after the join */
static void
count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* The pace, not a wait for something. */
static void
pause_below_us(struct client *client, uint32_t limit_us)
{
    struct timespec pause = {.tv_nsec = 1000L * (long)stress_random_below(
                                                    &client->random, limit_us)};

    (void)nanosleep(&pause, NULL);
}

static void
ignore_notice(void *context, const PGresult *notice)
{
    (void)context;
    (void)notice;
}

static void
leave(struct client *client)
{
    PQfinish(client->connection);
    client->connection = NULL;
}

/* To whoever is the primary now. */
static bool
is_connected(struct client *client)
{
    if (client->connection != NULL || stress_now_ns() < client->retry_at_ns) {
        return client->connection != NULL;
    }
    /* ORDER: who is primary before what we ask it. Pairs with: the change of
     * servers. Without it: none, but that we connect to the one before. */
    client->connection = PQconnectdb(
        atomic_load_explicit(&client->torture->dsn, memory_order_acquire));
    (void)PQsetNoticeReceiver(client->connection, ignore_notice, NULL);
    if (PQstatus(client->connection) != CONNECTION_OK) {
        leave(client);
        client->retry_at_ns = stress_now_ns() + 5000000;
    }
    return client->connection != NULL;
}

/* In the first row and column. Below 0, and the connection ended: nothing is
 * known of what was asked. */
static int64_t
ask(struct client *client, const char *sql)
{
    PGresult *result = PQexec(client->connection, sql);
    int64_t number = -1;

    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        number = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
    }
    PQclear(result);
    if (number < 0) {
        leave(client);
        client->retry_at_ns = stress_now_ns() + 5000000;
    }
    return number;
}

static const char *
table_of(uint32_t row)
{
    return row < TORTURE_KEYED_ROWS ? "keyed" : "plain";
}

static unsigned int
id_of(uint32_t row)
{
    return (row < TORTURE_KEYED_ROWS ? row : row - TORTURE_KEYED_ROWS) + 1;
}

static void
write_row(struct client *client, uint32_t row, bool shall_sync)
{
    char sql[VERSION_SQL_BYTES];

    (void)snprintf(sql, sizeof(sql),
                   "UPDATE %s SET version = version + 1 WHERE id = %u"
                   " RETURNING version",
                   table_of(row), id_of(row));
    int64_t version = ask(client, sql);
    if (version < 0) {
        count(&client->torture->unanswered);
        return;
    }
    torture_oracle_acknowledge(row, version);
    count(&client->torture->commits);
    if (shall_sync && pgcw_listener_sync(client->torture->listener,
                                         SYNC_TIMEOUT_MS) == PGCW_OK) {
        torture_oracle_synced(row, version);
        count(&client->torture->syncs);
    }
}

static bool
is_own_row(uint32_t row, unsigned int number)
{
    uint32_t of_table =
        row < TORTURE_KEYED_ROWS ? row : row - TORTURE_KEYED_ROWS;

    return row < TORTURE_ROWS && row != TORTURE_FAULTS_ROW &&
           of_table % TORTURE_WRITERS == number;
}

/* A row that only this writer writes: one that is being loaded, or any, and
 * seldom one of the table without keys. */
static uint32_t
choose_row(struct client *client, unsigned int number)
{
    struct stress_random *random = &client->random;
    uint32_t first = 0;
    uint32_t rows = TORTURE_FAULTS_ROW;
    /* relaxed: an aim; to miss it does no harm */
    uint32_t loading =
        atomic_load_explicit(&client->torture->loading, memory_order_relaxed) -
        1;

    if (is_own_row(loading, number)) {
        return loading;
    }

    if (stress_random_below(random, 12) == 0) {
        first = TORTURE_KEYED_ROWS;
        rows = TORTURE_PLAIN_ROWS;
    }
    return first + number +
           stress_random_below(random, rows / TORTURE_WRITERS) *
               TORTURE_WRITERS;
}

void *
torture_write(void *context)
{
    struct torture_thread *thread = context;
    struct client client = {
        .torture = thread->torture,
        .random =
            stress_random_of(thread->torture->stress, 1000 + thread->number),
    };

    while (!is_over(client.torture)) {
        if (is_connected(&client)) {
            /* the other goes on while this one waits */
            bool shall_sync = thread->number == 0 &&
                              stress_random_below(&client.random, 4) == 0;

            write_row(&client, choose_row(&client, thread->number), shall_sync);
        }
        pause_below_us(&client, 4000);
    }
    leave(&client);
    return NULL;
}

static struct pgcw_bytes
key_of(const uint32_t *row)
{
    return (struct pgcw_bytes){row, sizeof(*row)};
}

static struct torture_value
value_in(struct pgcw_bytes bytes)
{
    struct torture_value value = {.version = -1};

    if (bytes.size == sizeof(value)) {
        memcpy(&value, bytes.data, sizeof(value));
    }
    return value;
}

static enum pgcw_status
depend(struct pgcw_fill *fill, uint32_t row)
{
    char id[16];
    struct pgcw_tag tag = {.schema = "public", .table = table_of(row)};

    if (row < TORTURE_KEYED_ROWS) {
        int length = snprintf(id, sizeof(id), "%u", id_of(row));

        tag.key = (struct pgcw_bytes){id, (size_t)length};
    }
    return pgcw_fill_add_tag(fill, &tag);
}

/* The window of P1, of which the writers know. Now and then it is so long that
 * a heartbeat is answered in it. */
static void
linger(struct client *client, uint32_t row)
{
    uint32_t chance = stress_random_below(&client->random, 128);

    if (chance >= 32) {
        return;
    }
    /* relaxed: see choose_row() */
    atomic_store_explicit(&client->torture->loading, row + 1,
                          memory_order_relaxed);
    pause_below_us(client, chance == 0 ? 40000 : 4000);
    atomic_store_explicit(&client->torture->loading, 0, memory_order_relaxed);
}

static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    struct client *client = context;
    struct torture_value value = {.begun_ns = stress_now_ns()};
    char sql[VERSION_SQL_BYTES];
    uint32_t row;

    (void)error;
    memcpy(&row, key.data, sizeof(row));
    if (!is_connected(client)) {
        return PGCW_LOAD_FAILED;
    }
    (void)snprintf(sql, sizeof(sql), "SELECT version FROM %s WHERE id = %u",
                   table_of(row), id_of(row));
    value.version = ask(client, sql);
    if (value.version < 0) {
        return PGCW_LOAD_FAILED;
    }
    linger(client, row);
    enum pgcw_status status = depend(fill, row);
    return status == PGCW_OK
               ? pgcw_fill_set_value(fill,
                                     (struct pgcw_bytes){&value, sizeof(value)})
               : status;
}

static enum pgcw_status
load_many(void *context, const struct pgcw_bytes *keys,
          struct pgcw_fill *const *fills, size_t item_count,
          struct pgcw_error *error)
{
    enum pgcw_status status = PGCW_OK;

    for (size_t i = 0; i < item_count && status == PGCW_OK; i++) {
        status = load(context, keys[i], fills[i], error);
    }
    return status;
}

static struct torture_read
begin(struct torture_thread *thread, uint32_t row)
{
    thread->findings.reads++;
    return torture_oracle_begin(thread->torture->listener, row);
}

static void
judge_hit(struct torture_thread *thread, const struct torture_read *read,
          struct pgcw_bytes value)
{
    torture_oracle_judge_hit(thread->torture->stress, &thread->findings, read,
                             value_in(value));
}

static void
judge_load(struct torture_thread *thread, const struct torture_read *read,
           struct pgcw_bytes value)
{
    torture_oracle_judge_load(thread->torture->stress, &thread->findings, read,
                              value_in(value));
}

static bool
read_by_lookup(struct torture_thread *thread, uint32_t row)
{
    struct torture_read read = begin(thread, row);
    struct pgcw_bytes value;

    pgcw_read_begin();
    bool is_hit = pgcw_cache_lookup(thread->torture->cache, key_of(&row),
                                    &value) == PGCW_OK;
    if (is_hit) {
        judge_hit(thread, &read, value);
    }
    pgcw_read_end();
    return is_hit;
}

static void
read_by_pin(struct torture_thread *thread, uint32_t row)
{
    struct torture_read read = begin(thread, row);
    struct pgcw_pin *pin;

    if (pgcw_cache_pin(thread->torture->cache, key_of(&row), &pin) == PGCW_OK) {
        judge_hit(thread, &read, pgcw_pin_value(pin));
        pgcw_pin_release(pin);
    }
}

static void
read_by_get(struct torture_thread *thread, uint32_t row)
{
    struct torture_read read = begin(thread, row);
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    if (pgcw_cache_get(thread->torture->cache, key_of(&row), &value) ==
        PGCW_OK) {
        judge_hit(thread, &read, (struct pgcw_bytes){value.data, value.size});
    }
    pgcw_buffer_free(&value);
}

static void
read_by_fetch(struct torture_thread *thread, struct client *client,
              uint32_t row)
{
    struct torture_read read = begin(thread, row);
    struct pgcw_loader loader = {.load = load, .context = client};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    if (pgcw_cache_fetch(thread->torture->cache, key_of(&row), loader, &value,
                         NULL) == PGCW_OK) {
        judge_load(thread, &read, (struct pgcw_bytes){value.data, value.size});
    } else {
        thread->findings.fetch_failures++;
    }
    pgcw_buffer_free(&value);
}

static void
read_many(struct torture_thread *thread, struct client *client, uint32_t first)
{
    struct torture_read reads[MANY];
    struct pgcw_item items[MANY] = {0};
    uint32_t rows[MANY];

    for (uint32_t i = 0; i < MANY; i++) {
        rows[i] = (first + i) % TORTURE_ROWS;
        items[i].key = key_of(&rows[i]);
        reads[i] = begin(thread, rows[i]);
    }
    (void)!pgcw_cache_fetch_many(
        thread->torture->cache, items, MANY,
        (struct pgcw_many_loader){.load = load_many, .context = client}, NULL);
    for (uint32_t i = 0; i < MANY; i++) {
        if (items[i].status == PGCW_OK) {
            judge_load(thread, &reads[i], pgcw_pin_value(items[i].pin));
            pgcw_pin_release(items[i].pin);
        } else {
            thread->findings.fetch_failures++;
        }
    }
}

static void
read_some(struct torture_thread *thread, struct client *client, uint32_t row)
{
    switch (stress_random_below(&client->random, 512)) {
    case 0:
        read_by_pin(thread, row);
        break;
    case 1:
        read_by_get(thread, row);
        break;
    case 2:
        if (stress_random_below(&client->random, 64) == 0) {
            read_many(thread, client, row);
        }
        break;
    default:
        /* not each miss: one load takes as long as thousands of hits */
        if (!read_by_lookup(thread, row) &&
            stress_random_below(&client->random, 32) == 0) {
            read_by_fetch(thread, client, row);
        }
        break;
    }
}

void *
torture_read_rows(void *context)
{
    struct torture_thread *thread = context;
    struct client client = {
        .torture = thread->torture,
        .random = stress_random_of(thread->torture->stress, thread->number),
    };

    while (!is_over(client.torture)) {
        read_some(thread, &client,
                  stress_random_below(&client.random, TORTURE_ROWS));
    }
    leave(&client);
    return NULL;
}
