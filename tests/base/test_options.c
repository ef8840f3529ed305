/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/options.h"

struct known {
    size_t size;
    uint64_t first;
    uint64_t second;
};

/* As a program has it that was built with a newer version. */
struct newer {
    size_t size;
    uint64_t first;
    uint64_t second;
    uint64_t third;
};

static void
null_reads_as_all_zero(void **state)
{
    static const struct known zero;
    struct known known;

    (void)state;
    memset(&known, 0xff, sizeof known);
    assert_int_equal(pgcwi_options_read(&known, sizeof known, NULL, NULL),
                     PGCW_OK);
    assert_memory_equal(&known, &zero, sizeof known);
}

static void
struct_of_this_version_is_copied(void **state)
{
    struct known options = {sizeof options, 7, 8};
    struct known known;

    (void)state;
    assert_int_equal(pgcwi_options_read(&known, sizeof known, &options, NULL),
                     PGCW_OK);
    assert_int_equal(known.first, 7);
    assert_int_equal(known.second, 8);
}

static void
shorter_struct_reads_as_zeros_beyond_its_end(void **state)
{
    const size_t shorter = offsetof(struct known, second);
    struct known known;
    /* of exactly that size, so that a sanitizer sees a read beyond it */
    struct known *options = malloc(shorter);

    (void)state;
    assert_non_null(options);
    memcpy(options, &(struct known){shorter, 7, 8}, shorter);
    memset(&known, 0xff, sizeof known);
    assert_int_equal(pgcwi_options_read(&known, sizeof known, options, NULL),
                     PGCW_OK);
    free(options);
    assert_int_equal(known.first, 7);
    assert_int_equal(known.second, 0);
}

static void
size_alone_reads_as_all_zero(void **state)
{
    size_t options = sizeof options;
    struct known known;

    (void)state;
    memset(&known, 0xff, sizeof known);
    assert_int_equal(pgcwi_options_read(&known, sizeof known, &options, NULL),
                     PGCW_OK);
    assert_int_equal(known.first, 0);
    assert_int_equal(known.second, 0);
}

static void
longer_struct_with_zeros_is_allowed(void **state)
{
    struct newer options = {sizeof options, 7, 8, 0};
    struct known known;

    (void)state;
    assert_int_equal(pgcwi_options_read(&known, sizeof known, &options, NULL),
                     PGCW_OK);
    assert_int_equal(known.first, 7);
    assert_int_equal(known.second, 8);
}

static void
option_of_a_newer_version_is_refused(void **state)
{
    struct newer options = {sizeof options, 7, 8, 0};
    struct known known;
    struct pgcw_error error;

    (void)state;
    for (size_t i = sizeof known; i < sizeof options; i++) {
        unsigned char *byte = (unsigned char *)&options + i;

        *byte = 1;
        assert_int_equal(
            pgcwi_options_read(&known, sizeof known, &options, &error),
            PGCW_UNSUPPORTED);
        assert_int_equal(error.status, PGCW_UNSUPPORTED);
        assert_non_null(strstr(error.detail, "newer version"));
        *byte = 0;
    }
}

static void
size_that_was_not_set_is_refused(void **state)
{
    static const size_t sizes[] = {0, 1, sizeof(size_t) - 1,
                                   PGCWI_OPTIONS_MAX_BYTES + 1, SIZE_MAX};
    struct known options = {0, 7, 8};
    struct known known;
    struct pgcw_error error;

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        options.size = sizes[i];
        assert_int_equal(
            pgcwi_options_read(&known, sizeof known, &options, &error),
            PGCW_INVALID_ARGUMENT);
        assert_non_null(strstr(error.detail, "size"));
    }
}

static void
counters_are_copied_and_the_size_stays(void **state)
{
    const struct known known = {sizeof known, 7, 8};
    struct known callers = {sizeof callers, 1, 1};

    (void)state;
    pgcwi_stats_write(&callers, &known, sizeof known);
    assert_int_equal(callers.size, sizeof callers);
    assert_int_equal(callers.first, 7);
    assert_int_equal(callers.second, 8);
}

static void
shorter_counters_get_what_they_have_room_for(void **state)
{
    const struct known known = {sizeof known, 7, 8};
    struct known callers = {offsetof(struct known, second), 1, 99};

    (void)state;
    pgcwi_stats_write(&callers, &known, sizeof known);
    assert_int_equal(callers.first, 7);
    assert_int_equal(callers.second, 99);
    assert_int_equal(callers.size, offsetof(struct known, second));
}

static void
longer_counters_get_zeros_beyond(void **state)
{
    const struct known known = {sizeof known, 7, 8};
    struct newer callers = {sizeof callers, 1, 1, 1};

    (void)state;
    pgcwi_stats_write(&callers, &known, sizeof known);
    assert_int_equal(callers.second, 8);
    assert_int_equal(callers.third, 0);
    assert_int_equal(callers.size, sizeof callers);
}

static void
counters_without_room_are_left_alone(void **state)
{
    const struct known known = {sizeof known, 7, 8};
    struct known callers = {0, 99, 99};

    (void)state;
    for (size_t size = 0; size <= sizeof size; size++) {
        callers.size = size;
        pgcwi_stats_write(&callers, &known, sizeof known);
        assert_int_equal(callers.size, size);
        assert_int_equal(callers.first, 99);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(null_reads_as_all_zero),
        cmocka_unit_test(struct_of_this_version_is_copied),
        cmocka_unit_test(shorter_struct_reads_as_zeros_beyond_its_end),
        cmocka_unit_test(size_alone_reads_as_all_zero),
        cmocka_unit_test(longer_struct_with_zeros_is_allowed),
        cmocka_unit_test(option_of_a_newer_version_is_refused),
        cmocka_unit_test(size_that_was_not_set_is_refused),
        cmocka_unit_test(counters_are_copied_and_the_size_stays),
        cmocka_unit_test(shorter_counters_get_what_they_have_room_for),
        cmocka_unit_test(longer_counters_get_zeros_beyond),
        cmocka_unit_test(counters_without_room_are_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
