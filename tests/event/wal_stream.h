/* SPDX-License-Identifier: MIT */
/* A decoder that is given messages, and what it makes of them as text. */
#ifndef PGCWI_TESTS_EVENT_WAL_STREAM_H
#define PGCWI_TESTS_EVENT_WAL_STREAM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "event/wal_decoder.h"
#include "support/wal_messages.h"

#define STREAM_TEXT_BYTES 4096
#define END_LSN 0x100000020u

static struct pgcwi_wal_decoder *decoder;
static struct wal_message built;
static struct pgcwi_wal_transaction *done;

static inline int
make_decoder(void **state)
{
    (void)state;
    decoder = pgcwi_wal_decoder_create("channel");
    return decoder == NULL ? -1 : 0;
}

static inline int
drop_decoder(void **state)
{
    (void)state;
    pgcwi_wal_transaction_destroy(done);
    done = NULL;
    pgcwi_wal_decoder_destroy(decoder);
    decoder = NULL;
    return 0;
}

/* Give it the message that was built, in a block of its exact size. */
static inline enum pgcwi_wal_result
take(void)
{
    char *block = malloc(built.size);

    assert_non_null(block);
    memcpy(block, built.bytes, built.size);
    enum pgcwi_wal_result result =
        pgcwi_wal_decoder_take(decoder, block, built.size, &done);
    free(block);
    return result;
}

static inline void
take_more(void)
{
    assert_int_equal(take(), PGCWI_WAL_MORE);
}

static inline void
describe_change(const struct pgcwi_change *change, char text[STREAM_TEXT_BYTES])
{
    size_t bytes = strlen(text);

    bytes += (size_t)snprintf(text + bytes, STREAM_TEXT_BYTES - bytes,
                              "%s%s %s.%s", bytes > 0 ? ", " : "",
                              pgcw_operation_text(change->operation),
                              change->schema, change->table);
    for (size_t i = 0; i < change->key_count; i++) {
        assert_int_equal(strlen(change->keys[i].data), change->keys[i].size);
        assert_true(bytes < STREAM_TEXT_BYTES);
        bytes += (size_t)snprintf(text + bytes, STREAM_TEXT_BYTES - bytes,
                                  "%s%s", i == 0 ? " [" : " ",
                                  (const char *)change->keys[i].data);
    }
    assert_true(bytes + 1 < STREAM_TEXT_BYTES);
    strcat(text, change->key_count > 0 ? "]" : "");
}

/* "insert public.orders [1 2], truncate public.orders"; or "gap" */
static inline void
expect_done(uint32_t xid, const char *changes)
{
    char text[STREAM_TEXT_BYTES] = "";

    assert_non_null(done);
    assert_int_equal(done->xid, xid);
    for (size_t i = 0; i < done->change_count; i++) {
        describe_change(&done->changes[i], text);
    }
    strcat(text, done->is_gap ? "gap" : "");
    if (strcmp(text, changes) != 0) {
        fail_msg("expected: %s\nis: %s", changes, text);
    }
    pgcwi_wal_transaction_destroy(done);
    done = NULL;
}

static inline void
begin(uint32_t xid)
{
    wal_begin(&built, xid);
    take_more();
}

static inline void
commit(uint32_t xid, const char *changes)
{
    wal_commit(&built, 0, END_LSN);
    assert_int_equal(take(), PGCWI_WAL_COMMITTED);
    expect_done(xid, changes);
}

static inline void
commit_nothing(void)
{
    wal_commit(&built, 0, END_LSN);
    take_more();
    assert_null(done);
}

static inline void
stream(uint32_t xid)
{
    wal_stream_start(&built, xid);
    take_more();
}

static inline void
stop(void)
{
    wal_stream_stop(&built);
    take_more();
}

static inline void
commit_stream(uint32_t xid, const char *changes)
{
    wal_commit(&built, xid, END_LSN);
    assert_int_equal(take(), PGCWI_WAL_COMMITTED);
    expect_done(xid, changes);
}

/* What the tests' relations have: id int, note text, whole bigint. */
enum { COLUMNS = 3 };

struct shape {
    const char *table;
    char identity;     /* 'd', 'f', 'i', 'n' */
    const char *names; /* of the columns that identify: "id", "id note" */
};

static inline void
describe_in(uint32_t xid, uint32_t id, const struct shape *shape)
{
    const char *const names[2] = {"public", shape->table};
    struct wal_column columns[COLUMNS] = {
        {"id", 23, false}, {"note", 25, false}, {"whole", 20, false}};

    for (size_t i = 0; i < COLUMNS; i++) {
        columns[i].is_identity = strstr(shape->names, columns[i].name) != NULL;
    }
    wal_relation(&built, xid, id, names, shape->identity);
    wal_add_columns(&built, columns, COLUMNS);
    take_more();
}

static inline void
describe(uint32_t id, const char *table, char identity, const char *names)
{
    describe_in(0, id, &(struct shape){table, identity, names});
}

/* A target whose key is the columns that are given; NULL ends them. */
static inline bool
is_target_added(uint32_t id, const char *table,
                const struct pgcwi_wal_key_column *columns, uint32_t count)
{
    struct pgcwi_wal_target target = {.relation_id = id,
                                      .schema = "public",
                                      .column_count = count,
                                      .columns = columns};

    (void)snprintf(target.table, sizeof(target.table), "%s", table);
    return pgcwi_wal_decoder_add_target(decoder, &target);
}

static const struct pgcwi_wal_key_column key_id[] = {{"id", 23}};
static const struct pgcwi_wal_key_column key_pair[] = {{"note", 25},
                                                       {"id", 23}};

/* The targets are asked for: now orders is the only one, by the key id. */
static inline void
renew_orders(void)
{
    pgcwi_wal_decoder_forget_targets(decoder);
    assert_true(is_target_added(1, "orders", key_id, 1));
}

/* The relation 1 is orders, with the key id. */
static inline void
make_orders(void)
{
    assert_true(is_target_added(1, "orders", key_id, 1));
    describe(1, "orders", 'd', "id");
}

static inline void
row_in(uint32_t xid, char kind, uint32_t id, const char *old,
       const char *const values[COLUMNS])
{
    wal_row(&built, kind, xid, id);
    wal_add_row(&built, old[0], values, COLUMNS);
    take_more();
}

static inline void
insert_in(uint32_t xid, uint32_t id, const char *key)
{
    const char *const values[COLUMNS] = {key, "a", "1"};

    row_in(xid, 'I', id, "N", values);
}

static inline void
insert(uint32_t id, const char *key)
{
    insert_in(0, id, key);
}

/* `old_kind` 0: none is told. */
static inline void
update(uint32_t id, char old_kind, const char *const old[COLUMNS],
       const char *const values[COLUMNS])
{
    wal_row(&built, 'U', 0, id);
    if (old_kind != 0) {
        wal_add_row(&built, old_kind, old, COLUMNS);
    }
    wal_add_row(&built, 'N', values, COLUMNS);
    take_more();
}

static inline void
delete_row(uint32_t id, char old_kind, const char *const old[COLUMNS])
{
    row_in(0, 'D', id, (const char[]){old_kind, '\0'}, old);
}

#endif
