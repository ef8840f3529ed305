/* SPDX-License-Identifier: MIT */
/*
 * Listeners and caches begin and end, a given number of times, in every way
 * that the headers allow: while they connect, behind loads, among
 * notifications, with readers that end inside of a section. In the end this
 * process has no more threads, descriptors and memory than before, and the
 * server no session of it; and nothing hangs.
 */
#include "lifecycle.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/process.h"
#include "support/server_client.h"

#define MOST_OPENERS 64
#define WARM_UP_ROUNDS 40
#define ALLOCATED_GROWTH_KIB 64
/* what malloc keeps of what it had back is up to chance */
#define RESIDENT_GROWTH_KIB (48 * 1024L)
#define ADDRESS_GROWTH_KIB (96 * 1024L)

static struct stress stress = {
    .thread_count = 4, .seconds = 1, .round_count = 200};
static struct life_ground ground = {
    .stress = &stress,
    .databases = {"pgcw_stress_life_1", "pgcw_stress_life_2"},
};
static struct life lives[MOST_OPENERS];
static _Atomic int64_t rounds_left;

struct holdings {
    int threads;
    int descriptors;
    int64_t sessions;
    long allocated_kib;
    long resident_kib;
    long address_kib;
};

static uint16_t
bind_loopback(int fd)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, bytes) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &bytes) != 0) {
        return 0;
    }
    return ntohs(address.sin_port);
}

static bool
make_ports(void)
{
    int unheard_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ground.silent_fd =
        socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ground.silent_port = bind_loopback(ground.silent_fd);
    ground.refused_port = bind_loopback(unheard_fd); /* and nobody listens */
    return ground.silent_port != 0 && ground.refused_port != 0 &&
           listen(ground.silent_fd, SOMAXCONN) == 0;
}

static bool
make_life(struct life *life, unsigned int number)
{
    life->ground = &ground;
    life->random = stress_random_of(&stress, number);
    (void)snprintf(life->name, sizeof(life->name), "life_%u", number);
    for (int i = 0; i < LIFE_DATABASES; i++) {
        life->servers[i] = server_connect(ground.databases[i]);
        if (life->servers[i] == NULL ||
            !server_make_table(life->servers[i], life->name, 8, life->name)) {
            return false;
        }
    }
    return true;
}

static void *
run(void *context)
{
    struct life *life = context;

    /* relaxed: hands out rounds; no other memory is read because of it */
    while (atomic_fetch_sub_explicit(&rounds_left, 1, memory_order_relaxed) >
           0) {
        life_run_round(life);
    }
    return NULL;
}

static void
run_rounds(uint64_t count)
{
    /* relaxed: before the threads start */
    atomic_store_explicit(&rounds_left, (int64_t)count, memory_order_relaxed);
    stress_run_threads(&stress, run, lives, sizeof(lives[0]));
}

/* A line of /proc/self/status, in KiB. */
static long
read_status(const char *name)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[128];
    long kib = -1;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0) {
            kib = strtol(line + strlen(name), NULL, 10);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kib;
}

/* A server process ends a little after its client: it is waited for there. */
static int64_t
count_sessions(PGconn *server)
{
    static const char sql[] =
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname LIKE 'pgcw_stress_life_%' AND application_name <> ''";
    struct timespec deadline = wait_deadline(PATIENCE_MS);
    struct timespec now;
    int64_t count = server_number(server, sql);

    clock_gettime(CLOCK_MONOTONIC, &now);
    while (count > 0 && now.tv_sec <= deadline.tv_sec) {
        (void)server_run(server, "SELECT pg_sleep(0.01)");
        count = server_number(server, sql);
        clock_gettime(CLOCK_MONOTONIC, &now);
    }
    return count;
}

/* What malloc() has given and free() has not had back. */
static long
count_allocated_kib(void)
{
    struct mallinfo2 known = mallinfo2();

    return (long)((known.uordblks + known.hblkhd) / 1024);
}

/* Once all have ended that will. */
static struct holdings
count_holdings(int threads)
{
    struct holdings held = {.sessions = count_sessions(lives[0].servers[0])};

    (void)await_library_threads(0);
    held.threads = await_threads(threads);
    held.descriptors = count_descriptors();
    (void)malloc_trim(0);
    held.allocated_kib = count_allocated_kib();
    held.resident_kib = read_status("VmRSS:");
    held.address_kib = read_status("VmSize:");
    return held;
}

