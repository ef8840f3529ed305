/* SPDX-License-Identifier: MIT */
/* A thread that reads rows through the caches, as a server would. */
#include "cli/demo_loader.h"
#include "cli/demo_threads.h"

struct pgcwi_demo_random
pgcwi_demo_thread_random(const struct pgcwi_demo_thread *thread)
{
    struct pgcwi_demo_random seed = {
        ((uint64_t)thread->run->options->seed << 32) + thread->number};
    return (struct pgcwi_demo_random){pgcwi_demo_random_next(&seed)};
}

static bool
read_one(struct pgcwi_demo_run *run, struct pgcwi_demo_loader *loader,
         uint64_t row, struct pgcw_buffer *value)
{
    int64_t id = pgcwi_demo_id_of(row);
    struct pgcw_error error = {.status = PGCW_OK};
    loader->table = pgcwi_demo_table_of(row);
    int64_t known = pgcwi_demo_oracle_known(run->oracle, row);
    enum pgcw_status status = pgcw_cache_fetch(
        run->caches[loader->table], (struct pgcw_bytes){&id, sizeof(id)},
        (struct pgcw_loader){.load = pgcwi_demo_load, .context = loader}, value,
        &error);
    if (status != PGCW_OK) {
        return pgcwi_demo_fail(run, "a reader cannot read: %s: %s",
                               pgcw_status_text(status), error.detail);
    }
    return pgcwi_demo_check(run, row, known, value->data, value->size);
}

void *
pgcwi_demo_read(void *context)
{
    struct pgcwi_demo_thread *thread = context;
    struct pgcwi_demo_run *run = thread->run;
    struct pgcwi_demo_random random = pgcwi_demo_thread_random(thread);
    struct pgcwi_demo_loader loader;
    struct pgcw_buffer value = PGCW_BUFFER_INIT;
    bool goes_on =
        pgcwi_demo_loader_open(&loader, run, "pgcachewatch demo reader");
    while (goes_on && !pgcwi_demo_is_stopping(run)) {
        uint64_t row = pgcwi_demo_zipf_draw(run->zipf, &random);
        goes_on = read_one(run, &loader, row, &value);
    }
    pgcw_buffer_free(&value);
    pgcwi_demo_loader_close(&loader);
    return NULL;
}
