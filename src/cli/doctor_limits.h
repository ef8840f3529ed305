/* SPDX-License-Identifier: MIT */
/* What is measured of a server, and from where on it is a finding. */
#ifndef PGCWI_CLI_DOCTOR_LIMITS_H
#define PGCWI_CLI_DOCTOR_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/findings.h"

/* As libpq gives it: 150004. False if it is too old for all the rest. */
bool pgcwi_doctor_judge_version(struct pgcwi_findings *findings,
                                int version_num);

/* How long it took to connect. */
void pgcwi_doctor_judge_connecting(struct pgcwi_findings *findings,
                                   int64_t took_us);

/* Of a query. */
void pgcwi_doctor_judge_round_trip(struct pgcwi_findings *findings,
                                   int64_t round_trip_us);

/* How far the server's clock is ahead, which may be wrong by half of the round
 * trip in which it was read. */
void pgcwi_doctor_judge_clock(struct pgcwi_findings *findings, int64_t ahead_us,
                              int64_t round_trip_us);

/* What pg_notification_queue_usage() says, 0 to 1. */
void pgcwi_doctor_judge_queue(struct pgcwi_findings *findings, double usage);

/* The setting idle_session_timeout; 0: none. */
void pgcwi_doctor_judge_idle_timeout(struct pgcwi_findings *findings,
                                     int64_t timeout_ms);

#endif
