/* SPDX-License-Identifier: MIT */
/* On which processor client and server run. */
#define _GNU_SOURCE /* sched_setaffinity() */

#include <sched.h>

#include "peer.h"
#include "peer_tree.h"

/* What the program was allowed when it began to place anybody. */
static cpu_set_t allowed;

static void
read_allowed(void)
{
    if (CPU_COUNT(&allowed) == 0 &&
        sched_getaffinity(0, sizeof(allowed), &allowed) != 0) {
        CPU_SET(0, &allowed);
    }
}

/* The first of them, or the next; the first again if there is no other. */
static cpu_set_t
processor(unsigned place)
{
    cpu_set_t chosen;

    read_allowed();
    CPU_ZERO(&chosen);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (CPU_ISSET(cpu, &allowed)) {
            CPU_ZERO(&chosen);
            CPU_SET(cpu, &chosen);
            if (place-- == 0) {
                break;
            }
        }
    }
    return chosen;
}

static void
place_thread(pid_t tid, void *cpus)
{
    /* where it may not, the figures are only noisier */
    (void)sched_setaffinity(tid, sizeof(cpu_set_t), cpus);
}

static void
place_process(pid_t pid, void *cpus)
{
    peer_tree_visit_threads(pid, place_thread, cpus);
}

void
peer_place(pid_t pid, unsigned place)
{
    cpu_set_t cpus = processor(place);

    peer_tree_visit(pid, place_process, &cpus);
}

void
peer_place_anywhere(pid_t pid)
{
    read_allowed();
    peer_tree_visit(pid, place_process, &allowed);
}

const char *
peer_place_name(unsigned place)
{
    return place == 0 ? "server on the client's processor"
                      : "server on the other processor";
}

void
peer_place_self(void)
{
    cpu_set_t cpus = processor(0);

    place_thread(0, &cpus);
}

void
peer_place_self_anywhere(void)
{
    read_allowed();
    place_thread(0, &allowed);
}
