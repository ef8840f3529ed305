/* SPDX-License-Identifier: MIT */
/* The relations of a stream: by which name a row's change is told, and which
 * columns are its key. */
#ifndef PGCWI_EVENT_WAL_RELATIONS_H
#define PGCWI_EVENT_WAL_RELATIONS_H

#include "event/pgoutput.h"
#include "event/wal_decoder.h"

/* The key of a relation's rows. */
struct pgcwi_wal_relation_key {
    uint32_t column_count; /* 0: no key that can be told */
    struct pgcwi_wal_relation_key_column {
        uint32_t index; /* in the relation's rows */
        uint32_t type;
    } * columns;        /* NULL: not made yet */
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
    /* made of that and the target when first needed */
    struct pgcwi_wal_relation_key key;
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
/* Make its key, if it is not made yet; false: no memory. */
bool pgcwi_wal_relations_find_key(struct pgcwi_wal_relations *relations,
                                  struct pgcwi_wal_relation *relation);

void pgcwi_wal_relations_forget_targets(struct pgcwi_wal_relations *relations);
bool pgcwi_wal_relations_add_target(struct pgcwi_wal_relations *relations,
                                    const struct pgcwi_wal_target *target);

#endif
