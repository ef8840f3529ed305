/* SPDX-License-Identifier: MIT */
/* replay FOLDER: gives each file of a corpus to the function. */
#include <dirent.h>

#include "fuzz/fuzz.h"

#define INPUT_MAX_BYTES 65536

static void
replay(const char *folder, const char *name)
{
    char path[1024];
    char *room = malloc(INPUT_MAX_BYTES);

    FUZZ_CHECK(room != NULL);
    FUZZ_CHECK((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) <
               sizeof path);
    FILE *file = fopen(path, "rb");
    FUZZ_CHECK(file != NULL);
    size_t bytes = fread(room, 1, INPUT_MAX_BYTES, file);
    (void)fclose(file);
    /* a block of exactly that size: a sanitizer sees a read beyond it */
    uint8_t *data = malloc(bytes == 0 ? 1 : bytes);
    FUZZ_CHECK(data != NULL);
    memcpy(data, room, bytes);
    free(room);
    (void)LLVMFuzzerTestOneInput(data, bytes);
    free(data);
}

int
main(int argc, char **argv)
{
    size_t count = 0;
    DIR *folder = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *entry;

    if (folder == NULL) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return EXIT_FAILURE;
    }
    while ((entry = readdir(folder)) != NULL) {
        if (entry->d_name[0] != '.') {
            replay(argv[1], entry->d_name);
            count++;
        }
    }
    (void)closedir(folder);
    printf("%zu inputs\n", count);
    return count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
