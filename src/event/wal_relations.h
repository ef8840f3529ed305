/* SPDX-License-Identifier: MIT */
/* The relations of a stream: by which names a row's change is told, and which
 * columns are its key. */
#ifndef PGCWI_EVENT_WAL_RELATIONS_H
#define PGCWI_EVENT_WAL_RELATIONS_H

#include "event/pgoutput.h"
#include "event/wal_decoder.h"

/* A name of a relation, and the key of its rows. */
struct pgcwi_wal_name {
    char schema[PGCWI_NAME_BYTES];
    char table[PGCWI_NAME_BYTES];
    uint32_t column_count; /* 0: no key that can be told */
    struct pgcwi_wal_name_column {
        uint32_t index; /* in the relation's rows */
        uint32_t type;
    } * columns;
    bool is_identified; /* an old row, if it is told, has the whole key */
};

struct pgcwi_wal_relation {
    uint32_t id;
    /* as the stream describes it */
    char schema[PGCWI_NAME_BYTES];
    char table[PGCWI_NAME_BYTES];
    uint32_t column_count;
    struct pgcwi_wal_column {
        char name[PGCWI_NAME_BYTES];
        uint32_t type;
        bool is_identity;
    } * columns;
    bool is_identity_key; /* its primary key is what identifies its rows */
    bool is_in_doubt;     /* what its key is, until targets are given anew */
    bool has_asked;       /* for targets, since it was described */
    /* made of that and the targets when first needed */
    size_t name_count;
    struct pgcwi_wal_name *names;
};

struct pgcwi_wal_relations {
    size_t count;
    struct pgcwi_wal_relation *all;
    size_t target_count;
    struct pgcwi_wal_target *targets; /* each owns its columns */
    bool is_target_missing;
};

/* Accepts one that is all zero. */
void pgcwi_wal_relations_fini(struct pgcwi_wal_relations *relations);
/* Take a description; false: no memory. */
bool pgcwi_wal_relations_describe(struct pgcwi_wal_relations *relations,
                                  const struct pgcwi_pgoutput *message);
/* NULL: it was not described. Valid until one is described. */
struct pgcwi_wal_relation *
pgcwi_wal_relations_find(struct pgcwi_wal_relations *relations, uint32_t id);
/* Make its names, if it has none yet; false: no memory. */
bool pgcwi_wal_relations_name(struct pgcwi_wal_relations *relations,
                              struct pgcwi_wal_relation *relation);

void pgcwi_wal_relations_forget_targets(struct pgcwi_wal_relations *relations);
bool pgcwi_wal_relations_add_target(struct pgcwi_wal_relations *relations,
                                    const struct pgcwi_wal_target *target);

#endif
