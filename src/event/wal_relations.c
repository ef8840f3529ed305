/* SPDX-License-Identifier: MIT */
#include "event/wal_relations.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* Types of users' own begin here: FirstNormalObjectId. */
#define FIRST_USER_TYPE 16384u

static void
forget_key(struct pgcwi_wal_relation *relation)
{
    pgcwi_free(relation->key.columns);
    relation->key = (struct pgcwi_wal_relation_key){0};
}

static void
relation_fini(struct pgcwi_wal_relation *relation)
{
    forget_key(relation);
    pgcwi_free(relation->columns);
    relation->columns = NULL;
}

void
pgcwi_wal_relations_forget_targets(struct pgcwi_wal_relations *relations)
{
    for (size_t i = 0; i < relations->count; i++) {
        forget_key(&relations->all[i]);
        relations->all[i].is_in_doubt = false;
    }
    for (size_t i = 0; i < relations->target_count; i++) {
        pgcwi_free((void *)relations->targets[i].columns);
    }
    pgcwi_free(relations->targets);
    relations->targets = NULL;
    relations->target_count = 0;
    relations->is_target_missing = false;
}

void
pgcwi_wal_relations_fini(struct pgcwi_wal_relations *relations)
{
    pgcwi_wal_relations_forget_targets(relations);
    for (size_t i = 0; i < relations->count; i++) {
        relation_fini(&relations->all[i]);
    }
    pgcwi_free(relations->all);
    *relations = (struct pgcwi_wal_relations){0};
}

/* Room for one more, where each power of two is where it grows; NULL: no
 * memory, and all is as it was. */
static void *
grow(void *elements, size_t count, size_t element_bytes)
{
    bool is_full = (count & (count - 1)) == 0;
    size_t capacity = count == 0 ? 1 : 2 * count;

    return is_full ? pgcwi_realloc(elements, capacity * element_bytes)
                   : elements;
}

bool
pgcwi_wal_relations_add_target(struct pgcwi_wal_relations *relations,
                               const struct pgcwi_wal_target *target)
{
    struct pgcwi_wal_target *targets =
        grow(relations->targets, relations->target_count, sizeof(*targets));
    struct pgcwi_wal_key_column *columns =
        pgcwi_alloc_array((size_t)target->column_count + 1, sizeof(*columns));

    if (targets != NULL) {
        relations->targets = targets;
    }
    if (targets == NULL || columns == NULL) {
        pgcwi_free(columns);
        return false;
    }
    if (target->column_count > 0) {
        memcpy(columns, target->columns,
               target->column_count * sizeof(*columns));
    }
    targets[relations->target_count] = *target;
    targets[relations->target_count].columns = columns;
    relations->target_count++;
    return true;
}

struct pgcwi_wal_relation *
pgcwi_wal_relations_find(struct pgcwi_wal_relations *relations, uint32_t id)
{
    for (size_t i = 0; i < relations->count; i++) {
        if (relations->all[i].id == id) {
            return &relations->all[i];
        }
    }
    return NULL;
}

static bool
set_description(struct pgcwi_wal_relation *relation,
                const struct pgcwi_pgoutput *message)
{
    struct pgcwi_pgoutput_list rest = message->columns;
    const char *schema =
        message->schema[0] != '\0' ? message->schema : "pg_catalog";

    relation->columns =
        pgcwi_alloc_array((size_t)rest.count + 1, sizeof(*relation->columns));
    if (relation->columns == NULL) {
        return false;
    }
    relation->id = message->relation_id;
    relation->column_count = rest.count;
    relation->is_identity_key = message->identity == 'd';
    relation->has_asked = false;
    (void)snprintf(relation->schema, sizeof(relation->schema), "%s", schema);
    (void)snprintf(relation->table, sizeof(relation->table), "%s",
                   message->name);
    for (uint32_t i = 0; i < relation->column_count; i++) {
        struct pgcwi_wal_column *column = &relation->columns[i];
        struct pgcwi_pgoutput_column told = pgcwi_pgoutput_next_column(&rest);

        (void)snprintf(column->name, sizeof(column->name), "%s", told.name);
        column->type = told.type;
        column->is_identity = told.is_identity;
    }
    return true;
}

