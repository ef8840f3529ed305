/* SPDX-License-Identifier: MIT */
/* Row keys and names of columns: copied, and written as an array that is read
 * here as PostgreSQL reads it. */
#include "base/alloc.h"
#include "base/array.h"
#include "event/keys.h"
#include "fuzz/fuzz.h"

#define TEXTS_MAX 64

/* Reads a quoted element; returns what is behind it. */
static const char *
expect_element(const char *array, const char *text)
{
    FUZZ_CHECK(*array++ == '"');
    while (*array != '"') {
        if (*array == '\\') {
            array++;
        }
        FUZZ_CHECK(*array != '\0');
        FUZZ_CHECK(*array++ == *text++);
    }
    FUZZ_CHECK(*text == '\0');
    return array + 1;
}

static void
check_array(const char *array, char *const *texts, size_t count)
{
    FUZZ_CHECK(*array++ == '{');
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            FUZZ_CHECK(*array++ == ',');
        }
        array = expect_element(array, texts[i]);
    }
    FUZZ_CHECK(strcmp(array, "}") == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    char *texts[TEXTS_MAX];
    struct pgcw_bytes keys[TEXTS_MAX];
    size_t count = 0;

    while (input.size > 0 && count < TEXTS_MAX) {
        texts[count] = fuzz_take_text(&input);
        keys[count] = (struct pgcw_bytes){texts[count], strlen(texts[count])};
        count++;
    }
    struct pgcw_bytes *copy = pgcwi_keys_copy(keys, count);
    char *array = pgcwi_array_text(keys, count);
    FUZZ_CHECK(array != NULL && (copy != NULL) == (count > 0));
    check_array(array, texts, count);
    for (size_t i = 0; i < count; i++) {
        FUZZ_CHECK(copy[i].size == keys[i].size);
        FUZZ_CHECK(copy[i].data != keys[i].data);
        FUZZ_CHECK(strcmp(copy[i].data, texts[i]) == 0);
        free(texts[i]);
    }
    pgcwi_free(array);
    pgcwi_free(copy);
    return 0;
}
