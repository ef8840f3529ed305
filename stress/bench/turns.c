/* SPDX-License-Identifier: MIT */
#include "turns.h"

#include <stdio.h>
#include <string.h>

#include "peer.h"
#include "support.h"
#include "threads.h"

#define TRIAL_SECONDS 0.05
/* So much lies between two looks at the clock. */
#define BATCH_SECONDS 0.02
#define SKIPPED_BYTES 1000

static char skipped[SKIPPED_BYTES];

bool
turns_skip(const char *peer, const char *reason)
{
    size_t length = strlen(skipped);

    if (strstr(skipped, peer) == NULL) {
        (void)snprintf(skipped + length, sizeof(skipped) - length, "%s%s: %s",
                       length > 0 ? "; " : "not measured: ", peer, reason);
    }
    bench_progress("%s is not measured: %s", peer, reason);
    return false;
}

struct bench_options
turns_options(char **argv)
{
    struct bench_options options = {.repetitions = 7, .seconds = 0.3};

    bench_read_options(&options, argv);
    return options;
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
turns_end(void)
{
    char note[sizeof(skipped) + 80];

    (void)snprintf(note, sizeof(note),
                   "client and servers share the machine's processors%s%s",
                   skipped[0] != '\0' ? "; " : "", skipped);
    bench_results_end(note);
}

static void
write_note(const struct turns_subject *subject, char *note, size_t bytes)
{
    const char *parts[3] = {
        subject->remark,
        subject->ways[0] == NULL ? NULL : subject->ways[subject->way],
        subject->server == 0 ? NULL : peer_place_name(subject->place)};
    size_t length = 0;

    note[0] = '\0';
    for (size_t i = 0; i < BENCH_COUNT_OF(parts) && length < bytes; i++) {
        if (parts[i] != NULL) {
            length += (size_t)snprintf(note + length, bytes - length, "%s%s",
                                       length > 0 ? "; " : "", parts[i]);
        }
    }
}

void
turns_result(const struct bench_options *options,
             const struct turns_subject *subject, const char *unit,
             const char *parameters, double *figures)
{
    char all[300];
    char note[300];

    (void)snprintf(all, sizeof(all), "%s, \"threads\": 1", parameters);
    write_note(subject, note, sizeof(note));
    bench_results_add(
        &(struct bench_result){subject->name, all, subject->metric, unit, note},
        figures, options->repetitions);
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
print_subject(const struct bench_options *options,
              struct turns_subject *subject, const char *parameters)
{
    char all[300];

    (void)snprintf(all, sizeof(all), "%s", parameters);
    if (subject->at_once != 0) {
        (void)snprintf(all, sizeof(all), "%s, \"at_once\": %u", parameters,
                       subject->at_once);
    }
    turns_result(options, subject, "ns", all, subject->figures);
}

void
turns_measure(const struct bench_options *options,
              struct turns_subject *subjects, size_t count,
              const char *parameters)
{
    bench_pin(0, 0);
    for (size_t i = 0; i < count; i++) {
        if (subjects[i].is_open) {
            choose(&subjects[i],
                   options->is_quick ? options->seconds : TRIAL_SECONDS);
        }
    }
    for (unsigned turn = 0; turn < options->repetitions; turn++) {
        bench_progress("repetition %u of %u", turn + 1, options->repetitions);
        for (size_t i = 0; i < count; i++) {
            if (subjects[i].is_open) {
                subjects[i].figures[turn] =
                    time_one(&subjects[i], options->seconds);
            }
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (subjects[i].is_open) {
            print_subject(options, &subjects[i], parameters);
        }
    }
    bench_unpin(0);
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
