/* SPDX-License-Identifier: MIT */
#include "listener/subscription.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/name.h"
#include "base/options.h"
#include "base/status.h"
#include "base/wakeup.h"
#include "cache/forked.h"
#include "event/keys.h"
#include "listener/listener.h"

#define CAPACITY_DEFAULT 1024u
#define CAPACITY_MAX (1u << 24)

/* An event, and the mark before it. */
struct slot {
    uint32_t gap_reasons; /* 0: no mark */
    enum pgcw_operation operation;
    uint64_t number;
    int64_t sent_at_us;
    int64_t received_at_us;
    char schema[PGCWI_NAME_BYTES];
    char table[PGCWI_NAME_BYTES];
    struct pgcw_bytes *keys; /* pgcwi_keys_copy(); NULL: any row */
    size_t key_count;
};

struct pgcw_subscription {
    /* immutable after open */
    struct pgcwi_subscriptions *all;
    const char *channel;
    uint64_t opened_number; /* the newest message then */
    struct pgcwi_wakeup wakeup;
    uint64_t capacity;
    struct slot *slots;
    /* guarded by list_lock */
    struct pgcw_subscription *next;
    /* guarded by lock; the wakeup is signalled exactly while has_item() */
    pthread_mutex_t lock;
    uint64_t first;
    uint64_t count;
    uint32_t end_gap_reasons; /* behind the last event */
    /* owned by the subscriber */
    struct slot taken;
    struct pgcw_event event;
};

const char *
pgcw_gap_reason_text(enum pgcw_gap_reason reason)
{
    switch (reason) {
    case PGCW_GAP_OVERFLOW:
        return "overflow";
    case PGCW_GAP_DROPPED:
        return "dropped";
    case PGCW_GAP_UNDECODABLE:
        return "undecodable";
    case PGCW_GAP_CONNECTION:
        return "connection";
    }
    return "unknown";
}

void
pgcwi_subscriptions_init(struct pgcwi_subscriptions *subscriptions)
{
    pthread_mutex_init(&subscriptions->list_lock, NULL);
    subscriptions->first = NULL;
}

void
pgcwi_subscriptions_fini(struct pgcwi_subscriptions *subscriptions)
{
    assert(subscriptions->first == NULL && "close the subscriptions first");
    pthread_mutex_destroy(&subscriptions->list_lock);
}

static bool
has_item(const struct pgcw_subscription *subscription)
{
    return subscription->count > 0 || subscription->end_gap_reasons != 0;
}

/* The decoder has refused names that do not fit. */
static void
copy_name(char copy[PGCWI_NAME_BYTES], const char *name)
{
    size_t bytes = strnlen(name, PGCWI_NAME_MAX_BYTES);

    memcpy(copy, name, bytes);
    copy[bytes] = '\0';
}

static void
append(struct pgcw_subscription *subscription, const struct pgcw_event *event)
{
    if (subscription->count == subscription->capacity) {
        subscription->end_gap_reasons |= PGCW_GAP_OVERFLOW;
        return;
    }
    uint64_t last = subscription->first + subscription->count;
    struct slot *slot = &subscription->slots[last % subscription->capacity];

    slot->gap_reasons = subscription->end_gap_reasons;
    slot->operation = event->operation;
    slot->number = event->number;
    slot->sent_at_us = event->sent_at_us;
    slot->received_at_us = event->received_at_us;
    copy_name(slot->schema, event->schema);
    copy_name(slot->table, event->table);
    /* without memory the event is one of any row, which is always true */
    slot->keys = pgcwi_keys_copy(event->keys, event->key_count);
    slot->key_count = slot->keys != NULL ? event->key_count : 0;
    subscription->end_gap_reasons = 0;
    subscription->count++;
}

