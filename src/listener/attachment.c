/* SPDX-License-Identifier: MIT */
#include "listener/attachment.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/status.h"
#include "cache/forked.h"
#include "listener/listener.h"
#include "strategy/strategy.h"

void
pgcwi_attachments_init(struct pgcwi_attachments *attachments)
{
    pthread_mutex_init(&attachments->apply_lock, NULL);
    pthread_mutex_init(&attachments->list_lock, NULL);
    attachments->first = NULL;
    attachments->foreign_count = 0;
    attachments->is_open = false;
    attachments->sweeping = (struct pgcwi_pace){0, 0};
    atomic_init(&attachments->due_ns, INT64_MAX);
}

void
pgcwi_attachments_fini(struct pgcwi_attachments *attachments)
{
    assert(attachments->first == NULL && "destroy the caches first");
    pthread_mutex_destroy(&attachments->list_lock);
    pthread_mutex_destroy(&attachments->apply_lock);
}

int64_t
pgcwi_attachments_due_ns(const struct pgcwi_attachments *attachments)
{
    /* relaxed: a time; nothing else is read because of its value */
    return atomic_load_explicit(&attachments->due_ns, memory_order_relaxed);
}

static void
set_due(struct pgcwi_attachments *attachments, int64_t due_ns)
{
    /* relaxed: as above; how it reaches sleepers, see worker_pool.h */
    atomic_store_explicit(&attachments->due_ns, due_ns, memory_order_relaxed);
}

/* The caller holds apply_lock. */
static void
find_due(struct pgcwi_attachments *attachments)
{
    int64_t earliest_ns = INT64_MAX;

    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        int64_t due_ns = pgcwi_strategy_due_ns(attachment->strategy);

        earliest_ns = due_ns < earliest_ns ? due_ns : earliest_ns;
    }
    set_due(attachments, earliest_ns);
}

/* Now, but where nothing is due a time before all: the clock costs more. */
static int64_t
time_of_expiry_ns(const struct pgcwi_attachments *attachments)
{
    int64_t due_ns = pgcwi_attachments_due_ns(attachments);

    return due_ns != INT64_MAX ? pgcwi_clock_monotonic_ns() : INT64_MIN;
}

/* `event` NULL: the strategy was not asked about one. */
static void
act(struct pgcwi_attachment *attachment, enum pgcw_decision decision,
    const struct pgcw_event *event)
{
    if (decision == PGCW_KEEP) {
        return;
    }
    if (decision == PGCW_INVALIDATE && event != NULL) {
        pgcwi_cache_apply(attachment->cache, event);
    } else {
        pgcw_cache_invalidate_all(attachment->cache);
    }
}

/*
 * What the strategy has to know before it sees an event. The caller holds
 * apply_lock.
 *
 * What a strategy forgets because of a gap was heard before the flush, hence
 * committed: what was loaded since contains it, and the rest is invalid.
 */
static void
catch_up(struct pgcwi_attachment *attachment, int64_t now_ns)
{
    /*
     * relaxed: it is set before the events after the gap are pushed, or in
     * the turn before theirs, so the ring and the turn bring it here before
     * them. Another gap between the two lines is told of by the third.
     */
    if (atomic_load_explicit(&attachment->has_gap, memory_order_relaxed)) {
        atomic_store_explicit(&attachment->has_gap, false,
                              memory_order_relaxed);
        pgcwi_strategy_tell_gap(attachment->strategy);
    }
    if (pgcwi_strategy_due_ns(attachment->strategy) <= now_ns) {
        act(attachment, pgcwi_strategy_expire(attachment->strategy, now_ns),
            NULL);
    }
}

void
pgcwi_attachments_apply_begun(struct pgcwi_attachments *attachments,
                              const struct pgcw_event *event)
{
    int64_t now_ns = time_of_expiry_ns(attachments);

    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        catch_up(attachment, now_ns);
        act(attachment, pgcwi_strategy_decide(attachment->strategy, event),
            event);
    }
    find_due(attachments);
}

