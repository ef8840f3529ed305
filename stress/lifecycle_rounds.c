/* SPDX-License-Identifier: MIT */
/* The rounds of lifecycle.c. */
#include "lifecycle.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/door.h"
#include "support/server_client.h"
#include "support/versions.h"

#define CLOSE_LIMIT_MS 20000 /* a sanitizer, on a busy machine */
#define READERS 4
#define FLOOD 3000

/* A listener and its cache, which end together. */
struct pair {
    struct life *life;
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
};

static void
fail(const struct life *life, const char *what)
{
    stress_fail(life->ground->stress, "%s: %s", life->name, what);
}

static void
note_close(struct life_ground *ground, int64_t duration_ns)
{
    /* relaxed: a statistic, read after the join */
    int64_t longest =
        atomic_load_explicit(&ground->longest_close_ns, memory_order_relaxed);

    while (duration_ns > longest &&
           !atomic_compare_exchange_weak_explicit(
               &ground->longest_close_ns, &longest, duration_ns,
               memory_order_relaxed, memory_order_relaxed)) {
    }
}

static void *
close_pair(void *context)
{
    struct pair *pair = context;
    int64_t began_ns = stress_now_ns();

    pgcw_cache_destroy(pair->cache);
    pgcw_listener_close(pair->listener);
    int64_t duration_ns = stress_now_ns() - began_ns;
    note_close(pair->life->ground, duration_ns);
    if (duration_ns > CLOSE_LIMIT_MS * INT64_C(1000000)) {
        fail(pair->life, "a close took too long");
    }
    return NULL;
}

/* By this thread, or by one that has never used it. */
static void
close_by_any(struct pair *pair)
{
    pthread_t thread;

    if (stress_random_below(&pair->life->random, 2) == 0 ||
        pthread_create(&thread, NULL, close_pair, pair) != 0) {
        close_pair(pair);
    } else {
        pthread_join(thread, NULL);
    }
}

static struct pgcw_listener_options
make_options(struct life *life, const char *dsn)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct stress_random *random = &life->random;

    options.dsn = dsn;
    options.channel = life->name;
    options.worker_count = 1 + stress_random_below(random, 4);
    options.ring_capacity = 4u << stress_random_below(random, 8);
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.reconnect_min_ms = 1;
    options.open_in_background = stress_random_below(random, 2);
    return options;
}

static bool
open_pair(struct life *life, const struct pgcw_listener_options *options,
          struct pair *pair)
{
    struct pgcw_error error = {.status = PGCW_OK};

    *pair = (struct pair){.life = life};
    if (pgcw_listener_open(options, &pair->listener, &error) != PGCW_OK) {
        fail(life, error.detail);
        return false;
    }
    if (pgcw_cache_create(pair->listener, NULL, &pair->cache, &error) !=
        PGCW_OK) {
        fail(life, error.detail);
        pgcw_listener_close(pair->listener);
        return false;
    }
    return true;
}

static bool
open_in(struct life *life, int database, struct pair *pair)
{
    char dsn[128];

    (void)snprintf(dsn, sizeof(dsn), "dbname=%s application_name=%s",
                   life->ground->databases[database], life->name);
    struct pgcw_listener_options options = make_options(life, dsn);
    return open_pair(life, &options, pair);
}

static void
sync_pair(const struct pair *pair)
{
    if (pgcw_listener_sync(pair->listener, PATIENCE_MS) != PGCW_OK) {
        fail(pair->life, "sync took too long");
    }
}

static int64_t
fetch(const struct pair *pair, int database)
{
    struct life *life = pair->life;

    return versions_fetch(pair->cache, life->servers[database], life->name, 1);
}

static void
use_and_close(struct life *life)
{
    struct pair pair;

    if (!open_in(life, 0, &pair)) {
        return;
    }
    if (stress_random_below(&life->random, 3) > 0) {
        (void)fetch(&pair, 0);
        int64_t version = versions_raise(life->servers[0], life->name, 1);
        sync_pair(&pair);
        if (fetch(&pair, 0) < version) {
            fail(life, "what was synced is missed");
        }
    } else {
        stress_random_delay(&life->random, 1000000);
    }
    close_by_any(&pair);
}

/* Else its backlog would be full some time. */
static void
hang_up(const struct life_ground *ground)
{
    int fd;

    while ((fd = accept(ground->silent_fd, NULL, NULL)) >= 0) {
        (void)close(fd);
    }
}

