/* SPDX-License-Identifier: MIT */
#include "metrics/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MOST_DIGITS 20 /* of 2^64 - 1 */

static void
write_bytes(struct pgcwi_exposition *out, const char *bytes, size_t count)
{
    if (out->needed < out->text_bytes) {
        size_t room = out->text_bytes - out->needed;

        memcpy(out->text + out->needed, bytes, count < room ? count : room);
    }
    out->needed += count;
}

static void
write_text(struct pgcwi_exposition *out, const char *text)
{
    write_bytes(out, text, strlen(text));
}

static void
write_escaped(struct pgcwi_exposition *out, const char *value)
{
    for (; *value != '\0'; value++) {
        switch (*value) {
        case '\\':
            write_text(out, "\\\\");
            break;
        case '"':
            write_text(out, "\\\"");
            break;
        case '\n':
            write_text(out, "\\n");
            break;
        default:
            write_bytes(out, value, 1);
        }
    }
}

struct pgcwi_number
pgcwi_metric_field_read(const struct pgcwi_metric_field *field,
                        const void *counters)
{
    struct pgcwi_number value = {.decimals = field->decimals};

    memcpy(&value.digits, (const char *)counters + field->offset,
           sizeof(value.digits));
    return value;
}

void
pgcwi_number_text(struct pgcwi_number number, char text[PGCWI_NUMBER_BYTES])
{
    char digits[MOST_DIGITS + 1];

    if (number.is_infinite) {
        memcpy(text, "+Inf", sizeof("+Inf"));
        return;
    }
    while (number.decimals > 0 && number.digits % 10 == 0) {
        number.digits /= 10;
        number.decimals--;
    }
    /* with zeros before it, so that one stands before the point */
    (void)snprintf(digits, sizeof(digits), "%0*" PRIu64,
                   (int)number.decimals + 1, number.digits);
    size_t whole = strlen(digits) - number.decimals;
    (void)snprintf(text, PGCWI_NUMBER_BYTES, "%.*s%s%s", (int)whole, digits,
                   number.decimals > 0 ? "." : "", digits + whole);
}

void
pgcwi_exposition_head(struct pgcwi_exposition *out,
                      const struct pgcwi_metric *metric)
{
    const char *const parts[] = {"# HELP ",    metric->name, " ",
                                 metric->help, "\n# TYPE ",  metric->name,
                                 " ",          metric->type, "\n"};

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        write_text(out, parts[i]);
    }
}

static void
write_labels(struct pgcwi_exposition *out, const struct pgcwi_label *labels)
{
    const char *before = "{";
    size_t i = 0;

    for (; i < PGCWI_SAMPLE_LABELS && labels[i].name != NULL; i++) {
        write_text(out, before);
        write_text(out, labels[i].name);
        write_text(out, "=\"");
        write_escaped(out, labels[i].value);
        write_text(out, "\"");
        before = ",";
    }
    write_text(out, i > 0 ? "} " : " ");
}

void
pgcwi_exposition_sample(struct pgcwi_exposition *out,
                        const struct pgcwi_sample *sample)
{
    char value[PGCWI_NUMBER_BYTES];

    write_text(out, sample->metric->name);
    if (sample->suffix != NULL) {
        write_text(out, sample->suffix);
    }
    write_labels(out, sample->labels);
    pgcwi_number_text(sample->value, value);
    write_text(out, value);
    write_text(out, "\n");
}

void
pgcwi_exposition_end(struct pgcwi_exposition *out)
{
    if (out->text_bytes > 0) {
        size_t last = out->text_bytes - 1;

        out->text[out->needed < last ? out->needed : last] = '\0';
    }
}
