/* SPDX-License-Identifier: MIT */
/* Many rows by one SELECT, and the event of one of them. */
#include "support/pipeline.h"

#include <stdio.h>
#include <string.h>

#define ROW_COUNT 100
#define ID_BYTES 12

/* For one thread. */
struct rows {
    PGconn *connection;
    unsigned select_count;
    size_t key_count;
};

/* "{1,2,3}", as PostgreSQL reads an array; false if there is no room. */
static bool
write_array(char *text, size_t text_bytes, const struct pgcw_bytes *keys,
            size_t count)
{
    size_t size = 0;

    for (size_t i = 0; i < count && size < text_bytes; i++) {
        size += (size_t)snprintf(text + size, text_bytes - size, "%c%.*s",
                                 i == 0 ? '{' : ',', (int)keys[i].size,
                                 (const char *)keys[i].data);
    }
    if (size + 2 > text_bytes) {
        return false;
    }
    (void)strcpy(text + size, "}");
    return true;
}

static enum pgcw_status
fill_rows(const PGresult *result, struct pgcw_fill *const *fills, size_t count)
{
    enum pgcw_status status = PGCW_OK;

    for (int i = 0; i < PQntuples(result) && status == PGCW_OK; i++) {
        size_t number = (size_t)strtoul(PQgetvalue(result, i, 0), NULL, 10);
        const char *version = PQgetvalue(result, i, 1);

        status = number == 0 || number > count
                     ? PGCW_LOAD_FAILED
                     : pgcw_fill_set_value(
                           fills[number - 1],
                           (struct pgcw_bytes){version, strlen(version)});
    }
    return status;
}

static enum pgcw_status
select_rows(void *context, const struct pgcw_bytes *keys,
            struct pgcw_fill *const *fills, size_t count,
            struct pgcw_error *error)
{
    struct rows *rows = context;
    char array[ROW_COUNT * ID_BYTES];
    const char *parameter = array;
    enum pgcw_status status = PGCW_LOAD_FAILED;

    (void)error;
    if (!write_array(array, sizeof(array), keys, count)) {
        return PGCW_LOAD_FAILED;
    }
    PGresult *result = PQexecParams(
        rows->connection,
        "SELECT array_position($1::integer[], id), version FROM orders"
        " WHERE id = ANY($1::integer[])",
        1, NULL, &parameter, NULL, NULL, 0);
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        status = fill_rows(result, fills, count);
    }
    PQclear(result);
    rows->select_count++;
    rows->key_count += count;
    return status;
}

/* Fetches the rows of these numbers; `versions` are -1 where there is none. */
static void
fetch_rows(struct pgcw_cache *cache, struct rows *rows, int first,
           int versions[ROW_COUNT])
{
    struct pgcw_many_loader loader = {select_rows, rows};
    struct pgcw_item items[ROW_COUNT];
    char ids[ROW_COUNT][ID_BYTES];
    struct pgcw_error error = {.status = PGCW_OK};

    for (int i = 0; i < ROW_COUNT; i++) {
        int size = snprintf(ids[i], sizeof(ids[i]), "%d", first + i);

        items[i].key = (struct pgcw_bytes){ids[i], (size_t)size};
    }
    if (pgcw_cache_fetch_many(cache, items, ROW_COUNT, loader, &error) !=
        PGCW_OK) {
        fail_msg("%s", error.detail);
    }
    for (int i = 0; i < ROW_COUNT; i++) {
        versions[i] = -1;
        if (items[i].status == PGCW_OK) {
            const char *text = pgcw_pin_value(items[i].pin).data;

            versions[i] = text[0] - '0';
        }
        pgcw_pin_release(items[i].pin);
    }
}

static void
P1_many_rows_are_read_by_one_select_and_anew_after_an_event(void **state)
{
    struct pipeline *pipeline = *state;
    struct pgcw_cache *cache = pipeline->caches[0];
    struct rows rows = {.connection = server};
    int versions[ROW_COUNT];

    fetch_rows(cache, &rows, 1, versions);
    fetch_rows(cache, &rows, 1, versions);
    assert_int_equal(rows.select_count, 1);
    assert_int_equal(rows.key_count, ROW_COUNT);
    assert_int_equal(versions[41], 0);
    assert_int_equal(versions_raise(server, "orders", 42), 1);
    pipeline_sync(pipeline);
    fetch_rows(cache, &rows, 1, versions);
    assert_int_equal(rows.select_count, 2);
    for (int i = 0; i < ROW_COUNT; i++) {
        assert_int_equal(versions[i], i == 41 ? 1 : 0);
    }
}

static void
rows_that_are_not_there_are_not_found_and_hits_are_not_read(void **state)
{
    struct pipeline *pipeline = *state;
    struct pgcw_cache *cache = pipeline->caches[0];
    struct rows rows = {.connection = server};
    int versions[ROW_COUNT];

    fetch_rows(cache, &rows, 1, versions);
    fetch_rows(cache, &rows, 1 + ROW_COUNT / 2, versions);
    assert_int_equal(rows.select_count, 2);
    assert_int_equal(rows.key_count, ROW_COUNT + ROW_COUNT / 2);
    for (int i = 0; i < ROW_COUNT; i++) {
        assert_int_equal(versions[i], i < ROW_COUNT / 2 ? 0 : -1);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        PIPELINE_TEST(
            P1_many_rows_are_read_by_one_select_and_anew_after_an_event),
        PIPELINE_TEST(
            rows_that_are_not_there_are_not_found_and_hits_are_not_read),
    };

    return cmocka_run_group_tests(tests, make_database, drop_database);
}
