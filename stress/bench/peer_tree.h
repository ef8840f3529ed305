/* SPDX-License-Identifier: MIT */
/* A process and what it has started, as /proc has them. */
#ifndef STRESS_BENCH_PEER_TREE_H
#define STRESS_BENCH_PEER_TREE_H

#include <sys/types.h>

/* It itself, then each below it. */
void peer_tree_visit(pid_t pid, void (*visit)(pid_t pid, void *context),
                     void *context);
/* Each thread of a process. */
void peer_tree_visit_threads(pid_t pid, void (*visit)(pid_t tid, void *context),
                             void *context);

#endif
