/* SPDX-License-Identifier: MIT */
#include "cli/metrics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/metrics_text.h"

#define PREFIX "pgcachewatch_"

/* Which metric is which value. */
struct known {
    const char *name; /* behind the prefix */
    size_t value;
};

static const struct known listener_values[] = {
    {"listener_horizon_age_seconds", PGCWI_LISTENER_HORIZON_AGE},
    {"listener_fence_round_trip_seconds", PGCWI_LISTENER_ROUND_TRIP},
    {"listener_gaps_total", PGCWI_LISTENER_GAPS},
    {"listener_messages_heard_total", PGCWI_LISTENER_MESSAGES},
};

static const struct known cache_values[] = {
    {"cache_hits_total", PGCWI_CACHE_HITS},
    {"cache_misses_total", PGCWI_CACHE_MISSES},
    {"cache_loads_total", PGCWI_CACHE_LOADS},
    {"cache_invalidations_total", PGCWI_CACHE_INVALIDATIONS},
    {"cache_entries", PGCWI_CACHE_ENTRIES},
    {"cache_bytes", PGCWI_CACHE_BYTES},
};

static const struct known table_values[] = {
    {"listener_events_total", PGCWI_TABLE_EVENTS},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static bool
list_init(struct pgcwi_series_list *list, size_t capacity)
{
    list->items = calloc(capacity, sizeof list->items[0]);
    list->capacity = capacity;
    return list->items != NULL;
}

struct pgcwi_metrics *
pgcwi_metrics_create(void)
{
    struct pgcwi_metrics *metrics = calloc(1, sizeof *metrics);

    if (metrics == NULL ||
        !list_init(&metrics->listeners, PGCWI_METRICS_LISTENERS) ||
        !list_init(&metrics->caches, PGCWI_METRICS_CACHES) ||
        !list_init(&metrics->tables, PGCWI_METRICS_TABLES)) {
        pgcwi_metrics_destroy(metrics);
        return NULL;
    }
    return metrics;
}

void
pgcwi_metrics_destroy(struct pgcwi_metrics *metrics)
{
    if (metrics != NULL) {
        free(metrics->listeners.items);
        free(metrics->caches.items);
        free(metrics->tables.items);
        free(metrics);
    }
}

static bool
has_name(const struct pgcwi_series_list *list, size_t place, const char *name)
{
    return place < list->count && strcmp(list->items[place].name, name) == 0;
}

const struct pgcwi_series *
pgcwi_series_find(const struct pgcwi_series_list *list, const char *name,
                  size_t guess)
{
    size_t place = 0;

    if (has_name(list, guess, name)) {
        return &list->items[guess];
    }
    while (place < list->count && !has_name(list, place, name)) {
        place++;
    }
    return place == list->count ? NULL : &list->items[place];
}

/* NULL: there are too many, or the name is too long. */
static struct pgcwi_series *
find_or_add(struct pgcwi_series_list *list, const char *name)
{
    const struct pgcwi_series *found = NULL;
    struct pgcwi_series *added;

    for (size_t guess = list->last; guess < list->last + 2; guess++) {
        found = has_name(list, guess, name) ? &list->items[guess] : found;
    }
    if (found == NULL) {
        found = pgcwi_series_find(list, name, list->last);
    }
    if (found != NULL) {
        list->last = (size_t)(found - list->items);
        return &list->items[list->last];
    }
    if (list->count == list->capacity ||
        strlen(name) >= PGCWI_METRICS_NAME_BYTES) {
        return NULL;
    }
    list->last = list->count++;
    added = &list->items[list->last];
    memset(added, 0, sizeof *added);
    memcpy(added->name, name, strlen(name));
    for (size_t i = 0; i < PGCWI_SERIES_VALUES; i++) {
        added->values[i] = NAN;
    }
    return added;
}

static bool
is_amount(double value)
{
    return isfinite(value) && value >= 0;
}

/* Series that differ in another label are one here. */
static void
add_value(double *value, double told)
{
    *value = isnan(*value) ? told : *value + told;
}

/* True if it is one of these. */
static bool
take_value(struct pgcwi_metrics *metrics, struct pgcwi_series_list *list,
           const struct known *known, const char *label,
           const struct pgcwi_metrics_text_sample *sample)
{
    const char *name = pgcwi_metrics_text_label(sample, label);
    struct pgcwi_series *series;

    if (strcmp(sample->name + strlen(PREFIX), known->name) != 0) {
        return false;
    }
    series = find_or_add(list, name == NULL ? "" : name);
    if (series == NULL) {
        metrics->left_out_series++;
    } else if (is_amount(sample->value)) {
        add_value(&series->values[known->value], sample->value);
    }
    return true;
}

/* One series for each state there is; that of the one it has is 1. */
static bool
take_state(struct pgcwi_metrics *metrics,
           const struct pgcwi_metrics_text_sample *sample)
{
    const char *channel = pgcwi_metrics_text_label(sample, "channel");
    const char *state = pgcwi_metrics_text_label(sample, "state");
    struct pgcwi_series *listener;

    if (strcmp(sample->name, PREFIX "listener_state") != 0) {
        return false;
    }
    listener = find_or_add(&metrics->listeners, channel == NULL ? "" : channel);
    if (listener == NULL || state == NULL ||
        strlen(state) >= PGCWI_METRICS_STATE_BYTES) {
        metrics->left_out_series++;
    } else if (sample->value >= 1) {
        memcpy(listener->state, state, strlen(state) + 1);
    }
    return true;
}

static bool
take_bucket(struct pgcwi_metrics *metrics,
            const struct pgcwi_metrics_text_sample *sample)
{
    const char *text = pgcwi_metrics_text_label(sample, "le");
    double bound = 0;

    if (strcmp(sample->name, PREFIX "listener_event_latency_seconds_bucket") !=
        0) {
        return false;
    }
    if (text == NULL || !pgcwi_metrics_text_number(text, &bound) ||
        !is_amount(sample->value) ||
        !pgcwi_buckets_add(&metrics->latency, bound, sample->value)) {
        metrics->left_out_series++;
    }
    return true;
}

static void
take_sample(void *context, const struct pgcwi_metrics_text_sample *sample)
{
    struct pgcwi_metrics *metrics = context;
    bool is_taken = strncmp(sample->name, PREFIX, strlen(PREFIX)) != 0 ||
                    take_state(metrics, sample) || take_bucket(metrics, sample);

    for (size_t i = 0; !is_taken && i < COUNT(table_values); i++) {
        is_taken = take_value(metrics, &metrics->tables, &table_values[i],
                              "table", sample);
    }
    for (size_t i = 0; !is_taken && i < COUNT(cache_values); i++) {
        is_taken = take_value(metrics, &metrics->caches, &cache_values[i],
                              "cache", sample);
    }
    for (size_t i = 0; !is_taken && i < COUNT(listener_values); i++) {
        is_taken = take_value(metrics, &metrics->listeners, &listener_values[i],
                              "channel", sample);
    }
}

void
pgcwi_metrics_read(struct pgcwi_metrics *metrics, char *text, size_t bytes)
{
    metrics->listeners.count = metrics->listeners.last = 0;
    metrics->caches.count = metrics->caches.last = 0;
    metrics->tables.count = metrics->tables.last = 0;
    metrics->latency.count = 0;
    metrics->left_out_series = 0;
    metrics->refused_lines =
        pgcwi_metrics_text_parse(text, bytes, take_sample, metrics);
    pgcwi_buckets_finish(&metrics->latency);
}

bool
pgcwi_metrics_is_empty(const struct pgcwi_metrics *metrics)
{
    return metrics->listeners.count == 0 && metrics->caches.count == 0 &&
           metrics->tables.count == 0 && metrics->latency.count == 0;
}

double
pgcwi_metrics_rate(double before, double after, double seconds)
{
    if (isnan(before) || isnan(after) || seconds <= 0) {
        return NAN;
    }
    return (after < before ? after : after - before) / seconds;
}
