/* SPDX-License-Identifier: MIT */
/* Wakes a thread that sleeps in poll(): an eventfd. */
#ifndef PGCWI_BASE_WAKEUP_H
#define PGCWI_BASE_WAKEUP_H

#include <pgcachewatch/status.h>

struct pgcwi_wakeup {
    int fd; /* poll it for POLLIN; -1 when not open */
};

PGCW_MUST_CHECK enum pgcw_status pgcwi_wakeup_open(struct pgcwi_wakeup *wakeup);
/* Accepts one that is not open, if its fd is -1. */
void pgcwi_wakeup_close(struct pgcwi_wakeup *wakeup);
/* From any thread. What was written before is visible after the drain. */
void pgcwi_wakeup_signal(struct pgcwi_wakeup *wakeup);
/* By the thread that polls, before it looks at what it was woken for. */
void pgcwi_wakeup_drain(struct pgcwi_wakeup *wakeup);

#endif
