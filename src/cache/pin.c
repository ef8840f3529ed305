/* SPDX-License-Identifier: MIT */
#include "cache/pin.h"

/* A pin is the entry itself, by another name. */
struct pgcwi_entry *
pgcwi_pin_entry(struct pgcw_pin *pin)
{
    return (struct pgcwi_entry *)(void *)pin;
}

enum pgcw_status
pgcwi_pin_give(enum pgcw_status status, struct pgcwi_entry *entry,
               struct pgcw_pin **pin)
{
    if (status == PGCW_OK) {
        *pin = (struct pgcw_pin *)(void *)entry;
    } else {
        pgcwi_reclaim_release(entry);
    }
    return status;
}

enum pgcw_status
pgcw_cache_pin(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_pin **pin)
{
    struct pgcwi_key hashed = pgcwi_cache_key(cache, key);
    struct pgcwi_entry *entry = NULL;
    enum pgcw_status status = pgcwi_cache_pin(cache, &hashed, &entry);

    return pgcwi_pin_give(status, entry, pin);
}

struct pgcw_bytes
pgcw_pin_value(struct pgcw_pin *pin)
{
    return pgcwi_entry_value(pgcwi_pin_entry(pin));
}

void
pgcw_pin_release(struct pgcw_pin *pin)
{
    pgcwi_reclaim_release(pgcwi_pin_entry(pin));
}
