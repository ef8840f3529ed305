/* SPDX-License-Identifier: MIT */
/* Structs of options that grow from version to version. */
#ifndef PGCWI_BASE_OPTIONS_H
#define PGCWI_BASE_OPTIONS_H

#include <stddef.h>

#include <pgcachewatch/status.h>

/*
 * Copy a caller's options, whose first field is `size_t size`, into `known`
 * of `known_bytes`, the struct as this version has it.
 *
 * NULL reads as all zero. A shorter struct reads as zeros beyond its end. A
 * longer one is allowed if what is beyond `known_bytes` is zero, else
 * PGCW_UNSUPPORTED. A size below sizeof(size_t), or above a page, which no
 * version will need, is PGCW_INVALID_ARGUMENT: the caller forgot to set it.
 * This is the rule of the kernel's clone3() and openat2().
 */
#define PGCWI_OPTIONS_MAX_BYTES ((size_t)4096)

PGCW_MUST_CHECK enum pgcw_status pgcwi_options_read(void *known,
                                                    size_t known_bytes,
                                                    const void *options,
                                                    struct pgcw_error *error);

/*
 * Copy counters to a caller's struct, whose `size` he has set: as much as
 * both know, zeros beyond, and his `size` stays.
 */
void pgcwi_stats_write(void *callers, const void *known, size_t known_bytes);

#endif
