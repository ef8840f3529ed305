/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>

#include "cli/demo_oracle.h"

/* An event that a sync has vouched for, and that has still not come after so
 * long, was lost in a gap; its registration is dropped. */
#define LOST_AFTER_NS INT64_C(5000000000)

struct pending {
    struct pgcwi_demo_write write;
    int64_t applied_at_ns;  /* 0: its event has not come yet */
    int64_t answered_at_ns; /* 0: its COMMIT has not been answered yet */
    bool is_synced;
    bool was_one_of_several; /* when its event came is not known */
};

/* Events that could belong to more than one registration. */
struct twin {
    uint32_t table;
    int64_t sent_at_us;
    size_t event_count;
};

struct pgcwi_demo_oracle {
    /* guarded by lock */
    pthread_mutex_t lock;
    size_t pending_count;
    struct pending pending[PGCWI_DEMO_PENDING_MAX];
    struct twin twins[PGCWI_DEMO_PENDING_MAX];
    size_t twin_count;
    struct pgcwi_demo_findings findings;
    /* shared */
    atomic_uint_fast64_t stale_reads;
    _Atomic int64_t known[];
};

struct pgcwi_demo_oracle *
pgcwi_demo_oracle_create(uint64_t row_count)
{
    struct pgcwi_demo_oracle *oracle = NULL;
    if (row_count <= (SIZE_MAX - sizeof(*oracle)) / sizeof(int64_t)) {
        oracle = calloc(1, sizeof(*oracle) +
                               (size_t)row_count * sizeof(oracle->known[0]));
    }
    if (oracle == NULL || pthread_mutex_init(&oracle->lock, NULL) != 0) {
        free(oracle);
        return NULL;
    }
    for (uint64_t row = 0; row < row_count; row++) {
        atomic_init(&oracle->known[row], 1);
    }
    return oracle;
}

void
pgcwi_demo_oracle_destroy(struct pgcwi_demo_oracle *oracle)
{
    if (oracle != NULL) {
        pthread_mutex_destroy(&oracle->lock);
        free(oracle);
    }
}

/* Under the lock. Returns whether it is news. */
static bool
raise_known(struct pgcwi_demo_oracle *oracle,
            const struct pgcwi_demo_write *write)
{
    _Atomic int64_t *known = &oracle->known[write->row];
    /* relaxed: written only under the lock, which we hold */
    if (atomic_load_explicit(known, memory_order_relaxed) >= write->version) {
        return false;
    }
    /*
     * ORDER: the caches' invalidation before the version is known.
     * Pairs with: pgcwi_demo_oracle_known(). Without it: a reader knows of
     * the version, does not see the invalidation, and a cache that is right
     * is said to be stale.
     */
    atomic_store_explicit(known, write->version, memory_order_release);
    return true;
}

static bool
is_of(const struct pending *pending, uint32_t table, int64_t sent_at_us)
{
    return pending->write.sent_at_us == sent_at_us &&
           pgcwi_demo_table_of(pending->write.row) == table;
}

/* The moment is unknown where several were held back; a sync says nothing
 * about it either. */
static void
record_latency(struct pgcwi_demo_oracle *oracle, const struct pending *pending)
{
    if (pending->was_one_of_several) {
        return;
    }
    int64_t latency_ns = pending->applied_at_ns - pending->answered_at_ns;
    if (latency_ns < 0) {
        oracle->findings.applied_before_answer++;
        latency_ns = 0;
    }
    pgcwi_demo_histogram_add(&oracle->findings.latency, (uint64_t)latency_ns);
}

/* Forget those of which both are known, and those that never will be. */
static void
sweep(struct pgcwi_demo_oracle *oracle, int64_t now_ns)
{
    for (size_t i = 0; i < oracle->pending_count;) {
        struct pending *pending = &oracle->pending[i];
        bool is_complete =
            pending->applied_at_ns != 0 && pending->answered_at_ns != 0;
        bool is_lost = pending->is_synced && pending->applied_at_ns == 0 &&
                       now_ns - pending->answered_at_ns > LOST_AFTER_NS;
        if (is_complete) {
            record_latency(oracle, pending);
        }
        if (is_complete || is_lost) {
            *pending = oracle->pending[--oracle->pending_count];
        } else {
            i++;
        }
    }
}

bool
pgcwi_demo_oracle_register(struct pgcwi_demo_oracle *oracle,
                           struct pgcwi_demo_write write)
{
    pthread_mutex_lock(&oracle->lock);
    bool has_room = oracle->pending_count < PGCWI_DEMO_PENDING_MAX;
    if (has_room) {
        oracle->pending[oracle->pending_count++] =
            (struct pending){.write = write};
    }
    pthread_mutex_unlock(&oracle->lock);
    return has_room;
}

void
pgcwi_demo_oracle_acknowledge(struct pgcwi_demo_oracle *oracle,
                              struct pgcwi_demo_write write, int64_t now_ns)
{
    pthread_mutex_lock(&oracle->lock);
    for (size_t i = 0; i < oracle->pending_count; i++) {
        struct pending *pending = &oracle->pending[i];
        if (pending->write.row == write.row &&
            pending->write.version == write.version) {
            pending->answered_at_ns = now_ns;
        }
    }
    oracle->findings.commits_acknowledged++;
    sweep(oracle, now_ns);
    pthread_mutex_unlock(&oracle->lock);
}