void
pgcwi_attachments_apply(struct pgcwi_attachments *attachments,
                        const struct pgcw_event *event)
{
    pthread_mutex_lock(&attachments->apply_lock);
    pgcwi_attachments_apply_begun(attachments, event);
    pthread_mutex_unlock(&attachments->apply_lock);
}

bool
pgcwi_attachments_try_begin(struct pgcwi_attachments *attachments)
{
    if (pthread_mutex_trylock(&attachments->apply_lock) != 0) {
        return false;
    }
    if (attachments->foreign_count > 0) {
        pthread_mutex_unlock(&attachments->apply_lock);
        return false;
    }
    return true;
}

void
pgcwi_attachments_end(struct pgcwi_attachments *attachments)
{
    pthread_mutex_unlock(&attachments->apply_lock);
}

void
pgcwi_attachments_expire(struct pgcwi_attachments *attachments)
{
    if (pgcwi_attachments_due_ns(attachments) >
        time_of_expiry_ns(attachments)) {
        return;
    }
    pthread_mutex_lock(&attachments->apply_lock);
    int64_t now_ns = time_of_expiry_ns(attachments);
    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        catch_up(attachment, now_ns);
    }
    find_due(attachments);
    pthread_mutex_unlock(&attachments->apply_lock);
}

/* The caller holds list_lock and flushes the cache. */
static void
note_gap(struct pgcwi_attachment *attachment)
{
    /* relaxed: see catch_up() */
    atomic_store_explicit(&attachment->has_gap, true, memory_order_relaxed);
}

void
pgcwi_attachments_flush(struct pgcwi_attachments *attachments)
{
    pthread_mutex_lock(&attachments->list_lock);
    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        note_gap(attachment);
        pgcwi_cache_flush(attachment->cache);
    }
    pthread_mutex_unlock(&attachments->list_lock);
}

void
pgcwi_attachments_close(struct pgcwi_attachments *attachments)
{
    pthread_mutex_lock(&attachments->list_lock);
    attachments->is_open = false;
    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        pgcwi_stamps_close(&attachment->cache->stamps);
    }
    pthread_mutex_unlock(&attachments->list_lock);
}

void
pgcwi_attachments_open(struct pgcwi_attachments *attachments)
{
    pthread_mutex_lock(&attachments->list_lock);
    attachments->is_open = true;
    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        note_gap(attachment);
        pgcwi_cache_count(attachment->cache, PGCWI_FLUSHES);
        pgcwi_stamps_open(&attachment->cache->stamps);
    }
    pthread_mutex_unlock(&attachments->list_lock);
}

void
pgcwi_attachments_note_fence(struct pgcwi_attachments *attachments)
{
    pthread_mutex_lock(&attachments->list_lock);
    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        attachment->fence_stamp = pgcw_cache_stamp(attachment->cache);
    }
    pthread_mutex_unlock(&attachments->list_lock);
}

void
pgcwi_attachments_add_checkpoint(struct pgcwi_attachments *attachments,
                                 uint64_t position)
{
    pthread_mutex_lock(&attachments->list_lock);
    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        /* of a cache that is younger than the fence: a dead stamp */
        pgcwi_checkpoints_add(
            &attachment->cache->checkpoints,
            (struct pgcwi_checkpoint){attachment->fence_stamp, position});
    }
    pthread_mutex_unlock(&attachments->list_lock);
}

/* The caller holds list_lock. False: there was nothing to do. */
static bool
sweep_each(struct pgcwi_attachments *attachments)
{
    bool has_swept = false;

    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        has_swept = pgcwi_cache_sweep(attachment->cache) || has_swept;
    }
    return has_swept;
}

int64_t
pgcwi_attachments_sweep(struct pgcwi_attachments *attachments)
{
    pthread_mutex_lock(&attachments->list_lock);
    int64_t began_ns = pgcwi_clock_monotonic_ns();
    int64_t goes_on_ns = attachments->sweeping.rests_until_ns;
    if (goes_on_ns <= began_ns) {
        goes_on_ns = sweep_each(attachments)
                         ? pgcwi_pace_work(&attachments->sweeping, began_ns,
                                           pgcwi_clock_monotonic_ns())
                         : INT64_MAX;
    }
    pthread_mutex_unlock(&attachments->list_lock);
    return goes_on_ns;
}

