/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "support/load.h"

static int
init(void **state)
{
    *state = open_cache();
    return 0;
}

static int
fini(void **state)
{
    pgcwi_cache_close(*state);
    return 0;
}

/* Three wait, one loads; all shall end with the same. */
static void
assert_failure_reaches_all(struct pgcw_cache *cache, struct load *load,
                           const struct pgcw_error *error)
{
    struct fetch fetches[4];
    uint64_t waits_before = stats_of(cache).flight_waits;

    load->middle = wait_until_told;
    for (int i = 0; i < 4; i++) {
        start_fetch(&fetches[i], "key", load);
    }
    wait_for_waiters(cache, waits_before + 3);
    gate_open(&load->may_end);
    for (int i = 0; i < 4; i++) {
        assert_true(end_fetch_with(&fetches[i], NULL));
        assert_int_equal(fetches[i].status, error->status);
        assert_int_equal(fetches[i].error.status, error->status);
        assert_string_equal(fetches[i].error.sqlstate, error->sqlstate);
        assert_string_equal(fetches[i].error.detail, error->detail);
    }
    assert_int_equal(load_count(load), 1);
    assert_true(has_nothing(cache, "key"));
}

static void
failure_reaches_all_who_wait_and_nothing_is_cached(void **state)
{
    struct load load = LOAD_OF(*state, NULL);
    struct load next = LOAD_OF(*state, "value");
    struct pgcw_error error = {PGCW_REFUSED, "42P01", "no such table"};

    load.status = PGCW_REFUSED;
    load.error = error;
    load.error.status = PGCW_OK; /* the loader may leave it alone */
    assert_failure_reaches_all(*state, &load, &error);
    assert_int_equal(stats_of(*state).load_failures, 1);
    assert_int_equal(stats_of(*state).fills, 0);
    assert_true(fetches_text(&next, "key", "value"));
}

static void
missing_row_reaches_all_who_wait_and_nothing_is_cached(void **state)
{
    struct load load = LOAD_OF(*state, NULL);
    struct pgcw_error error = {PGCW_MISS, "", "order 42 is unknown"};

    load.status = PGCW_MISS;
    load.error = error;
    assert_failure_reaches_all(*state, &load, &error);
}

static void
loader_without_memory_is_told_with_its_own_words(void **state)
{
    struct load load = LOAD_OF(*state, NULL);
    struct pgcw_error error = {PGCW_NO_MEMORY, "53200", "PostgreSQL has none"};

    load.status = PGCW_NO_MEMORY;
    load.error = error;
    assert_failure_reaches_all(*state, &load, &error);
}

static void
loader_that_fails_without_a_word_still_gives_a_complete_error(void **state)
{
    struct load load = LOAD_OF(*state, NULL);
    struct fetch fetch;

    load.status = PGCW_REFUSED;
    (void)strcpy(load.error.sqlstate, "42P01");
    start_fetch(&fetch, "key", &load);
    assert_true(end_fetch_with(&fetch, NULL));
    assert_int_equal(fetch.error.status, PGCW_REFUSED);
    assert_string_not_equal(fetch.error.detail, "");
    assert_string_equal(fetch.error.sqlstate, "42P01");
}

static void
loader_that_says_busy_has_failed(void **state)
{
    struct load load = LOAD_OF(*state, NULL);
    struct fetch fetch;

    load.status = PGCW_BUSY;
    start_fetch(&fetch, "key", &load);
    assert_true(end_fetch_with(&fetch, NULL));
    assert_int_equal(fetch.status, PGCW_LOAD_FAILED);
    assert_int_equal(fetch.error.status, PGCW_LOAD_FAILED);
    assert_int_equal(load_count(&load), 1);
}

static void
hit_that_cannot_be_copied_says_so_and_does_not_load(void **state)
{
    struct load load = LOAD_OF(*state, "value");
    struct fetch fetch = {
        .cache = *state, .key = "key", .loader = loader_of(&load)};

    assert_int_equal(put_text(*state, "key", "value"), PGCW_OK);
    pgcwi_alloc_fail_nth(1);
    run_fetch(&fetch);
    assert_true(pgcwi_alloc_has_failed());
    assert_int_equal(fetch.status, PGCW_NO_MEMORY);
    assert_int_equal(fetch.error.status, PGCW_NO_MEMORY);
    assert_string_not_equal(fetch.error.detail, "");
    assert_int_equal(load_count(&load), 0);
}

static void
each_allocation_of_a_fetch_may_fail(void **state)
{
    bool has_failed = true;

    for (long nth = 1; has_failed; nth++) {
        struct load load = LOAD_OF(*state, "value");
        struct fetch fetch = {
            .cache = *state, .key = "key", .loader = loader_of(&load)};

        assert_true(nth < 100);
        pgcwi_alloc_fail_nth(nth);
        run_fetch(&fetch);
        has_failed = pgcwi_alloc_has_failed();
        pgcwi_alloc_fail_nth(0);
        if (fetch.status == PGCW_OK) {
            assert_true(holds_text(&fetch.value, "value"));
        } else {
            assert_int_equal(fetch.status, PGCW_NO_MEMORY);
            assert_int_equal(fetch.error.status, PGCW_NO_MEMORY);
            assert_string_not_equal(fetch.error.detail, "");
        }
        pgcw_buffer_free(&fetch.value);
        pgcw_cache_invalidate_all(*state);
        (void)pgcwi_cache_sweep(*state);
    }
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)
    const struct CMUnitTest tests[] = {
        TEST(failure_reaches_all_who_wait_and_nothing_is_cached),
        TEST(missing_row_reaches_all_who_wait_and_nothing_is_cached),
        TEST(loader_without_memory_is_told_with_its_own_words),
        TEST(loader_that_fails_without_a_word_still_gives_a_complete_error),
        TEST(loader_that_says_busy_has_failed),
        TEST(hit_that_cannot_be_copied_says_so_and_does_not_load),
        TEST(each_allocation_of_a_fetch_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
