/* SPDX-License-Identifier: MIT */
/*
 * What an entry takes beside its key and value, all in.
 *
 *     memory [--entries N] [--subject NAME] [--quick]
 *
 * Needs a PostgreSQL server (PGHOST and the like) for the library. Each
 * subject is filled in a process of its own. "resident" is by how much the
 * process's resident memory grew: the table, what is kept for growth or
 * order, malloc's own and what it holds back. "allocated" is what malloc()
 * has given out, with its headers; it is left out for a subject that mostly
 * has its memory from elsewhere. Both are for an entry, less its 16 bytes of
 * key and 32 of value. For Caffeine "resident" is the heap in use, before
 * and after, each time after garbage collections: what the JVM has beside it
 * is not in it.
 *
 * Memory comes out the same each time, so once is enough.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <urcu/urcu-memb.h>

#include "results.h"
#include "subject.h"

#define DEFAULT_ENTRIES 1000000
#define QUICK_ENTRIES 10000

struct usage {
    double resident_bytes;
    double allocated_bytes;
};

static struct usage
usage_now(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    char line[128] = "";
    char *pages;

    if (file == NULL || fgets(line, sizeof(line), file) == NULL) {
        perror("/proc/self/statm");
        exit(1);
    }
    (void)fclose(file);
    (void)strtoull(line, &pages, 10); /* the second number is resident */
    struct mallinfo2 info = mallinfo2();

    return (struct usage){
        (double)strtoull(pages, NULL, 10) * (double)sysconf(_SC_PAGESIZE),
        (double)info.uordblks + (double)info.hblkhd,
    };
}

/* In a process of its own: fill the subject, and write what it took. */
static _Noreturn void
fill_and_tell(const struct bench_subject *subject, uint32_t entries, int out)
{
    struct bench_workload workload;

    bench_workload_init(&workload, entries, 1);
    struct usage before = usage_now();
    if (!subject->open(workload.keys, entries)) {
        exit(1);
    }
    urcu_memb_barrier(); /* what a table has grown out of is freed */
    struct usage after = usage_now();
    struct usage taken = {after.resident_bytes - before.resident_bytes,
                          after.allocated_bytes - before.allocated_bytes};
    if (subject->process != NULL) {
        taken.resident_bytes = subject->process->memory_bytes();
        taken.allocated_bytes = 0;
    }
    bool is_told = write(out, &taken, sizeof(taken)) == (ssize_t)sizeof(taken);
    subject->close();
    bench_workload_fini(&workload);
    exit(is_told ? 0 : 1);
}

static bool
measure(const struct bench_subject *subject, uint32_t entries,
        struct usage *taken)
{
    int ends[2];
    int result = 1;

    if (pipe(ends) != 0) {
        perror("pipe");
        return false;
    }
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        fill_and_tell(subject, entries, ends[1]);
    }
    (void)close(ends[1]);
    bool is_told = child > 0 && read(ends[0], taken, sizeof(*taken)) ==
                                    (ssize_t)sizeof(*taken);
    (void)close(ends[0]);
    return child > 0 && waitpid(child, &result, 0) == child && result == 0 &&
           is_told;
}

static void
add_result(const struct bench_subject *subject, uint32_t entries,
           const char *metric, double bytes)
{
    char parameters[100];
    double overhead = bytes / entries - BENCH_KEY_BYTES - BENCH_VALUE_BYTES;

    bench_subject_parameters(subject, entries, parameters, sizeof(parameters));
    bench_results_add(&(struct bench_result){subject->name, parameters, metric,
                                             "bytes", subject->note},
                      &overhead, 1);
}

int
main(int argc, char **argv)
{
    struct bench_options options = {
        .repetitions = 1, .seconds = 1, .has_subjects = true};
    bool is_done = true;

    (void)argc;
    bench_read_options(&options, argv);
    if (options.entries == 0) {
        options.entries = options.is_quick ? QUICK_ENTRIES : DEFAULT_ENTRIES;
    }
    bench_results_begin(
        "memory", "What does an entry take beside its key and value?",
        "nothing is timed: a process is filled, and its memory looked at");
    for (unsigned i = 0; bench_subjects[i] != NULL && is_done; i++) {
        const struct bench_subject *subject = bench_subjects[i];
        struct usage taken;

        if (!bench_wants(&options, subject->name)) {
            continue;
        }
        bench_progress("filling %s", subject->name);
        (void)fflush(stdout); /* or the child would print it once more */
        is_done = measure(subject, options.entries, &taken);
        if (is_done) {
            add_result(subject, options.entries, "resident",
                       taken.resident_bytes);
        }
        if (is_done && taken.allocated_bytes > taken.resident_bytes / 2) {
            add_result(subject, options.entries, "allocated",
                       taken.allocated_bytes);
        }
    }
    bench_results_end(NULL);
    return is_done ? 0 : 1;
}
