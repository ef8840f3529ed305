/* SPDX-License-Identifier: MIT */
/* What the subjects of `remote` share: keys and values, drawn beforehand. */
#ifndef STRESS_BENCH_REMOTE_H
#define STRESS_BENCH_REMOTE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "turns.h"

#define REMOTE_ENTRIES 10000u
#define REMOTE_KEY_BYTES 16
#define REMOTE_VALUE_BYTES 32
#define REMOTE_AT_ONCE 32u

/* Without a terminator. */
extern char remote_keys[REMOTE_ENTRIES][REMOTE_KEY_BYTES];
/* The next one that was drawn. */
const char *remote_next(void);
/* What is stored for a key: it begins with it. */
void remote_value(const char *key, char value[REMOTE_VALUE_BYTES]);
/* Look at a value that was had; ends the program if it is another's. */
void remote_look(const char *key, const char *value, size_t bytes);

/* When something was handled, by another thread. */
struct remote_mark {
    pthread_mutex_t lock;
    pthread_cond_t is_set;
    /* guarded by lock */
    uint64_t count;
    int64_t at_ns;
};

#define REMOTE_MARK_INIT                                          \
    {                                                             \
        PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0 \
    }

void remote_mark_set(struct remote_mark *mark);
uint64_t remote_mark_count(struct remote_mark *mark);
/* When it was set after the count was this; ends the program if it is not. */
int64_t remote_mark_await(struct remote_mark *mark, uint64_t count);

bool remote_memcached_open(struct turns_subject *subject);
void remote_memcached_run(struct turns_subject *subject, size_t calls);
void remote_memcached_run_many(struct turns_subject *subject, size_t calls);
void remote_memcached_close(struct turns_subject *subject);

/* The two, and the tracking ones, have one server. */
bool remote_redis_open(struct turns_subject *subject);
void remote_redis_run(struct turns_subject *subject, size_t calls);
void remote_redis_run_many(struct turns_subject *subject, size_t calls);
void remote_redis_close(struct turns_subject *subject);
/* The path of its socket; its server is in subject->server. */
bool remote_redis_start(struct turns_subject *subject, const char **path);

bool remote_tracking_open(struct turns_subject *subject);
void remote_tracking_run(struct turns_subject *subject, size_t calls);
void remote_tracking_close(struct turns_subject *subject);

/* Nanoseconds from the answer to a change until the copy here was invalid; less
 * than 0 if it was so before. */
int64_t remote_tracking_change(void);
int64_t remote_ours_change(void);

/* Ours, in remote_ours.c; on the PostgreSQL server of PGHOST and the like. */
bool remote_ours_open(struct turns_subject *subject);
void remote_ours_get(struct turns_subject *subject, size_t calls);
void remote_ours_look_up(struct turns_subject *subject, size_t calls);
void remote_ours_look_up_many(struct turns_subject *subject, size_t calls);
void remote_ours_close(struct turns_subject *subject);

#endif
