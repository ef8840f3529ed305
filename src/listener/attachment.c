/* SPDX-License-Identifier: MIT */
#include "listener/attachment.h"

#include <assert.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/status.h"
#include "listener/listener.h"
#include "strategy/strategy.h"

void
pgcwi_attachments_init(struct pgcwi_attachments *attachments)
{
    pthread_mutex_init(&attachments->apply_lock, NULL);
    pthread_mutex_init(&attachments->list_lock, NULL);
    attachments->first = NULL;
    attachments->is_open = false;
}

void
pgcwi_attachments_fini(struct pgcwi_attachments *attachments)
{
    assert(attachments->first == NULL && "destroy the caches first");
    pthread_mutex_destroy(&attachments->list_lock);
    pthread_mutex_destroy(&attachments->apply_lock);
}

void
pgcwi_attachments_apply(struct pgcwi_attachments *attachments,
                        const struct pgcw_event *event)
{
    pthread_mutex_lock(&attachments->apply_lock);
    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        if (pgcwi_strategy_decide(attachment->strategy, event) ==
            PGCW_INVALIDATE) {
            pgcw_cache_invalidate_all(attachment->cache);
        }
    }
    pthread_mutex_unlock(&attachments->apply_lock);
}

void
pgcwi_attachments_flush(struct pgcwi_attachments *attachments)
{
    pthread_mutex_lock(&attachments->list_lock);
    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
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
        pgcwi_cache_count(attachment->cache, PGCWI_FLUSHES);
        pgcwi_stamps_open(&attachment->cache->stamps);
    }
    pthread_mutex_unlock(&attachments->list_lock);
}

bool
pgcwi_attachments_sweep(struct pgcwi_attachments *attachments)
{
    bool has_swept = false;

    pthread_mutex_lock(&attachments->list_lock);
    for (struct pgcwi_attachment *attachment = attachments->first;
         attachment != NULL; attachment = attachment->next) {
        has_swept = pgcwi_cache_sweep(attachment->cache) || has_swept;
    }
    pthread_mutex_unlock(&attachments->list_lock);
    return has_swept;
}

static void
attach(struct pgcwi_attachment *attachment)
{
    struct pgcwi_attachments *attachments = attachment->all;

    pthread_mutex_lock(&attachments->apply_lock);
    pthread_mutex_lock(&attachments->list_lock);
    attachment->next = attachments->first;
    attachments->first = attachment;
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
    };
    (*cache)->attachment = attachment;
    attach(attachment);
    return PGCW_OK;
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
    }
    return status;
}

void
pgcw_cache_destroy(struct pgcw_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    detach(cache->attachment);
    pgcw_strategy_destroy(cache->attachment->strategy);
    pgcwi_free(cache->attachment);
    pgcwi_cache_close(cache);
}
