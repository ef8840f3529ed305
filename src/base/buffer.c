/* SPDX-License-Identifier: MIT */
/* A buffer of the caller's, for values. */
#include <pgcachewatch/bytes.h>

#include <string.h>

#include "base/alloc.h"

#define SMALLEST_CAPACITY ((size_t)64)

/* Half as much again, so that values that grow slowly seldom allocate. */
static size_t
grown_capacity(size_t old_capacity, size_t needed)
{
    size_t capacity = old_capacity + old_capacity / 2;

    if (capacity < SMALLEST_CAPACITY) {
        capacity = SMALLEST_CAPACITY;
    }
    return capacity < needed ? needed : capacity;
}

enum pgcw_status
pgcw_buffer_set(struct pgcw_buffer *buffer, struct pgcw_bytes bytes)
{
    if (bytes.size > buffer->capacity) {
        size_t capacity = grown_capacity(buffer->capacity, bytes.size);
        /* not realloc, which would copy what is replaced anyway */
        void *data = pgcwi_alloc(capacity);

        if (data == NULL) {
            return PGCW_NO_MEMORY;
        }
        pgcwi_free(buffer->data);
        buffer->data = data;
        buffer->capacity = capacity;
    }
    if (bytes.size > 0) {
        memcpy(buffer->data, bytes.data, bytes.size);
    }
    buffer->size = bytes.size;
    return PGCW_OK;
}

void
pgcw_buffer_free(struct pgcw_buffer *buffer)
{
    pgcwi_free(buffer->data);
    *buffer = (struct pgcw_buffer)PGCW_BUFFER_INIT;
}
