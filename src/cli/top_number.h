/* SPDX-License-Identifier: MIT */
/* Numbers as a person reads them at a glance; "-" is what is not known. */
#ifndef PGCWI_CLI_TOP_NUMBER_H
#define PGCWI_CLI_TOP_NUMBER_H

#define PGCWI_TOP_NUMBER_BYTES 32

/* Each returns `text`. */

/* 0.3, 12, 12,345, 1.23M */
const char *pgcwi_top_count(char text[PGCWI_TOP_NUMBER_BYTES], double value);

/* 512 B, 1.5 MiB */
const char *pgcwi_top_bytes(char text[PGCWI_TOP_NUMBER_BYTES], double value);

/* 250 us, 1.2 ms, 3.4 s */
const char *pgcwi_top_time(char text[PGCWI_TOP_NUMBER_BYTES], double seconds);

/* Of a ratio, 0 to 1. Only all is 100.0, as one miss is worth seeing. */
const char *pgcwi_top_percent(char text[PGCWI_TOP_NUMBER_BYTES], double ratio);

#endif
