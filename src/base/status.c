/* SPDX-License-Identifier: MIT */
/* Results of calls, and the details of a failure. */
#include "base/status.h"

#include <stdarg.h>
#include <string.h>

#include "base/text.h"

_Static_assert(sizeof(struct pgcw_error) == 256, "the size is frozen");

const char *
pgcw_status_text(enum pgcw_status status)
{
    static const char *const texts[] = {
        [PGCW_OK] = "ok",
        [PGCW_INVALID_ARGUMENT] = "invalid argument",
        [PGCW_NO_MEMORY] = "no memory",
        [PGCW_UNSUPPORTED] = "unsupported",
        [PGCW_TIMEOUT] = "timeout",
        [PGCW_DISCONNECTED] = "disconnected",
        [PGCW_REFUSED] = "refused",
        [PGCW_MISS] = "miss",
        [PGCW_LEASED] = "leased",
        [PGCW_BUSY] = "busy",
        [PGCW_TOO_LARGE] = "too large",
        [PGCW_LOAD_FAILED] = "load failed",
        [PGCW_SYSTEM_ERROR] = "system error",
        [PGCW_INTERNAL] = "internal error",
        [PGCW_NOT_FOUND] = "not found",
        [PGCW_BEHIND] = "behind",
    };

    /* as unsigned: a negative value is out of range as well */
    if ((unsigned int)status >= sizeof texts / sizeof texts[0]) {
        return "unknown status";
    }
    return texts[status];
}

static void fill(struct pgcw_error *error, enum pgcw_status status,
                 const char *sqlstate, const char *format, va_list arguments)
    __attribute__((format(printf, 4, 0)));

static void
fill(struct pgcw_error *error, enum pgcw_status status, const char *sqlstate,
     const char *format, va_list arguments)
{
    if (error == NULL) {
        return;
    }
    memset(error, 0, sizeof *error);
    error->status = status;
    if (sqlstate != NULL) {
        memcpy(error->sqlstate, sqlstate,
               strnlen(sqlstate, sizeof error->sqlstate - 1));
    }
    pgcwi_text_line(error->detail, sizeof error->detail, format, arguments);
}

enum pgcw_status
pgcwi_error_set(struct pgcw_error *error, enum pgcw_status status,
                const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(error, status, NULL, format, arguments);
    va_end(arguments);
    return status;
}

enum pgcw_status
pgcwi_error_set_sqlstate(struct pgcw_error *error, enum pgcw_status status,
                         const char *sqlstate, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fill(error, status, sqlstate, format, arguments);
    va_end(arguments);
    return status;
}
