/* SPDX-License-Identifier: MIT */
/* Reads a process's metrics again and again, and compares each with the last.
 */
#ifndef PGCWI_CLI_TOP_READER_H
#define PGCWI_CLI_TOP_READER_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/metrics.h"
#include "cli/scrape.h"
#include "cli/top_model.h"

enum pgcwi_top_news {
    PGCWI_TOP_NOTHING,
    PGCWI_TOP_READING, /* the model is new */
    PGCWI_TOP_FAILURE  /* the reason is */
};

struct pgcwi_top_reader {
    struct pgcwi_scrape *scrape;
    int64_t interval_ns;
    int64_t next_at_ns;
    bool is_reading;
    struct pgcwi_metrics *last; /* that was read well; NULL before the first */
    struct pgcwi_metrics *spare[2];
    int64_t last_at_ns; /* or when it was opened */
    struct pgcwi_top_model *model;
    char reason[PGCWI_SCRAPE_REASON_BYTES]; /* "": the last was read well */
};

/* False: no memory, or no such address, as `reason` says. */
bool pgcwi_top_reader_open(struct pgcwi_top_reader *reader, const char *address,
                           int64_t interval_ns);
void pgcwi_top_reader_close(struct pgcwi_top_reader *reader);

/* Wait for news, for one of `fds` (-1: none) to be readable, or for a while. */
enum pgcwi_top_news pgcwi_top_reader_wait(struct pgcwi_top_reader *reader,
                                          const int fds[2]);

/* Why there is nothing new, and for how long; NULL: there is. */
const char *pgcwi_top_reader_failure(const struct pgcwi_top_reader *reader,
                                     double *seconds);

#endif
