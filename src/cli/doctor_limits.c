/* SPDX-License-Identifier: MIT */
#include "cli/doctor_limits.h"

#include <inttypes.h>
#include <stdlib.h>

#include <pgcachewatch/version.h>

#define MIN_VERSION_NUM                                  \
    140000 /* CREATE OR REPLACE TRIGGER; proto_version 2 \
            */

/* The listener's defaults: see pgcw_listener_options. */
#define CONNECT_TIMEOUT_US 5000000
#define HEARTBEAT_INTERVAL_MS INT64_C(500)
#define HEARTBEAT_TIMEOUT_US 1000000

/* Where these are off by so much, a latency that is shown is no latency. */
#define CLOCK_US 500000
/* 80 MB that somebody does not read: who reads leaves next to nothing. */
#define QUEUE_WARNING 0.01
/* PostgreSQL itself begins to warn. */
#define QUEUE_BROKEN 0.5

static struct pgcwi_subject
subject(enum pgcwi_level level, const char *check)
{
    return (struct pgcwi_subject){level, check, NULL};
}

bool
pgcwi_doctor_judge_version(struct pgcwi_findings *findings, int version_num)
{
    bool is_enough = version_num >= MIN_VERSION_NUM;

    pgcwi_findings_add(
        findings,
        subject(is_enough ? PGCWI_LEVEL_OK : PGCWI_LEVEL_BROKEN, "version"),
        "PostgreSQL %d.%d, pgcachewatch %s%s", version_num / 10000,
        version_num >= 100000 ? version_num % 10000 : version_num / 100 % 100,
        pgcw_version(), is_enough ? "" : ": PostgreSQL 14 is needed");
    if (!is_enough) {
        pgcwi_findings_remedy(findings,
                              "upgrade the server; 14 is the first with "
                              "CREATE OR REPLACE TRIGGER, and with messages in "
                              "logical decoding");
    }
    return is_enough;
}

void
pgcwi_doctor_judge_connecting(struct pgcwi_findings *findings, int64_t took_us)
{
    bool is_slow = took_us > CONNECT_TIMEOUT_US / 2;

    pgcwi_findings_add(
        findings,
        subject(is_slow ? PGCWI_LEVEL_WARNING : PGCWI_LEVEL_OK, "timeouts"),
        "connected within %.1f ms", (double)took_us / 1000.0);
    if (is_slow) {
        pgcwi_findings_remedy(findings,
                              "set connect_timeout_ms of the listener, 5000 "
                              "by default, well above; see whether the look-up "
                              "of the host's name takes so long");
    }
}

void
pgcwi_doctor_judge_round_trip(struct pgcwi_findings *findings,
                              int64_t round_trip_us)
{
    enum pgcwi_level level =
        round_trip_us >= HEARTBEAT_TIMEOUT_US        ? PGCWI_LEVEL_BROKEN
        : round_trip_us >= HEARTBEAT_TIMEOUT_US / 10 ? PGCWI_LEVEL_WARNING
                                                     : PGCWI_LEVEL_OK;

    pgcwi_findings_add(findings, subject(level, "round_trip"),
                       "an answer takes %.3f ms",
                       (double)round_trip_us / 1000.0);
    if (level != PGCWI_LEVEL_OK) {
        pgcwi_findings_remedy(
            findings, "set heartbeat_timeout_ms of the listener, 1000 by "
                      "default, to ten times as much at least; an invalidation "
                      "comes no sooner than half of it");
    }
}

void
pgcwi_doctor_judge_clock(struct pgcwi_findings *findings, int64_t ahead_us,
                         int64_t round_trip_us)
{
    bool is_off = llabs(ahead_us) - round_trip_us / 2 > CLOCK_US;

    pgcwi_findings_add(
        findings,
        subject(is_off ? PGCWI_LEVEL_WARNING : PGCWI_LEVEL_OK, "clock"),
        "the server's clock is %.3f ms %s ours, give or take %.3f ms",
        (double)llabs(ahead_us) / 1000.0, ahead_us < 0 ? "behind" : "ahead of",
        (double)round_trip_us / 2000.0);
    if (is_off) {
        pgcwi_findings_remedy(
            findings, "keep both by NTP; until then latencies of events, and "
                      "max_latency_ms, are wrong by as much");
    }
}

void
pgcwi_doctor_judge_queue(struct pgcwi_findings *findings, double usage)
{
    enum pgcwi_level level = usage >= QUEUE_BROKEN    ? PGCWI_LEVEL_BROKEN
                             : usage >= QUEUE_WARNING ? PGCWI_LEVEL_WARNING
                                                      : PGCWI_LEVEL_OK;

    pgcwi_findings_add(findings, subject(level, "queue"),
                       "%.1f %% of the notification queue is in use%s",
                       usage * 100.0,
                       level == PGCWI_LEVEL_OK
                           ? ""
                           : ": somebody listens and does not read; when it is "
                             "full, each COMMIT with a NOTIFY fails");
    if (level != PGCWI_LEVEL_OK) {
        pgcwi_findings_remedy(
            findings, "end the session that has done LISTEN and stays in a "
                      "transaction: the oldest xact_start in pg_stat_activity "
                      "with state idle in transaction");
    }
}

void
pgcwi_doctor_judge_idle_timeout(struct pgcwi_findings *findings,
                                int64_t timeout_ms)
{
    bool is_short = timeout_ms > 0 && timeout_ms <= 2 * HEARTBEAT_INTERVAL_MS;

    if (timeout_ms <= 0) {
        return;
    }
    pgcwi_findings_add(
        findings,
        subject(is_short ? PGCWI_LEVEL_BROKEN : PGCWI_LEVEL_OK, "timeouts"),
        "idle_session_timeout is %" PRId64 " ms%s", timeout_ms,
        is_short ? ": it ends a listener between two heartbeats"
                 : "; the listener's heartbeats come more often");
    if (is_short) {
        pgcwi_findings_remedy(findings,
                              "ALTER ROLE ... SET idle_session_timeout = 0 for "
                              "the role of the listener, or have "
                              "heartbeat_interval_ms far below");
    }
}
