/* SPDX-License-Identifier: MIT */
/*
 * Reads the text format 0.0.4 in which Prometheus is told of metrics.
 *
 * Strict with a line, tolerant with the text: a line that breaks the grammar
 * gives nothing and is counted, and the next one is read.
 */
#ifndef PGCWI_CLI_METRICS_TEXT_H
#define PGCWI_CLI_METRICS_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define PGCWI_METRICS_TEXT_LABELS 16

struct pgcwi_metrics_text_label {
    const char *name;
    const char *value; /* without escapes; any bytes but NUL */
};

struct pgcwi_metrics_text_sample {
    const char *name;
    struct pgcwi_metrics_text_label labels[PGCWI_METRICS_TEXT_LABELS];
    size_t label_count;
    double value; /* may be an infinity, or not a number */
};

/* Receives one sample, which is valid during the call only. */
typedef void
pgcwi_metrics_text_fn(void *context,
                      const struct pgcwi_metrics_text_sample *sample);

/*
 * Give each sample of `text` to `take`. What stands in `text` is changed, as
 * names and values are made strings in place; it needs no NUL at its end.
 * Returns how many lines were refused; one without a newline at its end is, as
 * its number may be cut. LC_NUMERIC must be "C".
 */
size_t pgcwi_metrics_text_parse(char *text, size_t bytes,
                                pgcwi_metrics_text_fn *take, void *context);

/* A number as the format writes it: +Inf, NaN, 1e3. False: it is none. */
bool pgcwi_metrics_text_number(const char *text, double *number);

/* The value of a label, or NULL. */
const char *
pgcwi_metrics_text_label(const struct pgcwi_metrics_text_sample *sample,
                         const char *name);

#endif
