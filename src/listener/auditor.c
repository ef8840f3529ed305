/* SPDX-License-Identifier: MIT */
/*
 * pgcw_auditor: is what was hit what the database has?
 *
 * Model: one thread takes a sample, which it holds, reads its key, and if the
 * two differ looks whether an invalidation has reached the entry, before and
 * after the horizon has passed the read. Whether the entry is still in the
 * table says nothing: it may have been evicted, replaced or expired.
 *
 * One read is enough. What it gave was committed, so its event has to come,
 * whatever the database has by now.
 */
#include <string.h>

#include <pgcachewatch/auditor.h>
#include <pgcachewatch/listener.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/status.h"
#include "base/thread.h"
#include "cache/cache.h"
#include "cache/entry.h"
#include "cache/forked.h"
#include "listener/listener.h"

#define SYNC_MS 10 /* until it looks around while it waits for a sync */
#define RATE_MAX 1000u
#define LOOKS 2 /* a commit may be read shortly before it is acknowledged */

struct pgcw_auditor {
    /* immutable after start */
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
    struct pgcw_auditor_options options;
    pthread_t thread;
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool is_stopping;
    struct pgcw_auditor_stats stats;
};

/* One hit under examination. */
struct audit {
    struct pgcw_auditor *auditor;
    struct pgcwi_entry *entry;
    struct pgcwi_key key;
    struct pgcw_fill loaded;
    int64_t loaded_at_ns;
};

const char *
pgcw_verdict_text(enum pgcw_verdict verdict)
{
    switch (verdict) {
    case PGCW_VERDICT_SAME:
        return "same";
    case PGCW_VERDICT_RACED:
        return "raced";
    case PGCW_VERDICT_LATE:
        return "late";
    case PGCW_VERDICT_MISSED:
        return "missed";
    }
    return "unknown verdict";
}

/* False: it is to stop. */
static bool
rest(struct pgcw_auditor *auditor, int64_t duration_ns)
{
    struct timespec until =
        pgcwi_clock_timespec(pgcwi_clock_monotonic_ns() + duration_ns);
    int result = 0;

    pthread_mutex_lock(&auditor->lock);
    while (!auditor->is_stopping && result == 0) {
        result =
            pthread_cond_timedwait(&auditor->stopped, &auditor->lock, &until);
    }
    bool goes_on = !auditor->is_stopping;
    pthread_mutex_unlock(&auditor->lock);
    return goes_on;
}

/* The sync that came before brings the look at the stamps behind it. */
static bool
is_invalidated(const struct audit *audit)
{
    return !pgcwi_entry_is_coherent(audit->entry,
                                    &audit->auditor->cache->stamps);
}

/* With `data` also where nothing had to be allocated. */
static struct pgcw_bytes
loaded_value(const struct audit *audit)
{
    const struct pgcw_buffer *value = &audit->loaded.value;

    return (struct pgcw_bytes){value->data != NULL ? value->data : "",
                               value->size};
}

/* What the loader took for its value goes with the fill. */
static void
forget(struct audit *audit)
{
    if (audit->loaded.has_value) {
        pgcwi_reclaim_tell(&audit->auditor->cache->reclaim, audit->key.bytes,
                           loaded_value(audit), PGCW_REMOVED_UNSTORED);
    }
    pgcwi_fill_fini(&audit->loaded);
}

static bool
load(struct audit *audit)
{
    const struct pgcw_auditor_options *options = &audit->auditor->options;
    struct pgcw_error error = {.status = PGCW_OK};

    pgcwi_fill_init(&audit->loaded, &audit->auditor->cache->tags, &audit->key);
    enum pgcw_status status = options->load(
        options->load_context, audit->key.bytes, &audit->loaded, &error);
    audit->loaded_at_ns = pgcwi_clock_monotonic_ns();
    audit->loaded.is_absent = status == PGCW_NOT_FOUND;
    audit->loaded.has_value = status == PGCW_OK;
    return status == PGCW_OK || status == PGCW_NOT_FOUND;
}

static bool
is_same(const struct audit *audit)
{
    struct pgcw_bytes cached = pgcwi_entry_value(audit->entry);
    const struct pgcw_buffer *loaded = &audit->loaded.value;

    if (audit->entry->is_absent || audit->loaded.is_absent) {
        return audit->entry->is_absent && audit->loaded.is_absent;
    }
    return cached.size == loaded->size &&
           (cached.size == 0 ||
            memcmp(cached.data, loaded->data, cached.size) == 0);
}

