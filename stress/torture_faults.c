/* SPDX-License-Identifier: MIT */
#include "torture_faults.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <libpq-fe.h>

#include "torture_network.h"

#define SQL_BYTES 1024
#define NS_PER_MS INT64_C(1000000)

typedef bool fault_fn(struct torture_faults *faults);

struct kind {
    const char *name;
    fault_fn *run;
    unsigned int weight;
};

/* How long a fault lasts, not a wait for something. */
static void
last_ms(uint32_t duration_ms)
{
    struct timespec pause = {
        .tv_sec = duration_ms / 1000,
        .tv_nsec = (long)(duration_ms % 1000) * NS_PER_MS,
    };

    (void)nanosleep(&pause, NULL);
}

static uint32_t
below(struct torture_faults *faults, uint32_t limit)
{
    return stress_random_below(&faults->random, limit);
}

/* Now and then longer than a heartbeat may take, or than a connection. */
static uint32_t
any_duration_ms(struct torture_faults *faults)
{
    static const uint32_t limits_ms[] = {TORTURE_TIMEOUT_MS / 2,
                                         TORTURE_TIMEOUT_MS * 3 / 2,
                                         TORTURE_TIMEOUT_MS * 3};

    return 1 + below(faults, limits_ms[below(faults, 3)]);
}

static bool
has_control(struct torture_faults *faults)
{
    if (faults->control != NULL && PQstatus(faults->control) != CONNECTION_OK) {
        PQfinish(faults->control);
        faults->control = NULL;
    }
    if (faults->control == NULL) {
        faults->control = torture_cluster_connect(faults->cluster);
    }
    return faults->control != NULL;
}

/* In the first row and column; 0: none, or the server is gone. */
static long
ask(struct torture_faults *faults, const char *sql)
{
    long number = 0;

    if (has_control(faults)) {
        PGresult *result = PQexec(faults->control, sql);

        if (PQresultStatus(result) == PGRES_TUPLES_OK &&
            PQntuples(result) > 0) {
            number = strtol(PQgetvalue(result, 0, 0), NULL, 10);
        }
        PQclear(result);
    }
    return number;
}

static void
wait_for_live(struct torture_faults *faults)
{
    int64_t until_ns = stress_now_ns() + 2000 * NS_PER_MS;

    while (pgcw_listener_read_state(faults->torture->listener) !=
               PGCW_LISTENER_LIVE &&
           stress_now_ns() < until_ns) {
        last_ms(1);
    }
}

/* The listener has two with the WAL transport: the first one, the second, or
 * both. */
static const char *
some_backends(struct torture_faults *faults)
{
    static const char *const some[] = {"ASC LIMIT 1", "DESC LIMIT 1", "ASC"};

    return some[below(faults, 3)];
}

/* What `sql` gives for the process `pid` of those. */
static long
ask_of_listener(struct torture_faults *faults, const char *sql)
{
    char query[SQL_BYTES];

    (void)snprintf(query, sizeof(query),
                   "SELECT %s FROM (SELECT pid FROM pg_stat_activity"
                   " WHERE application_name = 'pgcachewatch'"
                   " ORDER BY backend_start %s) AS some",
                   sql, some_backends(faults));
    return ask(faults, query);
}

static bool
terminate_listener(struct torture_faults *faults)
{
    (void)ask_of_listener(faults, "count(pg_terminate_backend(pid))");
    return true;
}

static bool
stop_for(struct torture_faults *faults, pid_t pid)
{
    if (pid > 1 && kill(pid, SIGSTOP) == 0) {
        last_ms(any_duration_ms(faults));
        (void)kill(pid, SIGCONT);
    }
    return true;
}

static bool
freeze_listener(struct torture_faults *faults)
{
    return stop_for(faults, (pid_t)ask_of_listener(faults, "max(pid)"));
}

static bool
freeze_postmaster(struct torture_faults *faults)
{
    return stop_for(faults, torture_cluster_postmaster(faults->cluster));
}

/* All others end with it, and the server recovers. */
static bool
kill_backend(struct torture_faults *faults)
{
    pid_t pid = (pid_t)ask(faults, "SELECT pg_backend_pid()");

    if (pid > 1) {
        (void)kill(pid, SIGKILL);
        (void)ask(faults, "SELECT 1");
    }
    return has_control(faults);
}

static bool
restart_fast(struct torture_faults *faults)
{
    return torture_cluster_restart(faults->cluster, false) &&
           has_control(faults);
}

static bool
restart_immediate(struct torture_faults *faults)
{
    return torture_cluster_restart(faults->cluster, true) &&
           has_control(faults);
}

