/* SPDX-License-Identifier: MIT */
/* Keep what the callbacks of a listener are told, and wait for it. */
#ifndef TESTS_SUPPORT_RECORDER_H
#define TESTS_SUPPORT_RECORDER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/event.h>
#include <pgcachewatch/listener.h>
#include <pgcachewatch/strategy.h>

#define RECORDED_STATES 256
#define RECORDED_REASON_BYTES 256

struct state_recorder {
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    size_t count; /* what came beyond RECORDED_STATES is only counted */
    enum pgcw_listener_state states[RECORDED_STATES];
    char reasons[RECORDED_STATES][RECORDED_REASON_BYTES];
};

void state_recorder_init(struct state_recorder *recorder);
void state_recorder_fini(struct state_recorder *recorder);
/* A pgcw_listener_state_fn; the context is the recorder. */
void state_recorder_note(void *context, enum pgcw_listener_state state,
                         const char *reason);
size_t state_recorder_count(struct state_recorder *recorder);
/*
 * Wait for a state at position `from` or later. Returns the position behind
 * it, or 0 if it did not come within `timeout_ms`.
 */
size_t state_recorder_wait(struct state_recorder *recorder,
                           enum pgcw_listener_state state, size_t from,
                           uint32_t timeout_ms);

struct recorded_event {
    uint64_t number;
    enum pgcw_operation operation;
    char schema[64];
    char table[64];
};

struct event_recorder {
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct recorded_event *events;
    size_t count;
    size_t capacity;
};

void event_recorder_init(struct event_recorder *recorder, size_t capacity);
void event_recorder_fini(struct event_recorder *recorder);
/* A pgcw_event_fn; the context is the recorder. */
void event_recorder_note(void *context, const struct pgcw_event *event);
/* A pgcw_strategy_decide_fn that notes and invalidates. */
enum pgcw_decision event_recorder_decide(void *context,
                                         const struct pgcw_event *event);
/* False if there are not `count` within `timeout_ms`. */
bool event_recorder_wait(struct event_recorder *recorder, size_t count,
                         uint32_t timeout_ms);
/* Whether each number is above the one before. */
bool event_recorder_is_ascending(struct event_recorder *recorder);

#endif