/* Until every commit that was acknowledged before is applied, or it is
 * invalid. False: it is to stop. */
static bool
pass_horizon(const struct audit *audit)
{
    struct pgcw_listener *listener = audit->auditor->listener;
    uint64_t ticket = pgcwi_listener_ask_for_sync(listener);

    while (!is_invalidated(audit) &&
           !pgcwi_freshness_wait(&listener->freshness, ticket,
                                 pgcwi_clock_monotonic_ns() +
                                     SYNC_MS * PGCWI_NS_PER_MS)) {
        if (!rest(audit->auditor, 0)) {
            return false;
        }
    }
    return true;
}

/* What became of a value that is not the database's. False: nothing is known,
 * as it is to stop. */
static bool
judge_difference(const struct audit *audit, enum pgcw_verdict *verdict)
{
    int64_t pause_ns =
        audit->auditor->listener->settings.options.heartbeat_interval_ms *
        PGCWI_NS_PER_MS;

    if (is_invalidated(audit)) {
        *verdict = PGCW_VERDICT_RACED;
        return true;
    }
    for (int look = 0; look < LOOKS; look++) {
        if (look > 0 && !rest(audit->auditor, pause_ns)) {
            return false;
        }
        if (!pass_horizon(audit)) {
            return false;
        }
        if (is_invalidated(audit)) {
            *verdict = PGCW_VERDICT_LATE;
            return true;
        }
    }
    *verdict = PGCW_VERDICT_MISSED;
    return true;
}

/* False: nothing is known. */
static bool
judge(struct audit *audit, enum pgcw_verdict *verdict)
{
    if (!load(audit)) {
        return false;
    }
    if (is_same(audit)) {
        *verdict = PGCW_VERDICT_SAME;
        return true;
    }
    return judge_difference(audit, verdict);
}

static void
count(struct pgcw_auditor_stats *stats, enum pgcw_verdict verdict,
      uint64_t late_ns)
{
    switch (verdict) {
    case PGCW_VERDICT_SAME:
        stats->same++;
        break;
    case PGCW_VERDICT_RACED:
        stats->raced++;
        break;
    case PGCW_VERDICT_LATE:
        stats->late++;
        if (stats->max_late_ns < late_ns) {
            stats->max_late_ns = late_ns;
        }
        break;
    case PGCW_VERDICT_MISSED:
        stats->missed++;
        break;
    }
}

static void
report(const struct audit *audit, enum pgcw_verdict verdict, int64_t late_ns)
{
    const struct pgcw_auditor_options *options = &audit->auditor->options;
    struct pgcw_finding finding = {
        .verdict = verdict,
        .key = audit->key.bytes,
        .late_ns = late_ns,
    };

    if (options->on_finding == NULL || verdict == PGCW_VERDICT_SAME) {
        return;
    }
    if (!audit->entry->is_absent) {
        finding.cached = pgcwi_entry_value(audit->entry);
    }
    if (!audit->loaded.is_absent) {
        finding.loaded = loaded_value(audit);
    }
    options->on_finding(options->on_finding_context, &finding);
}

static void
examine(struct pgcw_auditor *auditor, struct pgcwi_entry *entry)
{
    struct audit audit = {
        .auditor = auditor,
        .entry = entry,
        .key = pgcwi_cache_key(auditor->cache, pgcwi_entry_key(entry)),
    };
    enum pgcw_verdict verdict = PGCW_VERDICT_SAME;
    int64_t late_ns = 0;

    if (is_invalidated(&audit)) {
        pthread_mutex_lock(&auditor->lock);
        auditor->stats.outdated++;
        pthread_mutex_unlock(&auditor->lock);
        return;
    }
    bool is_known = judge(&audit, &verdict);
    if (verdict == PGCW_VERDICT_LATE || verdict == PGCW_VERDICT_MISSED) {
        late_ns = pgcwi_clock_monotonic_ns() - audit.loaded_at_ns;
    }
    if (is_known) {
        report(&audit, verdict, late_ns);
    }
    forget(&audit);
    pthread_mutex_lock(&auditor->lock);
    auditor->stats.audited++;
    if (is_known) {
        count(&auditor->stats, verdict, (uint64_t)late_ns);
    } else {
        auditor->stats.undecided++;
    }
    pthread_mutex_unlock(&auditor->lock);
}

