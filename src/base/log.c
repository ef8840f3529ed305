/* SPDX-License-Identifier: MIT */
/* Log lines of one listener, one at a time. */
#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define REPEAT_WINDOW_NS (INT64_C(10000) * PGCWI_NS_PER_MS)

const char *
pgcw_log_level_text(enum pgcw_log_level level)
{
    switch (level) {
    case PGCW_LOG_ERROR:
        return "error";
    case PGCW_LOG_WARNING:
        return "warning";
    case PGCW_LOG_INFO:
        return "info";
    case PGCW_LOG_DEBUG:
        return "debug";
    default:
        return "unknown";
    }
}

void
pgcwi_log_init(struct pgcwi_log *log, pgcw_log_fn *write, void *context,
               enum pgcw_log_level level)
{
    memset(log, 0, sizeof *log);
    log->write = write;
    log->context = context;
    log->level = level == 0 ? PGCW_LOG_WARNING : level;
    /* cannot fail: a mutex without attributes takes no resource */
    (void)pthread_mutex_init(&log->lock, NULL);
}

static void
write_repeat_count(struct pgcwi_log *log)
{
    char line[64];

    if (log->repeat_count == 0) {
        return;
    }
    (void)snprintf(line, sizeof line, "the line before repeated %" PRIu64 " %s",
                   log->repeat_count,
                   log->repeat_count == 1 ? "time" : "times");
    log->repeat_count = 0;
    log->write(log->context, log->last_level, line);
}

void
pgcwi_log_fini(struct pgcwi_log *log)
{
    write_repeat_count(log);
    (void)pthread_mutex_destroy(&log->lock);
}

static bool
is_repeat(const struct pgcwi_log *log, enum pgcw_log_level level,
          const char *line, int64_t now_ns)
{
    return log->last_level == level &&
           now_ns - log->last_at_ns < REPEAT_WINDOW_NS &&
           strcmp(log->last_line, line) == 0;
}

void
pgcwi_log_write(struct pgcwi_log *log, enum pgcw_log_level level,
                const char *format, ...)
{
    char line[PGCWI_LOG_LINE_BYTES];
    int64_t now_ns;
    va_list arguments;

    if (log->write == NULL || level > log->level) {
        return;
    }
    va_start(arguments, format);
    pgcwi_text_line(line, sizeof line, format, arguments);
    va_end(arguments);
    now_ns = pgcwi_clock_monotonic_ns();
    (void)pthread_mutex_lock(&log->lock);
    if (is_repeat(log, level, line, now_ns)) {
        log->repeat_count++;
    } else {
        write_repeat_count(log);
        memcpy(log->last_line, line, sizeof line);
        log->last_level = level;
        log->last_at_ns = now_ns;
        log->write(log->context, level, line);
    }
    (void)pthread_mutex_unlock(&log->lock);
}
