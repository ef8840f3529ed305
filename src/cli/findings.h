/* SPDX-License-Identifier: MIT */
/* What was looked at, how it is, and what to do about it. */
#ifndef PGCWI_CLI_FINDINGS_H
#define PGCWI_CLI_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum pgcwi_level {
    PGCWI_LEVEL_OK,
    /* It works, but not as well as it could, or not for long. */
    PGCWI_LEVEL_WARNING,
    /* Changes are not told, or not heard. */
    PGCWI_LEVEL_BROKEN
};

/* Start with all zero. */
struct pgcwi_findings {
    /* objects of check, level, table (or none), says, remedy (or none) */
    json_t *list;
    size_t warning_count;
    size_t broken_count;
    /* memory was short: some are missing */
    bool is_cut;
};

struct pgcwi_subject {
    enum pgcwi_level level;
    /* One word for scripts; it stays the same in later versions. */
    const char *check;
    /* NULL: of no table. */
    const char *table;
};

void pgcwi_findings_fini(struct pgcwi_findings *findings);

/* Control characters are not kept: names are anybody's. */
void pgcwi_findings_add(struct pgcwi_findings *findings,
                        struct pgcwi_subject subject, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* What to do about the last one. */
void pgcwi_findings_remedy(struct pgcwi_findings *findings, const char *format,
                           ...) __attribute__((format(printf, 2, 3)));

/* A line each on stdout, and one for the remedy. */
void pgcwi_findings_print(const struct pgcwi_findings *findings);

/* The text of a level: "ok", "warning", "broken". */
const char *pgcwi_level_text(enum pgcwi_level level);

#endif
