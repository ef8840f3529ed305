/* SPDX-License-Identifier: MIT */
/* A listener's options, checked, with the defaults filled in. */
#ifndef PGCWI_LISTENER_SETTINGS_H
#define PGCWI_LISTENER_SETTINGS_H

#include <pgcachewatch/listener.h>

#include "base/name.h"

struct pgcwi_settings {
    char *dsn; /* NULL: the PG* environment */
    char channel[PGCWI_NAME_BYTES];
    char publication[PGCWI_NAME_BYTES];      /* empty without the WAL */
    char application_name[PGCWI_NAME_BYTES]; /* empty: as the dsn says */
    /* no string of it is to be used */
    struct pgcw_listener_options options;
};

PGCW_MUST_CHECK enum pgcw_status
pgcwi_settings_init(struct pgcwi_settings *settings,
                    const struct pgcw_listener_options *options,
                    struct pgcw_error *error);
void pgcwi_settings_fini(struct pgcwi_settings *settings);

#endif
