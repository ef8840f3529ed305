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
    cds_list_del(&entry->by_age);
    eviction->entries--;
    eviction->bytes -= pgcwi_entry_bytes(entry);
}

bool
pgcwi_eviction_is_over(const struct pgcwi_eviction *eviction)
{
    return eviction->entries > eviction->max_entries ||
           eviction->bytes > eviction->max_bytes;
}

struct pgcwi_entry *
pgcwi_eviction_oldest(const struct pgcwi_eviction *eviction)
{
    return eviction->entries == 0
               ? NULL
               : cds_list_first_entry(&eviction->by_age, struct pgcwi_entry,
                                      by_age);
}
