/* SPDX-License-Identifier: MIT */
/* Prints the library's version; fails if it is not that of the headers. */
#include <stdio.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

int
main(void)
{
    puts(pgcw_version());
    return strcmp(pgcw_version(), PGCW_VERSION) == 0 ? 0 : 1;
}
