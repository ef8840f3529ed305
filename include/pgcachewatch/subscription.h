/* SPDX-License-Identifier: MIT */
/* Events as a queue of one's own. */
#ifndef PGCACHEWATCH_SUBSCRIPTION_H
#define PGCACHEWATCH_SUBSCRIPTION_H

#include <stddef.h>
#include <stdint.h>

#include <pgcachewatch/event.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

struct pgcw_listener;

/**
 * A queue that gets every event of a listener, in commit order.
 *
 * Each subscription has a queue of its own, of a fixed size. Who takes too
 * slowly loses events, and finds a gap mark where they were missing; he
 * holds back neither the other subscribers, nor the caches, nor the socket.
 */
struct pgcw_subscription;

/** Start with PGCW_SUBSCRIPTION_OPTIONS_INIT; zero means the default. */
struct pgcw_subscription_options {
    size_t size;
    /** Events that may wait, at most 2^24; each takes about 200 bytes, had
     * when it is opened, and its keys while it waits. Default 1024. */
    uint64_t capacity;
};

#define PGCW_SUBSCRIPTION_OPTIONS_INIT              \
    {                                               \
        sizeof(struct pgcw_subscription_options), 0 \
    }

/** What stands in a queue. */
enum pgcw_item_kind {
    PGCW_ITEM_EVENT = 1,
    /** Events may be missing here; `gap_reasons` says why. */
    PGCW_ITEM_GAP = 2
};

/** Why events may be missing. Bits, as one mark may have several reasons. */
enum pgcw_gap_reason {
    /** This subscription was full. No other one is concerned. */
    PGCW_GAP_OVERFLOW = 1,
    /** The listener's ring was full, or memory was short. */
    PGCW_GAP_DROPPED = 2,
    /** A payload was not understood, or memory was short for it. */
    PGCW_GAP_UNDECODABLE = 4,
    /** The connection was lost, or in doubt; it is LIVE again, or about to
     * be: LISTEN is committed. */
    PGCW_GAP_CONNECTION = 8
};

/** One item of a queue; start with PGCW_SUBSCRIPTION_ITEM_INIT. */
struct pgcw_subscription_item {
    size_t size;
    enum pgcw_item_kind kind;
    /** Of a gap: a sum of enum pgcw_gap_reason. Of an event: 0. */
    uint32_t gap_reasons;
    /** Of a gap: NULL. It and its strings are valid until the next call
     * with the subscription. */
    const struct pgcw_event *event;
};

#define PGCW_SUBSCRIPTION_ITEM_INIT                                         \
    {                                                                       \
        sizeof(struct pgcw_subscription_item), (enum pgcw_item_kind)0, 0, 0 \
    }

/**
 * Return the name of a reason: "overflow", "dropped", "undecodable" or
 * "connection".
 *
 * @return a string constant; "unknown" for another value
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API const char *pgcw_gap_reason_text(enum pgcw_gap_reason reason);

/**
 * Begin to queue the events of a listener.
 *
 * Every event that is committed after this call returns will stand in the
 * queue, or a gap mark in its place. Opened while the listener is not LIVE,
 * it begins with a mark, or with what was committed after LISTEN.
 *
 * @param[in]  listener      must outlive the subscription
 * @param[in]  options       NULL for all defaults; not kept by reference
 * @param[out] subscription  set only on PGCW_OK; give it to
 *                           pgcw_subscription_close()
 * @param[out] error         may be NULL; written only on failure
 * @retval PGCW_OK                open
 * @retval PGCW_INVALID_ARGUMENT  an option is out of range; detail names it
 * @retval PGCW_UNSUPPORTED       an option of a newer version is set; or this
 *                                is a child of fork()
 * @retval PGCW_NO_MEMORY         nothing was opened
 * @retval PGCW_SYSTEM_ERROR      no descriptor could be had
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_subscription_open(struct pgcw_listener *listener,
                       const struct pgcw_subscription_options *options,
                       struct pgcw_subscription **subscription,
                       struct pgcw_error *error);

/**
 * Take the next item, or wait for it.
 *
 * Events come in commit order, each once, after every cache of the listener
 * has applied them: once pgcw_listener_sync() has returned, all that was
 * committed before it was called waits here.
 *
 * After a gap mark anything may have happened before the next item. The mark
 * stands where the loss was; losses with no event between them are one mark,
 * until it is taken. Who reads the database after he took a mark sees all
 * that was lost before; later changes come as events. While the listener is not
 * LIVE nothing new comes; the mark for that time comes when it is LIVE again.
 *
 * @param         timeout_ms  how long to wait at most; 0: not at all
 * @param[in,out] item        set `size` first, as
 *                            PGCW_SUBSCRIPTION_ITEM_INIT does; otherwise
 *                            written only on PGCW_OK
 * @retval PGCW_OK                `item` has it
 * @retval PGCW_TIMEOUT           there was none within the time
 * @retval PGCW_INVALID_ARGUMENT  `size` is not set
 * @retval PGCW_SYSTEM_ERROR      the operating system refused to wait
 *
 * Threads: one at a time per subscription; not the library's, unless
 * timeout_ms is 0. Blocks: until there is an item, at most timeout_ms; a
 * signal does not end it. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_subscription_next(struct pgcw_subscription *subscription,
                       uint32_t timeout_ms,
                       struct pgcw_subscription_item *item);

/**
 * Return a descriptor to poll: readable exactly while an item waits.
 *
 * For poll(), select() and epoll, level-triggered: it stays readable until
 * pgcw_subscription_next() has taken the last item. Edge-triggered, take
 * until PGCW_TIMEOUT. It is an eventfd of the subscription's: do not read,
 * write or close it. Who must be able to stop a thread that waits polls
 * this one together with a descriptor of his own, then takes with timeout 0.
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API int pgcw_subscription_fd(const struct pgcw_subscription *subscription);

/**
 * End a subscription and free it, with all that waits in it. Accepts NULL.
 *
 * Before the listener is closed. No other call with the subscription may be
 * under way: it does not wake a thread that waits in
 * pgcw_subscription_next(), for that thread could not know whether the
 * subscription is still there. The thread that takes is the one to close.
 *
 * Threads: any. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_subscription_close(struct pgcw_subscription *subscription);

PGCW_END_DECLS

#endif
