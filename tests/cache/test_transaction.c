/* SPDX-License-Identifier: MIT */
/* What a thread's own transaction changes, and what it leaves to others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "cache/transaction.h"
#include "support/load.h"

static struct pgcw_transaction *transaction;

static int
init(void **state)
{
    struct pgcw_cache *cache = open_cache();

    /* not a random one: no two rows of these tests share a slot */
    cache->hash_seed = 1;
    cache->tags.hash_seed = 1;
    *state = cache;
    return 0;
}

static int
fini(void **state)
{
    pgcwi_transaction_end_of_thread(); /* what a failure has left */
    pgcwi_cache_close(*state);
    return 0;
}

static struct pgcw_tag
table_tag(const char *table)
{
    return (struct pgcw_tag){.schema = "public", .table = table};
}

static struct pgcw_tag
row_tag(const char *table, const char *key)
{
    return (struct pgcw_tag){"public", table, bytes_of(key)};
}

static enum pgcw_status
put_with(struct pgcw_cache *cache, const char *key, struct pgcw_tag tag)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;

    options.tags = &tag;
    options.tag_count = 1;
    return pgcw_cache_put(cache, bytes_of(key), bytes_of("value"),
                          pgcw_cache_stamp(cache), &options);
}

static void
put_tagged(struct pgcw_cache *cache, const char *key, struct pgcw_tag tag)
{
    assert_int_equal(put_with(cache, key, tag), PGCW_OK);
}

/* Rows 1 and 2 of orders, all of orders, row 1 of users, and no tag. */
static void
put_all(struct pgcw_cache *cache)
{
    put_tagged(cache, "one", row_tag("orders", "1"));
    put_tagged(cache, "two", row_tag("orders", "2"));
    put_tagged(cache, "orders", table_tag("orders"));
    put_tagged(cache, "user", row_tag("users", "1"));
    assert_int_equal(put_text(cache, "untagged", "value"), PGCW_OK);
}

static void
begin(struct pgcw_cache *cache)
{
    assert_int_equal(pgcw_transaction_begin(cache, &transaction, NULL),
                     PGCW_OK);
}

static void
write_row(const char *table, const char *key)
{
    struct pgcw_tag tag = row_tag(table, key);

    assert_int_equal(pgcw_transaction_wrote(transaction, &tag), PGCW_OK);
}

static void
begin_and_write_one(struct pgcw_cache *cache)
{
    begin(cache);
    write_row("orders", "1");
}

/* Which of put_all() are hits, as a text of 1 and 0. */
struct view {
    struct pgcw_cache *cache;
    char hits[6];
};

static void *
look(void *context)
{
    static const char *const keys[] = {"one", "two", "orders", "user",
                                       "untagged"};
    struct view *view = context;

    for (size_t i = 0; i < 5; i++) {
        view->hits[i] = has_text(view->cache, keys[i], "value") ? '1' : '0';
    }
    view->hits[5] = '\0';
    return NULL;
}

static struct view
own_view(struct pgcw_cache *cache)
{
    struct view view = {.cache = cache};

    look(&view);
    return view;
}

static void
run(void *(*body)(void *), void *context)
{
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, body, context), 0);
    pthread_join(thread, NULL);
}

static struct view
others_view(struct pgcw_cache *cache)
{
    struct view view = {.cache = cache};

    run(look, &view);
    return view;
}

static void
nothing_changes_before_the_first_write(void **state)
{
    put_all(*state);
    begin(*state);
    assert_string_equal(own_view(*state).hits, "11111");
    assert_int_equal(put_text(*state, "untagged", "newer"), PGCW_OK);
    assert_true(has_text(*state, "untagged", "newer"));
    pgcw_transaction_commit(transaction);
    assert_int_equal(stats_of(*state).invalidations, 0);
    assert_true(has_text(*state, "untagged", "newer"));
}

static void
row_written_is_a_miss_for_its_thread_and_a_hit_for_others(void **state)
{
    put_all(*state);
    begin_and_write_one(*state);
    assert_string_equal(own_view(*state).hits, "01010");
    assert_string_equal(others_view(*state).hits, "11111");
    pgcw_transaction_rollback(transaction);
}

