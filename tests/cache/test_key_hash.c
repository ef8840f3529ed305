/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cache/key_hash.h"

#define SEED 42

static struct pgcwi_key
make(const char *text, uint64_t seed)
{
    return pgcwi_key_make((struct pgcw_bytes){text, strlen(text)}, seed);
}

static void
same_bytes_have_the_same_hash(void **state)
{
    char copy[] = "orders:42";

    (void)state;
    assert_int_equal(make("orders:42", SEED).hash, make(copy, SEED).hash);
    assert_int_not_equal(make("orders:42", SEED).hash,
                         make("orders:43", SEED).hash);
}

static void
key_borrows_the_bytes(void **state)
{
    const char *text = "orders:42";
    struct pgcwi_key key = make(text, SEED);

    (void)state;
    assert_ptr_equal(key.bytes.data, text);
    assert_int_equal(key.bytes.size, strlen(text));
}

static void
another_seed_gives_another_hash(void **state)
{
    (void)state;
    assert_int_not_equal(make("orders:42", SEED).hash,
                         make("orders:42", SEED + 1).hash);
}

static void
bytes_behind_a_zero_count(void **state)
{
    (void)state;
    struct pgcwi_key one = pgcwi_key_make((struct pgcw_bytes){"a\0b", 3}, SEED);
    struct pgcwi_key two = pgcwi_key_make((struct pgcw_bytes){"a\0c", 3}, SEED);
    assert_int_not_equal(one.hash, two.hash);
}

static void
empty_key_has_a_hash_with_and_without_an_address(void **state)
{
    (void)state;
    assert_int_equal(pgcwi_key_make((struct pgcw_bytes){NULL, 0}, SEED).hash,
                     pgcwi_key_make((struct pgcw_bytes){"", 0}, SEED).hash);
}

static void
random_seeds_differ(void **state)
{
    (void)state;
    assert_int_not_equal(pgcwi_key_random_seed(), pgcwi_key_random_seed());
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_have_the_same_hash),
        cmocka_unit_test(key_borrows_the_bytes),
        cmocka_unit_test(another_seed_gives_another_hash),
        cmocka_unit_test(bytes_behind_a_zero_count),
        cmocka_unit_test(empty_key_has_a_hash_with_and_without_an_address),
        cmocka_unit_test(random_seeds_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
