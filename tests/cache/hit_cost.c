/* SPDX-License-Identifier: MIT */
/*
 * Counts what a hit does (P4): it may take no lock, do no atomic
 * read-modify-write, allocate nothing and enter no system call.
 *
 * A child process runs a hit between two marks, and this process lets it do
 * one instruction at a time and looks at each: a `lock` prefix, or `xchg`
 * with memory, which locks without one, is an atomic read-modify-write; the
 * first instruction of pthread_mutex_lock() or malloc() is a call of it.
 * Children that do what is forbidden show that it would be found.
 *
 * Only on Linux on x86-64; elsewhere, and where no process may be traced,
 * the test is skipped.
 */
#include <stdio.h>

#define SKIPPED 77 /* what ctest takes for "could not be tried here" */

#if defined(__linux__) && defined(__x86_64__)

#include "hit_cost.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BREAKPOINT 0xcc
#define MARK() __asm__ __volatile__("int3" ::: "memory")

/* A hit takes a few hundred; more is not a hit, and would take for ever. */
#define MOST_INSTRUCTIONS 1000000

/* What a child did between its marks. */
struct cost {
    unsigned instructions;
    unsigned locked; /* atomic read-modify-writes */
    unsigned system_calls;
    unsigned lock_calls;
    unsigned memory_calls;
};

/* What the children have, and what they do between the marks. */
static struct pgcw_cache *cache;
static struct pgcw_buffer copy;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static atomic_uint number;
static const struct pgcw_bytes key = {"orders:42", 9};

static bool
look_up(void)
{
    struct pgcw_bytes value;

    pgcw_read_begin();
    enum pgcw_status status = pgcw_cache_lookup(cache, key, &value);
    bool is_hit = status == PGCW_OK && value.size == 5;
    pgcw_read_end();
    return is_hit;
}

static bool
get(void)
{
    return pgcw_cache_get(cache, key, &copy) == PGCW_OK && copy.size == 5;
}

static bool
add_atomically(void)
{
    /* relaxed: nobody else reads it */
    atomic_fetch_add_explicit(&number, 1, memory_order_relaxed);
    return true;
}

static bool
exchange(void)
{
    /* relaxed: nobody else reads it */
    return atomic_exchange_explicit(&number, 1, memory_order_relaxed) < 100;
}

static bool
lock_a_mutex(void)
{
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    return true;
}

static bool
allocate(void)
{
    void *memory = malloc(100);

    /* else the compiler may leave both out */
    __asm__ __volatile__("" : "+r"(memory)::"memory");
    free(memory);
    return true;
}

static bool
ask_the_kernel(void)
{
    return getppid() > 0;
}

static bool
do_nothing(void)
{
    return true;
}

struct scenario {
    const char *name;
    bool (*run)(void);
    bool has_cache;
    uint32_t sample_every; /* 0: no auditor */
    /* whether these must be found; in a usual hit, none may be */
    bool locked;
    bool system_call;
    bool lock_call;
    bool memory_call;
    unsigned most_instructions; /* in an optimised build; 0: any number */
};

#ifdef __OPTIMIZE__
#define IS_OPTIMISED true
#else
#define IS_OPTIMISED false
#endif

/* A ceiling, so that the cost cannot creep: what it was, and 3 % more. */
static const struct scenario scenarios[] = {
    {"a lookup that hits", look_up, .has_cache = true,
     .most_instructions = 241},
    {"a get that hits", get, .has_cache = true, .most_instructions = 288},
    {"audited, not sampled", look_up, .has_cache = true, .sample_every = 1000},
    /* the third hit, the one between the marks: its entry is held and kept */
    {"audited, and sampled", look_up, .has_cache = true, .sample_every = 3,
     .locked = true},
    {"control: nothing", do_nothing, .has_cache = false},
    {"control: fetch and add", add_atomically, .locked = true},
    {"control: exchange", exchange, .locked = true},
    /* has a cache for its threads: alone, a mutex is not locked atomically */
    {"control: a mutex", lock_a_mutex, .has_cache = true, .locked = true,
     .lock_call = true},
    {"control: malloc", allocate, .memory_call = true},
    {"control: a system call", ask_the_kernel, .system_call = true},
};

