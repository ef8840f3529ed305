/* SPDX-License-Identifier: MIT */
#include "event/json.h"

#include <stdint.h>
#include <string.h>

#include "event/plain.h"

#define MOST_UTF8_BYTES 4
#define LONGEST_FIELD_NAME 32

static char
peek(const struct pgcwi_json *rest)
{
    return rest->at < rest->end ? *rest->at : '\0';
}

static bool
take(struct pgcwi_json *rest, char wanted)
{
    bool is_there = rest->at < rest->end && *rest->at == wanted;

    rest->at += is_there ? 1 : 0;
    return is_there;
}

static void
skip_space(struct pgcwi_json *rest)
{
    while (rest->at < rest->end && (*rest->at == ' ' || *rest->at == '\n' ||
                                    *rest->at == '\r' || *rest->at == '\t')) {
        rest->at++;
    }
}

static bool
take_word(struct pgcwi_json *rest, const char *word)
{
    size_t bytes = strlen(word);
    bool is_there = (size_t)(rest->end - rest->at) >= bytes &&
                    memcmp(rest->at, word, bytes) == 0;

    rest->at += is_there ? bytes : 0;
    return is_there;
}

static bool
take_digits(struct pgcwi_json *rest)
{
    const char *first = rest->at;

    while (peek(rest) >= '0' && peek(rest) <= '9') {
        rest->at++;
    }
    return rest->at > first;
}

static bool
take_number(struct pgcwi_json *rest)
{
    (void)take(rest, '-');
    if (!take(rest, '0') && !take_digits(rest)) {
        return false;
    }
    if (take(rest, '.') && !take_digits(rest)) {
        return false;
    }
    if (!take(rest, 'e') && !take(rest, 'E')) {
        return true;
    }
    if (!take(rest, '+')) {
        (void)take(rest, '-');
    }
    return take_digits(rest);
}

static bool
is_scalar_value(uint32_t code)
{
    return code != 0 && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF);
}

static size_t
utf8_bytes(uint32_t code)
{
    return code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
}

static size_t
write_utf8(uint32_t code, char bytes[MOST_UTF8_BYTES])
{
    static const unsigned lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    size_t count = utf8_bytes(code);

    for (size_t i = count; i > 1; i--) {
        bytes[i - 1] = (char)(0x80 | (code & 0x3F));
        code >>= 6;
    }
    bytes[0] = (char)(lead[count] | code);
    return count;
}

/* Of a character beyond ASCII; 0 if it is not well-formed. */
static size_t
measure_utf8(const struct pgcwi_json *rest)
{
    const unsigned char *bytes = (const unsigned char *)rest->at;
    size_t count = bytes[0] < 0xE0 ? 2 : bytes[0] < 0xF0 ? 3 : 4;
    uint32_t code = bytes[0] & (0xFFu >> (count + 1));

    if (bytes[0] < 0xC0 || bytes[0] > 0xF7 ||
        (size_t)(rest->end - rest->at) < count) {
        return 0;
    }
    for (size_t i = 1; i < count; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        code = code << 6 | (bytes[i] & 0x3F);
    }
    return is_scalar_value(code) && utf8_bytes(code) == count ? count : 0;
}

/* Four hexadecimal digits; UINT32_MAX if they are not there. */
static uint32_t
take_hex(struct pgcwi_json *rest)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    uint32_t code = 0;

    for (int i = 0; i < 4; i++) {
        const char *found =
            peek(rest) != '\0' ? strchr(digits, peek(rest)) : NULL;

        if (found == NULL) {
            return UINT32_MAX;
        }
        uint32_t digit = (uint32_t)(found - digits);
        code = code << 4 | (digit < 16 ? digit : digit - 6);
        rest->at++;
    }
    return code;
}

