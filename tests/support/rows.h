/* SPDX-License-Identifier: MIT */
/* What the tests of triggers that tell rows share. */
#ifndef PGCWI_TESTS_SUPPORT_ROWS_H
#define PGCWI_TESTS_SUPPORT_ROWS_H

#include "support/installing.h"

#include "event/payload.h"

/* A listener beside the writer. */
static PGconn *listener;

static inline int
listen_anew(void **state)
{
    make_schema(state);
    listener = database_connect(PQdb(connection));
    database_run(listener, "LISTEN " CHANNEL);
    return 0;
}

static inline int
stop_listening(void **state)
{
    (void)state;
    PQfinish(listener);
    database_run(connection, "ROLLBACK; RESET ALL");
    return 0;
}

#define ROWS_TEST(name) \
    cmocka_unit_test_setup_teardown(name, listen_anew, stop_listening)

/* A key that is the table's first column is read in another way than one
 * that follows others. */
static bool key_is_first;

static inline int
listen_anew_key_first(void **state)
{
    key_is_first = true;
    return listen_anew(state);
}

static inline int
listen_anew_key_last(void **state)
{
    key_is_first = false;
    return listen_anew(state);
}

/* Both ways: its tables are those of make_keyed(). */
#define KEYED_TEST(name)                                            \
    cmocka_unit_test_setup_teardown(name, listen_anew_key_first,    \
                                    stop_listening),                \
        cmocka_unit_test_setup_teardown(name, listen_anew_key_last, \
                                        stop_listening)

static inline void
install_rows(const char *table)
{
    struct pgcw_install_options options = on_tables(&table, 1);

    options.rows = true;
    commit(plan(&options));
    expect_nothing_to_do(&options);
}

/* A table t with the columns n and k, which is the key. */
static inline void
make_keyed(const char *type)
{
    char sql[256];

    snprintf(sql, sizeof sql,
             key_is_first ? "CREATE TABLE t (k %s PRIMARY KEY, n int)"
                          : "CREATE TABLE t (n int, k %s PRIMARY KEY)",
             type);
    database_run(connection, "DROP TABLE IF EXISTS t");
    database_run(connection, sql);
    install_rows("t");
}

static inline void
drain(void)
{
    while (database_heard(listener) != NULL) {
    }
}

/* The next event, for pgcwi_change_fini(); false: none. */
static inline bool
next_change(struct pgcwi_change *change)
{
    const char *payload = database_heard(listener);

    if (payload == NULL) {
        return false;
    }
    assert_in_range(strlen(payload), 1, 7950);
    if (!pgcwi_payload_decode(payload, strlen(payload), change)) {
        print_error("not understood: %s\n", payload);
        fail();
    }
    return true;
}

enum { MOST_EVENTS = 8, EVENT_BYTES = 512 };

static inline int
compare_text(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* "update orders [1 2]"; of the whole table: "update orders" */
static inline void
describe(const struct pgcwi_change *change, char text[EVENT_BYTES])
{
    size_t length =
        (size_t)snprintf(text, EVENT_BYTES, "%s %s",
                         pgcw_operation_text(change->operation), change->table);

    for (size_t i = 0; i < change->key_count && length < EVENT_BYTES; i++) {
        const struct pgcw_bytes *key = &change->keys[i];

        assert_int_equal(strlen(key->data), key->size);
        length +=
            (size_t)snprintf(text + length, EVENT_BYTES - length, "%s%s",
                             i == 0 ? " [" : " ", (const char *)key->data);
    }
    if (change->key_count > 0 && length < EVENT_BYTES) {
        snprintf(text + length, EVENT_BYTES - length, "]");
    }
}

/* Run SQL, and expect events, sorted. */
static inline void
expect(const char *sql, const char *events)
{
    char heard[MOST_EVENTS][EVENT_BYTES];
    char all[MOST_EVENTS * (EVENT_BYTES + 2)] = "";
    struct pgcwi_change change;
    size_t count = 0;

    database_run(connection, sql);
    while (next_change(&change)) {
        assert_true(count < MOST_EVENTS);
        describe(&change, heard[count++]);
        pgcwi_change_fini(&change);
    }
    qsort(heard, count, EVENT_BYTES, compare_text);
    for (size_t i = 0; i < count; i++) {
        strcat(all, i == 0 ? "" : ", ");
        strcat(all, heard[i]);
    }
    if (strcmp(all, events) != 0) {
        print_error("%s\nexpected: %s\nheard: %s\n", sql, events, all);
        fail();
    }
}

#endif