static bool
fill_cache(void)
{
    static const struct pgcw_bytes value = {"value", 5};

    cache = hit_cost_open_cache();
    return cache != NULL &&
           pgcw_cache_put(cache, key, value, pgcw_cache_stamp(cache), NULL) ==
               PGCW_OK;
}

/* In the child. Its exit code is 0 if all went as it should. */
static _Noreturn void
run_child(const struct scenario *scenario)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
        _exit(SKIPPED);
    }
    if ((scenario->has_cache && !fill_cache()) ||
        (scenario->sample_every != 0 &&
         !hit_cost_audit(cache, scenario->sample_every))) {
        _exit(1);
    }
    /* first calls are special: threads join, symbols are bound */
    bool is_well = scenario->run() && scenario->run();
    MARK();
    is_well = scenario->run() && is_well;
    MARK();
    _exit(is_well ? 0 : 1);
}

/* Calls that are looked for, by the address of their first instruction. */
struct calls {
    uintptr_t lock[8];
    uintptr_t memory[8];
};

static uintptr_t
address_of(void *program, const char *name)
{
    return (uintptr_t)dlsym(program, name);
}

/* The child is a fork of ours, so the addresses are the same. */
static bool
find_calls(struct calls *calls)
{
    static const char *const locks[] = {
        "pthread_mutex_lock",      "pthread_mutex_trylock",
        "pthread_mutex_timedlock", "pthread_rwlock_rdlock",
        "pthread_rwlock_wrlock",   "pthread_spin_lock",
        "pthread_cond_wait",       "sem_wait",
    };
    static const char *const memory[] = {
        "malloc", "calloc",         "realloc",
        "free",   "posix_memalign", "aligned_alloc",
    };
    void *program = dlopen(NULL, RTLD_NOW);

    if (program == NULL) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(locks); i++) {
        calls->lock[i] = address_of(program, locks[i]);
    }
    for (size_t i = 0; i < COUNT_OF(memory); i++) {
        calls->memory[i] = address_of(program, memory[i]);
    }
    return calls->lock[0] != 0 && calls->memory[0] != 0;
}

static bool
is_among(uintptr_t address, const uintptr_t *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (addresses[i] == address) {
            return true;
        }
    }
    return false;
}

static bool
is_prefix(unsigned char byte)
{
    static const unsigned char prefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
                                             0x66, 0x67, 0xf0, 0xf2, 0xf3};

    return memchr(prefixes, byte, sizeof(prefixes)) != NULL;
}

/* `bytes`: those of an instruction, and what happens to stand behind it. */
static void
count_instruction(const unsigned char *bytes, size_t size, struct cost *cost)
{
    size_t at = 0;
    bool is_locked = false;

    for (; at + 3 < size && is_prefix(bytes[at]); at++) {
        is_locked = is_locked || bytes[at] == 0xf0;
    }
    if ((bytes[at] & 0xf0) == 0x40) {
        at++; /* REX */
    }
    /* xchg, whose second operand is not a register */
    if ((bytes[at] == 0x86 || bytes[at] == 0x87) && bytes[at + 1] < 0xc0) {
        is_locked = true;
    }
    bool is_system_call = (bytes[at] == 0x0f &&
                           (bytes[at + 1] == 0x05 || bytes[at + 1] == 0x34)) ||
                          (bytes[at] == 0xcd && bytes[at + 1] == 0x80);

    cost->instructions++;
    cost->locked += is_locked;
    cost->system_calls += is_system_call;
}

/* Zeros where nothing can be read: an instruction may end a page. */
static void
read_bytes(pid_t child, uintptr_t address, unsigned char bytes[16])
{
    for (size_t i = 0; i < 2; i++) {
        errno = 0;
        long word = ptrace(PTRACE_PEEKTEXT, child,
                           (void *)(address + i * sizeof(word)), NULL);
        if (errno != 0) {
            word = 0;
        }
        memcpy(bytes + i * sizeof(word), &word, sizeof(word));
    }
}