static void
table_written_hides_its_rows(void **state)
{
    struct pgcw_tag orders = {.table = "orders"};

    put_all(*state);
    begin(*state);
    assert_int_equal(pgcw_transaction_wrote(transaction, &orders), PGCW_OK);
    assert_string_equal(own_view(*state).hits, "00010");
    pgcw_transaction_rollback(transaction);
}

static void
every_way_to_look_misses(void **state)
{
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;
    struct pgcw_lease *lease = NULL;
    struct pgcw_pin *pin = NULL;
    struct pgcw_bytes key = bytes_of("one");

    put_all(*state);
    begin_and_write_one(*state);
    assert_int_equal(pgcw_cache_get(*state, key, &buffer), PGCW_MISS);
    assert_int_equal(pgcw_cache_pin(*state, key, &pin), PGCW_MISS);
    assert_int_equal(pgcw_cache_acquire(*state, key, &buffer, &lease),
                     PGCW_LEASED);
    pgcw_lease_abandon(lease);
    pgcw_transaction_rollback(transaction);
    pgcw_buffer_free(&buffer);
}

static void *
put_other_name(void *cache)
{
    const struct pgcw_tag any_schema = {.table = "orders"};

    return put_with(cache, "late", any_schema) == PGCW_OK ? cache : NULL;
}

static void
what_names_the_table_otherwise_after_the_write_is_hidden(void **state)
{
    begin_and_write_one(*state);
    run(put_other_name, *state);
    assert_true(has_nothing(*state, "late"));
    pgcw_transaction_rollback(transaction);
    assert_true(has_text(*state, "late", "value"));
}

static void
what_is_loaded_meanwhile_is_not_stored(void **state)
{
    struct load load = LOAD_OF(*state, "uncommitted");

    put_all(*state);
    begin_and_write_one(*state);
    assert_true(fetches_text(&load, "one", "uncommitted"));
    assert_true(fetches_text(&load, "one", "uncommitted"));
    assert_true(fetches_text(&load, "another", "uncommitted"));
    assert_int_equal(load_count(&load), 3);
    assert_int_equal(stats_of(*state).fills_refused_transaction, 3);
    assert_string_equal(others_view(*state).hits, "11111");
    pgcw_transaction_rollback(transaction);
    assert_string_equal(own_view(*state).hits, "11111");
    assert_true(has_nothing(*state, "another"));
}

static void
what_is_put_meanwhile_is_not_stored(void **state)
{
    struct pgcw_stamp before = pgcw_cache_stamp(*state);
    struct pgcw_bytes key = bytes_of("key");
    struct pgcw_bytes value = bytes_of("value");

    begin_and_write_one(*state);
    struct pgcw_stamp within = pgcw_cache_stamp(*state);
    assert_int_equal(pgcw_cache_put(*state, key, value, before, NULL), PGCW_OK);
    assert_int_equal(stats_of(*state).fills_refused_transaction, 1);
    pgcw_transaction_rollback(transaction);
    assert_int_equal(pgcw_cache_put(*state, key, value, within, NULL), PGCW_OK);
    assert_int_equal(stats_of(*state).fills_refused_stale, 1);
    assert_true(has_nothing(*state, "key"));
    assert_int_equal(put_text(*state, "key", "value"), PGCW_OK);
    assert_true(has_text(*state, "key", "value"));
}

static size_t unstored_count;

static void
count_unstored(void *context, struct pgcw_bytes key, struct pgcw_bytes value,
               enum pgcw_removal_cause cause)
{
    (void)context;
    (void)key;
    (void)value;
    unstored_count += cause == PGCW_REMOVED_UNSTORED;
}

static void
what_is_not_stored_is_told_to_have_gone(void **state)
{
    struct pgcw_cache_options options = PGCW_CACHE_OPTIONS_INIT;

    (void)state;
    options.on_removal = count_unstored;
    struct pgcw_cache *cache = open_cache_with(&options);
    struct load load = LOAD_OF(cache, "uncommitted");
    begin_and_write_one(cache);
    assert_int_equal(put_text(cache, "put", "value"), PGCW_OK);
    assert_int_equal(unstored_count, 1);
    assert_true(fetches_text(&load, "fetched", "uncommitted"));
    assert_int_equal(unstored_count, 2);
    pgcw_transaction_rollback(transaction);
    pgcwi_cache_close(cache);
}

