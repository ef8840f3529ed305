/* SPDX-License-Identifier: MIT */
#include "metrics/listener_metrics.h"

#include "base/clock.h"
#include "listener/listener.h"

#define NS_DECIMALS 9
#define US_DECIMALS 6

#define FIELD(field, name, type, help, decimals)                  \
    {                                                             \
        {"pgcachewatch_listener_" name, type, help},              \
            offsetof(struct pgcw_listener_stats, field), decimals \
    }
#define COUNTER(field, name, help) \
    FIELD(field, name "_total", "counter", help, 0)

static const struct pgcwi_metric_field fields[] = {
    COUNTER(messages_heard, "messages_heard", "Notifications heard"),
    COUNTER(events_applied, "events_applied", "Events applied to every cache"),
    COUNTER(events_late, "events_late", "Events later than max_latency_ms"),
    COUNTER(payloads_undecodable, "payloads_undecodable",
            "Payloads that are no event; each flushed all caches"),
    COUNTER(messages_dropped, "messages_dropped",
            "Messages for which there was no room; all caches were flushed"),
    COUNTER(gaps, "gaps", "Times that something may have been lost"),
    COUNTER(connects, "connects", "Connections that became live"),
    COUNTER(fences_answered, "fences_answered", "Heartbeats and syncs"),
    FIELD(fence_round_trip_us, "fence_round_trip_seconds", "gauge",
          "Round trip of the newest fence", US_DECIMALS),
    FIELD(ring_waiting, "ring_waiting", "gauge", "Messages in the ring now", 0),
};

static const struct pgcwi_metric state_metric = {
    "pgcachewatch_listener_state", "gauge",
    "1 for the state that the listener is in; caches serve while it is live"};
static const struct pgcwi_metric horizon_metric = {
    "pgcachewatch_listener_horizon_age_seconds", "gauge",
    "Every commit acknowledged so long ago is applied; +Inf: none is known"};
static const struct pgcwi_metric events_metric = {
    "pgcachewatch_listener_events_total", "counter",
    "Events applied, by table; other: of tables beyond the first 256"};
static const struct pgcwi_metric latency_metric = {
    "pgcachewatch_listener_event_latency_seconds", "histogram",
    "From sent_at, by the clock of PostgreSQL, to applied, by that of here"};

static struct pgcwi_sample
sample_of(const struct pgcw_listener *listener,
          const struct pgcwi_metric *metric, struct pgcwi_number value)
{
    return (struct pgcwi_sample){
        .metric = metric,
        .labels = {{"channel", listener->settings.channel}},
        .value = value,
    };
}

static void
write_one(struct pgcwi_exposition *out, const struct pgcw_listener *listener,
          const struct pgcwi_metric *metric, struct pgcwi_number value)
{
    struct pgcwi_sample sample = sample_of(listener, metric, value);

    pgcwi_exposition_head(out, metric);
    pgcwi_exposition_sample(out, &sample);
}

static void
write_state(struct pgcwi_exposition *out, const struct pgcw_listener *listener)
{
    enum pgcw_listener_state now = pgcw_listener_read_state(listener);

    pgcwi_exposition_head(out, &state_metric);
    for (int i = PGCW_LISTENER_OFF; i <= PGCW_LISTENER_DOWN; i++) {
        enum pgcw_listener_state state = (enum pgcw_listener_state)i;
        struct pgcwi_sample sample =
            sample_of(listener, &state_metric,
                      (struct pgcwi_number){.digits = state == now ? 1 : 0});

        sample.labels[1] =
            (struct pgcwi_label){"state", pgcw_listener_state_text(state)};
        pgcwi_exposition_sample(out, &sample);
    }
}

static void
write_horizon(struct pgcwi_exposition *out,
              const struct pgcw_listener *listener)
{
    int64_t horizon_ns = pgcw_listener_horizon_ns(listener);
    int64_t age_ns = pgcwi_clock_monotonic_ns() - horizon_ns;

    write_one(out, listener, &horizon_metric,
              (struct pgcwi_number){.digits = (uint64_t)age_ns,
                                    .decimals = NS_DECIMALS,
                                    .is_infinite = horizon_ns == 0});
}

static void
write_fields(struct pgcwi_exposition *out, const struct pgcw_listener *listener)
{
    struct pgcw_listener_stats stats = PGCW_LISTENER_STATS_INIT;

    pgcw_listener_read_stats(listener, &stats);
    for (size_t f = 0; f < sizeof(fields) / sizeof(fields[0]); f++) {
        write_one(out, listener, &fields[f].metric,
                  pgcwi_metric_field_read(&fields[f], &stats));
    }
}

static void
write_table(struct pgcwi_exposition *out, const struct pgcw_listener *listener,
            const char *table, const _Atomic uint64_t *events)
{
    struct pgcwi_sample sample =
        sample_of(listener, &events_metric,
                  (struct pgcwi_number){.digits = pgcwi_counter_read(events)});

    sample.labels[1] = (struct pgcwi_label){"table", table};
    pgcwi_exposition_sample(out, &sample);
}

static void
write_tables(struct pgcwi_exposition *out, const struct pgcw_listener *listener)
{
    const struct pgcwi_table_counts *tables = &listener->counters.tables;
    uint32_t used = pgcwi_table_counts_used(tables);

    pgcwi_exposition_head(out, &events_metric);
    for (uint32_t i = 0; i < used; i++) {
        write_table(out, listener, tables->places[i].name,
                    &tables->places[i].events);
    }
    write_table(out, listener, PGCWI_TABLE_COUNTS_OTHER, &tables->other);
}

/* A bucket counts all that took no longer than its bound. The sum is read
 * first: a mean of it and the count is not above what is true. */
static void
write_latencies(struct pgcwi_exposition *out,
                const struct pgcw_listener *listener)
{
    const struct pgcwi_histogram *latencies = &listener->counters.latencies;
    uint64_t sum_us = pgcwi_counter_read(&latencies->sum_us);
    struct pgcwi_sample sample =
        sample_of(listener, &latency_metric, (struct pgcwi_number){0});

    pgcwi_exposition_head(out, &latency_metric);
    sample.suffix = "_bucket";
    for (size_t i = 0; i <= PGCWI_HISTOGRAM_BOUNDS; i++) {
        char bound[PGCWI_NUMBER_BYTES];

        pgcwi_number_text(
            (struct pgcwi_number){.digits = pgcwi_histogram_bound_us(i),
                                  .decimals = US_DECIMALS,
                                  .is_infinite = i == PGCWI_HISTOGRAM_BOUNDS},
            bound);
        sample.labels[1] = (struct pgcwi_label){"le", bound};
        sample.value.digits += pgcwi_counter_read(&latencies->counts[i]);
        pgcwi_exposition_sample(out, &sample);
    }
    sample.labels[1].name = NULL;
    sample.suffix = "_count";
    pgcwi_exposition_sample(out, &sample);
    sample.suffix = "_sum";
    sample.value =
        (struct pgcwi_number){.digits = sum_us, .decimals = US_DECIMALS};
    pgcwi_exposition_sample(out, &sample);
}

void
pgcwi_listener_metrics_write(struct pgcwi_exposition *out,
                             const struct pgcw_listener *listener)
{
    write_state(out, listener);
    write_horizon(out, listener);
    write_fields(out, listener);
    write_tables(out, listener);
    write_latencies(out, listener);
}
