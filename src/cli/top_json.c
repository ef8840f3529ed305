/* SPDX-License-Identifier: MIT */
#include "cli/top_json.h"

#include <math.h>
#include <string.h>

#include <jansson.h>

/* JSON has neither NaN nor infinities. */
static json_t *
number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

/* What is no UTF-8 loses its foreign letters. */
static json_t *
string(const char *text)
{
    char clean[PGCWI_METRICS_NAME_BYTES];
    json_t *made = json_string(text);

    if (made != NULL) {
        return made;
    }
    (void)snprintf(clean, sizeof clean, "%s", text);
    for (char *byte = clean; *byte != '\0'; byte++) {
        *byte = (unsigned char)*byte < 0x80 ? *byte : '?';
    }
    return json_string(clean);
}

/* Append, and report whether there was memory for it all. */
static bool
append(json_t *list, json_t *made)
{
    return json_array_append_new(list, made) == 0;
}

static bool
add_listeners(json_t *list, const struct pgcwi_series_list *listeners)
{
    for (size_t i = 0; i < listeners->count; i++) {
        const struct pgcwi_series *listener = &listeners->items[i];
        const double *values = listener->values;

        if (!append(list,
                    json_pack("{s:o, s:o, s:o, s:o, s:o}", "channel",
                              string(listener->name), "state",
                              string(listener->state), "horizon_age_seconds",
                              number(values[PGCWI_LISTENER_HORIZON_AGE]),
                              "round_trip_seconds",
                              number(values[PGCWI_LISTENER_ROUND_TRIP]), "gaps",
                              number(values[PGCWI_LISTENER_GAPS])))) {
            return false;
        }
    }
    return true;
}

static bool
add_caches(json_t *list, const struct pgcwi_top_model *model)
{
    for (size_t i = 0; i < model->cache_count; i++) {
        const struct pgcwi_top_cache *cache = &model->caches[i];

        if (!append(
                list,
                json_pack(
                    "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cache",
                    string(cache->name), "hits_per_second",
                    number(cache->hits_per_second), "misses_per_second",
                    number(cache->misses_per_second), "loads_per_second",
                    number(cache->loads_per_second), "invalidations_per_second",
                    number(cache->invalidations_per_second), "hit_ratio",
                    number(cache->hit_ratio), "hit_ratio_total",
                    number(cache->hit_ratio_total), "entries",
                    number(cache->entries), "bytes", number(cache->bytes)))) {
            return false;
        }
    }
    return true;
}

static bool
add_tables(json_t *list, const struct pgcwi_top_model *model)
{
    for (size_t i = 0; i < model->table_count; i++) {
        const struct pgcwi_top_table *table = &model->tables[i];

        if (!append(list, json_pack("{s:o, s:o, s:o}", "table",
                                    string(table->name), "events_per_second",
                                    number(table->events_per_second), "events",
                                    number(table->events)))) {
            return false;
        }
    }
    return true;
}

static json_t *
latency(const struct pgcwi_buckets *buckets)
{
    return json_pack(
        "{s:o, s:o, s:o}", "count", number(pgcwi_buckets_total(buckets)),
        "p50_seconds", number(pgcwi_buckets_quantile(buckets, 0.5)),
        "p99_seconds", number(pgcwi_buckets_quantile(buckets, 0.99)));
}

static bool
print(FILE *out, json_t *object)
{
    bool is_printed =
        object != NULL &&
        json_dumpf(object, out, JSON_COMPACT | JSON_REAL_PRECISION(9)) == 0;

    if (is_printed) {
        (void)putc('\n', out);
    }
    json_decref(object);
    return is_printed;
}

bool
pgcwi_top_json_print(FILE *out, const char *at,
                     const struct pgcwi_top_model *model)
{
    json_t *listeners = json_array();
    json_t *caches = json_array();
    json_t *tables = json_array();
    bool is_whole = add_listeners(listeners, model->listeners) &&
                    add_caches(caches, model) && add_tables(tables, model);
    json_t *all = json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I}", "at", at,
        "seconds", number(model->seconds), "messages_per_second",
        number(model->messages_per_second), "events_per_second",
        number(model->events_per_second), "listeners", listeners, "caches",
        caches, "tables", tables, "latency_now", latency(&model->latency_now),
        "latency", latency(&model->latency), "lines_not_understood",
        (json_int_t)model->refused_lines, "series_left_out",
        (json_int_t)model->left_out_series);

    if (!is_whole) {
        json_decref(all);
        return false;
    }
    return print(out, all);
}

bool
pgcwi_top_json_print_failure(FILE *out, const char *at, const char *failure)
{
    return print(out,
                 json_pack("{s:s, s:o}", "at", at, "failure", string(failure)));
}
