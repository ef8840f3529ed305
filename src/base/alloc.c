/* SPDX-License-Identifier: MIT */
/* The one place that asks for memory. */
#define _GNU_SOURCE /* MAP_ANONYMOUS */

#include "base/alloc.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define LARGEST_PAGE_BYTES ((size_t)64 << 10) /* that is not huge */

#ifdef PGCWI_TESTING
#include <execinfo.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <unistd.h>

static _Atomic long allocations_to_failure;
static atomic_bool has_failed;
static _Atomic unsigned long allocation_count;

void
pgcwi_alloc_fail_nth(long nth)
{
    /* relaxed: set by the test before it calls what shall fail */
    atomic_store_explicit(&has_failed, false, memory_order_relaxed);
    /* relaxed: as above */
    atomic_store_explicit(&allocations_to_failure, nth, memory_order_relaxed);
}

bool
pgcwi_alloc_has_failed(void)
{
    /* relaxed: read by the test after what failed has returned */
    return atomic_load_explicit(&has_failed, memory_order_relaxed);
}

unsigned long
pgcwi_alloc_count(void)
{
    /* relaxed: a counter; no other memory is read because of its value */
    return atomic_load_explicit(&allocation_count, memory_order_relaxed);
}

/* For cmake/allocations.sh: where allocations have failed. */
static void
note_who_asked(void)
{
    const char *path = getenv("PGCW_FAILED_ALLOCATIONS");
    int fd = path == NULL
                 ? -1
                 : open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    void *frames[6];

    if (fd >= 0) {
        backtrace_symbols_fd(frames, backtrace(frames, 6), fd);
        (void)close(fd);
    }
}

static bool
shall_fail(void)
{
    /* relaxed: a counter; no other memory is read because of its value */
    atomic_fetch_add_explicit(&allocation_count, 1, memory_order_relaxed);
    /* relaxed: as above */
    if (atomic_fetch_sub_explicit(&allocations_to_failure, 1,
                                  memory_order_relaxed) != 1) {
        return false;
    }
    /* relaxed: as above */
    atomic_store_explicit(&has_failed, true, memory_order_relaxed);
    note_who_asked();
    return true;
}
#else
static bool
shall_fail(void)
{
    return false;
}
#endif

/* malloc(0) may return NULL, which here means that memory is short. */
static size_t
at_least_one(size_t bytes)
{
    return bytes == 0 ? 1 : bytes;
}

void *
pgcwi_alloc(size_t bytes)
{
    return shall_fail() ? NULL : malloc(at_least_one(bytes));
}

void *
pgcwi_alloc_array(size_t count, size_t element_bytes)
{
    if (element_bytes != 0 && count > SIZE_MAX / element_bytes) {
        return NULL;
    }
    return shall_fail() ? NULL : calloc(at_least_one(count * element_bytes), 1);
}

void *
pgcwi_alloc_aligned(size_t alignment, size_t bytes)
{
    void *memory = NULL;

    assert(alignment != 0 && (alignment & (alignment - 1)) == 0);
    if (alignment < sizeof(void *)) {
        alignment = sizeof(void *);
    }
    bytes = at_least_one(bytes);
    if (shall_fail() || posix_memalign(&memory, alignment, bytes) != 0) {
        return NULL;
    }
    memset(memory, 0, bytes);
    return memory;
}

void *
pgcwi_alloc_pages(size_t bytes)
{
    void *memory = shall_fail() ? MAP_FAILED
                                : mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                                       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory != MAP_FAILED ? memory : NULL;
}

/* What lies before and behind the part that is wanted is given back. */
static void *
trim(char *memory, size_t bytes)
{
    size_t before = -(uintptr_t)memory & (HUGE_PAGE_BYTES - 1);
    size_t behind = HUGE_PAGE_BYTES - before;

    if (before > 0) {
        (void)munmap(memory, before);
    }
    (void)munmap(memory + before + bytes, behind);
    return memory + before;
}

void *
pgcwi_alloc_huge(size_t bytes, bool is_huge)
{
    size_t whole = (bytes + LARGEST_PAGE_BYTES - 1) & ~(LARGEST_PAGE_BYTES - 1);
    char *memory = bytes < SIZE_MAX / 2
                       ? pgcwi_alloc_pages(whole + HUGE_PAGE_BYTES)
                       : NULL;

    if (memory == NULL) {
        return NULL;
    }
    memory = trim(memory, whole);
#ifdef MADV_HUGEPAGE
    if (is_huge) {
        (void)madvise(memory, whole, MADV_HUGEPAGE); /* else slower only */
    }
#else
    (void)is_huge;
#endif
    return memory;
}

void
pgcwi_free_pages(void *memory, size_t bytes)
{
    (void)munmap(memory, bytes);
}

void *
pgcwi_realloc(void *memory, size_t bytes)
{
    return shall_fail() ? NULL : realloc(memory, at_least_one(bytes));
}

char *
pgcwi_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    char *copy = pgcwi_alloc(bytes);

    if (copy != NULL) {
        memcpy(copy, text, bytes);
    }
    return copy;
}

void
pgcwi_free(void *memory)
{
    free(memory);
}
