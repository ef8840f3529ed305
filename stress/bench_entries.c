/* SPDX-License-Identifier: MIT */
/*
 * What an entry costs beside its key and value, and what the event of one row
 * makes invalid among many.
 *
 *     bench_entries [ENTRIES]
 *
 * Fills a cache with entries that each depend on a row of one table, and
 * looks at the memory of the process before and after. Then it applies the
 * event of one row, and one of the whole table. Prints one line of JSON.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cache/cache.h"

#define DEFAULT_ENTRIES 1000000
#define KEY_BYTES 16
#define VALUE_BYTES 64

static struct pgcw_cache *cache;

struct row_key {
    char text[KEY_BYTES + 1];
};

static struct row_key
key_of(uint32_t row)
{
    struct row_key key;

    (void)snprintf(key.text, sizeof(key.text), "%0*" PRIu32, KEY_BYTES, row);
    return key;
}

static uint64_t
resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    char line[128] = "";
    char *pages;

    if (file == NULL || fgets(line, sizeof(line), file) == NULL) {
        perror("/proc/self/statm");
        exit(1);
    }
    (void)fclose(file);
    (void)strtoull(line, &pages, 10); /* the second number is resident */
    return strtoull(pages, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void
fill(uint32_t entry_count)
{
    static const char value[VALUE_BYTES] = {1};

    for (uint32_t row = 0; row < entry_count; row++) {
        struct row_key key = key_of(row);
        struct pgcw_bytes bytes = {key.text, KEY_BYTES};
        struct pgcw_tag tag = {"public", "rows", bytes};
        struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

        options.tags = &tag;
        options.tag_count = 1;
        enum pgcw_status status = pgcw_cache_put(
            cache, bytes, (struct pgcw_bytes){value, VALUE_BYTES},
            pgcw_cache_stamp(cache), &options);
        if (status != PGCW_OK) {
            (void)fprintf(stderr, "put: %s\n", pgcw_status_text(status));
            exit(1);
        }
    }
}

static uint32_t
count_valid(uint32_t entry_count)
{
    uint32_t valid_count = 0;

    pgcw_read_begin();
    for (uint32_t row = 0; row < entry_count; row++) {
        struct row_key key = key_of(row);
        struct pgcw_bytes value;

        valid_count +=
            pgcw_cache_lookup(cache, (struct pgcw_bytes){key.text, KEY_BYTES},
                              &value) == PGCW_OK;
    }
    pgcw_read_end();
    return valid_count;
}

/* Returns nanoseconds. */
static int64_t
apply(const struct pgcw_bytes *keys, size_t key_count)
{
    struct pgcw_event event = {.operation = PGCW_UPDATE,
                               .channel = "",
                               .schema = "public",
                               .table = "rows",
                               .keys = keys,
                               .key_count = key_count};
    int64_t begin_ns = pgcwi_clock_monotonic_ns();

    pgcwi_cache_apply(cache, &event);
    return pgcwi_clock_monotonic_ns() - begin_ns;
}

static void
open_cache(uint32_t entry_count)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_error error;

    options.max_entries = entry_count;
    options.max_bytes = UINT64_MAX;
    if (pgcwi_cache_open(&options, &cache, &error) != PGCW_OK) {
        (void)fprintf(stderr, "%s\n", error.detail);
        exit(1);
    }
    pgcwi_stamps_open(&cache->stamps);
}

int
main(int argc, char **argv)
{
    uint32_t entry_count =
        argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : DEFAULT_ENTRIES;
    struct row_key key = key_of(entry_count / 2);
    struct pgcw_bytes row = {key.text, KEY_BYTES};

    if (entry_count == 0) {
        (void)fprintf(stderr, "usage: bench_entries [ENTRIES]\n");
        return 2;
    }
    uint64_t before = resident_bytes();
    open_cache(entry_count);
    fill(entry_count);
    urcu_memb_barrier(); /* what the table has grown out of is freed */
    uint64_t after = resident_bytes();
    int64_t row_ns = apply(&row, 1);
    uint32_t valid_count = count_valid(entry_count);
    int64_t table_ns = apply(NULL, 0);
    (void)printf(
        "{\"bench\": \"entries\", \"entries\": %" PRIu32
        ", \"key_bytes\": %d, \"value_bytes\": %d"
        ", \"overhead_bytes\": %.1f"
        ", \"row_event_ns\": %" PRId64 ", \"invalid_by_row_event\": %" PRIu32
        ", \"table_event_ns\": %" PRId64
        ", \"valid_after_table_event\": %" PRIu32 "}\n",
        entry_count, KEY_BYTES, VALUE_BYTES,
        (double)(after - before) / entry_count - KEY_BYTES - VALUE_BYTES,
        row_ns, entry_count - valid_count, table_ns, count_valid(entry_count));
    pgcwi_cache_close(cache);
    return 0;
}
