/* SPDX-License-Identifier: MIT */
#include "results.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"

static bool has_results;

static _Noreturn void
refuse_options(void)
{
    (void)fprintf(stderr,
                  "options: [--repetitions 1..%u] [--seconds S] "
                  "[--entries N] [--subject NAME] [--quick]\n",
                  BENCH_MOST_REPETITIONS);
    exit(2);
}

static double
read_number(const char *text, double least, double most)
{
    char *end = NULL;
    double number = text != NULL ? strtod(text, &end) : 0;

    if (end == NULL || end == text || *end != '\0' ||
        !(number >= least && number <= most)) {
        refuse_options();
    }
    return number;
}

void
bench_read_options(struct bench_options *options, char **argv)
{
    for (char **option = argv + 1; *option != NULL; option++) {
        if (strcmp(*option, "--quick") == 0) {
            options->is_quick = true;
            options->repetitions = 1;
            options->seconds = 0.02;
            continue;
        }
        const char *name = *option++;

        if (strcmp(name, "--repetitions") == 0) {
            options->repetitions =
                (unsigned)read_number(*option, 1, BENCH_MOST_REPETITIONS);
        } else if (strcmp(name, "--seconds") == 0) {
            options->seconds = read_number(*option, 0.001, 3600);
        } else if (strcmp(name, "--entries") == 0) {
            options->entries = (uint32_t)read_number(*option, 1, 1e9);
        } else if (strcmp(name, "--subject") == 0 && *option != NULL) {
            options->subject = *option;
        } else {
            refuse_options();
        }
    }
}

bool
bench_wants(const struct bench_options *options, const char *name)
{
    return options->subject == NULL || strcmp(options->subject, name) == 0;
}

/* Of the texts here none needs to be escaped. */
void
bench_results_begin(const char *bench, const char *question, const char *loop)
{
#ifndef __OPTIMIZE__
    (void)fprintf(stderr, "Not optimised: the figures say nothing.\n");
#endif
    (void)printf("{\"bench\": \"%s\", \"question\": \"%s\",\n \"loop\": "
                 "\"%s\",\n \"results\": [",
                 bench, question, loop);
}

static void
print_text(const char *name, const char *text)
{
    if (text != NULL) {
        (void)printf("\"%s\": \"%s\", ", name, text);
    }
}

static void
print_count(const char *name, uint32_t number)
{
    if (number != 0) {
        (void)printf("\"%s\": %" PRIu32 ", ", name, number);
    }
}

void
bench_results_add(const struct bench_cell *cell, double *values, unsigned count)
{
    (void)printf("%s\n  {", has_results ? "," : "");
    has_results = true;
    print_text("subject", cell->subject);
    print_text("variant", cell->variant);
    print_count("entries", cell->entries);
    print_text("keys", cell->keys);
    print_text("lookups", cell->lookups);
    print_count("threads", cell->threads);
    print_text("metric", cell->metric);
    print_text("unit", cell->unit);
    print_text("note", cell->note);
    figures_sort(values, count);
    (void)printf("\"median\": %.1f, \"min\": %.1f, \"max\": %.1f, "
                 "\"repetitions\": %u}",
                 figures_median(values, count), values[0], values[count - 1],
                 count);
    (void)fflush(stdout);
}

void
bench_results_end(void)
{
    (void)printf("\n]}\n");
}
