/* SPDX-License-Identifier: MIT */
/* The options --transport and --publication-name. */
#include "cli/transport.h"

#include <string.h>

int
pgcwi_transport_parse(const char *command, const char *name,
                      enum pgcw_transport *transport)
{
    if (name == NULL || strcmp(name, "notify") == 0) {
        *transport = PGCW_TRANSPORT_NOTIFY;
    } else if (strcmp(name, "wal") == 0) {
        *transport = PGCW_TRANSPORT_WAL;
    } else {
        return pgcwi_usage_error(command,
                                 "--transport is notify or wal, "
                                 "not %s",
                                 name);
    }
    return PGCWI_OPTIONS_PARSED;
}