static void
load_of_another_is_not_waited_for(void **state)
{
    struct load others = LOAD_OF(*state, "committed");
    struct load own = LOAD_OF(*state, "uncommitted");
    struct fetch fetch;

    others.middle = wait_until_told;
    begin_and_write_one(*state);
    start_fetch(&fetch, "key", &others);
    gate_wait(&others.has_begun);
    assert_true(fetches_text(&own, "key", "uncommitted"));
    gate_open(&others.may_end);
    assert_true(end_fetch_with(&fetch, "committed"));
    pgcw_transaction_rollback(transaction);
    assert_true(has_text(*state, "key", "committed"));
}

static void *
fetch_committed(void *context)
{
    struct load *load = context;

    load->status =
        fetches_text(load, "key", "committed") ? PGCW_OK : PGCW_LOAD_FAILED;
    return NULL;
}

/* While we load, another one fetches the same key. */
static void
let_another_fetch(struct load *load)
{
    static struct load others;

    others = (struct load)LOAD_OF(load->cache, "committed");
    run(fetch_committed, &others);
    assert_int_equal(others.status, PGCW_OK);
}

static void
own_load_is_no_others_to_wait_for(void **state)
{
    struct load own = LOAD_OF(*state, "uncommitted");

    own.middle = let_another_fetch;
    begin_and_write_one(*state);
    assert_true(fetches_text(&own, "key", "uncommitted"));
    pgcw_transaction_rollback(transaction);
    assert_true(has_text(*state, "key", "committed"));
}

static struct fetch waiter;
static struct load load_of_waiter;

static void
write_once_another_waits(struct load *load)
{
    load_of_waiter = (struct load)LOAD_OF(load->cache, "committed");
    start_fetch(&waiter, "key", &load_of_waiter);
    wait_for_waiters(load->cache, 1);
    write_row("orders", "1");
}

static void
who_waits_for_a_load_that_writes_loads_by_himself(void **state)
{
    struct load own = LOAD_OF(*state, "uncommitted");

    own.middle = write_once_another_waits;
    begin(*state);
    assert_true(fetches_text(&own, "key", "uncommitted"));
    assert_true(end_fetch_with(&waiter, "committed"));
    assert_int_equal(load_count(&load_of_waiter), 1);
    pgcw_transaction_rollback(transaction);
    assert_true(has_text(*state, "key", "committed"));
}

struct acquiring {
    struct pgcw_cache *cache;
    struct pgcw_lease *lease;
    enum pgcw_status status;
};

static void *
acquire(void *context)
{
    struct acquiring *acquiring = context;
    struct pgcw_buffer buffer = PGCW_BUFFER_INIT;

    acquiring->status = pgcw_cache_acquire(acquiring->cache, bytes_of("key"),
                                           &buffer, &acquiring->lease);
    pgcw_buffer_free(&buffer);
    return NULL;
}

static void *
fill(void *context)
{
    struct acquiring *acquiring = context;

    acquiring->status =
        pgcw_lease_fill(acquiring->lease, bytes_of("value"), NULL);
    return NULL;
}

static void
lease_of_a_transaction_is_beside_that_of_others(void **state)
{
    struct acquiring own = {.cache = *state};
    struct acquiring others = {.cache = *state};

    run(acquire, &others);
    assert_int_equal(others.status, PGCW_LEASED);
    begin_and_write_one(*state);
    acquire(&own);
    assert_int_equal(own.status, PGCW_LEASED);
    fill(&own);
    assert_int_equal(own.status, PGCW_OK);
    assert_int_equal(stats_of(*state).fills_refused_transaction, 1);
    pgcw_transaction_rollback(transaction);
    assert_true(has_nothing(*state, "key"));
    run(fill, &others);
    assert_true(has_text(*state, "key", "value"));
}

