/* SPDX-License-Identifier: MIT */
#include "cli/top_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define TIMEOUT_MS 5000L

/* So long at most until the caller looks around again. */
#define WAIT_MS 1000

static int64_t
now_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

bool
pgcwi_top_reader_open(struct pgcwi_top_reader *reader, const char *address,
                      int64_t interval_ns)
{
    memset(reader, 0, sizeof *reader);
    reader->interval_ns = interval_ns;
    reader->last_at_ns = now_ns();
    reader->next_at_ns = reader->last_at_ns;
    reader->model = calloc(1, sizeof *reader->model);
    reader->spare[0] = pgcwi_metrics_create();
    reader->spare[1] = pgcwi_metrics_create();
    if (reader->model == NULL || reader->spare[0] == NULL ||
        reader->spare[1] == NULL) {
        (void)snprintf(reader->reason, sizeof reader->reason, "no memory");
        return false;
    }
    reader->scrape = pgcwi_scrape_open(address, reader->reason);
    if (reader->scrape == NULL) {
        return false;
    }
    reader->reason[0] = '\0';
    return true;
}

void
pgcwi_top_reader_close(struct pgcwi_top_reader *reader)
{
    pgcwi_scrape_close(reader->scrape);
    pgcwi_metrics_destroy(reader->spare[0]);
    pgcwi_metrics_destroy(reader->spare[1]);
    free(reader->model);
    memset(reader, 0, sizeof *reader);
}

/* The page is there. */
static enum pgcwi_top_news
take_page(struct pgcwi_top_reader *reader)
{
    struct pgcwi_metrics *before = reader->last;
    struct pgcwi_metrics *metrics =
        before == reader->spare[0] ? reader->spare[1] : reader->spare[0];
    int64_t at_ns = now_ns();
    size_t bytes;
    char *page = pgcwi_scrape_page(reader->scrape, &bytes);

    pgcwi_metrics_read(metrics, page, bytes);
    if (pgcwi_metrics_is_empty(metrics)) {
        (void)snprintf(reader->reason, sizeof reader->reason,
                       "the page has no metrics of pgcachewatch");
        return PGCWI_TOP_FAILURE;
    }
    pgcwi_top_model_fill(reader->model, before, metrics,
                         (double)(at_ns - reader->last_at_ns) /
                             (double)NS_PER_SECOND);
    reader->last = metrics;
    reader->last_at_ns = at_ns;
    reader->reason[0] = '\0';
    return PGCWI_TOP_READING;
}

/* At its time, and not in a hurry where it was late. */
static void
start(struct pgcwi_top_reader *reader, int64_t at_ns)
{
    reader->next_at_ns += reader->interval_ns;
    if (reader->next_at_ns <= at_ns) {
        reader->next_at_ns = at_ns + reader->interval_ns;
    }
    reader->is_reading = true;
    pgcwi_scrape_start(reader->scrape, TIMEOUT_MS);
}

enum pgcwi_top_news
pgcwi_top_reader_wait(struct pgcwi_top_reader *reader, const int fds[2])
{
    enum pgcwi_scrape_state state;
    int64_t at_ns = now_ns();
    int64_t wait_ms = WAIT_MS;

    if (!reader->is_reading && at_ns >= reader->next_at_ns) {
        start(reader, at_ns);
    } else if (!reader->is_reading) {
        wait_ms = (reader->next_at_ns - at_ns) / NS_PER_MS + 1;
    }
    state = pgcwi_scrape_wait(reader->scrape, fds,
                              wait_ms > WAIT_MS ? WAIT_MS : (int)wait_ms);
    if (!reader->is_reading || state == PGCWI_SCRAPE_RUNNING) {
        return PGCWI_TOP_NOTHING;
    }
    reader->is_reading = false;
    if (state == PGCWI_SCRAPE_DONE) {
        return take_page(reader);
    }
    (void)snprintf(reader->reason, sizeof reader->reason, "%s",
                   pgcwi_scrape_reason(reader->scrape));
    return PGCWI_TOP_FAILURE;
}

const char *
pgcwi_top_reader_failure(const struct pgcwi_top_reader *reader, double *seconds)
{
    int64_t age_ns = now_ns() - reader->last_at_ns;

    *seconds = (double)age_ns / (double)NS_PER_SECOND;
    if (reader->reason[0] != '\0') {
        return reader->reason;
    }
    return age_ns > 2 * reader->interval_ns + NS_PER_SECOND
               ? "waiting for its answer"
               : NULL;
}
