/* SPDX-License-Identifier: MIT */
#include "cache/eviction.h"

void
pgcwi_eviction_init(struct pgcwi_eviction *eviction, uint64_t max_entries,
                    uint64_t max_bytes)
{
    eviction->max_entries = max_entries;
    eviction->max_bytes = max_bytes;
    eviction->entries = 0;
    eviction->bytes = 0;
    CDS_INIT_LIST_HEAD(&eviction->by_age);
    eviction->hand = &eviction->by_age;
    eviction->sweep_hand = &eviction->by_age;
}

void
pgcwi_eviction_add(struct pgcwi_eviction *eviction, struct pgcwi_entry *entry)
{
    cds_list_add_tail(&entry->by_age, &eviction->by_age);
    eviction->entries++;
    eviction->bytes += pgcwi_entry_bytes(entry);
}

void
pgcwi_eviction_remove(struct pgcwi_eviction *eviction,
                      struct pgcwi_entry *entry)
{
    if (eviction->hand == &entry->by_age) {
        eviction->hand = entry->by_age.next;
    }
    if (eviction->sweep_hand == &entry->by_age) {
        eviction->sweep_hand = entry->by_age.next;
    }
    cds_list_del(&entry->by_age);
    eviction->entries--;
    eviction->bytes -= pgcwi_entry_bytes(entry);
}

bool
pgcwi_eviction_has_room(const struct pgcwi_eviction *eviction, size_t bytes)
{
    return eviction->entries < eviction->max_entries &&
           bytes <= eviction->max_bytes - eviction->bytes;
}

struct pgcwi_entry *
pgcwi_eviction_oldest(const struct pgcwi_eviction *eviction)
{
    return eviction->entries == 0
               ? NULL
               : cds_list_first_entry(&eviction->by_age, struct pgcwi_entry,
                                      by_age);
}

void
pgcwi_eviction_begin_round(struct pgcwi_eviction *eviction)
{
    eviction->sweep_hand = eviction->by_age.next;
}

bool
pgcwi_eviction_is_in_round(const struct pgcwi_eviction *eviction)
{
    return eviction->sweep_hand != &eviction->by_age;
}

struct pgcwi_entry *
pgcwi_eviction_look(struct pgcwi_eviction *eviction)
{
    struct cds_list_head *looked_at = eviction->sweep_hand;

    if (!pgcwi_eviction_is_in_round(eviction)) {
        return NULL;
    }
    eviction->sweep_hand = looked_at->next;
    return cds_list_entry(looked_at, struct pgcwi_entry, by_age);
}

static struct pgcwi_entry *
entry_at_hand(struct pgcwi_eviction *eviction)
{
    if (eviction->hand == &eviction->by_age) {
        eviction->hand = eviction->by_age.next; /* round again */
    }
    return cds_list_entry(eviction->hand, struct pgcwi_entry, by_age);
}

/* Whether it had been visited; from now on it has not. */
static bool
take_visit(struct pgcwi_entry *entry)
{
    /* relaxed: a hint from readers; nothing else is read because of it */
    bool is_visited =
        atomic_load_explicit(&entry->is_visited, memory_order_relaxed);

    if (is_visited) {
        /* relaxed: as above; a visit at this moment may be lost */
        atomic_store_explicit(&entry->is_visited, false, memory_order_relaxed);
    }
    return is_visited;
}

struct pgcwi_entry *
pgcwi_eviction_victim(struct pgcwi_eviction *eviction,
                      const struct pgcwi_stamps *stamps)
{
    /* readers may set the bits again behind the hand, but not for ever */
    uint64_t looks_left = 2 * eviction->entries;
    struct pgcwi_entry *entry = entry_at_hand(eviction);

    while (pgcwi_entry_is_valid(entry, stamps) && take_visit(entry) &&
           looks_left-- > 0) {
        eviction->hand = eviction->hand->next;
        entry = entry_at_hand(eviction);
    }
    return entry;
}