static void
close_while_connecting(struct life *life, uint16_t port)
{
    char dsn[64];
    struct pair pair;

    (void)snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%u", port);
    struct pgcw_listener_options options = make_options(life, dsn);
    options.open_in_background = 1;
    if (!open_pair(life, &options, &pair)) {
        return;
    }
    if (stress_random_below(&life->random, 2) == 0) {
        (void)fetch(&pair, 0); /* by itself: nothing is cached */
    }
    stress_random_delay(&life->random, 2000000);
    if (pgcw_listener_read_state(pair.listener) == PGCW_LISTENER_LIVE) {
        fail(life, "LIVE without a server");
    }
    close_by_any(&pair);
}

static void
fail_to_open(struct life *life, uint16_t port)
{
    char dsn[64];
    struct pgcw_listener *listener = NULL;

    (void)snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%u", port);
    struct pgcw_listener_options options = make_options(life, dsn);
    options.open_in_background = 0;
    options.connect_timeout_ms = 1 + stress_random_below(&life->random, 10);
    if (pgcw_listener_open(&options, &listener, NULL) == PGCW_OK) {
        fail(life, "opened without a server");
        pgcw_listener_close(listener);
    }
}

static void
connect_in_vain(struct life *life, uint16_t port)
{
    if (stress_random_below(&life->random, 3) == 0) {
        fail_to_open(life, port);
    } else {
        close_while_connecting(life, port);
    }
    hang_up(life->ground);
}

/* Loads that wait for a door, and the last of those who called ends all. */
struct loading {
    struct pair pair;
    struct door door;
    _Atomic int caller_count;
};

static enum pgcw_status
load_behind_door(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
                 struct pgcw_error *error)
{
    struct door *door = context;

    (void)error;
    door_pass(door);
    return pgcw_fill_set_value(fill, key);
}

static void *
fetch_and_close(void *context)
{
    struct loading *loading = context;
    struct pgcw_loader loader = {.load = load_behind_door,
                                 .context = &loading->door};
    struct pgcw_buffer value = PGCW_BUFFER_INIT;

    if (pgcw_cache_fetch(loading->pair.cache, (struct pgcw_bytes){"key", 3},
                         loader, &value, NULL) != PGCW_OK) {
        fail(loading->pair.life, "a fetch failed");
    }
    pgcw_buffer_free(&value);
    /*
     * ORDER: our fetch before the close by another.
     * Pairs with: fetch_and_close(). Without it: a cache is freed in use.
     */
    if (atomic_fetch_sub_explicit(&loading->caller_count, 1,
                                  memory_order_acq_rel) == 1) {
        close_pair(&loading->pair);
    }
    return NULL;
}

static void
disturb(struct life *life, const struct pair *pair)
{
    switch (stress_random_below(&life->random, 3)) {
    case 0:
        (void)server_runf(life->servers[0],
                          "SELECT pg_terminate_backend(pid)"
                          " FROM pg_stat_activity"
                          " WHERE application_name = '%s'",
                          life->name);
        break;
    case 1:
        pgcw_cache_invalidate_all(pair->cache);
        break;
    default:
        break;
    }
}

static void
close_behind_loads(struct life *life)
{
    struct loading loading;
    pthread_t threads[READERS];

    if (!open_in(life, 0, &loading.pair)) {
        return;
    }
    door_init(&loading.door);
    atomic_init(&loading.caller_count, READERS);
    for (int i = 0; i < READERS; i++) {
        if (pthread_create(&threads[i], NULL, fetch_and_close, &loading) != 0) {
            stress_give_up(life->ground->stress, "no thread");
        }
    }
    if (!door_wait_for_arrivals(&loading.door, 1)) {
        fail(life, "no load began");
    }
    disturb(life, &loading.pair);
    door_open(&loading.door);
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
    }
    door_fini(&loading.door);
}

