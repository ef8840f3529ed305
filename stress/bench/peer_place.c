/* SPDX-License-Identifier: MIT */
/* On which processor a server runs. */
#include <stddef.h>

#include "peer.h"
#include "peer_tree.h"
#include "threads.h"

static void
place_thread(pid_t tid, void *place)
{
    bench_pin(tid, *(const unsigned *)place);
}

static void
place_process(pid_t pid, void *place)
{
    peer_tree_visit_threads(pid, place_thread, place);
}

void
peer_place(pid_t pid, unsigned place)
{
    peer_tree_visit(pid, place_process, &place);
}

static void
free_thread(pid_t tid, void *unused)
{
    (void)unused;
    bench_unpin(tid);
}

static void
free_process(pid_t pid, void *unused)
{
    peer_tree_visit_threads(pid, free_thread, unused);
}

void
peer_place_anywhere(pid_t pid)
{
    peer_tree_visit(pid, free_process, NULL);
}

const char *
peer_place_name(unsigned place)
{
    return place == 0 ? "server on the client's processor"
                      : "server on the other processor";
}
