/* SPDX-License-Identifier: MIT */
/* How the demo reads a row from its database, for a cache. */
#ifndef PGCWI_CLI_DEMO_LOADER_H
#define PGCWI_CLI_DEMO_LOADER_H

#include "cli/demo_run.h"

/* One thread's at a time. */
struct pgcwi_demo_loader {
    const struct pgcwi_demo_run *run;
    struct pg_conn *connection;
    uint32_t table; /* of the cache; set it before each load */
};

/* False after pgcwi_demo_fail(); close it all the same. */
bool pgcwi_demo_loader_open(struct pgcwi_demo_loader *loader,
                            struct pgcwi_demo_run *run, const char *name);
void pgcwi_demo_loader_close(struct pgcwi_demo_loader *loader);

/* A pgcw_loader_fn, with the loader as context: one row, by its primary
 * key. */
enum pgcw_status pgcwi_demo_load(void *context, struct pgcw_bytes key,
                                 struct pgcw_fill *fill,
                                 struct pgcw_error *error);

#endif
