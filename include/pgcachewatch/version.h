/* SPDX-License-Identifier: MIT */
/* Version of the library: at compile time and at run time. */
#ifndef PGCACHEWATCH_VERSION_H
#define PGCACHEWATCH_VERSION_H

#include <pgcachewatch/export.h>

PGCW_BEGIN_DECLS

#define PGCW_VERSION_MAJOR 0
#define PGCW_VERSION_MINOR 1
#define PGCW_VERSION_PATCH 0
#define PGCW_VERSION "0.1.0"

/**
 * Return the version of the library that is linked, in the form "0.1.0".
 *
 * @return a string constant; compare it with PGCW_VERSION
 *
 * Threads: any. Blocks: never. Signals: safe.
 */
PGCW_API const char *pgcw_version(void);

PGCW_END_DECLS

#endif
