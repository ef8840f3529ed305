/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks of the event path share: ours, and the peer, a raw libpq
 * loop.
 *
 * They run on the server of PGHOST and the like. Each subject has a database
 * of its own there: a NOTIFY wakes every listener of its database, so neither
 * pays for the other.
 */
#ifndef STRESS_BENCH_EVENTS_H
#define STRESS_BENCH_EVENTS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include <pgcachewatch/pgcachewatch.h>

#define BENCH_CHANNEL "ch_bench"
/* As the library's triggers write it. */
#define BENCH_PAYLOAD_HEAD                                   \
    "{\"operation\" : \"update\", \"schema\" : \"public\", " \
    "\"table\" : \"orders\", \"sent_at\" : "                 \
    "\"2026-11-22T18:57:00.123456+00:00\", \"keys\" : [\""
#define BENCH_PAYLOAD_TAIL "\"]}"

enum bench_subject { BENCH_OURS, BENCH_RAW, BENCH_SUBJECTS };

/* In the order of the enumeration. */
extern const char *const bench_subject_names[BENCH_SUBJECTS];
extern const char *const bench_databases[BENCH_SUBJECTS];
/* Make both databases, and a connection to each. */
void bench_make_databases(PGconn *servers[BENCH_SUBJECTS]);
void bench_drop_databases(PGconn *servers[BENCH_SUBJECTS]);

/* Hears all that is told on a channel, and does nothing with it. */
struct bench_raw {
    PGconn *connection;
    pthread_t thread;
    _Atomic uint64_t heard_count;
    _Atomic bool is_stopping;
};

void bench_raw_open(struct bench_raw *raw, const char *database);
void bench_raw_close(struct bench_raw *raw);
uint64_t bench_raw_heard(const struct bench_raw *raw);

/* A listener and a cache; in a database. */
struct bench_ours {
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
};

void bench_ours_open(struct bench_ours *ours, const char *database);
void bench_ours_close(struct bench_ours *ours);
/* Store a value that depends on a row of the table. */
void bench_ours_put(const struct bench_ours *ours, const char *key);
bool bench_ours_has(const struct bench_ours *ours, const char *key);

#endif
