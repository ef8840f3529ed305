/* SPDX-License-Identifier: MIT */
#include "cli/top_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What was not there before was zero, if there was a reading. */
static double
rate(const struct pgcwi_series_list *before, const struct pgcwi_series *now,
     size_t place, size_t value, double seconds)
{
    const struct pgcwi_series *then;

    if (before == NULL) {
        return NAN;
    }
    then = pgcwi_series_find(before, now->name, place);
    return pgcwi_metrics_rate(
        then == NULL || isnan(then->values[value]) ? 0 : then->values[value],
        now->values[value], seconds);
}

static double
ratio(double hits, double misses)
{
    return hits + misses > 0 ? hits / (hits + misses) : NAN;
}

/* What is not known is not added. */
static void
add(double *sum, double value)
{
    if (!isnan(value)) {
        *sum = isnan(*sum) ? value : *sum + value;
    }
}

static void
fill_cache(struct pgcwi_top_cache *cache,
           const struct pgcwi_series_list *before,
           const struct pgcwi_series *now, size_t place, double seconds)
{
    cache->name = now->name;
    cache->hits_per_second =
        rate(before, now, place, PGCWI_CACHE_HITS, seconds);
    cache->misses_per_second =
        rate(before, now, place, PGCWI_CACHE_MISSES, seconds);
    cache->loads_per_second =
        rate(before, now, place, PGCWI_CACHE_LOADS, seconds);
    cache->invalidations_per_second =
        rate(before, now, place, PGCWI_CACHE_INVALIDATIONS, seconds);
    cache->hit_ratio = ratio(cache->hits_per_second, cache->misses_per_second);
    cache->hit_ratio_total =
        ratio(now->values[PGCWI_CACHE_HITS], now->values[PGCWI_CACHE_MISSES]);
    cache->entries = now->values[PGCWI_CACHE_ENTRIES];
    cache->bytes = now->values[PGCWI_CACHE_BYTES];
}

static void
add_cache(struct pgcwi_top_cache *all, const struct pgcwi_top_cache *cache)
{
    add(&all->hits_per_second, cache->hits_per_second);
    add(&all->misses_per_second, cache->misses_per_second);
    add(&all->loads_per_second, cache->loads_per_second);
    add(&all->invalidations_per_second, cache->invalidations_per_second);
    add(&all->entries, cache->entries);
    add(&all->bytes, cache->bytes);
}

/* Descending; what is not known is last. */
static int
compare(double one, double other)
{
    double left = isnan(one) ? -1 : one;
    double right = isnan(other) ? -1 : other;

    return (left < right) - (left > right);
}

static int
compare_caches(const void *one, const void *other)
{
    const struct pgcwi_top_cache *left = one;
    const struct pgcwi_top_cache *right = other;
    int order = compare(left->hits_per_second + left->misses_per_second,
                        right->hits_per_second + right->misses_per_second);

    return order != 0 ? order : strcmp(left->name, right->name);
}

static int
compare_tables(const void *one, const void *other)
{
    const struct pgcwi_top_table *left = one;
    const struct pgcwi_top_table *right = other;
    int order = compare(left->events_per_second, right->events_per_second);

    if (order == 0) {
        order = compare(left->events, right->events);
    }
    return order != 0 ? order : strcmp(left->name, right->name);
}

static void
fill_caches(struct pgcwi_top_model *model,
            const struct pgcwi_series_list *before,
            const struct pgcwi_series_list *now)
{
    struct pgcwi_top_cache *all = &model->all_caches;
    double hits = NAN;
    double misses = NAN;

    *all = (struct pgcwi_top_cache){"", NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    model->cache_count = now->count;
    for (size_t i = 0; i < now->count; i++) {
        fill_cache(&model->caches[i], before, &now->items[i], i,
                   model->seconds);
        add_cache(all, &model->caches[i]);
        add(&hits, now->items[i].values[PGCWI_CACHE_HITS]);
        add(&misses, now->items[i].values[PGCWI_CACHE_MISSES]);
    }
    all->hit_ratio = ratio(all->hits_per_second, all->misses_per_second);
    all->hit_ratio_total = ratio(hits, misses);
    qsort(model->caches, model->cache_count, sizeof model->caches[0],
          compare_caches);
}

static void
fill_tables(struct pgcwi_top_model *model,
            const struct pgcwi_series_list *before,
            const struct pgcwi_series_list *now)
{
    model->events_per_second = NAN;
    model->table_count = now->count;
    for (size_t i = 0; i < now->count; i++) {
        const struct pgcwi_series *table = &now->items[i];

        model->tables[i] = (struct pgcwi_top_table){
            .name = table->name,
            .events = table->values[PGCWI_TABLE_EVENTS],
            .events_per_second =
                rate(before, table, i, PGCWI_TABLE_EVENTS, model->seconds)};
        add(&model->events_per_second, model->tables[i].events_per_second);
    }
    qsort(model->tables, model->table_count, sizeof model->tables[0],
          compare_tables);
}

void
pgcwi_top_model_fill(struct pgcwi_top_model *model,
                     const struct pgcwi_metrics *before,
                     const struct pgcwi_metrics *now, double seconds)
{
    model->listeners = &now->listeners;
    model->refused_lines = now->refused_lines;
    model->left_out_series = now->left_out_series;
    model->seconds = before == NULL ? 0 : seconds;
    model->messages_per_second = NAN;
    for (size_t i = 0; i < now->listeners.count; i++) {
        add(&model->messages_per_second,
            rate(before == NULL ? NULL : &before->listeners,
                 &now->listeners.items[i], i, PGCWI_LISTENER_MESSAGES,
                 model->seconds));
    }
    fill_caches(model, before == NULL ? NULL : &before->caches, &now->caches);
    fill_tables(model, before == NULL ? NULL : &before->tables, &now->tables);
    model->latency = now->latency;
    model->latency_now.count = 0;
    if (before != NULL) {
        pgcwi_buckets_between(&before->latency, &now->latency,
                              &model->latency_now);
    }
}
