/* SPDX-License-Identifier: MIT */
#include "results.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"

static bool has_results;

static void say(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

static void
say(const char *format, va_list arguments)
{
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

_Noreturn void
bench_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    exit(1);
}

void
bench_progress(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

void *
bench_allocate(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);

    if (memory == NULL) {
        bench_fail("no memory");
    }
    return memory;
}

static _Noreturn void
refuse_options(bool has_subjects)
{
    bench_progress("options: [--repetitions 1..%u] [--seconds S] [--quick]%s",
                   BENCH_MOST_REPETITIONS,
                   has_subjects ? " [--entries N] [--subject NAME]" : "");
    exit(2);
}

/* False if it is none between these. */
static bool
read_number(const char *text, double least, double most, double *number)
{
    char *end = NULL;

    *number = strtod(text, &end);
    return end != text && *end == '\0' && *number >= least && *number <= most;
}

static bool
read_option(struct bench_options *options, const char *name, const char *value)
{
    double number = 0;
    bool is_read = false;

    if (strcmp(name, "--repetitions") == 0) {
        is_read = read_number(value, 1, BENCH_MOST_REPETITIONS, &number);
        options->repetitions = (unsigned)number;
    } else if (strcmp(name, "--seconds") == 0) {
        is_read = read_number(value, 0.001, 3600, &options->seconds);
    } else if (strcmp(name, "--entries") == 0) {
        is_read = options->has_subjects && read_number(value, 1, 1e9, &number);
        options->entries = is_read ? (uint32_t)number : 0;
    } else if (strcmp(name, "--subject") == 0) {
        is_read = options->has_subjects;
        options->subject = value;
    }
    return is_read;
}

void
bench_read_options(struct bench_options *options, char **argv)
{
    for (char **option = argv + 1; *option != NULL; option++) {
        if (strcmp(*option, "--quick") == 0) {
            options->is_quick = true;
            options->repetitions = 1;
            options->seconds /= 10;
        } else if (option[1] != NULL &&
                   read_option(options, option[0], option[1])) {
            option++;
        } else {
            refuse_options(options->has_subjects);
        }
    }
}

bool
bench_wants(const struct bench_options *options, const char *name)
{
    return options->subject == NULL || strcmp(options->subject, name) == 0;
}

int64_t
bench_repetition_ns(const struct bench_options *options)
{
    return (int64_t)(options->seconds * 1e9);
}

/* Of the texts here none needs to be escaped. */
void
bench_results_begin(const char *bench, const char *question, const char *loop)
{
#ifndef __OPTIMIZE__
    bench_progress("Not optimised: the figures say nothing.");
#endif
    (void)printf("{\"bench\": \"%s\", \"question\": \"%s\",\n \"loop\": "
                 "\"%s\",\n \"results\": [",
                 bench, question, loop);
}

static void
print_note(const char *note)
{
    if (note != NULL && note[0] != '\0') {
        (void)printf(", \"note\": \"%s\"", note);
    }
}

static void
print_turns(const double *figures, unsigned count)
{
    (void)printf(", \"turns\": [");
    for (unsigned i = 0; i < count; i++) {
        (void)printf("%s%.6g", i > 0 ? ", " : "", figures[i]);
    }
    (void)printf("]");
}

void
bench_results_add(const struct bench_result *result, double *figures,
                  unsigned count)
{
    const char *parameters =
        result->parameters != NULL ? result->parameters : "";
    const char *separator = parameters[0] != '\0' ? ", " : "";

    (void)printf("%s\n  {\"subject\": \"%s\"%s%s, \"metric\": \"%s\", "
                 "\"unit\": \"%s\"",
                 has_results ? "," : "", result->subject, separator, parameters,
                 result->metric, result->unit);
    print_turns(figures, count);
    figures_sort(figures, count);
    double median = figures_median(figures, count);
    (void)printf(", \"median\": %.6g, \"min\": %.6g, \"max\": %.6g, "
                 "\"repetitions\": %u",
                 median, figures[0], figures[count - 1], count);
    print_note(result->note);
    (void)printf("}");
    (void)fflush(stdout);
    has_results = true;
    bench_progress("%s%s%s: %s %.6g %s", result->subject, separator, parameters,
                   result->metric, median, result->unit);
}

void
bench_results_end(const char *note)
{
    (void)printf("\n ]");
    print_note(note);
    (void)printf("}\n");
}
