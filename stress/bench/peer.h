/* SPDX-License-Identifier: MIT */
/*
 * Servers of peers: private ones, each with its socket in a folder of the
 * program's own; as root they run as the user postgres.
 *
 * The program runs in a child, by peer_supervise(). When that ends, however it
 * does, the servers get their signal, and the parent waits for them and removes
 * the folder.
 */
#ifndef STRESS_BENCH_PEER_H
#define STRESS_BENCH_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#define PEER_PATH_BYTES 128
/* On the client's processor, or on the next one. */
#define PEER_PLACES 2

/* To be called first, with one thread. Goes on in the child; the parent ends
 * the program with what the child has ended with. */
void peer_supervise(void);

/* The path of a file in the folder. */
void peer_path(char path[PEER_PATH_BYTES], const char *name);
/* Write a file there, that the servers may read. */
void peer_write(const char *name, const char *text);

/*
 * Start a server, and wait until its socket accepts. The program is looked for
 * where Debian has it; the list ends with NULL, and has the arguments only.
 * While the process has one thread. 0: it could not be started, and `reason`
 * says why.
 */
pid_t peer_start(const char *program, const char *const *arguments,
                 const char *socket_name, const char **reason);

/* The process and all that it has started, with their threads, stay there. */
void peer_place(pid_t pid, unsigned place);
/* They run where they like again. */
void peer_place_anywhere(pid_t pid);
const char *peer_place_name(unsigned place);

#endif