static void
close_in_flood(struct life *life)
{
    PGconn *server = life->servers[0];
    char sql[256];
    struct pair pair;

    if (!open_in(life, 0, &pair)) {
        return;
    }
    sync_pair(&pair);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT pg_notify('%s', json_build_object("
                   "'operation', 'update', 'table', 't' || i,"
                   " 'sent_at', now())::text)"
                   " FROM generate_series(1, %d) AS i",
                   life->name, FLOOD);
    bool is_sent = PQsendQuery(server, sql) == 1;
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;
    do { /* until the first has come */
        stress_random_delay(&life->random, 1000);
        pgcw_listener_read_stats(pair.listener, &stats);
    } while (is_sent && stats.messages_heard < 2 &&
             !(PQconsumeInput(server) == 1 && !PQisBusy(server)));
    stress_random_delay(&life->random, 1000000);
    close_by_any(&pair);
    while (is_sent) {
        PGresult *result = PQgetResult(server);

        is_sent = result != NULL;
        PQclear(result);
    }
}

/* Each has an entry; a change in one database concerns one of them. */
static void
check_apart(struct life *life, struct pair *pairs)
{
    int changed = (int)stress_random_below(&life->random, 2);
    struct pair *same = &pairs[1 - changed];

    sync_pair(&pairs[0]);
    sync_pair(&pairs[1]);
    (void)fetch(&pairs[0], 0);
    int64_t other = fetch(same, 1 - changed);
    int64_t version = versions_raise(life->servers[changed], life->name, 1);
    sync_pair(&pairs[0]);
    sync_pair(&pairs[1]);
    if (fetch(&pairs[changed], changed) < version) {
        fail(life, "a change was not heard");
    }
    if (versions_lookup(same->cache, 1) != other || other < 0) {
        fail(life, "a change in the one database concerned the other's cache");
    }
}

static void
use_two_databases(struct life *life)
{
    struct pair pairs[LIFE_DATABASES];

    if (!open_in(life, 0, &pairs[0])) {
        return;
    }
    if (open_in(life, 1, &pairs[1])) {
        check_apart(life, pairs);
        close_by_any(&pairs[1]);
    }
    close_by_any(&pairs[0]);
}

/* A thread that ends with something open. */
struct reader {
    struct pgcw_cache *cache;
    struct pgcw_pin *pin;
    int number;
};

static void *
read_and_end(void *context)
{
    struct reader *reader = context;
    struct pgcw_transaction *transaction;
    int id = 1;
    struct pgcw_bytes key = {&id, sizeof(id)};

    (void)versions_lookup(reader->cache, id);
    switch (reader->number) {
    case 0:
        return NULL;
    case 1:
        pgcw_read_begin();
        pgcw_read_begin();
        return NULL;
    case 2:
        pgcw_read_begin();
        if (pgcw_cache_pin(reader->cache, key, &reader->pin) != PGCW_OK) {
            reader->pin = NULL;
        }
        pthread_exit(NULL);
    default: /* its end counts as a commit */
        return pgcw_transaction_begin(reader->cache, &transaction, NULL) ==
                       PGCW_OK
                   ? NULL
                   : context;
    }
}

static void
end_readers_and_close(struct life *life)
{
    struct reader readers[READERS];
    pthread_t threads[READERS];
    struct pair pair;

    if (!open_in(life, 0, &pair)) {
        return;
    }
    sync_pair(&pair);
    (void)fetch(&pair, 0);
    for (int i = 0; i < READERS; i++) {
        readers[i] = (struct reader){pair.cache, NULL, i};
        if (pthread_create(&threads[i], NULL, read_and_end, &readers[i]) != 0) {
            stress_give_up(life->ground->stress, "no thread");
        }
    }
    for (int i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        pgcw_pin_release(readers[i].pin);
    }
    close_by_any(&pair);
}

void
life_run_round(struct life *life)
{
    struct life_ground *ground = life->ground;
    enum life_kind kind =
        (enum life_kind)stress_random_below(&life->random, LIFE_KINDS);

    /* relaxed: a count, read after the join */
    atomic_fetch_add_explicit(&ground->counts[kind], 1, memory_order_relaxed);
    switch (kind) {
    case LIFE_USED:
        use_and_close(life);
        break;
    case LIFE_CONNECTING:
        connect_in_vain(life, ground->silent_port);
        break;
    case LIFE_REFUSED:
        connect_in_vain(life, ground->refused_port);
        break;
    case LIFE_LOADING:
        close_behind_loads(life);
        break;
    case LIFE_FLOODED:
        close_in_flood(life);
        break;
    case LIFE_TWO_DATABASES:
        use_two_databases(life);
        break;
    case LIFE_THREADS_ENDED:
        end_readers_and_close(life);
        break;
    case LIFE_KINDS:
        break;
    }
}