static bool
fail_over(struct torture_faults *faults)
{
    PQfinish(faults->control);
    faults->control = NULL;
    if (!torture_cluster_fail_over(faults->cluster)) {
        return false;
    }
    fault_proxy_set_target(faults->proxy,
                           torture_cluster_folder(faults->cluster));
    last_ms(below(faults, TORTURE_TIMEOUT_MS)); /* LISTEN is refused */
    bool is_promoted = torture_cluster_promote(faults->cluster);
    /* ORDER: none that matters. Pairs with: is_connected(). Without it: a
     * client asks the old server for its address, and is refused. */
    atomic_store_explicit(&faults->torture->dsn,
                          torture_cluster_dsn(faults->cluster),
                          memory_order_release);
    return is_promoted && has_control(faults);
}

static bool
reset_connection(struct torture_faults *faults)
{
    fault_proxy_cut(faults->proxy);
    return true;
}

static bool
end_connection(struct torture_faults *faults)
{
    fault_proxy_end(faults->proxy);
    return true;
}

static bool
end_within_message(struct torture_faults *faults)
{
    fault_proxy_end_after(faults->proxy, 1 + below(faults, 200));
    last_ms(TORTURE_INTERVAL_MS * 2);
    fault_proxy_end_after(faults->proxy, 0);
    return true;
}

static bool
hold_mode(struct torture_faults *faults, enum fault_proxy_mode mode)
{
    fault_proxy_set_mode(faults->proxy, mode);
    last_ms(any_duration_ms(faults));
    fault_proxy_set_mode(faults->proxy, FAULT_PROXY_PASS);
    return true;
}

static bool
silence(struct torture_faults *faults)
{
    return hold_mode(faults, FAULT_PROXY_SWALLOW);
}

static bool
stall(struct torture_faults *faults)
{
    return hold_mode(faults, FAULT_PROXY_STALL);
}

static bool
stall_answers(struct torture_faults *faults)
{
    return hold_mode(faults, FAULT_PROXY_STALL_ANSWERS);
}

/* A connection without LISTEN, for as long. */
static bool
stall_listen(struct torture_faults *faults)
{
    fault_proxy_set_mode(faults->proxy, FAULT_PROXY_STALL_COMMANDS);
    fault_proxy_cut(faults->proxy);
    last_ms(any_duration_ms(faults));
    fault_proxy_set_mode(faults->proxy, FAULT_PROXY_PASS);
    return true;
}

/* What was committed while the last heartbeat but one was under way is heard
 * as late as it was answered, or never: what makes hits the oldest. */
static bool
slow_then_silence(struct torture_faults *faults)
{
    uint32_t delay_ms = below(faults, TORTURE_TIMEOUT_MS * 2);

    wait_for_live(faults);
    fault_proxy_set_slow(faults->proxy, delay_ms);
    last_ms(delay_ms + TORTURE_INTERVAL_MS + below(faults, 20));
    fault_proxy_set_mode(faults->proxy, FAULT_PROXY_SWALLOW);
    last_ms(TORTURE_TIMEOUT_MS * 2 + below(faults, TORTURE_TIMEOUT_MS));
    fault_proxy_set_mode(faults->proxy, FAULT_PROXY_PASS);
    return true;
}

static bool
dribble(struct torture_faults *faults)
{
    return hold_mode(faults, FAULT_PROXY_DRIBBLE);
}

static bool
fail_network(struct torture_faults *faults)
{
    bool is_down = torture_network_set_up(false);

    last_ms(any_duration_ms(faults));
    return torture_network_set_up(true) && is_down;
}

static bool
refuse(struct torture_faults *faults)
{
    fault_proxy_set_mode(faults->proxy, FAULT_PROXY_REFUSE);
    fault_proxy_cut(faults->proxy);
    last_ms(any_duration_ms(faults));
    fault_proxy_set_mode(faults->proxy, FAULT_PROXY_PASS);
    return true;
}

static void
hold_strategy(struct torture_faults *faults, uint32_t duration_ms)
{
    /* relaxed: a time; no other memory is read because of its value */
    atomic_store_explicit(&faults->torture->stalled_until_ns,
                          stress_now_ns() + duration_ms * NS_PER_MS,
                          memory_order_relaxed);
}

/* The row that only the faults write. */
static void
write_own_row(struct torture_faults *faults, const char *sql)
{
    int64_t version = ask(faults, sql);

    if (version > 0) {
        torture_oracle_acknowledge(TORTURE_FAULTS_ROW, version);
    }
}

/* The function by which a message is sent, up to its channel. */
static const char *
teller(const struct torture_faults *faults)
{
    return faults->torture->stress->transport == PGCW_TRANSPORT_WAL
               ? "pg_logical_emit_message(true, "
               : "pg_notify(";
}

