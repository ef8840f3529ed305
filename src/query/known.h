/* SPDX-License-Identifier: MIT */
/* Names of PostgreSQL's own that are known to be safe, or to be not. */
#ifndef PGCWI_QUERY_KNOWN_H
#define PGCWI_QUERY_KNOWN_H

#include <stdbool.h>

/* Nodes of a tree, in the names of PostgreSQL 14 to 17, that neither call
 * something nor depend on something that is not a fact of its own. */
bool pgcwi_known_is_node(const char *name);

/* Functions of the system that are but stable, because they depend on
 * settings that are part of the key, or on types. */
bool pgcwi_known_is_harmless(const char *name);

/* Functions that tell the time. */
bool pgcwi_known_is_clock(const char *name);

/* Functions that read values of any type from a text. */
bool pgcwi_known_is_reader(const char *name);

#endif
