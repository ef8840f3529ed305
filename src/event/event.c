/* SPDX-License-Identifier: MIT */
/* Names of operations. */
#include <pgcachewatch/event.h>

#include <string.h>

const char *
pgcw_operation_text(enum pgcw_operation operation)
{
    switch (operation) {
    case PGCW_INSERT:
        return "insert";
    case PGCW_UPDATE:
        return "update";
    case PGCW_DELETE:
        return "delete";
    case PGCW_TRUNCATE:
        return "truncate";
    default:
        return "unknown";
    }
}

enum pgcw_status
pgcw_operation_from_text(const char *text, enum pgcw_operation *operation)
{
    static const enum pgcw_operation all[] = {PGCW_INSERT, PGCW_UPDATE,
                                              PGCW_DELETE, PGCW_TRUNCATE};

    if (text == NULL) {
        return PGCW_INVALID_ARGUMENT;
    }
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (strcmp(text, pgcw_operation_text(all[i])) == 0) {
            *operation = all[i];
            return PGCW_OK;
        }
    }
    return PGCW_INVALID_ARGUMENT;
}
