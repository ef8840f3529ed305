/* SPDX-License-Identifier: MIT */
#include "cli/metrics_text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One line; the newline at its end has become NUL. */
struct line {
    char *at;
};

static bool
is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           byte == '_';
}

static bool
is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static void
skip_blanks(struct line *line)
{
    line->at += strspn(line->at, " \t");
}

/* True if the byte was there; the line is behind it then. */
static bool
take_byte(struct line *line, char byte)
{
    if (*line->at != byte) {
        return false;
    }
    line->at++;
    return true;
}

/*
 * The bytes of a name; it is not ended yet, as the byte after it still says
 * what follows. Zero: there is none. Only names of metrics have colons.
 */
static size_t
name_bytes(const char *at, bool may_have_colon)
{
    size_t bytes = 0;

    while (is_letter(at[bytes]) || (at[bytes] == ':' && may_have_colon) ||
           (bytes > 0 && is_digit(at[bytes]))) {
        bytes++;
    }
    return bytes;
}

/* A text in quotes, without them and its escapes. NULL: not well-formed. */
static const char *
take_quoted(struct line *line)
{
    char *begin = line->at + 1;
    char *out = begin;
    const char *in = begin;

    if (*line->at != '"') {
        return NULL;
    }
    for (; *in != '"'; in++) {
        if (*in == '\0') {
            return NULL;
        }
        if (*in != '\\') {
            *out++ = *in;
            continue;
        }
        in++;
        if (*in != '\\' && *in != '"' && *in != 'n') {
            return NULL;
        }
        *out++ = *in == 'n' ? '\n' : *in;
    }
    line->at += in + 1 - line->at;
    *out = '\0';
    return begin;
}

/* name="value" */
static bool
take_label(struct line *line, struct pgcwi_metrics_text_label *label)
{
    char *name = line->at;
    char *end = name + name_bytes(name, false);

    line->at = end;
    skip_blanks(line);
    if (end == name || !take_byte(line, '=')) {
        return false;
    }
    *end = '\0';
    skip_blanks(line);
    label->name = name;
    label->value = take_quoted(line);
    return label->value != NULL;
}

/* What stands in braces; a comma may follow the last label. */
static bool
take_labels(struct line *line, struct pgcwi_metrics_text_sample *sample)
{
    skip_blanks(line);
    while (!take_byte(line, '}')) {
        if (sample->label_count == PGCWI_METRICS_TEXT_LABELS ||
            !take_label(line, &sample->labels[sample->label_count])) {
            return false;
        }
        sample->label_count++;
        skip_blanks(line);
        if (!take_byte(line, ',') && *line->at != '}') {
            return false;
        }
        skip_blanks(line);
    }
    return true;
}

bool
pgcwi_metrics_text_number(const char *text, double *number)
{
    char *end;

    /* strtod() also skips blanks, and reads nan(123) */
    if (!is_letter(text[0]) && !is_digit(text[0]) &&
        strchr("+-.", text[0]) == NULL) {
        return false;
    }
    errno = 0;
    *number = strtod(text, &end);
    return text[0] != '\0' && *end == '\0' && end[-1] != ')' &&
           !(errno == ERANGE && isinf(*number));
}

/* The value, and a time that is not needed. */
static bool
take_number(struct line *line, double *number)
{
    char *text = line->at;
    char *end = text + strcspn(text, " \t");

    line->at = end;
    skip_blanks(line);
    if (line->at != end) {
        *end = '\0';
    }
    if (*line->at == '-' && is_digit(line->at[1])) {
        line->at++;
    }
    line->at += strspn(line->at, "0123456789");
    skip_blanks(line);
    return *line->at == '\0' && pgcwi_metrics_text_number(text, number);
}

static bool
take_sample(struct line *line, struct pgcwi_metrics_text_sample *sample)
{
    char *name = line->at;
    char *end = name + name_bytes(name, true);

    sample->name = name;
    sample->label_count = 0;
    line->at = end;
    skip_blanks(line);
    if (end == name) {
        return false;
    }
    if (take_byte(line, '{')) {
        *end = '\0';
        if (!take_labels(line, sample)) {
            return false;
        }
        skip_blanks(line);
    } else if (line->at == end) {
        return false;
    }
    *end = '\0';
    return take_number(line, &sample->value);
}

/* False: refused. */
static bool
read_line(char *text, size_t bytes, pgcwi_metrics_text_fn *take, void *context)
{
    struct pgcwi_metrics_text_sample sample;
    struct line line = {.at = text};

    if (memchr(text, '\0', bytes) != NULL) {
        return false;
    }
    text[bytes] = '\0';
    skip_blanks(&line);
    if (*line.at == '\0' || *line.at == '#') {
        return true;
    }
    if (!take_sample(&line, &sample)) {
        return false;
    }
    take(context, &sample);
    return true;
}

size_t
pgcwi_metrics_text_parse(char *text, size_t bytes, pgcwi_metrics_text_fn *take,
                         void *context)
{
    size_t refused_count = 0;

    while (bytes > 0) {
        const char *newline = memchr(text, '\n', bytes);
        size_t line_bytes;

        if (newline == NULL) {
            return refused_count + 1;
        }
        line_bytes = (size_t)(newline - text);
        if (!read_line(text, line_bytes, take, context)) {
            refused_count++;
        }
        text += line_bytes + 1;
        bytes -= line_bytes + 1;
    }
    return refused_count;
}

const char *
pgcwi_metrics_text_label(const struct pgcwi_metrics_text_sample *sample,
                         const char *name)
{
    for (size_t i = 0; i < sample->label_count; i++) {
        if (strcmp(sample->labels[i].name, name) == 0) {
            return sample->labels[i].value;
        }
    }
    return NULL;
}
