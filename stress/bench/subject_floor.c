/* SPDX-License-Identifier: MIT */
/*
 * The floor: what a lookup costs if nothing is ever written. No cache is
 * built like this; it shows what is left to gain.
 */
#include "subject.h"

#include "plain_table.h"

#define LINE_BYTES 64
#define MOST_SPACERS 4

static struct plain_table table;
static void *spacers[MOST_SPACERS];

/*
 * Each entry takes as much of malloc's memory as a cache line, so that all of
 * them cross a line at the same place: behind the key, or before the key's
 * end, by chance. Chance is to have no part in it: begin where none does
 * before the value is reached.
 */
static void
begin_on_a_line(void)
{
    for (unsigned i = 0; i < MOST_SPACERS; i++) {
        void *probe = malloc(sizeof(struct plain_entry));
        bool is_good = (uintptr_t)probe % LINE_BYTES <= LINE_BYTES / 2;

        free(probe);
        if (is_good) {
            return;
        }
        spacers[i] = malloc(LINE_BYTES / 2 + 8); /* a chunk of 48 bytes */
    }
}

static bool
open_floor(const struct bench_key *keys, uint32_t key_count)
{
    if (!plain_table_init(&table, key_count)) {
        return false;
    }
    begin_on_a_line();
    return plain_table_fill(&table, keys, key_count);
}

static void
close_floor(void)
{
    plain_table_fini(&table);
    for (unsigned i = 0; i < MOST_SPACERS; i++) {
        free(spacers[i]);
        spacers[i] = NULL;
    }
}

static inline unsigned
hit(const struct bench_key *key)
{
    const struct plain_entry *entry =
        plain_table_find(&table, key, plain_hash(key));

    return entry != NULL ? entry->value[0] : 0;
}

static size_t
look_up(const struct bench_key *keys, size_t count, bool is_dependent)
{
    return bench_look_up(hit, keys, count, is_dependent);
}

const struct bench_subject subject_floor = {
    .name = "floor",
    .note = "open addressing, half full, inlined, no synchronisation: "
            "read-only, no cache",
    .open = open_floor,
    .close = close_floor,
    .look_up = look_up,
};
