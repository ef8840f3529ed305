/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* dladdr() */
#include "support/scarce_memory.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static _Atomic long left;
static atomic_bool has_failed;
static _Thread_local bool is_scarce_here;

void
memory_is_scarce_here(bool is_scarce)
{
    is_scarce_here = is_scarce;
}

void
memory_fail_nth(long nth)
{
    atomic_store(&has_failed, false);
    atomic_store(&left, nth);
}

bool
memory_has_failed(void)
{
    return atomic_load(&has_failed);
}

/* It ends the process if it has no memory: nothing to be seen there. */
static bool
is_liburcu(void *caller)
{
    Dl_info found;

    return dladdr(caller, &found) != 0 && found.dli_fname != NULL &&
           strstr(found.dli_fname, "liburcu") != NULL;
}

static bool
is_denied(void *caller)
{
    if (!is_scarce_here || is_liburcu(caller) ||
        atomic_fetch_sub(&left, 1) != 1) {
        return false;
    }
    atomic_store(&has_failed, true);
    errno = ENOMEM;
    return true;
}

void *
malloc(size_t bytes)
{
    return is_denied(__builtin_return_address(0)) ? NULL : __libc_malloc(bytes);
}

void *
calloc(size_t count, size_t bytes)
{
    return is_denied(__builtin_return_address(0)) ? NULL
                                                  : __libc_calloc(count, bytes);
}

void *
realloc(void *memory, size_t bytes)
{
    return is_denied(__builtin_return_address(0))
               ? NULL
               : __libc_realloc(memory, bytes);
}

int
posix_memalign(void **memory, size_t alignment, size_t bytes)
{
    void *found = is_denied(__builtin_return_address(0))
                      ? NULL
                      : __libc_memalign(alignment, bytes);

    if (found == NULL) {
        return ENOMEM;
    }
    *memory = found;
    return 0;
}
