/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "event/plain.h"

#define BYTES 24

/* From a block that ends there: a sanitizer sees a read beyond it. */
static size_t
count_exact(const char *text, size_t bytes)
{
    char *block = malloc(bytes + 1);

    assert_non_null(block);
    memcpy(block + 1, text, bytes);
    size_t count = pgcwi_plain_count(block + 1, block + 1 + bytes);
    free(block);
    return count;
}

static bool
is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != 0x22 && byte != 0x5C;
}

static void
every_byte_is_told_at_every_place_and_length(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        for (size_t place = 0; place < BYTES; place++) {
            char text[BYTES];

            memset(text, 'a', sizeof(text));
            text[place] = (char)byte;
            for (size_t bytes = 0; bytes <= BYTES; bytes++) {
                bool is_end = place < bytes && !is_plain((unsigned char)byte);

                assert_int_equal(count_exact(text, bytes),
                                 is_end ? place : bytes);
            }
        }
    }
}

/* What one byte is does not depend on its neighbours. */
static void
first_of_two_is_told(void **state)
{
    (void)state;
    for (int first = 0; first < 256; first++) {
        for (int second = 0; second < 256; second++) {
            char text[8] = {'a', 'b', (char)first, (char)second,
                            'c', 'd', 'e',         'f'};
            size_t expected = !is_plain((unsigned char)first)    ? 2
                              : !is_plain((unsigned char)second) ? 3
                                                                 : 8;

            assert_int_equal(count_exact(text, sizeof(text)), expected);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_is_told_at_every_place_and_length),
        cmocka_unit_test(first_of_two_is_told),
    };

    return cmocka_run_group_tests_name("event/plain", tests, NULL, NULL);
}
