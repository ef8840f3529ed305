/* SPDX-License-Identifier: MIT */
/* Values that are kept, without a copy. */
#ifndef PGCACHEWATCH_PIN_H
#define PGCACHEWATCH_PIN_H

#include <pgcachewatch/bytes.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

struct pgcw_cache;

/** A value that is kept beyond a read section, whatever happens to it. */
struct pgcw_pin;

/**
 * Look a key up and keep its value, without a copy.
 *
 * Unlike a lookup it writes to the entry, so threads that pin the same one
 * slow each other down. What is pinned stays in memory, beyond max_bytes.
 *
 * @param[in]  key  borrowed during the call
 * @param[out] pin  set only on PGCW_OK; give it to pgcw_pin_release()
 * @retval PGCW_OK            pinned; as with pgcw_cache_lookup()
 * @retval PGCW_MISS          none
 * @retval PGCW_NOT_FOUND     the database has none: see absent_ttl_ms
 * @retval PGCW_DISCONNECTED  the policy is PGCW_OUTAGE_ERROR
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_cache_pin(struct pgcw_cache *cache, struct pgcw_bytes key,
               struct pgcw_pin **pin);

/**
 * Return the value that is pinned, aligned for any type.
 *
 * @return valid until the pin is released
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API struct pgcw_bytes pgcw_pin_value(struct pgcw_pin *pin);

/**
 * Give a pin back. Accepts NULL.
 *
 * Threads: any, not only the one that pinned; before the cache is
 * destroyed. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_pin_release(struct pgcw_pin *pin);

PGCW_END_DECLS

#endif