bool
pgcwi_wal_relations_describe(struct pgcwi_wal_relations *relations,
                             const struct pgcwi_pgoutput *message)
{
    struct pgcwi_wal_relation *relation =
        pgcwi_wal_relations_find(relations, message->relation_id);

    if (relation != NULL) {
        relation_fini(relation);
        relation->is_in_doubt = true;
        return set_description(relation, message);
    }
    relation = grow(relations->all, relations->count, sizeof(*relation));
    if (relation == NULL) {
        return false;
    }
    relations->all = relation;
    relation += relations->count++;
    *relation = (struct pgcwi_wal_relation){0};
    relation->is_in_doubt = message->identity != 'd';
    return set_description(relation, message);
}

static bool
is_type_of(uint32_t type, const struct pgcwi_wal_key_column *key)
{
    /* a domain or an enum: the target has what it comes down to */
    return type == key->type || type >= FIRST_USER_TYPE;
}

static const struct pgcwi_wal_column *
find_column(const struct pgcwi_wal_relation *relation,
            const struct pgcwi_wal_key_column *key)
{
    for (uint32_t i = 0; i < relation->column_count; i++) {
        const struct pgcwi_wal_column *column = &relation->columns[i];

        if (strcmp(column->name, key->name) == 0) {
            return is_type_of(column->type, key) ? column : NULL;
        }
    }
    return NULL;
}

static bool
has_key_types(const struct pgcwi_wal_target *target)
{
    for (uint32_t i = 0; i < target->column_count; i++) {
        if (!pgcwi_wal_key_has_type(target->columns[i].type)) {
            return false;
        }
    }
    return target->column_count > 0;
}

static uint32_t
count_identity(const struct pgcwi_wal_relation *relation)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < relation->column_count; i++) {
        count += relation->columns[i].is_identity;
    }
    return count;
}

/* Whether the primary key may be the target's: another one may have been made
 * since, of which only an identity that is the key tells. */
static bool
is_key_of(const struct pgcwi_wal_relation *relation,
          const struct pgcwi_wal_target *target)
{
    return !relation->is_in_doubt &&
           (!relation->is_identity_key ||
            (relation->key.is_identified &&
             target->column_count == count_identity(relation)));
}

/* False: the description does not have these columns as its key. */
static bool
set_key(struct pgcwi_wal_relation *relation,
        const struct pgcwi_wal_target *target)
{
    struct pgcwi_wal_relation_key *key = &relation->key;

    key->is_identified = true;
    for (uint32_t i = 0; i < target->column_count; i++) {
        const struct pgcwi_wal_column *column =
            find_column(relation, &target->columns[i]);

        if (column == NULL) {
            return false;
        }
        key->columns[i] = (struct pgcwi_wal_relation_key_column){
            .index = (uint32_t)(column - relation->columns),
            .type = target->columns[i].type,
        };
        key->is_identified = key->is_identified && column->is_identity;
    }
    if (!is_key_of(relation, target)) {
        return false;
    }
    key->column_count = target->column_count;
    return true;
}

/* NULL: none yet, or the relation has a new name. */
static const struct pgcwi_wal_target *
find_target(const struct pgcwi_wal_relations *relations,
            const struct pgcwi_wal_relation *relation)
{
    for (size_t i = 0; i < relations->target_count; i++) {
        const struct pgcwi_wal_target *target = &relations->targets[i];

        if (target->relation_id == relation->id &&
            strcmp(target->schema, relation->schema) == 0 &&
            strcmp(target->table, relation->table) == 0) {
            return target;
        }
    }
    return NULL;
}

bool
pgcwi_wal_relations_find_key(struct pgcwi_wal_relations *relations,
                             struct pgcwi_wal_relation *relation)
{
    const struct pgcwi_wal_target *target = find_target(relations, relation);

    if (relation->key.columns != NULL) {
        return true;
    }
    relation->key.columns =
        pgcwi_alloc_array(target != NULL ? (size_t)target->column_count + 1 : 1,
                          sizeof(*relation->key.columns));
    if (relation->key.columns == NULL) {
        return false;
    }
    bool is_known =
        target != NULL && (!has_key_types(target) || set_key(relation, target));
    if (!is_known && !relation->has_asked) {
        relation->has_asked = true;
        relations->is_target_missing = true;
    }
    return true;
}
