/* SPDX-License-Identifier: MIT */
/* What goes wrong, and how often; all of it from the seed. */
#ifndef STRESS_TORTURE_FAULTS_H
#define STRESS_TORTURE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "support/fault_proxy.h"
#include "torture_cluster.h"
#include "torture_threads.h"

#define TORTURE_FAULTS_MAX 32

/* owned by the main thread */
struct torture_faults {
    struct torture *torture;
    struct torture_cluster *cluster;
    struct fault_proxy *proxy;
    bool has_network; /* of its own */
    struct stress_random random;
    PGconn *control; /* to the primary, not through the proxy */
    uint64_t total;
    uint64_t counts[TORTURE_FAULTS_MAX];
};

/* One fault, healed when it returns. False: a server does not come back. */
bool torture_faults_one(struct torture_faults *faults);
/* False when there are no more. */
bool torture_faults_name(size_t kind, const char **name);
void torture_faults_end(struct torture_faults *faults);

#endif