void
pgcwi_demo_oracle_synced(struct pgcwi_demo_oracle *oracle, int64_t started_ns)
{
    pthread_mutex_lock(&oracle->lock);
    for (size_t i = 0; i < oracle->pending_count; i++) {
        struct pending *pending = &oracle->pending[i];
        if (pending->answered_at_ns != 0 &&
            pending->answered_at_ns <= started_ns && !pending->is_synced) {
            pending->is_synced = true;
            oracle->findings.known_by_sync +=
                raise_known(oracle, &pending->write);
        }
    }
    pthread_mutex_unlock(&oracle->lock);
}

/* Count one more event of a table and microsecond; returns how many. */
static size_t
count_twin(struct pgcwi_demo_oracle *oracle, uint32_t table, int64_t sent_at_us)
{
    for (size_t i = 0; i < oracle->twin_count; i++) {
        struct twin *twin = &oracle->twins[i];
        if (twin->table == table && twin->sent_at_us == sent_at_us) {
            return ++twin->event_count;
        }
    }
    if (oracle->twin_count == PGCWI_DEMO_PENDING_MAX) {
        return 0; /* never complete: they stay unknown, which is safe */
    }
    oracle->twins[oracle->twin_count++] = (struct twin){table, sent_at_us, 1};
    return 1;
}

static void
forget_twin(struct pgcwi_demo_oracle *oracle, uint32_t table,
            int64_t sent_at_us)
{
    for (size_t i = 0; i < oracle->twin_count; i++) {
        struct twin *twin = &oracle->twins[i];
        if (twin->table == table && twin->sent_at_us == sent_at_us) {
            *twin = oracle->twins[--oracle->twin_count];
            return;
        }
    }
}

static void
apply(struct pgcwi_demo_oracle *oracle, uint32_t table, int64_t sent_at_us,
      int64_t now_ns)
{
    size_t match_count = 0;
    for (size_t i = 0; i < oracle->pending_count; i++) {
        match_count += is_of(&oracle->pending[i], table, sent_at_us) &&
                       oracle->pending[i].applied_at_ns == 0;
    }
    if (match_count == 0) {
        oracle->findings.events_unknown++;
        return;
    }
    oracle->findings.events_matched++;
    /* the usual case, one of one, never gets into the list */
    bool is_twin = match_count > 1 || oracle->twin_count > 0;
    size_t event_count =
        is_twin ? count_twin(oracle, table, sent_at_us) : match_count;
    if (event_count < match_count) {
        return;
    }
    for (size_t i = 0; i < oracle->pending_count; i++) {
        struct pending *pending = &oracle->pending[i];
        if (is_of(pending, table, sent_at_us) && pending->applied_at_ns == 0) {
            raise_known(oracle, &pending->write);
            pending->applied_at_ns = now_ns;
            pending->was_one_of_several = match_count > 1;
        }
    }
    forget_twin(oracle, table, sent_at_us);
}

void
pgcwi_demo_oracle_event(struct pgcwi_demo_oracle *oracle, uint32_t table,
                        int64_t sent_at_us, int64_t now_ns)
{
    pthread_mutex_lock(&oracle->lock);
    apply(oracle, table, sent_at_us, now_ns);
    sweep(oracle, now_ns);
    pthread_mutex_unlock(&oracle->lock);
}

static struct pending *
find_oldest(struct pgcwi_demo_oracle *oracle, uint64_t row)
{
    struct pending *oldest = NULL;
    for (size_t i = 0; i < oracle->pending_count; i++) {
        struct pending *pending = &oracle->pending[i];
        if (pending->write.row == row && pending->applied_at_ns == 0 &&
            (oldest == NULL ||
             pending->write.version < oldest->write.version)) {
            oldest = pending;
        }
    }
    return oldest;
}

void
pgcwi_demo_oracle_row_event(struct pgcwi_demo_oracle *oracle, uint64_t row,
                            int64_t now_ns)
{
    pthread_mutex_lock(&oracle->lock);
    struct pending *pending = find_oldest(oracle, row);
    if (pending == NULL) {
        oracle->findings.events_unknown++;
    } else {
        oracle->findings.events_matched++;
        raise_known(oracle, &pending->write);
        pending->applied_at_ns = now_ns;
    }
    sweep(oracle, now_ns);
    pthread_mutex_unlock(&oracle->lock);
}

int64_t
pgcwi_demo_oracle_known(const struct pgcwi_demo_oracle *oracle, uint64_t row)
{
    /*
     * ORDER: the version is known before the caller's read of the cache.
     * Pairs with: raise_known(). Without it: the read happens first, and is
     * judged by what became known after it.
     */
    return atomic_load_explicit(&oracle->known[row], memory_order_acquire);
}

bool
pgcwi_demo_oracle_judge(struct pgcwi_demo_oracle *oracle, int64_t known,
                        int64_t version)
{
    if (version >= known) {
        return true;
    }
    /* relaxed: a count; no other memory is read because of it */
    atomic_fetch_add_explicit(&oracle->stale_reads, 1, memory_order_relaxed);
    return false;
}

void
pgcwi_demo_oracle_findings(struct pgcwi_demo_oracle *oracle,
                           struct pgcwi_demo_findings *findings)
{
    pthread_mutex_lock(&oracle->lock);
    *findings = oracle->findings;
    findings->commits_unheard = 0;
    for (size_t i = 0; i < oracle->pending_count; i++) {
        findings->commits_unheard += oracle->pending[i].applied_at_ns == 0;
    }
    pthread_mutex_unlock(&oracle->lock);
    /* relaxed: a count; no other memory is read because of it */
    findings->stale_reads =
        atomic_load_explicit(&oracle->stale_reads, memory_order_relaxed);
}
