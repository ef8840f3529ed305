/* SPDX-License-Identifier: MIT */
/* Keys and values: borrowed bytes, and a buffer of the caller's. */
#ifndef PGCACHEWATCH_BYTES_H
#define PGCACHEWATCH_BYTES_H

#include <stddef.h>

#include <pgcachewatch/export.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

/** Bytes that somebody else owns: a key, or a value. */
struct pgcw_bytes {
    const void *data;
    size_t size;
};

/**
 * Memory of the caller's that grows as needed and is used again and again.
 *
 * Start with PGCW_BUFFER_INIT (all zero); end with pgcw_buffer_free(). The
 * library writes `data` and `size`; a call that fits into `capacity`
 * allocates nothing.
 */
struct pgcw_buffer {
    void *data;
    size_t size;
    size_t capacity;
};

/* clang-format off */
#define PGCW_BUFFER_INIT {NULL, 0, 0}
/* clang-format on */

/**
 * Replace what is in a buffer by a copy of some bytes.
 *
 * @param[in,out] buffer  grows if needed; unchanged on failure
 * @param[in]     bytes   may be empty; must not lie in the buffer
 * @retval PGCW_OK         the buffer holds a copy
 * @retval PGCW_NO_MEMORY  the buffer is as it was
 *
 * Threads: one at a time per buffer. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_buffer_set(struct pgcw_buffer *buffer, struct pgcw_bytes bytes);

/**
 * Free a buffer's memory and make it empty; it may be used again.
 *
 * Threads: one at a time per buffer. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_buffer_free(struct pgcw_buffer *buffer);

PGCW_END_DECLS

#endif
