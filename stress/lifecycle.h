/* SPDX-License-Identifier: MIT */
/* One life of a listener and its caches: see lifecycle.c. */
#ifndef STRESS_LIFECYCLE_H
#define STRESS_LIFECYCLE_H

#include <stdatomic.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "support.h"

#define LIFE_DATABASES 2
#define LIFE_NAME_BYTES 64

enum life_kind {
    LIFE_USED,          /* opened, used, closed */
    LIFE_CONNECTING,    /* closed while it connects */
    LIFE_REFUSED,       /* there is no server */
    LIFE_LOADING,       /* the last load ends, its thread closes all */
    LIFE_FLOODED,       /* closed among notifications */
    LIFE_TWO_DATABASES, /* two listeners, with tables of the same name */
    LIFE_THREADS_ENDED, /* its readers end where they are */
    LIFE_KINDS
};

/* What all rounds share. */
struct life_ground {
    /* immutable after start */
    struct stress *stress;
    const char *databases[LIFE_DATABASES];
    int silent_fd; /* accepts what it is asked to, and says nothing */
    uint16_t silent_port;
    uint16_t refused_port;
    /* shared */
    _Atomic uint64_t counts[LIFE_KINDS];
    _Atomic int64_t longest_close_ns;
};

/* One thread's own: a table of its own in each of the databases. */
struct life {
    struct life_ground *ground;
    struct stress_random random;
    /* table, channel and application_name */
    char name[LIFE_NAME_BYTES];
    PGconn *servers[LIFE_DATABASES];
};

/* One round, of a kind that the seed chooses. */
void life_run_round(struct life *life);

#endif
