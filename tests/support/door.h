/* SPDX-License-Identifier: MIT */
/* A door at which a callback of the library waits until the test opens it. */
#ifndef TESTS_SUPPORT_DOOR_H
#define TESTS_SUPPORT_DOOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Long enough for a slow machine; a test that waits so long has failed. */
#define PATIENCE_MS 60000 /* a sanitizer, on a busy machine */

struct door {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_open;
    uint32_t arrival_count;
};

/* Closed at first. */
void door_init(struct door *door);
void door_fini(struct door *door);
/* Arrive, and wait until it is open; it stays open. */
void door_pass(struct door *door);
void door_open(struct door *door);
/* False if not so many have arrived within PATIENCE_MS. */
bool door_wait_for_arrivals(struct door *door, uint32_t count);

/* A condition variable whose timed wait takes wait_deadline(). */
void wait_init(pthread_mutex_t *lock, pthread_cond_t *changed);
struct timespec wait_deadline(uint32_t timeout_ms);

#endif
