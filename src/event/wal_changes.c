/* SPDX-License-Identifier: MIT */
#include "event/wal_changes.h"

#include <string.h>

#include "base/alloc.h"

/* As the triggers have it. */
#define MAX_KEYS 1000
#define MAX_TEXT_BYTES 65536
#define MAX_GROUPS 1024
/* Of all groups. */
#define MAX_ALL_TEXT_BYTES (4u << 20)
#define MAX_MESSAGE_BYTES (1u << 20)

static void
tell_whole(struct pgcwi_wal_changes *changes, struct pgcwi_wal_group *group)
{
    changes->text_bytes -= group->text_bytes;
    group->is_whole = true;
    group->key_count = 0;
    group->text_bytes = 0;
    pgcwi_free(group->text);
    group->text = NULL;
}

void
pgcwi_wal_changes_fini(struct pgcwi_wal_changes *changes)
{
    for (size_t i = 0; i < changes->count; i++) {
        pgcwi_free(changes->groups[i].text);
        if (changes->groups[i].is_message) {
            pgcwi_change_fini(&changes->groups[i].message);
        }
    }
    pgcwi_free(changes->groups);
    *changes = (struct pgcwi_wal_changes){.is_gap = changes->is_gap};
}

/* Nothing that is added later matters. */
static void
make_gap(struct pgcwi_wal_changes *changes)
{
    pgcwi_wal_changes_fini(changes);
    changes->is_gap = true;
}

static bool
has_room(struct pgcwi_wal_changes *changes)
{
    if (changes->count < changes->capacity) {
        return true;
    }
    size_t capacity = changes->capacity == 0 ? 4 : 2 * changes->capacity;
    struct pgcwi_wal_group *groups =
        pgcwi_realloc(changes->groups, capacity * sizeof(*groups));
    if (groups == NULL) {
        return false;
    }
    changes->groups = groups;
    changes->capacity = capacity;
    return true;
}

static bool
is_group_of(const struct pgcwi_wal_group *group, enum pgcw_operation operation,
            const struct pgcwi_wal_relation *relation)
{
    return group->operation == operation && !group->is_message &&
           strcmp(group->table, relation->table) == 0 &&
           strcmp(group->schema, relation->schema) == 0;
}

/* Most rows are of the same group as the one before. */
static struct pgcwi_wal_group *
find_group(struct pgcwi_wal_changes *changes, enum pgcw_operation operation,
           const struct pgcwi_wal_relation *relation)
{
    if (changes->last < changes->count &&
        is_group_of(&changes->groups[changes->last], operation, relation)) {
        return &changes->groups[changes->last];
    }
    for (size_t i = 0; i < changes->count; i++) {
        if (is_group_of(&changes->groups[i], operation, relation)) {
            changes->last = i;
            return &changes->groups[i];
        }
    }
    return NULL;
}

/* NULL: no memory, or it is a gap now. */
static struct pgcwi_wal_group *
find_or_add_group(struct pgcwi_wal_changes *changes,
                  enum pgcw_operation operation,
                  const struct pgcwi_wal_relation *relation)
{
    struct pgcwi_wal_group *group = find_group(changes, operation, relation);

    if (group != NULL) {
        return group;
    }
    if (changes->count == MAX_GROUPS) {
        make_gap(changes);
        return NULL;
    }
    if (!has_room(changes)) {
        return NULL;
    }
    changes->last = changes->count++;
    group = &changes->groups[changes->last];
    *group = (struct pgcwi_wal_group){.operation = operation};
    memcpy(group->schema, relation->schema, sizeof(group->schema));
    memcpy(group->table, relation->table, sizeof(group->table));
    return group;
}

static bool
has_text_room(struct pgcwi_wal_group *group, size_t bytes)
{
    size_t capacity = group->text_capacity == 0 ? 64 : group->text_capacity;

    while (capacity < group->text_bytes + bytes) {
        capacity *= 2;
    }
    if (capacity == group->text_capacity) {
        return true;
    }
    char *text = pgcwi_realloc(group->text, capacity);
    if (text == NULL) {
        return false;
    }
    group->text = text;
    group->text_capacity = capacity;
    return true;
}