static void
run(void *context)
{
    struct pgcw_auditor *auditor = context;
    int64_t pause_ns = 1000 * PGCWI_NS_PER_MS / auditor->options.max_per_second;

    while (rest(auditor, pause_ns)) {
        struct pgcwi_entry *entry = pgcwi_sample_take(auditor->cache);

        if (entry != NULL) {
            examine(auditor, entry);
            pgcwi_reclaim_release(entry);
        }
    }
}

static enum pgcw_status
read_options(struct pgcw_auditor_options *known,
             const struct pgcw_auditor_options *options,
             struct pgcw_error *error)
{
    enum pgcw_status status =
        pgcwi_options_read(known, sizeof(*known), options, error);

    if (status != PGCW_OK) {
        return status;
    }
    if (known->load == NULL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "load: an auditor needs a loader");
    }
    if (known->max_per_second > RATE_MAX) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "max_per_second: %u; at most %u is allowed",
                               (unsigned)known->max_per_second, RATE_MAX);
    }
    if (known->sample_every == 0) {
        known->sample_every = 1000;
    }
    if (known->max_per_second == 0) {
        known->max_per_second = 10;
    }
    return PGCW_OK;
}

static void
destroy(struct pgcw_auditor *auditor)
{
    pthread_cond_destroy(&auditor->stopped);
    pthread_mutex_destroy(&auditor->lock);
    pgcwi_free(auditor);
}

enum pgcw_status
pgcw_auditor_start(struct pgcw_listener *listener, struct pgcw_cache *cache,
                   const struct pgcw_auditor_options *options,
                   struct pgcw_auditor **auditor, struct pgcw_error *error)
{
    struct pgcw_auditor_options known;
    enum pgcw_status status = read_options(&known, options, error);

    if (status == PGCW_OK) {
        status = pgcwi_forked_check(error);
    }
    if (status != PGCW_OK) {
        return status;
    }
    if (cache->attachment->all != pgcwi_listener_attachments(listener)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the cache follows another listener");
    }
    struct pgcw_auditor *made = pgcwi_alloc_array(1, sizeof(*made));
    if (made == NULL) {
        return pgcwi_error_set(error, PGCW_NO_MEMORY,
                               "no memory for an auditor");
    }
    made->listener = listener;
    made->cache = cache;
    made->options = known;
    pthread_mutex_init(&made->lock, NULL);
    pgcwi_clock_init_condition(&made->stopped);
    if (!pgcwi_sample_start(cache, known.sample_every)) {
        destroy(made);
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the cache has an auditor already");
    }
    status = pgcwi_thread_start(&made->thread, "pgcw:auditor", run, made);
    if (status != PGCW_OK) {
        pgcwi_sample_stop(cache);
        destroy(made);
        return pgcwi_error_set(error, status, "no thread for an auditor");
    }
    *auditor = made;
    return PGCW_OK;
}

void
pgcw_auditor_stop(struct pgcw_auditor *auditor)
{
    if (auditor == NULL || pgcwi_forked_is_child()) {
        return;
    }
    if (pgcwi_thread_is_ours()) {
        pgcwi_log_write(&auditor->listener->log, PGCW_LOG_ERROR,
                        "an auditor cannot be stopped by a callback, so it "
                        "goes on");
        return;
    }
    pthread_mutex_lock(&auditor->lock);
    auditor->is_stopping = true;
    pthread_cond_signal(&auditor->stopped);
    pthread_mutex_unlock(&auditor->lock);
    pthread_join(auditor->thread, NULL);
    pgcwi_sample_stop(auditor->cache);
    destroy(auditor);
}

void
pgcw_auditor_read_stats(struct pgcw_auditor *auditor,
                        struct pgcw_auditor_stats *stats)
{
    pthread_mutex_lock(&auditor->lock);
    struct pgcw_auditor_stats known = auditor->stats;
    pthread_mutex_unlock(&auditor->lock);
    pgcwi_stats_write(stats, &known, sizeof(known));
}
