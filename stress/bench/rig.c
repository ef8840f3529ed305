/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* sched_setaffinity() */

#include "rig.h"

#include <inttypes.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "figures.h"

#define QUICK_REPETITIONS 1
#define MOST_SECONDS 60

_Noreturn void
rig_fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
    exit(1);
}

void
rig_progress(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vfprintf(stderr, format, arguments);
    va_end(arguments);
    (void)fputc('\n', stderr);
}

void *
rig_allocate(size_t count, size_t bytes)
{
    void *memory = calloc(count, bytes);

    if (memory == NULL) {
        rig_fail("no memory");
    }
    return memory;
}

static _Noreturn void
refuse_options(const char *program)
{
    rig_fail("usage: %s [--repetitions 1..%d] [--seconds 1..%d] [--quick]",
             program, RIG_REPETITIONS_MAX, MOST_SECONDS);
}

static unsigned
read_number(const char *program, const char *text, unsigned long most)
{
    char *end = NULL;
    unsigned long number = text != NULL ? strtoul(text, &end, 10) : 0;

    if (number == 0 || number > most || *end != '\0') {
        refuse_options(program);
    }
    return (unsigned)number;
}

struct rig
rig_options(char **argv, unsigned repetitions)
{
    struct rig rig = {0};

    for (int i = 1; argv[i] != NULL; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            rig.is_quick = true;
        } else if (strcmp(argv[i], "--repetitions") == 0) {
            rig.repetitions =
                read_number(argv[0], argv[i + 1], RIG_REPETITIONS_MAX);
            i++;
        } else if (strcmp(argv[i], "--seconds") == 0) {
            rig.seconds = read_number(argv[0], argv[i + 1], MOST_SECONDS);
            i++;
        } else {
            refuse_options(argv[0]);
        }
    }
    if (rig.repetitions == 0) {
        rig.repetitions = rig.is_quick ? QUICK_REPETITIONS : repetitions;
    }
    return rig;
}

void
rig_begin(const char *bench, const char *question, const char *loop)
{
    (void)printf("{\"bench\": \"%s\", \"question\": \"%s\", \"loop\": \"%s\",\n"
                 " \"results\": [",
                 bench, question, loop);
}

void
rig_result(struct rig *rig, const char *parameters, const char *metric,
           const char *unit, double *figures)
{
    unsigned count = rig->repetitions;

    figures_sort(figures, count);
    (void)printf("%s\n  {\"subject\": \"pgcachewatch\", %s%s\"metric\": \"%s\""
                 ", \"unit\": \"%s\", \"median\": %.6g, \"min\": %.6g"
                 ", \"max\": %.6g, \"repetitions\": %u}",
                 rig->result_count > 0 ? "," : "", parameters,
                 parameters[0] != '\0' ? ", " : "", metric, unit,
                 figures_median(figures, count), figures[0], figures[count - 1],
                 count);
    (void)fflush(stdout);
    rig_progress("%s: %s %.6g %s", parameters, metric,
                 figures_median(figures, count), unit);
    rig->result_count++;
}

void
rig_end(void)
{
    (void)printf("\n ]}\n");
}

unsigned
rig_cpu_count(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count > 1 ? (unsigned)count : 1;
}

void
rig_stay_on_cpu(unsigned number)
{
    cpu_set_t cpus;

    CPU_ZERO(&cpus);
    CPU_SET(number % rig_cpu_count(), &cpus);
    /* where it may not, the figures are only noisier */
    (void)sched_setaffinity(0, sizeof(cpus), &cpus);
}

static int64_t
read_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return now.tv_sec * RIG_NS_PER_SECOND + now.tv_nsec;
}

int64_t
rig_now_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

int64_t
rig_thread_ns(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

struct rig_key
rig_key_of(char space, uint32_t number)
{
    struct rig_key key;
    char text[RIG_KEY_BYTES + 1];

    (void)snprintf(text, sizeof(text), "%c:%014" PRIu32, space, number);
    memcpy(key.bytes, text, sizeof(key.bytes));
    return key;
}

uint32_t
rig_random_below(uint64_t *state, uint32_t limit)
{
    *state =
        *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((*state >> 32) * limit >> 32);
}

struct pgcw_listener *
rig_open_listener(void)
{
    struct pgcw_listener *listener;
    struct pgcw_error error;

    if (pgcw_listener_open(NULL, &listener, &error) != PGCW_OK) {
        rig_fail("%s", error.detail);
    }
    return listener;
}

struct pgcw_cache *
rig_open_cache(struct pgcw_listener *listener, uint64_t max_entries)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_cache *cache;
    struct pgcw_error error;

    options.max_entries = max_entries;
    options.max_bytes = UINT64_C(1) << 40;
    if (pgcw_cache_create(listener, &options, &cache, &error) != PGCW_OK) {
        rig_fail("%s", error.detail);
    }
    return cache;
}

enum pgcw_status
rig_put(struct pgcw_cache *cache, const struct rig_key *key, const char *table)
{
    static const char value[RIG_VALUE_BYTES] = {1};
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_bytes bytes = {key->bytes, RIG_KEY_BYTES};
    struct pgcw_tag tag = {"public", table, bytes};

    options.tags = &tag;
    options.tag_count = 1;
    return pgcw_cache_put(cache, bytes,
                          (struct pgcw_bytes){value, sizeof(value)},
                          pgcw_cache_stamp(cache), &options);
}

bool
rig_is_hit(struct pgcw_cache *cache, const struct rig_key *key)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    bool is_hit =
        pgcw_cache_lookup(cache, (struct pgcw_bytes){key->bytes, RIG_KEY_BYTES},
                          &value) == PGCW_OK &&
        *(const char *)value.data == 1;
    pgcw_read_end();
    return is_hit;
}
