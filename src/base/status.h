/* SPDX-License-Identifier: MIT */
/* Filling in the caller's struct pgcw_error. */
#ifndef PGCWI_BASE_STATUS_H
#define PGCWI_BASE_STATUS_H

#include <pgcachewatch/status.h>

/*
 * Write a failure and return its status, so that callers can return the
 * call. `error` may be NULL. The text is cut to fit, at a whole UTF-8
 * character, and line breaks in it become spaces.
 */
enum pgcw_status pgcwi_error_set(struct pgcw_error *error,
                                 enum pgcw_status status, const char *format,
                                 ...) __attribute__((format(printf, 3, 4)));

/* The same, with the five characters that PostgreSQL gave; NULL for none. */
enum pgcw_status
pgcwi_error_set_sqlstate(struct pgcw_error *error, enum pgcw_status status,
                         const char *sqlstate, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