static void
lease_of_a_transaction_stores_nothing_wherever_it_is_filled(void **state)
{
    struct acquiring own = {.cache = *state};

    begin_and_write_one(*state);
    acquire(&own);
    assert_int_equal(own.status, PGCW_LEASED);
    pgcw_transaction_rollback(transaction);
    run(fill, &own);
    assert_int_equal(own.status, PGCW_OK);
    assert_true(has_nothing(*state, "key"));
}

static void
who_waits_for_an_older_lease_gets_nothing_from_the_transaction(void **state)
{
    struct acquiring own = {.cache = *state};
    struct load load = LOAD_OF(*state, "committed");
    struct fetch fetch;

    acquire(&own);
    assert_int_equal(own.status, PGCW_LEASED);
    start_fetch(&fetch, "key", &load);
    wait_for_waiters(*state, 1);
    begin_and_write_one(*state);
    fill(&own);
    assert_int_equal(own.status, PGCW_OK);
    assert_true(end_fetch_with(&fetch, "committed"));
    pgcw_transaction_rollback(transaction);
}

static void
commit_makes_what_was_written_invalid_for_all(void **state)
{
    put_all(*state);
    begin_and_write_one(*state);
    pgcw_transaction_commit(transaction);
    assert_string_equal(own_view(*state).hits, "01010");
    assert_string_equal(others_view(*state).hits, "01010");
    assert_int_equal(stats_of(*state).invalidations, 1);
    put_all(*state);
    assert_string_equal(own_view(*state).hits, "11111");
}

static void
rollback_leaves_everything_as_it_was(void **state)
{
    put_all(*state);
    begin_and_write_one(*state);
    pgcw_transaction_rollback(transaction);
    assert_string_equal(own_view(*state).hits, "11111");
    assert_int_equal(stats_of(*state).invalidations, 0);
}

static void
P1_load_of_another_that_began_before_the_commit_is_not_stored(void **state)
{
    struct load load = LOAD_OF(*state, "before");
    struct fetch fetch;

    load.middle = wait_until_told;
    begin_and_write_one(*state);
    start_fetch(&fetch, "untagged", &load);
    gate_wait(&load.has_begun);
    pgcw_transaction_commit(transaction);
    gate_open(&load.may_end);
    assert_true(end_fetch_with(&fetch, "before"));
    assert_true(has_nothing(*state, "untagged"));
    struct load after = LOAD_OF(*state, "after");
    assert_true(fetches_text(&after, "untagged", "after"));
    assert_true(has_text(*state, "untagged", "after"));
}

static void
P1_own_load_from_before_the_write_is_not_stored_after_commit(void **state)
{
    struct pgcw_stamp before = pgcw_cache_stamp(*state);

    begin_and_write_one(*state);
    pgcw_transaction_commit(transaction);
    assert_int_equal(pgcw_cache_put(*state, bytes_of("untagged"),
                                    bytes_of("value"), before, NULL),
                     PGCW_OK);
    assert_true(has_nothing(*state, "untagged"));
}

static void
second_one_of_a_thread_and_cache_is_refused(void **state)
{
    struct pgcw_transaction *second = NULL;
    struct pgcw_error error;

    begin(*state);
    assert_int_equal(pgcw_transaction_begin(*state, &second, &error),
                     PGCW_INVALID_ARGUMENT);
    assert_null(second);
    assert_string_equal(error.detail, "this thread has an open transaction "
                                      "with this cache already");
    pgcw_transaction_commit(transaction);
    begin(*state);
    pgcw_transaction_rollback(transaction);
}

static void
transactions_with_two_caches_are_apart(void **state)
{
    struct pgcw_cache *other = open_cache();
    struct pgcw_transaction *of_other;

    put_all(*state);
    put_all(other);
    begin_and_write_one(*state);
    assert_int_equal(pgcw_transaction_begin(other, &of_other, NULL), PGCW_OK);
    assert_string_equal(own_view(*state).hits, "01010");
    assert_string_equal(own_view(other).hits, "11111");
    pgcw_transaction_commit(transaction);
    assert_string_equal(own_view(other).hits, "11111");
    pgcw_transaction_rollback(of_other);
    pgcwi_cache_close(other);
}

