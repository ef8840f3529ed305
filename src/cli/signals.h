/* SPDX-License-Identifier: MIT */
/* Signals that a command waits for beside other things. */
#ifndef PGCWI_CLI_SIGNALS_H
#define PGCWI_CLI_SIGNALS_H

/*
 * A descriptor that is readable when SIGINT, SIGTERM or SIGHUP came, or
 * `another` (0: none); -1: failed, and it was said. From then on a closed pipe
 * is an error of the write only. By the main thread, before there are others,
 * which inherit what is blocked.
 */
int pgcwi_signals_open(int another);

/* Which one came; 0: none. The descriptor is readable. */
int pgcwi_signals_read(int fd);

#endif
