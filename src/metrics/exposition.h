/* SPDX-License-Identifier: MIT */
/*
 * Prometheus' text exposition format 0.0.4, into memory of a fixed size. What
 * does not fit is counted and not written, as snprintf() does. Numbers are made
 * by whole ones: a locale may have another sign than the point.
 */
#ifndef PGCWI_METRICS_EXPOSITION_H
#define PGCWI_METRICS_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pgcwi_exposition {
    char *text; /* NULL: only counted */
    size_t text_bytes;
    size_t needed; /* without the terminator */
};

struct pgcwi_metric {
    const char *name;
    const char *type;
    const char *help; /* one line, no backslash */
};

struct pgcwi_label {
    const char *name;
    const char *value; /* UTF-8; escaped when it is written */
};

/* digits / 10^decimals */
struct pgcwi_number {
    uint64_t digits;
    unsigned decimals;
    bool is_infinite;
};

/* A metric that is a uint64_t of a struct of counters. */
struct pgcwi_metric_field {
    struct pgcwi_metric metric;
    size_t offset;     /* in the struct */
    unsigned decimals; /* of a base unit */
};

#define PGCWI_SAMPLE_LABELS 2

struct pgcwi_sample {
    const struct pgcwi_metric *metric;
    const char *suffix;                             /* of the name, or NULL */
    struct pgcwi_label labels[PGCWI_SAMPLE_LABELS]; /* up to the first NULL */
    struct pgcwi_number value;
};

#define PGCWI_NUMBER_BYTES 24

struct pgcwi_number
pgcwi_metric_field_read(const struct pgcwi_metric_field *field,
                        const void *counters);

/* Shortest: 0.0001, 12.5, 7, +Inf. At most 19 decimals. */
void pgcwi_number_text(struct pgcwi_number number,
                       char text[PGCWI_NUMBER_BYTES]);

/* HELP and TYPE, once, before the samples of a metric. */
void pgcwi_exposition_head(struct pgcwi_exposition *out,
                           const struct pgcwi_metric *metric);
void pgcwi_exposition_sample(struct pgcwi_exposition *out,
                             const struct pgcwi_sample *sample);
/* Terminates the text, if there is any. */
void pgcwi_exposition_end(struct pgcwi_exposition *out);

#endif