static void *
end_within(void *cache)
{
    struct pgcw_transaction *left;
    struct pgcw_tag tag = row_tag("orders", "1");

    if (pgcw_transaction_begin(cache, &left, NULL) == PGCW_OK) {
        (void)pgcw_transaction_wrote(left, &tag);
    }
    return NULL;
}

static void
thread_that_ends_within_one_has_committed(void **state)
{
    put_all(*state);
    run(end_within, *state);
    assert_string_equal(own_view(*state).hits, "01010");
}

static void
what_is_written_twice_is_noted_once(void **state)
{
    struct pgcw_tag orders = table_tag("orders");

    begin_and_write_one(*state);
    write_row("orders", "1");
    assert_int_equal(pgcw_transaction_wrote(transaction, &orders), PGCW_OK);
    write_row("orders", "2");
    pgcw_transaction_commit(transaction);
    assert_int_equal(stats_of(*state).invalidations, 2);
}

static void
write_rows(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char key[32];

        (void)snprintf(key, sizeof(key), "row-%u", i);
        write_row("orders", key);
    }
}

/* Tables that no entry names. */
static void
write_tables(unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        struct pgcw_tag table = {.table = name};

        (void)snprintf(name, sizeof(name), "table-%u", i);
        assert_int_equal(pgcw_transaction_wrote(transaction, &table), PGCW_OK);
    }
}

static void
rows_up_to_a_number_hide_no_other_row(void **state)
{
    put_all(*state);
    begin(*state);
    write_rows(50);
    assert_string_equal(own_view(*state).hits, "11010");
    pgcw_transaction_commit(transaction);
    assert_string_equal(own_view(*state).hits, "11010");
}

static void
very_many_rows_hide_their_table_and_no_other(void **state)
{
    put_all(*state);
    begin(*state);
    write_rows(1000);
    assert_string_equal(own_view(*state).hits, "00010");
    pgcw_transaction_commit(transaction);
    assert_string_equal(own_view(*state).hits, "00010");
    assert_int_equal(stats_of(*state).invalidations, 1);
}

static void
however_many_rows_of_one_table_never_hide_another(void **state)
{
    put_all(*state);
    for (unsigned count = 1; count < 80; count++) {
        begin(*state);
        write_rows(count);
        assert_true(has_text(*state, "user", "value"));
        pgcw_transaction_rollback(transaction);
    }
}

static void
very_many_rows_of_a_table_that_nobody_named_hide_it_too(void **state)
{
    begin(*state);
    write_rows(1000);
    run(put_other_name, *state);
    assert_true(has_nothing(*state, "late"));
    pgcw_transaction_commit(transaction);
    assert_int_equal(stats_of(*state).invalidations, 1);
}

static void *
put_many_tables(void *cache)
{
    bool is_done = true;

    for (unsigned i = 0; i < 40; i++) {
        char name[32];

        (void)snprintf(name, sizeof(name), "table-%u", i);
        is_done = put_with(cache, name, (struct pgcw_tag){.table = name}) ==
                      PGCW_OK &&
                  is_done;
    }
    return is_done ? cache : NULL;
}

static void
many_tables_that_are_named_after_the_write_are_hidden(void **state)
{
    begin(*state);
    write_tables(40);
    run(put_many_tables, *state);
    assert_true(has_nothing(*state, "table-0"));
    assert_true(has_nothing(*state, "table-20"));
    assert_true(has_nothing(*state, "table-39"));
    pgcw_transaction_rollback(transaction);
    assert_true(has_text(*state, "table-20", "value"));
}

static void
very_many_tables_hide_everything(void **state)
{
    put_all(*state);
    begin(*state);
    write_tables(64);
    assert_string_equal(own_view(*state).hits, "11110");
    write_tables(65);
    assert_string_equal(own_view(*state).hits, "00000");
    write_row("orders", "1");
    pgcw_transaction_commit(transaction);
    assert_string_equal(own_view(*state).hits, "00000");
    assert_int_equal(stats_of(*state).invalidations, 1);
}

