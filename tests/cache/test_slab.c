/* SPDX-License-Identifier: MIT */
/* Blocks of memory for entries: where they lie, that they are not given twice,
 * and that chunks go back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "cache/slab.h"

#define PLENTY (UINT64_C(1) << 30)
#define COUNT 50000u

static struct pgcwi_slab slab;
static unsigned char *blocks[COUNT];

static int
set_up(void **state)
{
    (void)state;
    pgcwi_slab_init(&slab, PLENTY);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    pgcwi_slab_fini(&slab);
    return 0;
}

static void
take_all(size_t bytes)
{
    for (unsigned i = 0; i < COUNT; i++) {
        blocks[i] = pgcwi_slab_take(&slab, bytes);
        assert_non_null(blocks[i]);
    }
}

static void
give_all_back(void)
{
    for (unsigned i = 0; i < COUNT; i++) {
        pgcwi_slab_give_back(&slab, blocks[i]);
    }
}

static int
compare(const void *left, const void *right)
{
    uintptr_t a = (uintptr_t) * (unsigned char *const *)left;
    uintptr_t b = (uintptr_t) * (unsigned char *const *)right;

    return (a > b) - (a < b);
}

static void
blocks_lie_apart_and_the_same_way_behind_a_line(void **state)
{
    static const size_t sizes[] = {1, 64, 65, 128, 1000, 1024};

    (void)state;
    for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
        take_all(sizes[s]);
        qsort(blocks, COUNT, sizeof(blocks[0]), compare);
        for (unsigned i = 0; i < COUNT; i++) {
            assert_int_equal((uintptr_t)blocks[i] % PGCWI_SLAB_STEP,
                             PGCWI_SLAB_OFFSET);
            assert_true(i == 0 ||
                        blocks[i] - blocks[i - 1] >= (ptrdiff_t)sizes[s]);
            memset(blocks[i], (int)i, sizes[s]);
        }
        give_all_back();
    }
}

static void
block_that_was_given_back_is_given_again(void **state)
{
    (void)state;
    void *kept = pgcwi_slab_take(&slab, 100);
    void *block = pgcwi_slab_take(&slab, 100);

    pgcwi_slab_give_back(&slab, block);
    assert_ptr_equal(pgcwi_slab_take(&slab, 128), block);
    pgcwi_slab_give_back(&slab, block);
    pgcwi_slab_give_back(&slab, kept);
}

static void
chunks_that_are_empty_go_back_but_for_one(void **state)
{
    (void)state;
    take_all(128);
    assert_int_equal(slab.chunk_count,
                     (uint64_t)COUNT * 128 / PGCWI_SLAB_CHUNK_BYTES + 1);
    give_all_back();
    assert_int_equal(slab.chunk_count, 1);
    assert_non_null(slab.spare);
    /* of another size now */
    void *block = pgcwi_slab_take(&slab, 500);
    assert_int_equal(slab.chunk_count, 1);
    assert_null(slab.spare);
    pgcwi_slab_give_back(&slab, block);
}

/* New blocks fill the first chunk that has room, so that others get empty. */
static void
holes_are_filled_before_the_next_chunk_is(void **state)
{
    (void)state;
    take_all(128);
    uint64_t chunk_count = slab.chunk_count;
    for (unsigned i = 0; i < COUNT; i += 2) {
        pgcwi_slab_give_back(&slab, blocks[i]);
    }
    for (unsigned i = 0; i < COUNT; i += 2) {
        blocks[i] = pgcwi_slab_take(&slab, 128);
    }
    assert_int_equal(slab.chunk_count, chunk_count);
    give_all_back();
}

static void
what_is_too_large_is_refused(void **state)
{
    (void)state;
    assert_null(pgcwi_slab_take(&slab, 0));
    assert_null(pgcwi_slab_take(&slab, PGCWI_SLAB_MOST_BYTES + 1));
    assert_null(pgcwi_slab_take(&slab, SIZE_MAX));
}

static void
P9_no_more_chunks_than_its_bound(void **state)
{
    struct pgcwi_slab small;
    unsigned count = 0;

    (void)state;
    pgcwi_slab_init(&small, 1);
    while (count < COUNT &&
           (blocks[count] = pgcwi_slab_take(&small, 1024)) != NULL) {
        count++;
    }
    assert_true(count > 0 && count < COUNT);
    assert_int_equal(small.chunk_count, small.most_chunks);
    for (unsigned i = 0; i < count; i++) {
        pgcwi_slab_give_back(&small, blocks[i]);
    }
    pgcwi_slab_fini(&small);
}

static void
memory_that_is_short_is_told(void **state)
{
    (void)state;
    pgcwi_alloc_fail_nth(1);
    assert_null(pgcwi_slab_take(&slab, 128));
    pgcwi_alloc_fail_nth(0);
    void *block = pgcwi_slab_take(&slab, 128);
    assert_non_null(block);
    pgcwi_slab_give_back(&slab, block);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(blocks_lie_apart_and_the_same_way_behind_a_line),
        TEST(block_that_was_given_back_is_given_again),
        TEST(chunks_that_are_empty_go_back_but_for_one),
        TEST(holes_are_filled_before_the_next_chunk_is),
        TEST(what_is_too_large_is_refused),
        TEST(P9_no_more_chunks_than_its_bound),
        TEST(memory_that_is_short_is_told),
    };

    return cmocka_run_group_tests_name("slab", tests, NULL, NULL);
}
