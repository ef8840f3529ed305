/* SPDX-License-Identifier: MIT */
#include "turns.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "figures.h"
#include "peer.h"
#include "support.h"

#define DEFAULT_REPETITIONS 7
#define DEFAULT_SECONDS 0.3
#define QUICK_SECONDS 0.01
#define TRIAL_SECONDS 0.05
#define MOST_SECONDS 60.0
/* So much lies between two looks at the clock. */
#define BATCH_SECONDS 0.02
#define SKIPPED_BYTES 1000

static char skipped[SKIPPED_BYTES];

static void say(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

static void
say(const char *format, va_list arguments)
{
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
}

_Noreturn void
turns_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
    exit(1);
}

void
turns_progress(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    say(format, arguments);
    va_end(arguments);
}

bool
turns_skip(const char *peer, const char *reason)
{
    size_t length = strlen(skipped);

    if (strstr(skipped, peer) == NULL) {
        (void)snprintf(skipped + length, sizeof(skipped) - length, "%s%s: %s",
                       length > 0 ? "; " : "not measured: ", peer, reason);
    }
    turns_progress("%s is not measured: %s", peer, reason);
    return false;
}

static _Noreturn void
refuse_options(const char *program)
{
    (void)fprintf(stderr,
                  "usage: %s [--repetitions 1..%d] [--seconds 0.001..%.0f]"
                  " [--quick]\n",
                  program, TURNS_MOST_REPETITIONS, MOST_SECONDS);
    exit(2);
}

static double
read_number(const char *program, const char *text, double least, double most)
{
    char *end = NULL;
    double number = text != NULL ? strtod(text, &end) : 0;

    if (text == NULL || end == text || *end != '\0' || !(number >= least) ||
        number > most) {
        refuse_options(program);
    }
    return number;
}

struct turns
turns_options(char **argv)
{
    struct turns turns = {0};

    for (int i = 1; argv[i] != NULL; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            turns.is_quick = true;
        } else if (strcmp(argv[i], "--repetitions") == 0) {
            i++;
            turns.repetitions = (unsigned)read_number(argv[0], argv[i], 1,
                                                      TURNS_MOST_REPETITIONS);
        } else if (strcmp(argv[i], "--seconds") == 0) {
            i++;
            turns.seconds = read_number(argv[0], argv[i], 0.001, MOST_SECONDS);
        } else {
            refuse_options(argv[0]);
        }
        if (argv[i] == NULL) {
            break;
        }
    }
    if (turns.repetitions == 0) {
        turns.repetitions = turns.is_quick ? 1 : DEFAULT_REPETITIONS;
    }
    if (turns.seconds == 0) {
        turns.seconds = turns.is_quick ? QUICK_SECONDS : DEFAULT_SECONDS;
    }
    return turns;
}

void
turns_open(struct turns_subject *subjects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        subjects[i].is_open = subjects[i].open(&subjects[i]);
    }
}

void
turns_close(struct turns_subject *subjects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (subjects[i].is_open && subjects[i].close != NULL) {
            subjects[i].close(&subjects[i]);
        }
    }
}

void
turns_begin(const char *bench, const char *question, const char *loop)
{
    (void)printf("{\"bench\": \"%s\", \"question\": \"%s\", \"loop\": \"%s\",\n"
                 " \"results\": [",
                 bench, question, loop);
}

void
turns_end(void)
{
    (void)printf("\n ],\n \"note\": \"client and servers share the machine's"
                 " processors%s%s\"}\n",
                 skipped[0] != '\0' ? "; " : "", skipped);
}

static void
print_note(const struct turns_subject *subject)
{
    const char *parts[3] = {
        subject->remark,
        subject->ways[0] == NULL ? NULL : subject->ways[subject->way],
        subject->server == 0 ? NULL : peer_place_name(subject->place)};
    const char *separator = ", \"note\": \"";
    bool has_note = false;

    for (size_t i = 0; i < TURNS_COUNT_OF(parts); i++) {
        if (parts[i] != NULL) {
            (void)printf("%s%s", separator, parts[i]);
            separator = "; ";
            has_note = true;
        }
    }
    (void)printf("%s}", has_note ? "\"" : "");
}