static void
table_of_the_same_name_in_another_schema_is_another(void **state)
{
    struct pgcw_tag other = {.schema = "other", .table = "orders"};
    struct pgcw_tag any = {.table = "orders"};

    put_tagged(*state, "public", table_tag("orders"));
    put_tagged(*state, "other", other);
    begin_and_write_one(*state);
    assert_true(has_nothing(*state, "public"));
    assert_true(has_text(*state, "other", "value"));
    assert_int_equal(pgcw_transaction_wrote(transaction, &other), PGCW_OK);
    assert_true(has_nothing(*state, "other"));
    assert_int_equal(pgcw_transaction_wrote(transaction, &any), PGCW_OK);
    pgcw_transaction_commit(transaction);
    assert_int_equal(stats_of(*state).invalidations, 3);
}

static void
what_is_not_known_is_everything(void **state)
{
    put_all(*state);
    begin(*state);
    assert_int_equal(pgcw_transaction_wrote(transaction, NULL), PGCW_OK);
    assert_string_equal(own_view(*state).hits, "00000");
    assert_string_equal(others_view(*state).hits, "11111");
    pgcw_transaction_rollback(transaction);
    assert_string_equal(own_view(*state).hits, "11111");
}

static void
name_that_no_event_has_is_everything(void **state)
{
    struct pgcw_tag nameless = {.table = ""};

    put_all(*state);
    begin(*state);
    assert_int_equal(pgcw_transaction_wrote(transaction, &nameless),
                     PGCW_INVALID_ARGUMENT);
    assert_string_equal(own_view(*state).hits, "00000");
    pgcw_transaction_commit(transaction);
    assert_string_equal(others_view(*state).hits, "00000");
}

static void
without_memory_everything_is_noted(void **state)
{
    struct pgcw_transaction *none = NULL;

    put_all(*state);
    pgcwi_alloc_fail_nth(1);
    assert_int_equal(pgcw_transaction_begin(*state, &none, NULL),
                     PGCW_NO_MEMORY);
    assert_null(none);
    begin(*state);
    pgcwi_alloc_fail_nth(1);
    write_row("orders", "1");
    assert_true(pgcwi_alloc_has_failed());
    pgcwi_alloc_fail_nth(0);
    assert_string_equal(own_view(*state).hits, "00000");
    pgcw_transaction_rollback(transaction);
}

static void
without_memory_a_load_fails(void **state)
{
    struct load load = LOAD_OF(*state, "uncommitted");

    begin_and_write_one(*state);
    pgcwi_alloc_fail_nth(1);
    assert_false(fetches_text(&load, "key", "uncommitted"));
    pgcwi_alloc_fail_nth(0);
    pgcw_transaction_rollback(transaction);
}

static void
loads_are_kept_without_a_miss(void **state)
{
    struct load load = LOAD_OF(*state, "of an older snapshot");

    put_all(*state);
    begin(*state);
    pgcw_transaction_keep_loads(transaction);
    assert_string_equal(own_view(*state).hits, "11111");
    assert_true(fetches_text(&load, "key", "of an older snapshot"));
    assert_true(has_nothing(*state, "key"));
    pgcw_transaction_commit(transaction);
    assert_string_equal(own_view(*state).hits, "11111");
    assert_int_equal(stats_of(*state).invalidations, 0);
}

static void
cache_that_is_closed_lets_a_transaction_load(void **state)
{
    struct pgcw_cache *cache = *state;
    struct load load = LOAD_OF(cache, "uncommitted");

    pgcwi_stamps_close(&cache->stamps);
    begin_and_write_one(cache);
    assert_true(fetches_text(&load, "key", "uncommitted"));
    pgcw_transaction_commit(transaction);
    pgcwi_stamps_open(&cache->stamps);
    assert_true(has_nothing(cache, "key"));
}

static bool
is_set(void *context)
{
    return *(const bool *)context;
}

static void
begin_following(struct pgcw_cache *cache, bool *is_over)
{
    assert_int_equal(
        pgcwi_transaction_begin(cache, is_set, is_over, &transaction, NULL),
        PGCW_OK);
}

