/* SPDX-License-Identifier: MIT */
/*
 * One program for each boundary that takes bytes from others. libFuzzer calls
 * the function with PGCW_FUZZ=ON; else replay.c calls it with a corpus.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libFuzzer's name */
/* NOLINTNEXTLINE(readability-identifier-naming) */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                          \
    do {                                                               \
        if (!(condition)) {                                            \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, \
                    #condition);                                       \
            abort();                                                   \
        }                                                              \
    } while (0)

/* Bytes that are still to be taken; of those that are missing, zeros. */
struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

static inline void
fuzz_take(struct fuzz_input *input, void *out, size_t bytes)
{
    size_t taken = bytes < input->size ? bytes : input->size;

    memset(out, 0, bytes);
    if (taken > 0) {
        memcpy(out, input->data, taken);
    }
    input->data += taken;
    input->size -= taken;
}

/* Up to the next NUL, or to the end; for free(), in a block of that size, so
 * that a sanitizer sees what is read beyond it. */
static inline char *
fuzz_take_text(struct fuzz_input *input)
{
    const uint8_t *end =
        input->size > 0 ? memchr(input->data, 0, input->size) : NULL;
    size_t bytes = end != NULL ? (size_t)(end - input->data) : input->size;
    char *text = malloc(bytes + 1);

    FUZZ_CHECK(text != NULL);
    fuzz_take(input, text, bytes);
    text[bytes] = '\0';
    if (end != NULL) {
        input->data++;
        input->size--;
    }
    return text;
}

#endif