void
turns_result(struct turns *turns, const struct turns_subject *subject,
             const char *unit, const char *parameters, double *figures)
{
    unsigned count = turns->repetitions;

    figures_sort(figures, count);
    (void)printf("%s\n  {\"subject\": \"%s\", %s, \"threads\": 1, "
                 "\"metric\": \"%s\", \"unit\": \"%s\", \"median\": %.6g, "
                 "\"min\": %.6g, \"max\": %.6g, \"repetitions\": %u",
                 turns->result_count > 0 ? "," : "", subject->name, parameters,
                 subject->metric, unit, figures_median(figures, count),
                 figures[0], figures[count - 1], count);
    print_note(subject);
    turns_progress("%s, %s, %s: %.6g %s", subject->name, parameters,
                   subject->metric, figures_median(figures, count), unit);
    turns->result_count++;
}

/* Nanoseconds of one. */
static double
time_one(struct turns_subject *subject, double seconds)
{
    int64_t end_ns = (int64_t)(seconds * 1e9);
    int64_t passed_ns = 0;
    size_t batch = 1;
    size_t calls = 0;

    if (subject->server != 0) {
        peer_place(subject->server, subject->place);
    }
    int64_t begin_ns = stress_now_ns();
    while (passed_ns < end_ns) {
        int64_t before_ns = passed_ns;

        subject->run(subject, batch);
        calls += batch;
        passed_ns = stress_now_ns() - begin_ns;
        if ((double)(passed_ns - before_ns) < BATCH_SECONDS * 1e9 / 2) {
            batch *= 2;
        }
    }
    return (double)passed_ns / (double)calls /
           (subject->at_once == 0 ? 1 : subject->at_once);
}

static unsigned
way_count_of(const struct turns_subject *subject)
{
    return subject->ways[0] == NULL ? 1 : TURNS_WAYS;
}

void
turns_warm(struct turns_subject *subjects, size_t count, size_t calls)
{
    for (struct turns_subject *one = subjects; one < subjects + count; one++) {
        for (unsigned i = 0; one->is_open && i < way_count_of(one); i++) {
            one->way = i;
            one->run(one, calls);
        }
    }
}

/* The fastest of its ways and places. */
static void
choose(struct turns_subject *subject, double seconds)
{
    unsigned way_count = way_count_of(subject);
    unsigned place_count = subject->server == 0 ? 1 : PEER_PLACES;
    double least_ns = -1;
    unsigned chosen = 0;

    for (unsigned i = 0; i < way_count * place_count; i++) {
        subject->way = i % way_count;
        subject->place = i / way_count;
        (void)time_one(subject, seconds / 5); /* what is cold costs no more */
        double ns = time_one(subject, seconds);

        if (least_ns < 0 || ns < least_ns) {
            least_ns = ns;
            chosen = i;
        }
    }
    subject->way = chosen % way_count;
    subject->place = chosen / way_count;
}

static void
print_subject(struct turns *turns, struct turns_subject *subject,
              const char *parameters)
{
    char all[300];

    (void)snprintf(all, sizeof(all), "%s", parameters);
    if (subject->at_once != 0) {
        (void)snprintf(all, sizeof(all), "%s, \"at_once\": %u", parameters,
                       subject->at_once);
    }
    turns_result(turns, subject, "ns", all, subject->figures);
}

void
turns_measure(struct turns *turns, struct turns_subject *subjects, size_t count,
              const char *parameters)
{
    peer_place_self();
    for (size_t i = 0; i < count; i++) {
        if (subjects[i].is_open) {
            choose(&subjects[i],
                   turns->is_quick ? turns->seconds : TRIAL_SECONDS);
        }
    }
    for (unsigned turn = 0; turn < turns->repetitions; turn++) {
        turns_progress("repetition %u of %u", turn + 1, turns->repetitions);
        for (size_t i = 0; i < count; i++) {
            if (subjects[i].is_open) {
                subjects[i].figures[turn] =
                    time_one(&subjects[i], turns->seconds);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (subjects[i].is_open) {
            print_subject(turns, &subjects[i], parameters);
        }
    }
    peer_place_self_anywhere();
}

void
turns_draw(uint32_t drawn[TURNS_DRAWN], uint32_t limit)
{
    uint64_t state = 1;

    for (size_t i = 0; i < TURNS_DRAWN; i++) {
        state = state * UINT64_C(6364136223846793005) +
                UINT64_C(1442695040888963407);
        drawn[i] = (uint32_t)((state >> 32) * limit >> 32);
    }
}