void
pgcwi_subscriptions_deliver(struct pgcwi_subscriptions *subscriptions,
                            const struct pgcw_event *event)
{
    pthread_mutex_lock(&subscriptions->list_lock);
    for (struct pgcw_subscription *subscription = subscriptions->first;
         subscription != NULL; subscription = subscription->next) {
        if (event->number <= subscription->opened_number) {
            continue;
        }
        pthread_mutex_lock(&subscription->lock);
        if (!has_item(subscription)) {
            pgcwi_wakeup_signal(&subscription->wakeup);
        }
        append(subscription, event);
        pthread_mutex_unlock(&subscription->lock);
    }
    pthread_mutex_unlock(&subscriptions->list_lock);
}

void
pgcwi_subscriptions_mark(struct pgcwi_subscriptions *subscriptions,
                         uint64_t number, uint32_t gap_reasons)
{
    pthread_mutex_lock(&subscriptions->list_lock);
    for (struct pgcw_subscription *subscription = subscriptions->first;
         subscription != NULL; subscription = subscription->next) {
        if (number <= subscription->opened_number) {
            continue;
        }
        pthread_mutex_lock(&subscription->lock);
        if (!has_item(subscription)) {
            pgcwi_wakeup_signal(&subscription->wakeup);
        }
        subscription->end_gap_reasons |= gap_reasons;
        pthread_mutex_unlock(&subscription->lock);
    }
    pthread_mutex_unlock(&subscriptions->list_lock);
}

static void
take_gap(uint32_t *gap_reasons, struct pgcw_subscription_item *item)
{
    item->kind = PGCW_ITEM_GAP;
    item->gap_reasons = *gap_reasons;
    *gap_reasons = 0;
}

/* Move the first slot to `taken`; there is one. */
static void
take_first(struct pgcw_subscription *subscription)
{
    pgcwi_free(subscription->taken.keys);
    subscription->taken = subscription->slots[subscription->first];
    subscription->first = (subscription->first + 1) % subscription->capacity;
    subscription->count--;
}

static void
take_event(struct pgcw_subscription *subscription,
           struct pgcw_subscription_item *item)
{
    const struct slot *taken = &subscription->taken;

    take_first(subscription);
    subscription->event = (struct pgcw_event){
        .operation = taken->operation,
        .number = taken->number,
        .channel = subscription->channel,
        .schema = taken->schema,
        .table = taken->table,
        .sent_at_us = taken->sent_at_us,
        .received_at_us = taken->received_at_us,
        .keys = taken->keys,
        .key_count = taken->key_count,
    };
    item->kind = PGCW_ITEM_EVENT;
    item->event = &subscription->event;
}

/* False if there is none. */
static bool
take(struct pgcw_subscription *subscription,
     struct pgcw_subscription_item *item)
{
    pthread_mutex_lock(&subscription->lock);
    bool is_there = has_item(subscription);
    struct slot *slot = &subscription->slots[subscription->first];

    if (subscription->count > 0 && slot->gap_reasons != 0) {
        take_gap(&slot->gap_reasons, item);
    } else if (subscription->count > 0) {
        take_event(subscription, item);
    } else if (is_there) {
        take_gap(&subscription->end_gap_reasons, item);
    }
    if (is_there && !has_item(subscription)) {
        pgcwi_wakeup_drain(&subscription->wakeup);
    }
    pthread_mutex_unlock(&subscription->lock);
    return is_there;
}

/* Until the descriptor is readable, or the deadline, or for a while. */
static enum pgcw_status
wait_for_item(const struct pgcw_subscription *subscription, int64_t deadline_ns)
{
    struct pollfd fd = {.fd = subscription->wakeup.fd, .events = POLLIN};

    if (poll(&fd, 1, pgcwi_clock_poll_ms(deadline_ns)) < 0 && errno != EINTR) {
        return PGCW_SYSTEM_ERROR;
    }
    return PGCW_OK;
}

