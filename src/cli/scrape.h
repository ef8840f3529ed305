/* SPDX-License-Identifier: MIT */
/*
 * Reads a page by HTTP, over TCP or a Unix socket, while its caller waits for
 * other things as well. The only file that knows libcurl.
 */
#ifndef PGCWI_CLI_SCRAPE_H
#define PGCWI_CLI_SCRAPE_H

#include <stdbool.h>
#include <stddef.h>

#define PGCWI_SCRAPE_REASON_BYTES 256

/* A longer page is refused. */
#define PGCWI_SCRAPE_MAX_BYTES ((size_t)4 * 1024 * 1024)

enum pgcwi_scrape_state {
    PGCWI_SCRAPE_IDLE,
    PGCWI_SCRAPE_RUNNING,
    PGCWI_SCRAPE_DONE,  /* the page is there, until the next start */
    PGCWI_SCRAPE_FAILED /* the reason says why, until the next start */
};

struct pgcwi_scrape;

/*
 * Prepare for an address: http://host:port/path, host:port/path, unix:/socket
 * or http+unix://%2Fsocket/path; the path is /metrics where none is given.
 * NULL: it is none of these, or there is no memory; `reason` says what.
 * Nobody else may use libcurl in this process before.
 */
struct pgcwi_scrape *pgcwi_scrape_open(const char *address,
                                       char reason[PGCWI_SCRAPE_REASON_BYTES]);
void pgcwi_scrape_close(struct pgcwi_scrape *scrape); /* accepts NULL */

/* The address as it may be shown: without a password. */
const char *pgcwi_scrape_address(const struct pgcwi_scrape *scrape);

/* Begin to read the page. It is given up after so long. */
void pgcwi_scrape_start(struct pgcwi_scrape *scrape, long timeout_ms);

/*
 * Wait until the page is there, one of `fds` is readable, or time is over;
 * -1 of these is none. Returns how it stands.
 */
enum pgcwi_scrape_state pgcwi_scrape_wait(struct pgcwi_scrape *scrape,
                                          const int fds[2], int timeout_ms);

/* What was read; the caller may change it. */
char *pgcwi_scrape_page(struct pgcwi_scrape *scrape, size_t *bytes);

const char *pgcwi_scrape_reason(const struct pgcwi_scrape *scrape);

#endif
