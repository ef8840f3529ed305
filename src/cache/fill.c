/* SPDX-License-Identifier: MIT */
#include "cache/fill.h"

void
pgcwi_fill_init(struct pgcw_fill *fill, struct pgcwi_tags *tags,
                const struct pgcwi_key *key)
{
    fill->tags = tags;
    fill->value = (struct pgcw_buffer)PGCW_BUFFER_INIT;
    fill->read_lsn = 0;
    fill->ttl_ms = 0;
    fill->has_value = false;
    fill->is_absent = false;
    pgcwi_slots_init(&fill->slots,
                     pgcwi_stamps_key_slot(tags->stamps, key->hash));
}

void
pgcwi_fill_fini(struct pgcw_fill *fill)
{
    pgcw_buffer_free(&fill->value);
}

enum pgcw_status
pgcw_fill_set_value(struct pgcw_fill *fill, struct pgcw_bytes bytes)
{
    enum pgcw_status status = pgcw_buffer_set(&fill->value, bytes);

    fill->has_value = fill->has_value || status == PGCW_OK;
    return status;
}

enum pgcw_status
pgcw_fill_add_tag(struct pgcw_fill *fill, const struct pgcw_tag *tag)
{
    return pgcwi_tags_add(fill->tags, tag, &fill->slots);
}

void
pgcw_fill_set_ttl_ms(struct pgcw_fill *fill, uint32_t ttl_ms)
{
    fill->ttl_ms = ttl_ms;
}

void
pgcw_fill_set_read_lsn(struct pgcw_fill *fill, uint64_t read_lsn)
{
    fill->read_lsn = read_lsn;
}
