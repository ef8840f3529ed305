/* SPDX-License-Identifier: MIT */
/* A command line of any words: what is taken of it are its own words. */
#include "cli/options.h"
#include "fuzz/fuzz.h"

#define WORDS_MAX 32

struct words {
    char *texts[WORDS_MAX];
    size_t sizes[WORDS_MAX];
    int count;
};

/* It points into one of the words. */
static bool
is_of(const struct words *words, const char *text)
{
    for (int i = 0; i < words->count; i++) {
        uintptr_t offset = (uintptr_t)text - (uintptr_t)words->texts[i];

        if (offset <= words->sizes[i]) {
            return true;
        }
    }
    return false;
}

static void
parse(const struct words *words)
{
    char *argv[WORDS_MAX + 1] = {0};
    const char *text = NULL;
    const char *listed[WORDS_MAX] = {0};
    struct pgcwi_word_list list = {listed, 0};
    bool is_set = false;
    uint32_t number = 7;
    size_t argument_count = 0;
    const struct pgcwi_option options[] = {
        {.name = "text", .value = "T", .help = "", .text = &text},
        {.name = "flag", .help = "", .flag = &is_set},
        {.name = "number", .value = "N", .help = "", .number = &number},
        {.name = "list", .value = "L", .help = "", .list = &list},
        {.name = "these", .help = ""},
    };
    const struct pgcwi_command_line line = {
        .command = "fuzz",
        .usage = "",
        .description = "",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .takes_arguments = true,
    };

    memcpy(argv, words->texts, sizeof words->texts);
    (void)pgcwi_options_parse(&line, words->count, argv, &argument_count);
    FUZZ_CHECK(argument_count + list.count < (size_t)words->count);
    FUZZ_CHECK(number > 0);
    FUZZ_CHECK(text == NULL || is_of(words, text));
    for (size_t i = 0; i < list.count; i++) {
        FUZZ_CHECK(is_of(words, list.words[i]));
    }
    for (size_t i = 1; i <= argument_count; i++) {
        FUZZ_CHECK(is_of(words, argv[i]));
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct words words = {.count = 0};

    do {
        words.texts[words.count] = fuzz_take_text(&input);
        words.sizes[words.count] = strlen(words.texts[words.count]);
        words.count++;
    } while (input.size > 0 && words.count < WORDS_MAX);
    parse(&words);
    for (int i = 0; i < words.count; i++) {
        free(words.texts[i]);
    }
    return 0;
}
