/* SPDX-License-Identifier: MIT */
/* Names of things in PostgreSQL. */
#include "base/name.h"

#include <string.h>

bool
pgcwi_name_is_valid(const char *name)
{
    return name != NULL && name[0] != '\0' &&
           strnlen(name, PGCWI_NAME_BYTES) <= PGCWI_NAME_MAX_BYTES;
}