static bool
is_last_key(const struct pgcwi_wal_group *group,
            const struct pgcwi_wal_key *key)
{
    return group->key_count > 0 &&
           group->text_bytes - group->last_key == key->size + 1 &&
           memcmp(group->text + group->last_key, key->text, key->size) == 0;
}

static bool
has_room_for(const struct pgcwi_wal_changes *changes,
             const struct pgcwi_wal_group *group,
             const struct pgcwi_wal_key *key)
{
    size_t bytes = key->size + 1;

    return group->key_count < MAX_KEYS &&
           group->text_bytes + bytes <= MAX_TEXT_BYTES &&
           changes->text_bytes + bytes <= MAX_ALL_TEXT_BYTES;
}

static bool
add_key(struct pgcwi_wal_changes *changes, struct pgcwi_wal_group *group,
        const struct pgcwi_wal_key *key)
{
    if (group->is_whole || is_last_key(group, key)) {
        return true;
    }
    if (!has_room_for(changes, group, key)) {
        tell_whole(changes, group);
        return true;
    }
    if (!has_text_room(group, key->size + 1)) {
        return false;
    }
    group->last_key = group->text_bytes;
    memcpy(group->text + group->text_bytes, key->text, key->size);
    group->text[group->text_bytes + key->size] = '\0';
    group->text_bytes += key->size + 1;
    changes->text_bytes += key->size + 1;
    group->key_count++;
    return true;
}

/* What did not change is not told in the new row if it is large. */
static struct pgcwi_pgoutput_value
value_of(struct pgcwi_pgoutput_list values, struct pgcwi_pgoutput_list others,
         uint32_t column)
{
    struct pgcwi_pgoutput_value value = pgcwi_pgoutput_value(values, column);

    return value.kind == 'u' ? pgcwi_pgoutput_value(others, column) : value;
}

/* False if the row does not tell its key. */
static bool
read_key(const struct pgcwi_wal_relation_key *columns,
         struct pgcwi_pgoutput_list values, struct pgcwi_pgoutput_list others,
         struct pgcwi_wal_key *key)
{
    bool is_composite = columns->column_count > 1;

    if (is_composite) {
        pgcwi_wal_key_begin(key);
    }
    for (uint32_t i = 0; i < columns->column_count; i++) {
        struct pgcwi_pgoutput_value value =
            value_of(values, others, columns->columns[i].index);

        if (value.kind != 't') {
            return false;
        }
        if (is_composite) {
            pgcwi_wal_key_add(key, columns->columns[i].type, value.text);
        } else {
            pgcwi_wal_key_set(key, columns->columns[i].type, value.text);
        }
    }
    if (is_composite) {
        pgcwi_wal_key_end(key);
    }
    return columns->column_count > 0 && !key->is_too_long;
}

static bool
add_key_of(struct pgcwi_wal_changes *changes, struct pgcwi_wal_group *group,
           const struct pgcwi_wal_relation *relation,
           struct pgcwi_pgoutput_list values, struct pgcwi_pgoutput_list others)
{
    struct pgcwi_wal_key key;

    if (group->is_whole) {
        return true;
    }
    if (!read_key(&relation->key, values, others, &key)) {
        tell_whole(changes, group);
        return true;
    }
    return add_key(changes, group, &key);
}

/*
 * Without the old row of an UPDATE, no column that identifies rows has
 * changed; of other columns nothing is known. With 'K' it has only those that
 * identify.
 */
static bool
tells_old_key(const struct pgcwi_wal_relation *relation,
              const struct pgcwi_pgoutput *message)
{
    return relation->key.is_identified || message->old_kind == 'O';
}

static bool
add_keys(struct pgcwi_wal_changes *changes, struct pgcwi_wal_group *group,
         const struct pgcwi_wal_relation *relation,
         const struct pgcwi_pgoutput *message)
{
    const struct pgcwi_pgoutput_list none = {NULL, 0};

    if (message->kind != PGCWI_PGOUTPUT_INSERT) {
        if (!tells_old_key(relation, message)) {
            tell_whole(changes, group);
            return true;
        }
        if (message->old_kind != 0 &&
            !add_key_of(changes, group, relation, message->old_values, none)) {
            return false;
        }
    }
    return message->new_values.bytes == NULL ||
           add_key_of(changes, group, relation, message->new_values,
                      message->old_values);
}

