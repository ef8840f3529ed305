/* SPDX-License-Identifier: MIT */
#include "cache/entry.h"

#include <string.h>

#include "base/alloc.h"

size_t
pgcwi_entry_bytes_for(size_t key_size, size_t value_size)
{
    if (key_size > UINT32_MAX ||
        value_size > SIZE_MAX - sizeof(struct pgcwi_entry) - key_size) {
        return SIZE_MAX;
    }
    return sizeof(struct pgcwi_entry) + value_size + key_size;
}

static void
copy_bytes(unsigned char *to, struct pgcw_bytes from)
{
    if (from.size > 0) {
        memcpy(to, from.data, from.size);
    }
}

struct pgcwi_entry *
pgcwi_entry_create(const struct pgcwi_key *key, struct pgcw_bytes value,
                   uint64_t stamp)
{
    size_t bytes = pgcwi_entry_bytes_for(key->bytes.size, value.size);
    struct pgcwi_entry *entry = bytes < SIZE_MAX ? pgcwi_alloc(bytes) : NULL;

    if (entry == NULL) {
        return NULL;
    }
    cds_lfht_node_init(&entry->node);
    entry->stamp = stamp;
    entry->slot = pgcwi_key_slot(key);
    entry->key_size = (uint32_t)key->bytes.size;
    entry->value_size = value.size;
    entry->expires_at_ns = INT64_MAX;
    atomic_init(&entry->is_visited, false);
    copy_bytes(entry->bytes, value);
    copy_bytes(entry->bytes + value.size, key->bytes);
    return entry;
}

void
pgcwi_entry_destroy(struct pgcwi_entry *entry)
{
    pgcwi_free(entry);
}
