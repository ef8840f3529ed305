/* SPDX-License-Identifier: MIT */
/* Structs of options that grow from version to version. */
#include "base/options.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/status.h"

static size_t
smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool
is_all_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

enum pgcw_status
pgcwi_options_read(void *known, size_t known_bytes, const void *options,
                   struct pgcw_error *error)
{
    size_t size;

    assert(known_bytes >= sizeof size);
    memset(known, 0, known_bytes);
    if (options == NULL) {
        return PGCW_OK;
    }
    memcpy(&size, options, sizeof size);
    if (size < sizeof size || size > PGCWI_OPTIONS_MAX_BYTES) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "the options' size is %zu: start with the "
                               "initialiser of the struct",
                               size);
    }
    if (size > known_bytes &&
        !is_all_zero((const unsigned char *)options + known_bytes,
                     size - known_bytes)) {
        return pgcwi_error_set(error, PGCW_UNSUPPORTED,
                               "an option of a newer version is set: the "
                               "options have %zu bytes, this version knows %zu",
                               size, known_bytes);
    }
    memcpy(known, options, smaller(size, known_bytes));
    return PGCW_OK;
}

void
pgcwi_stats_write(void *callers, const void *known, size_t known_bytes)
{
    size_t size;
    size_t shared;

    memcpy(&size, callers, sizeof size);
    shared = smaller(size, known_bytes);
    if (size <= sizeof size) {
        return;
    }
    memcpy((unsigned char *)callers + sizeof size,
           (const unsigned char *)known + sizeof size, shared - sizeof size);
    memset((unsigned char *)callers + shared, 0, size - shared);
}
