/* SPDX-License-Identifier: MIT */
/*
 * The copies of a client that Redis tells of changes: as good a one as a
 * client needs, and no better. Open addressing, one mutex.
 *
 * A load is announced before the value is asked for; what is forgotten
 * meanwhile is then not stored. Keys stay: they are few, and always the same.
 */
#ifndef STRESS_BENCH_TRACKED_TABLE_H
#define STRESS_BENCH_TRACKED_TABLE_H

#include <stdbool.h>

#include "remote.h"

/* Any thread. False: there is none. */
bool tracked_table_get(const char *key, char value[REMOTE_VALUE_BYTES]);
void tracked_table_announce(const char *key);
/* False: it was forgotten since it was announced. */
bool tracked_table_store(const char *key, const char *value);
/* True: there was a value. */
bool tracked_table_forget(const char *key);
void tracked_table_forget_all(void);

#endif