enum pgcw_status
pgcw_subscription_next(struct pgcw_subscription *subscription,
                       uint32_t timeout_ms, struct pgcw_subscription_item *item)
{
    struct pgcw_subscription_item known = {.size = sizeof(known)};
    int64_t deadline_ns = 0;

    if (item->size < sizeof(known)) {
        return PGCW_INVALID_ARGUMENT;
    }
    while (!take(subscription, &known)) {
        if (timeout_ms == 0) {
            return PGCW_TIMEOUT;
        }
        int64_t now_ns = pgcwi_clock_monotonic_ns();
        if (deadline_ns == 0) {
            deadline_ns = now_ns + timeout_ms * PGCWI_NS_PER_MS;
        }
        if (now_ns >= deadline_ns) {
            return PGCW_TIMEOUT;
        }
        enum pgcw_status status = wait_for_item(subscription, deadline_ns);
        if (status != PGCW_OK) {
            return status;
        }
    }
    pgcwi_stats_write(item, &known, sizeof(known));
    return PGCW_OK;
}

int
pgcw_subscription_fd(const struct pgcw_subscription *subscription)
{
    return subscription->wakeup.fd;
}

static void
enlist(struct pgcw_subscription *subscription)
{
    struct pgcwi_subscriptions *all = subscription->all;

    pthread_mutex_lock(&all->list_lock);
    subscription->next = all->first;
    all->first = subscription;
    pthread_mutex_unlock(&all->list_lock);
}

static void
delist(const struct pgcw_subscription *subscription)
{
    struct pgcwi_subscriptions *all = subscription->all;
    struct pgcw_subscription **link = &all->first;

    pthread_mutex_lock(&all->list_lock);
    while (*link != subscription) {
        link = &(*link)->next;
    }
    *link = subscription->next;
    pthread_mutex_unlock(&all->list_lock);
}

/* One that is not in the list; accepts NULL. */
static void
destroy(struct pgcw_subscription *subscription)
{
    if (subscription == NULL) {
        return;
    }
    pgcwi_wakeup_close(&subscription->wakeup);
    pthread_mutex_destroy(&subscription->lock);
    while (subscription->count > 0) {
        take_first(subscription);
    }
    pgcwi_free(subscription->taken.keys);
    pgcwi_free(subscription->slots);
    pgcwi_free(subscription);
}

static enum pgcw_status
make(struct pgcw_listener *listener, uint64_t capacity,
     struct pgcw_subscription **subscription)
{
    struct pgcw_subscription *made = pgcwi_alloc_array(1, sizeof(*made));
    enum pgcw_status status = PGCW_NO_MEMORY;

    if (made == NULL) {
        return status;
    }
    made->all = &listener->subscriptions;
    made->channel = listener->settings.channel;
    made->capacity = capacity;
    made->wakeup.fd = -1;
    pthread_mutex_init(&made->lock, NULL);
    made->slots = pgcwi_alloc_array((size_t)capacity, sizeof(*made->slots));
    if (made->slots != NULL) {
        status = pgcwi_wakeup_open(&made->wakeup);
    }
    if (status == PGCW_OK) {
        *subscription = made;
        made = NULL; /* the caller owns it now */
    }
    destroy(made);
    return status;
}

enum pgcw_status
pgcw_subscription_open(struct pgcw_listener *listener,
                       const struct pgcw_subscription_options *options,
                       struct pgcw_subscription **subscription,
                       struct pgcw_error *error)
{
    struct pgcw_subscription_options known;
    struct pgcw_subscription *made = NULL;
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, error);

    if (status == PGCW_OK) {
        status = pgcwi_forked_check(error);
    }
    if (status != PGCW_OK) {
        return status;
    }
    if (known.capacity > CAPACITY_MAX) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "capacity: at most %u is allowed", CAPACITY_MAX);
    }
    status =
        make(listener, known.capacity != 0 ? known.capacity : CAPACITY_DEFAULT,
             &made);
    if (status != PGCW_OK) {
        return pgcwi_error_set(error, status,
                               status == PGCW_NO_MEMORY
                                   ? "no memory for a subscription"
                                   : "no descriptor for a subscription");
    }
    made->opened_number = pgcwi_worker_pool_last_number(listener->pool);
    enlist(made);
    *subscription = made;
    return PGCW_OK;
}

void
pgcw_subscription_close(struct pgcw_subscription *subscription)
{
    if (subscription == NULL || pgcwi_forked_is_child()) {
        return;
    }
    delist(subscription);
    destroy(subscription);
}
