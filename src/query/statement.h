/* SPDX-License-Identifier: MIT */
/* A statement and its parameters, as for PQexecParams(). */
#ifndef PGCWI_QUERY_STATEMENT_H
#define PGCWI_QUERY_STATEMENT_H

/* A type may be 0; all arrays may be NULL. The probe takes no values. */
struct pgcwi_statement {
    const char *text;
    int parameter_count;
    const unsigned int *types;
    const char *const *values;
    const int *lengths;
    const int *formats;
    int result_format;
};

#endif