static void
end_that_is_seen_makes_what_was_written_invalid(void **state)
{
    bool is_over = false;

    put_all(*state);
    begin_following(*state, &is_over);
    write_row("orders", "1");
    assert_string_equal(own_view(*state).hits, "01010");
    assert_string_equal(others_view(*state).hits, "11111");
    is_over = true;
    assert_true(has_nothing(*state, "one"));
    assert_string_equal(others_view(*state).hits, "01010");
    put_all(*state);
    assert_string_equal(own_view(*state).hits, "11111");
    pgcw_transaction_rollback(transaction);
}

static void
end_is_seen_by_a_lookup_of_anything(void **state)
{
    bool is_over = false;

    put_all(*state);
    begin_following(*state, &is_over);
    write_row("orders", "1");
    is_over = true;
    assert_true(has_nothing(*state, "nothing"));
    assert_string_equal(others_view(*state).hits, "01010");
    pgcw_transaction_rollback(transaction);
}

static void
what_is_followed_goes_on_with_the_next_transaction(void **state)
{
    bool is_over = true;

    put_all(*state);
    begin_following(*state, &is_over);
    assert_string_equal(own_view(*state).hits, "11111");
    is_over = false;
    write_row("users", "1");
    assert_string_equal(own_view(*state).hits, "11100");
    is_over = true;
    assert_string_equal(own_view(*state).hits, "11100");
    is_over = false;
    assert_int_equal(pgcw_transaction_wrote(transaction, NULL), PGCW_OK);
    is_over = true;
    assert_string_equal(own_view(*state).hits, "00000");
    put_all(*state);
    write_row("orders", "1");
    pgcw_transaction_commit(transaction);
    assert_string_equal(own_view(*state).hits, "01010");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, init, fini)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_changes_before_the_first_write),
        TEST(row_written_is_a_miss_for_its_thread_and_a_hit_for_others),
        TEST(table_written_hides_its_rows),
        TEST(every_way_to_look_misses),
        TEST(what_names_the_table_otherwise_after_the_write_is_hidden),
        TEST(what_is_loaded_meanwhile_is_not_stored),
        TEST(what_is_put_meanwhile_is_not_stored),
        cmocka_unit_test(what_is_not_stored_is_told_to_have_gone),
        TEST(load_of_another_is_not_waited_for),
        TEST(own_load_is_no_others_to_wait_for),
        TEST(who_waits_for_a_load_that_writes_loads_by_himself),
        TEST(lease_of_a_transaction_is_beside_that_of_others),
        TEST(lease_of_a_transaction_stores_nothing_wherever_it_is_filled),
        TEST(who_waits_for_an_older_lease_gets_nothing_from_the_transaction),
        TEST(commit_makes_what_was_written_invalid_for_all),
        TEST(rollback_leaves_everything_as_it_was),
        TEST(P1_load_of_another_that_began_before_the_commit_is_not_stored),
        TEST(P1_own_load_from_before_the_write_is_not_stored_after_commit),
        TEST(second_one_of_a_thread_and_cache_is_refused),
        TEST(transactions_with_two_caches_are_apart),
        TEST(thread_that_ends_within_one_has_committed),
        TEST(what_is_written_twice_is_noted_once),
        TEST(rows_up_to_a_number_hide_no_other_row),
        TEST(very_many_rows_hide_their_table_and_no_other),
        TEST(however_many_rows_of_one_table_never_hide_another),
        TEST(very_many_rows_of_a_table_that_nobody_named_hide_it_too),
        TEST(many_tables_that_are_named_after_the_write_are_hidden),
        TEST(very_many_tables_hide_everything),
        TEST(table_of_the_same_name_in_another_schema_is_another),
        TEST(what_is_not_known_is_everything),
        TEST(name_that_no_event_has_is_everything),
        TEST(without_memory_everything_is_noted),
        TEST(without_memory_a_load_fails),
        TEST(loads_are_kept_without_a_miss),
        TEST(cache_that_is_closed_lets_a_transaction_load),
        TEST(end_that_is_seen_makes_what_was_written_invalid),
        TEST(end_is_seen_by_a_lookup_of_anything),
        TEST(what_is_followed_goes_on_with_the_next_transaction),
    };

    return cmocka_run_group_tests_name("transaction", tests, NULL, NULL);
}