static enum pgcw_operation
operation_of(const struct pgcwi_pgoutput *message)
{
    if (message->kind == PGCWI_PGOUTPUT_INSERT) {
        return PGCW_INSERT;
    }
    return message->kind == PGCWI_PGOUTPUT_UPDATE ? PGCW_UPDATE : PGCW_DELETE;
}

bool
pgcwi_wal_changes_add_row(struct pgcwi_wal_changes *changes,
                          const struct pgcwi_wal_relation *relation,
                          const struct pgcwi_pgoutput *message)
{
    if (changes->is_gap) {
        return true;
    }
    struct pgcwi_wal_group *group =
        find_or_add_group(changes, operation_of(message), relation);
    return group != NULL ? add_keys(changes, group, relation, message)
                         : changes->is_gap;
}

bool
pgcwi_wal_changes_add_truncate(struct pgcwi_wal_changes *changes,
                               const struct pgcwi_wal_relation *relation)
{
    if (changes->is_gap) {
        return true;
    }
    struct pgcwi_wal_group *group =
        find_or_add_group(changes, PGCW_TRUNCATE, relation);
    if (group != NULL) {
        tell_whole(changes, group);
    }
    return group != NULL || changes->is_gap;
}

bool
pgcwi_wal_changes_add_message(struct pgcwi_wal_changes *changes,
                              struct pgcw_bytes payload)
{
    struct pgcwi_change change;

    if (changes->is_gap) {
        return true;
    }
    changes->message_bytes += payload.size;
    if (changes->count == MAX_GROUPS ||
        changes->message_bytes > MAX_MESSAGE_BYTES ||
        !pgcwi_payload_decode(payload.data, payload.size, &change)) {
        make_gap(changes);
        return true;
    }
    if (!has_room(changes)) {
        pgcwi_change_fini(&change);
        return false;
    }
    changes->groups[changes->count++] =
        (struct pgcwi_wal_group){.is_message = true, .message = change};
    return true;
}

/* One block of memory: the array, and the text behind it. */
static bool
set_keys(const struct pgcwi_wal_group *group, struct pgcwi_change *change)
{
    size_t array_bytes = group->key_count * sizeof(*change->keys);

    if (group->key_count == 0) {
        return true;
    }
    change->keys = pgcwi_alloc(array_bytes + group->text_bytes);
    if (change->keys == NULL) {
        return false;
    }
    char *text = (char *)change->keys + array_bytes;
    memcpy(text, group->text, group->text_bytes);
    for (size_t i = 0; i < group->key_count; i++) {
        change->keys[i] = (struct pgcw_bytes){text, strlen(text)};
        text += change->keys[i].size + 1;
    }
    change->key_count = group->key_count;
    return true;
}

static bool
set_change(struct pgcwi_wal_group *group, int64_t committed_at_us,
           struct pgcwi_change *change)
{
    if (group->is_message) {
        *change = group->message;
        group->is_message = false; /* its memory is the change's */
        return true;
    }
    *change = (struct pgcwi_change){.operation = group->operation,
                                    .sent_at_us = committed_at_us};
    memcpy(change->schema, group->schema, sizeof(change->schema));
    memcpy(change->table, group->table, sizeof(change->table));
    return set_keys(group, change);
}

bool
pgcwi_wal_changes_finish(struct pgcwi_wal_changes *changes,
                         int64_t committed_at_us,
                         struct pgcwi_wal_transaction *transaction)
{
    transaction->is_gap = changes->is_gap;
    transaction->changes =
        pgcwi_alloc_array(changes->count + 1, sizeof(*transaction->changes));
    bool is_done = transaction->changes != NULL;
    for (size_t i = 0; i < changes->count && is_done; i++) {
        is_done = set_change(&changes->groups[i], committed_at_us,
                             &transaction->changes[i]);
        transaction->change_count += is_done;
    }
    pgcwi_wal_changes_fini(changes);
    changes->is_gap = false;
    return is_done;
}
