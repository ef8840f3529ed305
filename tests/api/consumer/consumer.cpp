// SPDX-License-Identifier: MIT
// Prints the library's version; fails if it is not that of the headers.
#include <cstdio>
#include <cstring>

#include <pgcachewatch/pgcachewatch.h>

int main()
{
    std::puts(pgcw_version());
    return std::strcmp(pgcw_version(), PGCW_VERSION) == 0 ? 0 : 1;
}
