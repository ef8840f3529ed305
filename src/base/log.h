/* SPDX-License-Identifier: MIT */
/* Log lines of one listener, one at a time. */
#ifndef PGCWI_BASE_LOG_H
#define PGCWI_BASE_LOG_H

#include <pthread.h>
#include <stdint.h>

#include <pgcachewatch/log.h>

#define PGCWI_LOG_LINE_BYTES 512

/*
 * A line that is the same as the one before it, within ten seconds, is only
 * counted; the next different one is preceded by "… repeated n times".
 */
struct pgcwi_log {
    /* immutable after init */
    pgcw_log_fn *write;
    void *context;
    enum pgcw_log_level level;
    /* guarded by lock */
    pthread_mutex_t lock;
    char last_line[PGCWI_LOG_LINE_BYTES];
    enum pgcw_log_level last_level;
    int64_t last_at_ns;
    uint64_t repeat_count;
};

/* `write` NULL: silent. `level` 0: PGCW_LOG_WARNING. */
void pgcwi_log_init(struct pgcwi_log *log, pgcw_log_fn *write, void *context,
                    enum pgcw_log_level level);
/* Writes the count of repeated lines that is still due. */
void pgcwi_log_fini(struct pgcwi_log *log);
/* Line breaks in the text become spaces; it is cut at the line's size. */
void pgcwi_log_write(struct pgcwi_log *log, enum pgcw_log_level level,
                     const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
