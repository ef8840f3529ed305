/* SPDX-License-Identifier: MIT */
/* What the stress programs share. */
#include "support.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)

enum { PRINTED_FAILURES = 10, ENOUGH_FAILURES = 1000, MOST_THREADS = 256 };

int64_t
stress_now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static _Noreturn void
refuse_options(const char *program)
{
    (void)fprintf(stderr,
                  "usage: %s [--threads 1..%d] [--seconds 1..] [--seed N]"
                  " [--faults N] [--reads N] [--slack MS] [--rounds 1..]"
                  " [--transport notify|wal] [--callbacks yes|no]\n",
                  program, MOST_THREADS);
    exit(2);
}

static bool
read_number(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
    char *end;

    *number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && *number >= least &&
           *number <= most;
}

static bool
read_option(struct stress *stress, const char *option, const char *value)
{
    uint64_t number;

    if (strcmp(option, "--threads") == 0 &&
        read_number(value, 1, MOST_THREADS, &number)) {
        stress->thread_count = (unsigned int)number;
        return true;
    }
    if (strcmp(option, "--seconds") == 0 &&
        read_number(value, 1, 1000000, &number)) {
        stress->seconds = (unsigned int)number;
        return true;
    }
    if (strcmp(option, "--faults") == 0) {
        return read_number(value, 0, UINT64_MAX, &stress->least_faults);
    }
    if (strcmp(option, "--reads") == 0) {
        return read_number(value, 0, UINT64_MAX, &stress->least_reads);
    }
    if (strcmp(option, "--slack") == 0) {
        return read_number(value, 0, 1000000, &stress->slack_ms);
    }
    if (strcmp(option, "--transport") == 0) {
        bool is_wal = strcmp(value, "wal") == 0;

        stress->transport = is_wal ? PGCW_TRANSPORT_WAL : PGCW_TRANSPORT_NOTIFY;
        /* for tests/support/server_client.h */
        return setenv("PGCW_TEST_TRANSPORT", value, 1) == 0 &&
               (is_wal || strcmp(value, "notify") == 0);
    }
    if (strcmp(option, "--callbacks") == 0) {
        stress->is_without_callbacks = strcmp(value, "no") == 0;
        return stress->is_without_callbacks || strcmp(value, "yes") == 0;
    }
    if (strcmp(option, "--rounds") == 0) {
        return read_number(value, 1, 1000000000, &stress->round_count);
    }
    return strcmp(option, "--seed") == 0 &&
           read_number(value, 0, UINT64_MAX, &stress->seed);
}

void
stress_begin(struct stress *stress)
{
    stress->end_ns = stress_now_ns() + stress->seconds * NS_PER_SECOND;
}

void
stress_start(struct stress *stress, const char *name, int argc, char **argv)
{
    stress->name = name;
    stress->seed = (uint64_t)stress_now_ns();
    atomic_init(&stress->failure_count, 0);
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc || !read_option(stress, argv[i], argv[i + 1])) {
            refuse_options(argv[0]);
        }
    }
    stress_begin(stress);
    (void)printf("%s --threads %u --seed %" PRIu64, name, stress->thread_count,
                 stress->seed);
    if (stress->round_count != 0) {
        (void)printf(" --rounds %" PRIu64 "\n", stress->round_count);
    } else {
        (void)printf(
            " --seconds %u%s%s\n", stress->seconds,
            stress->transport == PGCW_TRANSPORT_WAL ? " --transport wal" : "",
            stress->is_without_callbacks ? " --callbacks no" : "");
    }
    (void)fflush(stdout);
}

bool
stress_is_over(const struct stress *stress)
{
    /* relaxed: a number; no other memory is read because of its value */
    return atomic_load_explicit(&stress->failure_count, memory_order_relaxed) >=
               ENOUGH_FAILURES ||
           stress_now_ns() >= stress->end_ns;
}

void
stress_fail(struct stress *stress, const char *format, ...)
{
    va_list arguments;

    /* relaxed: as above */
    if (atomic_fetch_add_explicit(&stress->failure_count, 1,
                                  memory_order_relaxed) >= PRINTED_FAILURES) {
        return;
    }
    va_start(arguments, format);
    flockfile(stderr);
    (void)fprintf(stderr, "%s: ", stress->name);
    (void)vfprintf(stderr, format, arguments);
    (void)fputc('\n', stderr);
    funlockfile(stderr);
    va_end(arguments);
}

static int finish(struct stress *stress, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static int
finish(struct stress *stress, const char *format, va_list arguments)
{
    /* relaxed: the threads are joined, or they hang */
    uint64_t failure_count =
        atomic_load_explicit(&stress->failure_count, memory_order_relaxed);

    (void)printf("%s: ", stress->name);
    (void)vprintf(format, arguments);
    (void)printf("; %" PRIu64 " failures\n", failure_count);
    (void)fflush(stdout);
    return failure_count == 0 ? 0 : 1;
}

int
stress_finish(struct stress *stress, const char *format, ...)
{
    va_list arguments;
    int exit_code;

    va_start(arguments, format);
    exit_code = finish(stress, format, arguments);
    va_end(arguments);
    return exit_code;
}

_Noreturn void
stress_give_up(struct stress *stress, const char *format, ...)
{
    va_list arguments;

    /* relaxed: as above */
    atomic_fetch_add_explicit(&stress->failure_count, 1, memory_order_relaxed);
    va_start(arguments, format);
    (void)finish(stress, format, arguments);
    va_end(arguments);
    _Exit(1);
}

void
stress_run_threads(struct stress *stress, stress_thread_fn *run, void *contexts,
                   size_t context_bytes)
{
    pthread_t threads[MOST_THREADS];
    char *context = contexts;

    stress_begin(stress);
    for (unsigned int i = 0; i < stress->thread_count; i++) {
        if (pthread_create(&threads[i], NULL, run, context) != 0) {
            stress_give_up(stress, "thread %u was not started", i);
        }
        context += context_bytes;
    }
    for (unsigned int i = 0; i < stress->thread_count; i++) {
        (void)pthread_join(threads[i], NULL);
    }
}

struct stress_random
stress_random_of(const struct stress *stress, unsigned int thread)
{
    struct stress_random random = {(stress->seed + thread + 1) *
                                   UINT64_C(0x9e3779b97f4a7c15)};

    random.state |= 1; /* zero would stay zero */
    for (int i = 0; i < 8; i++) {
        (void)stress_random_next(&random);
    }
    return random;
}

uint64_t
stress_random_next(struct stress_random *random)
{
    uint64_t state = random->state;

    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    random->state = state;
    return state * UINT64_C(0x2545f4914f6cdd1d);
}

uint32_t
stress_random_below(struct stress_random *random, uint32_t limit)
{
    return (uint32_t)((stress_random_next(random) >> 32) * limit >> 32);
}

void
stress_random_delay(struct stress_random *random, uint32_t limit)
{
    uint32_t step_count = stress_random_below(random, limit + 1);

    for (uint32_t i = 0; i < step_count; i++) {
        /* keeps the loop, and the compiler from moving memory across it */
        __asm__ __volatile__("" ::: "memory");
    }
}
