/* SPDX-License-Identifier: MIT */
/* Arrays of text, as PostgreSQL reads them: {"a","b"}. */
#include "base/array.h"

#include <stdint.h>

#include "base/alloc.h"

/* At most; 0 if that is too much. */
static size_t
measure(const struct pgcw_bytes *elements, size_t element_count)
{
    size_t bytes = sizeof "{}";

    for (size_t i = 0; i < element_count; i++) {
        size_t room = (SIZE_MAX - bytes) / 2;

        if (elements[i].size + 3 > room) {
            return 0;
        }
        bytes += 2 * elements[i].size + 3; /* two quotes and a comma */
    }
    return bytes;
}

static char *
write_element(char *out, struct pgcw_bytes element)
{
    const char *text = element.data;

    *out++ = '"';
    for (size_t i = 0; i < element.size; i++) {
        if (text[i] == '"' || text[i] == '\\') {
            *out++ = '\\';
        }
        *out++ = text[i];
    }
    *out++ = '"';
    return out;
}

char *
pgcwi_array_text(const struct pgcw_bytes *elements, size_t element_count)
{
    size_t bytes = measure(elements, element_count);
    char *text = bytes == 0 ? NULL : pgcwi_alloc(bytes);
    char *out = text;

    if (text == NULL) {
        return NULL;
    }
    *out++ = '{';
    for (size_t i = 0; i < element_count; i++) {
        if (i > 0) {
            *out++ = ',';
        }
        out = write_element(out, elements[i]);
    }
    *out++ = '}';
    *out = '\0';
    return text;
}
