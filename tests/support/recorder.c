/* SPDX-License-Identifier: MIT */
#include "support/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/door.h"

void
state_recorder_init(struct state_recorder *recorder)
{
    memset(recorder, 0, sizeof(*recorder));
    wait_init(&recorder->lock, &recorder->changed);
}

void
state_recorder_fini(struct state_recorder *recorder)
{
    pthread_cond_destroy(&recorder->changed);
    pthread_mutex_destroy(&recorder->lock);
}

void
state_recorder_note(void *context, enum pgcw_listener_state state,
                    const char *reason)
{
    struct state_recorder *recorder = context;

    pthread_mutex_lock(&recorder->lock);
    if (recorder->count < RECORDED_STATES) {
        recorder->states[recorder->count] = state;
        (void)snprintf(recorder->reasons[recorder->count],
                       RECORDED_REASON_BYTES, "%s", reason);
    }
    recorder->count++;
    pthread_cond_broadcast(&recorder->changed);
    pthread_mutex_unlock(&recorder->lock);
}

size_t
state_recorder_count(struct state_recorder *recorder)
{
    pthread_mutex_lock(&recorder->lock);
    size_t count = recorder->count;
    pthread_mutex_unlock(&recorder->lock);
    return count;
}

/* The caller holds the lock. */
static size_t
find_state(const struct state_recorder *recorder,
           enum pgcw_listener_state state, size_t from)
{
    for (size_t i = from; i < recorder->count && i < RECORDED_STATES; i++) {
        if (recorder->states[i] == state) {
            return i + 1;
        }
    }
    return 0;
}

size_t
state_recorder_wait(struct state_recorder *recorder,
                    enum pgcw_listener_state state, size_t from,
                    uint32_t timeout_ms)
{
    struct timespec deadline = wait_deadline(timeout_ms);
    bool is_late = false;
    size_t behind;

    pthread_mutex_lock(&recorder->lock);
    while ((behind = find_state(recorder, state, from)) == 0 && !is_late) {
        is_late = pthread_cond_timedwait(&recorder->changed, &recorder->lock,
                                         &deadline) != 0;
    }
    pthread_mutex_unlock(&recorder->lock);
    return behind;
}

void
event_recorder_init(struct event_recorder *recorder, size_t capacity)
{
    wait_init(&recorder->lock, &recorder->changed);
    recorder->events = calloc(capacity, sizeof(*recorder->events));
    recorder->count = 0;
    recorder->capacity = recorder->events != NULL ? capacity : 0;
}

void
event_recorder_fini(struct event_recorder *recorder)
{
    free(recorder->events);
    pthread_cond_destroy(&recorder->changed);
    pthread_mutex_destroy(&recorder->lock);
}

void
event_recorder_note(void *context, const struct pgcw_event *event)
{
    struct event_recorder *recorder = context;

    pthread_mutex_lock(&recorder->lock);
    if (recorder->count < recorder->capacity) {
        struct recorded_event *recorded = &recorder->events[recorder->count];

        recorded->number = event->number;
        recorded->operation = event->operation;
        (void)snprintf(recorded->schema, sizeof(recorded->schema), "%s",
                       event->schema);
        (void)snprintf(recorded->table, sizeof(recorded->table), "%s",
                       event->table);
    }
    recorder->count++;
    pthread_cond_broadcast(&recorder->changed);
    pthread_mutex_unlock(&recorder->lock);
}

enum pgcw_decision
event_recorder_decide(void *context, const struct pgcw_event *event)
{
    event_recorder_note(context, event);
    return PGCW_INVALIDATE;
}

bool
event_recorder_wait(struct event_recorder *recorder, size_t count,
                    uint32_t timeout_ms)
{
    struct timespec deadline = wait_deadline(timeout_ms);
    bool is_late = false;

    pthread_mutex_lock(&recorder->lock);
    while (recorder->count < count && !is_late) {
        is_late = pthread_cond_timedwait(&recorder->changed, &recorder->lock,
                                         &deadline) != 0;
    }
    bool is_there = recorder->count >= count;
    pthread_mutex_unlock(&recorder->lock);
    return is_there;
}

bool
event_recorder_is_ascending(struct event_recorder *recorder)
{
    bool is_ascending = true;

    pthread_mutex_lock(&recorder->lock);
    for (size_t i = 1; i < recorder->count && i < recorder->capacity; i++) {
        if (recorder->events[i].number <= recorder->events[i - 1].number) {
            is_ascending = false;
        }
    }
    pthread_mutex_unlock(&recorder->lock);
    return is_ascending;
}
