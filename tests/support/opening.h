/* SPDX-License-Identifier: MIT */
/* Try to open a listener, and keep all that it says. */
#ifndef TESTS_SUPPORT_OPENING_H
#define TESTS_SUPPORT_OPENING_H

#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/recorder.h"

#define OPENING_TEXT_BYTES 16384
#define OPENING_SECRET "hunter2"

struct opening {
    struct pgcw_listener_options options;
    struct pgcw_listener *listener; /* NULL: it did not open */
    struct pgcw_error error;
    struct state_recorder states;
    struct event_recorder events;
    /* lines of the log; read when the listener is closed */
    char log[OPENING_TEXT_BYTES];
    size_t log_bytes;
};

static inline void
opening_log(void *context, enum pgcw_log_level level, const char *line)
{
    struct opening *opening = context;
    size_t bytes = strlen(line) + 1;

    (void)level;
    if (opening->log_bytes + bytes < OPENING_TEXT_BYTES) {
        memcpy(opening->log + opening->log_bytes, line, bytes - 1);
        opening->log[opening->log_bytes + bytes - 1] = '\n';
        opening->log_bytes += bytes;
    }
}

static inline void
opening_init(struct opening *opening, const char *dsn)
{
    memset(opening, 0, sizeof(*opening));
    state_recorder_init(&opening->states);
    event_recorder_init(&opening->events, 100);
    opening->options = (struct pgcw_listener_options)PGCW_LISTENER_OPTIONS_INIT;
    opening->options.dsn = dsn;
    opening->options.connect_timeout_ms = 20000;
    opening->options.reconnect_min_ms = 1;
    opening->options.reconnect_max_ms = 50;
    opening->options.log = opening_log;
    opening->options.log_context = opening;
    opening->options.log_level = PGCW_LOG_DEBUG;
    opening->options.on_state = state_recorder_note;
    opening->options.on_state_context = &opening->states;
    opening->options.on_event = event_recorder_note;
    opening->options.on_event_context = &opening->events;
}

static inline enum pgcw_status
opening_try(struct opening *opening)
{
    return pgcw_listener_open(&opening->options, &opening->listener,
                              &opening->error);
}

static inline void
opening_close(struct opening *opening)
{
    pgcw_listener_close(opening->listener);
    opening->listener = NULL;
}

static inline void
opening_fini(struct opening *opening)
{
    opening_close(opening);
    event_recorder_fini(&opening->events);
    state_recorder_fini(&opening->states);
}

/* After the close: whether something that was said has the password in it. */
static inline bool
opening_has_told_secret(const struct opening *opening)
{
    if (strstr(opening->error.detail, OPENING_SECRET) != NULL ||
        strstr(opening->log, OPENING_SECRET) != NULL) {
        return true;
    }
    for (size_t i = 0; i < opening->states.count && i < RECORDED_STATES; i++) {
        if (strstr(opening->states.reasons[i], OPENING_SECRET) != NULL) {
            return true;
        }
    }
    return false;
}

#endif