static void
attach(struct pgcwi_attachment *attachment)
{
    struct pgcwi_attachments *attachments = attachment->all;

    pthread_mutex_lock(&attachments->apply_lock);
    int64_t due_ns = pgcwi_strategy_due_ns(attachment->strategy);
    if (due_ns < pgcwi_attachments_due_ns(attachments)) {
        set_due(attachments, due_ns);
    }
    pthread_mutex_lock(&attachments->list_lock);
    attachment->next = attachments->first;
    attachments->first = attachment;
    if (!pgcwi_strategy_is_ours(attachment->strategy)) {
        attachments->foreign_count++;
    }
    if (attachments->is_open) {
        pgcwi_stamps_open(&attachment->cache->stamps);
    }
    pthread_mutex_unlock(&attachments->list_lock);
    pthread_mutex_unlock(&attachments->apply_lock);
}

static void
detach(const struct pgcwi_attachment *attachment)
{
    struct pgcwi_attachments *attachments = attachment->all;
    struct pgcwi_attachment **link = &attachments->first;

    pthread_mutex_lock(&attachments->apply_lock);
    pthread_mutex_lock(&attachments->list_lock);
    while (*link != attachment) {
        link = &(*link)->next;
    }
    *link = attachment->next;
    if (!pgcwi_strategy_is_ours(attachment->strategy)) {
        attachments->foreign_count--;
    }
    pthread_mutex_unlock(&attachments->list_lock);
    pthread_mutex_unlock(&attachments->apply_lock);
}

/* Its strategy is in the options. */
static enum pgcw_status
make(struct pgcwi_attachments *attachments,
     const struct pgcw_cache_options *options, struct pgcw_cache **cache,
     struct pgcw_error *error)
{
    struct pgcwi_attachment *attachment = pgcwi_alloc(sizeof(*attachment));
    enum pgcw_status status;

    if (attachment == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY, "no memory for a cache");
    }
    status = pgcwi_cache_open(options, cache, error);
    if (status != PGCW_OK) {
        pgcwi_free(attachment);
        return status;
    }
    *attachment = (struct pgcwi_attachment){
        .all = attachments,
        .cache = *cache,
        .strategy = options->strategy,
        .fence_stamp = {PGCWI_CLOCK_DEAD, 0},
    };
    atomic_init(&attachment->has_gap, false);
    (*cache)->attachment = attachment;
    attach(attachment);
    return PGCW_OK;
}

static void
ask_fence(void *context)
{
    (void)pgcwi_listener_ask_for_sync(context);
}

enum pgcw_status
pgcw_cache_create(struct pgcw_listener *listener,
                  const struct pgcw_cache_options *options,
                  struct pgcw_cache **cache, struct pgcw_error *error)
{
    struct pgcw_cache_options known;
    struct pgcw_strategy *greedy = NULL;
    enum pgcw_status status =
        pgcwi_options_read(&known, sizeof(known), options, error);

    if (status == PGCW_OK && known.strategy == NULL) {
        status = pgcw_greedy_create(NULL, &greedy, error);
        known.strategy = greedy;
    }
    if (status == PGCW_OK) {
        status =
            make(pgcwi_listener_attachments(listener), &known, cache, error);
    }
    if (status != PGCW_OK) {
        pgcw_strategy_destroy(greedy); /* the caller keeps his own */
        return status;
    }
    (*cache)->horizon_ns = &listener->freshness.horizon_ns;
    (*cache)->ask_fence_context = listener;
    (*cache)->ask_fence = ask_fence;
    pgcwi_worker_pool_wake(listener->pool); /* it may have a timer */
    return PGCW_OK;
}

void
pgcw_cache_destroy(struct pgcw_cache *cache)
{
    if (cache == NULL || pgcwi_forked_is_child()) {
        return;
    }
    detach(cache->attachment);
    pgcw_strategy_destroy(cache->attachment->strategy);
    pgcwi_free(cache->attachment);
    pgcwi_cache_close(cache);
}
