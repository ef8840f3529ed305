/* SPDX-License-Identifier: MIT */
/*
 * What the benchmarks of the event path share: options, medians, one JSON
 * document, and the peer, a raw libpq loop.
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

struct bench_options {
    int repetitions;
    double seconds; /* of a repetition, where it has a time */
    bool is_quick;
};

/* Exits if they are wrong. `options` has the defaults. */
void bench_read_options(struct bench_options *options, int argc, char **argv);
_Noreturn void bench_give_up(const char *what);
int64_t bench_now_ns(void);
/* CPU time of the process, or of the calling thread. */
int64_t bench_cpu_ns(void);
int64_t bench_thread_cpu_ns(void);

/* In the order of the enumeration. */
extern const char *const bench_subject_names[BENCH_SUBJECTS];
extern const char *const bench_databases[BENCH_SUBJECTS];
/* Make both databases, and a connection to each. */
void bench_make_databases(PGconn *servers[BENCH_SUBJECTS]);
void bench_drop_databases(PGconn *servers[BENCH_SUBJECTS]);

/* The document: begin, results, end. */
void bench_begin(const char *bench, const char *question, const char *loop);
/* `parameters` are finished fields, ("\"readers\": 2, "), or empty. Sorts the
 * values. */
void bench_result(const char *subject, const char *parameters,
                  const char *metric, const char *unit, double *values,
                  int count);
void bench_end(void);

/* The value that this share of them is below; sorts them. */
double bench_quantile(double *values, size_t count, double share);

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