static void
compare(const struct holdings *before, const struct holdings *after)
{
    if (after->threads != before->threads) {
        stress_fail(&stress, "%d threads, %d before", after->threads,
                    before->threads);
    }
    if (after->descriptors != before->descriptors) {
        stress_fail(&stress, "%d descriptors, %d before", after->descriptors,
                    before->descriptors);
    }
    if (after->sessions != 0) {
        stress_fail(&stress, "the server has %" PRId64 " sessions",
                    after->sessions);
    }
#ifdef MEMORY_IS_MEASURED
    if (after->allocated_kib > before->allocated_kib + ALLOCATED_GROWTH_KIB) {
        stress_fail(&stress, "%ld KiB are allocated, %ld before",
                    after->allocated_kib, before->allocated_kib);
    }
    if (after->resident_kib > before->resident_kib + RESIDENT_GROWTH_KIB ||
        after->address_kib > before->address_kib + ADDRESS_GROWTH_KIB) {
        stress_fail(&stress,
                    "%ld KiB are resident, %ld before; %ld KiB of addresses, "
                    "%ld before",
                    after->resident_kib, before->resident_kib,
                    after->address_kib, before->address_kib);
    }
#endif
}

static int
finish(const struct holdings *before, const struct holdings *after)
{
    uint64_t counts[LIFE_KINDS];

    for (int i = 0; i < LIFE_KINDS; i++) {
        /* relaxed: the threads are joined */
        counts[i] =
            atomic_load_explicit(&ground.counts[i], memory_order_relaxed);
    }
    return stress_finish(
        &stress,
        "%" PRIu64 " used, %" PRIu64 " connecting, %" PRIu64
        " refused, %" PRIu64 " loading, %" PRIu64 " flooded, %" PRIu64
        " in two databases, %" PRIu64
        " with threads that end; longest close %" PRId64 " ms; allocated %ld"
        " KiB, then %ld; resident %ld KiB, then %ld; addresses %ld KiB, then "
        "%ld; %d threads, %d"
        " descriptors, %" PRId64 " sessions",
        counts[LIFE_USED], counts[LIFE_CONNECTING], counts[LIFE_REFUSED],
        counts[LIFE_LOADING], counts[LIFE_FLOODED], counts[LIFE_TWO_DATABASES],
        counts[LIFE_THREADS_ENDED],
        /* relaxed: as above */
        atomic_load_explicit(&ground.longest_close_ns, memory_order_relaxed) /
            1000000,
        before->allocated_kib, after->allocated_kib, before->resident_kib,
        after->resident_kib, before->address_kib, after->address_kib,
        after->threads, after->descriptors, after->sessions);
}

static bool
make_databases(void)
{
    for (int i = 0; i < LIFE_DATABASES; i++) {
        PGconn *server = server_make_database(ground.databases[i]);

        PQfinish(server);
        if (server == NULL) {
            return false;
        }
    }
    for (unsigned int i = 0; i < stress.thread_count; i++) {
        if (!make_life(&lives[i], i)) {
            return false;
        }
    }
    return true;
}

static void
drop_databases(void)
{
    for (unsigned int i = 1; i < stress.thread_count; i++) {
        PQfinish(lives[i].servers[0]);
        PQfinish(lives[i].servers[1]);
    }
    for (int i = 0; i < LIFE_DATABASES; i++) {
        server_drop_database(lives[0].servers[i], ground.databases[i]);
    }
}

int
main(int argc, char **argv)
{
    stress_start(&stress, "lifecycle", argc, argv);
    (void)mallopt(M_ARENA_MAX, 2); /* else their number is up to chance */
    start_rcu_thread();
    int threads = count_threads();
    if (stress.thread_count > MOST_OPENERS || !make_ports() ||
        !make_databases()) {
        return 2;
    }
    run_rounds(WARM_UP_ROUNDS);
    struct holdings before = count_holdings(threads);
    run_rounds(stress.round_count);
    struct holdings after = count_holdings(threads);
    compare(&before, &after);
    drop_databases();
    return finish(&before, &after);
}
