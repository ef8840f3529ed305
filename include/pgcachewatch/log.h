/* SPDX-License-Identifier: MIT */
/* Where the library's log lines go. */
#ifndef PGCACHEWATCH_LOG_H
#define PGCACHEWATCH_LOG_H

#include <pgcachewatch/export.h>

PGCW_BEGIN_DECLS

/** How much a line matters; zero in an option means PGCW_LOG_WARNING. */
enum pgcw_log_level {
    PGCW_LOG_ERROR = 1,
    PGCW_LOG_WARNING = 2,
    PGCW_LOG_INFO = 3,
    PGCW_LOG_DEBUG = 4
};

/**
 * Receives one finished line, without newline, valid during the call only.
 *
 * Threads: library threads, never two at a time for one listener. Must not
 * block for long and must not call pgcw_listener_close().
 */
typedef void pgcw_log_fn(void *context, enum pgcw_log_level level,
                         const char *line);

/**
 * Return the name of a level: "error", "warning", "info" or "debug".
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API const char *pgcw_log_level_text(enum pgcw_log_level level);

PGCW_END_DECLS

#endif
