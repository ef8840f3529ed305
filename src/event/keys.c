/* SPDX-License-Identifier: MIT */
#include "event/keys.h"

#include <string.h>

#include "base/alloc.h"

struct pgcw_bytes *
pgcwi_keys_copy(const struct pgcw_bytes *keys, size_t key_count)
{
    size_t bytes = key_count * sizeof(*keys);

    for (size_t i = 0; i < key_count; i++) {
        bytes += keys[i].size + 1;
    }
    /* they are there already, so this cannot have overflowed */
    struct pgcw_bytes *copy = key_count > 0 ? pgcwi_alloc(bytes) : NULL;
    if (copy == NULL) {
        return NULL;
    }
    char *text = (char *)&copy[key_count];
    for (size_t i = 0; i < key_count; i++) {
        memcpy(text, keys[i].data, keys[i].size + 1);
        copy[i] = (struct pgcw_bytes){text, keys[i].size};
        text += keys[i].size + 1;
    }
    return copy;
}
