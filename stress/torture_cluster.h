/* SPDX-License-Identifier: MIT */
/*
 * Two servers of our own, of which one is the primary.
 *
 * For the main thread only: servers end with the thread that started them.
 */
#ifndef STRESS_TORTURE_CLUSTER_H
#define STRESS_TORTURE_CLUSTER_H

#include <stdbool.h>
#include <sys/types.h>

#include <libpq-fe.h>

#include <pgcachewatch/event.h>

#define TORTURE_CHANNEL "ch_torture"

struct torture_cluster;

/* With tables and what tells of them. NULL: stderr says why; `is_missing` tells
 * that there is no PostgreSQL. */
struct torture_cluster *torture_cluster_start(enum pgcw_transport transport,
                                              bool *is_missing);
/* Accepts NULL. */
void torture_cluster_stop(struct torture_cluster *cluster);

const char *torture_cluster_dsn(const struct torture_cluster *cluster);
const char *torture_cluster_folder(const struct torture_cluster *cluster);
pid_t torture_cluster_postmaster(const struct torture_cluster *cluster);
/* A connection that works; waits for the server. NULL: it does not come. */
PGconn *torture_cluster_connect(struct torture_cluster *cluster);

bool torture_cluster_restart(struct torture_cluster *cluster,
                             bool is_immediate);
/*
 * Stop the primary, so that nothing acknowledged is lost, and start the other
 * server with its data as a standby. torture_cluster_dsn() names that one
 * then, which refuses LISTEN until it is promoted.
 */
bool torture_cluster_fail_over(struct torture_cluster *cluster);
bool torture_cluster_promote(struct torture_cluster *cluster);

#endif
