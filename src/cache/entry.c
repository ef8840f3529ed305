/* SPDX-License-Identifier: MIT */
#include "cache/entry.h"

#include <string.h>

#include "base/alloc.h"

size_t
pgcwi_entry_bytes_for(size_t key_size, size_t value_size, uint32_t slot_count)
{
    if (key_size > UINT32_MAX || value_size > UINT32_MAX) {
        return SIZE_MAX;
    }
    return pgcwi_entry_value_offset(slot_count, (uint32_t)key_size) +
           value_size;
}

static void
copy_bytes(unsigned char *to, struct pgcw_bytes from)
{
    if (from.size > 0) {
        memcpy(to, from.data, from.size);
    }
}

/* The sanitizers know what malloc() gives and free() takes. */
#if defined(__SANITIZE_ADDRESS__) || defined(PGCWI_TSAN)
#define USES_SLAB false
#elif defined(__has_feature)
#define USES_SLAB (!__has_feature(address_sanitizer))
#else
#define USES_SLAB true
#endif

static struct pgcwi_entry *
allocate(struct pgcwi_slab *slab, size_t bytes)
{
    struct pgcwi_entry *entry =
        USES_SLAB && slab != NULL ? pgcwi_slab_take(slab, bytes) : NULL;
    bool is_in_slab = entry != NULL;

    if (entry == NULL) {
        entry = pgcwi_alloc(bytes);
    }
    if (entry != NULL) {
        *entry = (struct pgcwi_entry){.is_in_slab = is_in_slab};
    }
    return entry;
}

static void
init(struct pgcwi_entry *entry, const struct pgcwi_key *key,
     const struct pgcwi_slots *slots, struct pgcw_bytes value,
     struct pgcw_stamp stamp)
{
    unsigned char *memory = (unsigned char *)entry;

    entry->taken_at_ns = stamp.taken_at_ns;
    entry->clock = stamp.clock;
    entry->hash = (uint32_t)key->hash;
    entry->cache_number = PGCWI_NO_CACHE;
    entry->cause = PGCW_REMOVED_UNSTORED;
    entry->value_size = (uint32_t)value.size;
    entry->key_size = (uint32_t)key->bytes.size;
    entry->slot_count = (uint8_t)slots->count;
    atomic_init(&entry->is_visited, false);
    atomic_init(&entry->holders, 1);
    atomic_init(&entry->refresh_after_ms, 0);
    memcpy(entry->slots, slots->numbers, slots->count * sizeof(uint32_t));
    copy_bytes(memory + pgcwi_entry_key_offset(slots->count), key->bytes);
    copy_bytes(memory + pgcwi_entry_value_offset(slots->count, entry->key_size),
               value);
}

struct pgcwi_entry *
pgcwi_entry_create(struct pgcwi_slab *slab, const struct pgcwi_key *key,
                   const struct pgcwi_slots *slots, struct pgcw_bytes value,
                   struct pgcw_stamp stamp)
{
    size_t bytes =
        pgcwi_entry_bytes_for(key->bytes.size, value.size, slots->count);
    struct pgcwi_entry *entry = bytes < SIZE_MAX ? allocate(slab, bytes) : NULL;

    if (entry != NULL) {
        init(entry, key, slots, value, stamp);
    }
    return entry;
}

void
pgcwi_entry_destroy(struct pgcwi_slab *slab, struct pgcwi_entry *entry)
{
    if (entry != NULL && entry->is_in_slab) {
        pgcwi_slab_give_back(slab, entry);
    } else {
        pgcwi_free(entry);
    }
}

void
pgcwi_entry_hold(struct pgcwi_entry *entry)
{
    /* relaxed: somebody holds it already, so it cannot go meanwhile */
    atomic_fetch_add_explicit(&entry->holders, 1, memory_order_relaxed);
}

bool
pgcwi_entry_let_go(struct pgcwi_entry *entry)
{
    /*
     * ORDER: every holder's use of the entry before the last one frees it.
     * Pairs with: itself, in the other holders. Without it: it could be
     * freed while one still reads it.
     */
    return atomic_fetch_sub_explicit(&entry->holders, 1,
                                     memory_order_acq_rel) == 1;
}