/* What follows \u; 0 if it is not allowed. */
static uint32_t
take_code(struct pgcwi_json *rest)
{
    uint32_t code = take_hex(rest);

    if (code >= 0xD800 && code <= 0xDBFF) {
        uint32_t low = take_word(rest, "\\u") ? take_hex(rest) : 0;

        if (low < 0xDC00 || low > 0xDFFF) {
            return 0;
        }
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    return is_scalar_value(code) ? code : 0;
}

/* What follows a backslash; 0 if it is not allowed. */
static uint32_t
take_escape(struct pgcwi_json *rest)
{
    static const char names[] = "\"\\/bfnrt";
    static const char meanings[] = "\"\\/\b\f\n\r\t";
    const char *found = peek(rest) != '\0' ? strchr(names, peek(rest)) : NULL;

    if (take(rest, 'u')) {
        return take_code(rest);
    }
    if (found == NULL) {
        return 0;
    }
    rest->at++;
    return (uint32_t)meanings[found - names];
}

/* One character of a string, as UTF-8: how many bytes; 0 if not allowed. */
static size_t
take_character(struct pgcwi_json *rest, char bytes[MOST_UTF8_BYTES])
{
    if (take(rest, '\\')) {
        uint32_t code = take_escape(rest);

        return code != 0 ? write_utf8(code, bytes) : 0;
    }
    unsigned char first = (unsigned char)peek(rest);
    size_t count = first >= 0x80 ? measure_utf8(rest) : first >= ' ' ? 1 : 0;

    memcpy(bytes, rest->at, count);
    rest->at += count;
    return count;
}

/* What does not fit is only counted. */
static void
append(char *text, size_t capacity, size_t *bytes, const char *more,
       size_t count)
{
    if (text != NULL && *bytes + count <= capacity) {
        memcpy(text + *bytes, more, count);
    }
    *bytes += count;
}

/*
 * A string, and its text if it fits into `capacity` bytes; `bytes` is how many
 * there are.
 */
static bool
take_string(struct pgcwi_json *rest, char *text, size_t capacity, size_t *bytes)
{
    *bytes = 0;
    if (!take(rest, '"')) {
        return false;
    }
    for (;;) {
        char character[MOST_UTF8_BYTES];
        size_t count = pgcwi_plain_count(rest->at, rest->end);

        append(text, capacity, bytes, rest->at, count);
        rest->at += count;
        if (take(rest, '"')) {
            return true;
        }
        count = take_character(rest, character);
        if (count == 0) {
            return false;
        }
        append(text, capacity, bytes, character, count);
    }
}

/* The arrays and objects around what is read. */
struct nesting {
    uint64_t is_object; /* a bit for each, the innermost is the lowest */
    unsigned depth;
};

static bool
open_nested(struct nesting *around, bool is_object)
{
    around->is_object = around->is_object << 1 | (is_object ? 1 : 0);
    return around->depth++ < PGCWI_JSON_DEPTH;
}

static bool
take_closing(struct pgcwi_json *rest, struct nesting *around)
{
    bool is_closed =
        around->depth > 0 && take(rest, around->is_object & 1 ? '}' : ']');

    if (is_closed) {
        around->is_object >>= 1;
        around->depth--;
    }
    return is_closed;
}

static bool
take_colon(struct pgcwi_json *rest)
{
    skip_space(rest);
    bool is_there = take(rest, ':');
    skip_space(rest);
    return is_there;
}

/* In an object, what stands before a value. */
static bool
take_name(struct pgcwi_json *rest, const struct nesting *around)
{
    size_t bytes;

    skip_space(rest);
    return (around->is_object & 1) == 0 ||
           (take_string(rest, NULL, 0, &bytes) && take_colon(rest));
}

/* A value, or the beginning of one that is not empty. */
static bool
take_simple_value(struct pgcwi_json *rest, struct nesting *around,
                  bool *is_inside)
{
    size_t bytes;

    *is_inside = false;
    switch (peek(rest)) {
    case '"':
        return take_string(rest, NULL, 0, &bytes);
    case '{':
    case '[':
        if (!open_nested(around, *rest->at++ == '{')) {
            return false;
        }
        skip_space(rest);
        *is_inside = !take_closing(rest, around);
        return true;
    default:
        return take_word(rest, "null") || take_word(rest, "true") ||
               take_word(rest, "false") || take_number(rest);
    }
}

/* What ends after a value, and whether another value follows. */
static bool
is_followed(struct pgcwi_json *rest, struct nesting *around)
{
    while (around->depth > 0) {
        skip_space(rest);
        if (!take_closing(rest, around)) {
            return true;
        }
    }
    return false;
}

static bool
take_value(struct pgcwi_json *rest)
{
    struct nesting around = {0, 0};
    bool is_inside;

    while (take_simple_value(rest, &around, &is_inside)) {
        if (!is_inside && !is_followed(rest, &around)) {
            return true;
        }
        if ((!is_inside && !take(rest, ',')) || !take_name(rest, &around)) {
            return false;
        }
    }
    return false;
}

static bool
note_value(struct pgcwi_json value, struct pgcwi_json *found)
{
    bool is_first = found->at == NULL;

    *found = value;
    return is_first;
}

static bool
take_field(struct pgcwi_json *rest, const char *const *names, size_t count,
           struct pgcwi_json *values)
{
    char name[LONGEST_FIELD_NAME + 1];
    size_t bytes;

    skip_space(rest);
    if (!take_string(rest, name, LONGEST_FIELD_NAME, &bytes) ||
        !take_colon(rest)) {
        return false;
    }
    /* a longer one is none of them */
    name[bytes <= LONGEST_FIELD_NAME ? bytes : 0] = '\0';
    struct pgcwi_json value = *rest;
    if (!take_value(rest)) {
        return false;
    }
    value.end = rest->at;
    for (size_t i = 0; i < count; i++) {
        if (names[i][0] == name[0] && strcmp(names[i], name) == 0 &&
            !note_value(value, &values[i])) {
            return false;
        }
    }
    return true;
}

/* What ends the object, and nothing behind it. */
static bool
take_end(struct pgcwi_json *rest)
{
    if (!take(rest, '}')) {
        return false;
    }
    skip_space(rest);
    return rest->at == rest->end;
}

/* Behind a field: the others, and the end. */
static bool
take_rest(struct pgcwi_json *rest, const char *const *names, size_t count,
          struct pgcwi_json *values)
{
    for (skip_space(rest); take(rest, ','); skip_space(rest)) {
        if (!take_field(rest, names, count, values)) {
            return false;
        }
    }
    return take_end(rest);
}

bool
pgcwi_json_read_object(struct pgcwi_json text, const char *const *names,
                       size_t count, struct pgcwi_json *values)
{
    for (size_t i = 0; i < count; i++) {
        values[i] = (struct pgcwi_json){NULL, NULL};
    }
    skip_space(&text);
    if (!take(&text, '{')) {
        return false;
    }
    skip_space(&text);
    if (peek(&text) == '}') {
        return take_end(&text);
    }
    return take_field(&text, names, count, values) &&
           take_rest(&text, names, count, values);
}

bool
pgcwi_json_read_on(struct pgcwi_json text, const char *const *names,
                   size_t count, struct pgcwi_json *values, size_t known)
{
    skip_space(&text); /* there may be more of it than there was */
    values[known] = text;
    if (!take_value(&text)) {
        return false;
    }
    values[known].end = text.at;
    return take_rest(&text, names, count, values);
}

bool
pgcwi_json_is_null(struct pgcwi_json value)
{
    return value.at != NULL && peek(&value) == 'n';
}

bool
pgcwi_json_copy_string(struct pgcwi_json value, char *text, size_t capacity,
                       size_t *bytes)
{
    if (value.at == NULL || peek(&value) != '"') {
        return false;
    }
    /* it was read before: without a backslash it is its own text */
    *bytes = (size_t)(value.end - value.at) - 2;
    if (memchr(value.at, '\\', *bytes + 2) == NULL) {
        append(text, capacity, &(size_t){0}, value.at + 1, *bytes);
    } else if (!take_string(&value, text, capacity, bytes)) {
        return false;
    }
    if (*bytes >= capacity) {
        return false;
    }
    text[*bytes] = '\0';
    return true;
}

bool
pgcwi_json_enter_array(struct pgcwi_json *value)
{
    return value->at != NULL && take(value, '[');
}

bool
pgcwi_json_next_element(struct pgcwi_json *array, struct pgcwi_json *element)
{
    skip_space(array);
    (void)take(array, ',');
    skip_space(array);
    *element = *array;
    if (peek(array) == ']' || !take_value(array)) {
        return false;
    }
    element->end = array->at;
    return true;
}