/* The last event of the burst is that of a row. */
static bool
fill_ring(struct torture_faults *faults)
{
    char sql[SQL_BYTES];

    hold_strategy(faults, 20 + below(faults, 20));
    (void)snprintf(sql, sizeof(sql),
                   "WITH burst AS MATERIALIZED (SELECT count(%s"
                   "'" TORTURE_CHANNEL "', '{\"operation\": \"update\","
                   " \"table\": \"other\", \"sent_at\":"
                   " \"2026-01-01T00:00:00+00:00\", \"n\": ' || i || '}'))"
                   " AS n FROM generate_series(1, 400) i)"
                   " UPDATE keyed SET version = version + 1 FROM burst"
                   " WHERE id = %d AND n > 0 RETURNING version",
                   teller(faults), TORTURE_FAULTS_ROW + 1);
    write_own_row(faults, sql);
    return true;
}

/* A change of which nothing is heard but what cannot be understood. */
static bool
send_garbage(struct torture_faults *faults)
{
    static const char *const payloads[] = {
        "", "{", "[]", "{\"table\": 1}", "\\x00\xc3\xa9", "null"};
    char sql[SQL_BYTES];

    (void)snprintf(sql, sizeof(sql),
                   "WITH row AS (UPDATE keyed SET version = version + 1"
                   " WHERE id = %d RETURNING version) SELECT version,"
                   " %s'" TORTURE_CHANNEL "', '%s') FROM row",
                   TORTURE_FAULTS_ROW + 1, teller(faults),
                   payloads[below(faults, 6)]);
    (void)ask(faults, "SET session_replication_role = replica");
    write_own_row(faults, sql);
    (void)ask(faults, "RESET session_replication_role");
    return true;
}

static bool
flood_others(struct torture_faults *faults)
{
    char sql[SQL_BYTES];

    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(%s'ch_' || i %% 7, i::text))"
                   " FROM generate_series(1, 5000) i",
                   teller(faults));
    (void)ask(faults, sql);
    return true;
}

static const struct kind kinds[] = {
    {"backend terminated", terminate_listener, 8},
    {"backend frozen", freeze_listener, 8},
    {"postmaster frozen", freeze_postmaster, 3},
    {"backend killed, crash recovery", kill_backend, 2},
    {"restart fast", restart_fast, 2},
    {"restart immediate", restart_immediate, 2},
    {"failover, promotion", fail_over, 1},
    {"reset", reset_connection, 8},
    {"orderly end", end_connection, 8},
    {"end within a message", end_within_message, 8},
    {"silence", silence, 6},
    {"stall", stall, 8},
    {"answers stall", stall_answers, 8},
    {"LISTEN stalls", stall_listen, 6},
    {"slow line, then silence", slow_then_silence, 8},
    {"byte by byte", dribble, 6},
    {"refused", refuse, 6},
    {"network interface down", fail_network, 6},
    {"ring full, strategy slow", fill_ring, 8},
    {"undecodable payload", send_garbage, 8},
    {"flood on other channels", flood_others, 4},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

bool
torture_faults_name(size_t kind, const char **name)
{
    if (kind < KINDS) {
        *name = kinds[kind].name;
    }
    return kind < KINDS;
}

static size_t
choose_by_weight(struct torture_faults *faults)
{
    unsigned int sum = 0;
    size_t kind = 0;

    for (size_t i = 0; i < KINDS; i++) {
        sum += kinds[i].weight;
    }
    unsigned int place = below(faults, sum);
    while (place >= kinds[kind].weight) {
        place -= kinds[kind].weight;
        kind++;
    }
    return kind;
}

/* Each once at first. */
static size_t
choose(struct torture_faults *faults)
{
    size_t kind = faults->total < KINDS ? KINDS - 1 - (size_t)faults->total
                                        : choose_by_weight(faults);

    while (kinds[kind].run == fail_network && !faults->has_network) {
        kind = choose_by_weight(faults);
    }
    return kind;
}

bool
torture_faults_one(struct torture_faults *faults)
{
    size_t kind = choose(faults);

    last_ms(below(faults, 150));
    if (below(faults, 2) == 0) {
        wait_for_live(faults); /* the others meet one that perhaps is not */
    }
    torture_oracle_fault(kinds[kind].name);
    bool is_well = has_control(faults) && kinds[kind].run(faults);
    faults->counts[kind]++;
    faults->total++;
    return is_well;
}

void
torture_faults_end(struct torture_faults *faults)
{
    PQfinish(faults->control);
    faults->control = NULL;
}
