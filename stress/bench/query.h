/* SPDX-License-Identifier: MIT */
/* What the subjects of `query` share: a row by its key, drawn beforehand. */
#ifndef STRESS_BENCH_QUERY_H
#define STRESS_BENCH_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "turns.h"

#define QUERY_DATABASE "pgcw_bench_query"
#define QUERY_TEXT "SELECT id, version FROM orders WHERE id = "
#define QUERY_MOST_ROWS 1000

struct query_row {
    char key[12];                            /* as text */
    char statement[sizeof(QUERY_TEXT) + 12]; /* with the key in it */
};

/* How many are asked for, and those. */
extern uint32_t query_row_count;
extern struct query_row query_rows[QUERY_MOST_ROWS];

/* The next one that was drawn. */
const struct query_row *query_next(void);
/* Look at the one row that there is to be, and clear it. */
void query_look(PGconn *connection, PGresult *result);

/* Subjects in files of their own. */
bool query_pgpool_open(struct turns_subject *subject);
void query_pgpool_run(struct turns_subject *subject, size_t calls);
void query_pgpool_close(struct turns_subject *subject);
bool query_python_open(struct turns_subject *subject);
void query_python_run(struct turns_subject *subject, size_t calls);
void query_python_close(struct turns_subject *subject);

#endif