/* Let the child go on, one step or until it stops; false if it is not at a
 * trap. */
static bool
go_on(pid_t child, bool is_one_step)
{
    int how;

    return ptrace(is_one_step ? PTRACE_SINGLESTEP : PTRACE_CONT, child, NULL,
                  NULL) == 0 &&
           waitpid(child, &how, 0) == child && WIFSTOPPED(how) &&
           WSTOPSIG(how) == SIGTRAP;
}

/* From the first mark to the second. */
static bool
count_steps(pid_t child, const struct calls *calls, struct cost *cost)
{
    while (cost->instructions < MOST_INSTRUCTIONS) {
        struct user_regs_struct registers;
        unsigned char bytes[16];

        if (ptrace(PTRACE_GETREGS, child, NULL, &registers) != 0) {
            return false;
        }
        read_bytes(child, registers.rip, bytes);
        if (bytes[0] == BREAKPOINT) {
            return true;
        }
        count_instruction(bytes, sizeof(bytes), cost);
        cost->lock_calls +=
            is_among(registers.rip, calls->lock, COUNT_OF(calls->lock));
        cost->memory_calls +=
            is_among(registers.rip, calls->memory, COUNT_OF(calls->memory));
        if (!go_on(child, true)) {
            return false;
        }
    }
    return false;
}

static int
end_child(pid_t child, bool is_counted)
{
    int how = 0;

    if (!is_counted) {
        (void)kill(child, SIGKILL);
    }
    (void)ptrace(PTRACE_DETACH, child, NULL, NULL);
    (void)waitpid(child, &how, 0);
    return is_counted && WIFEXITED(how) ? WEXITSTATUS(how) : 1;
}

/* 0, 1, or SKIPPED. */
static int
measure(const struct scenario *scenario, const struct calls *calls,
        struct cost *cost)
{
    int how = 0;
    (void)fflush(NULL);
    pid_t child = fork();

    if (child == 0) {
        run_child(scenario);
    }
    *cost = (struct cost){0};
    if (child == -1 || waitpid(child, &how, 0) != child) {
        return 1;
    }
    if (WIFEXITED(how)) {
        return WEXITSTATUS(how);
    }
    bool is_counted = WIFSTOPPED(how) && WSTOPSIG(how) == SIGTRAP &&
                      count_steps(child, calls, cost) && go_on(child, false);
    return end_child(child, is_counted);
}

static bool
is_dear(const struct scenario *scenario, const struct cost *cost)
{
    return IS_OPTIMISED && scenario->most_instructions != 0 &&
           cost->instructions > scenario->most_instructions;
}

static bool
is_as_expected(const struct scenario *scenario, const struct cost *cost)
{
    return !is_dear(scenario, cost) && (cost->locked > 0) == scenario->locked &&
           (cost->system_calls > 0) == scenario->system_call &&
           (cost->lock_calls > 0) == scenario->lock_call &&
           (cost->memory_calls > 0) == scenario->memory_call;
}

int
main(void)
{
    struct calls calls = {{0}, {0}};
    int exit_code = find_calls(&calls) ? 0 : 1;

    (void)printf("%-24s %12s %7s %7s %6s %7s\n", "", "instructions", "atomic",
                 "kernel", "lock", "memory");
    for (size_t i = 0; i < COUNT_OF(scenarios) && exit_code == 0; i++) {
        struct cost cost;

        exit_code = measure(&scenarios[i], &calls, &cost);
        if (exit_code == SKIPPED) {
            (void)printf("no process may be traced here: skipped\n");
            break;
        }
        (void)printf("%-24s %12u %7u %7u %6u %7u\n", scenarios[i].name,
                     cost.instructions, cost.locked, cost.system_calls,
                     cost.lock_calls, cost.memory_calls);
        if (exit_code != 0 || !is_as_expected(&scenarios[i], &cost)) {
            (void)printf("%s: not as it must be\n", scenarios[i].name);
            exit_code = 1;
        }
    }
    return exit_code;
}

#else

int
main(void)
{
    (void)printf("only on Linux on x86-64: skipped\n");
    return SKIPPED;
}

#endif
