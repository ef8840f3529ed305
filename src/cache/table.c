/* SPDX-License-Identifier: MIT */
#include "cache/table.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "base/thread.h"

#define FIRST_BUCKET_COUNT 64

bool
pgcwi_table_init(struct pgcwi_table *table)
{
    sigset_t callers_signals;

    /* the first table starts a thread of liburcu */
    pgcwi_thread_block_signals(&callers_signals);
    table->entries =
        cds_lfht_new_flavor(FIRST_BUCKET_COUNT, FIRST_BUCKET_COUNT, 0,
                            CDS_LFHT_AUTO_RESIZE, &urcu_memb_flavor, NULL);
    pgcwi_thread_restore_signals(&callers_signals);
    return table->entries != NULL;
}

void
pgcwi_table_fini(struct pgcwi_table *table)
{
    int failed = cds_lfht_destroy(table->entries, NULL);

    assert(failed == 0 && "a table is empty when it is destroyed");
    (void)failed;
}

static int
entry_has_key(struct cds_lfht_node *node, const void *context)
{
    const struct pgcwi_key *key = context;

    PGCWI_TAKEN(node);
    struct pgcw_bytes own =
        pgcwi_entry_key(caa_container_of(node, struct pgcwi_entry, node));
    return own.size == key->bytes.size &&
           (own.size == 0 || memcmp(own.data, key->bytes.data, own.size) == 0);
}

static struct pgcwi_entry *
entry_of(struct cds_lfht_node *node)
{
    return node != NULL ? caa_container_of(node, struct pgcwi_entry, node)
                        : NULL;
}

struct pgcwi_entry *
pgcwi_table_find(const struct pgcwi_table *table, const struct pgcwi_key *key)
{
    struct cds_lfht_iter found;

    cds_lfht_lookup(table->entries, (unsigned long)key->hash, entry_has_key,
                    key, &found);
    return entry_of(cds_lfht_iter_get_node(&found));
}

struct pgcwi_entry *
pgcwi_table_replace(struct pgcwi_table *table, const struct pgcwi_key *key,
                    struct pgcwi_entry *entry)
{
    PGCWI_PUBLISHED(&entry->node);
    return entry_of(cds_lfht_add_replace(table->entries,
                                         (unsigned long)key->hash,
                                         entry_has_key, key, &entry->node));
}

void
pgcwi_table_remove(struct pgcwi_table *table, struct pgcwi_entry *entry)
{
    int failed = cds_lfht_del(table->entries, &entry->node);

    assert(failed == 0 && "an entry is removed once, under the write lock");
    (void)failed;
}
