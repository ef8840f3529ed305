/* SPDX-License-Identifier: MIT */
/* Version of the library at run time. */
#include <pgcachewatch/version.h>

const char *
pgcw_version(void)
{
    return PGCW_VERSION;
}
