/* SPDX-License-Identifier: MIT */
/*
 * Reads JSON where it lies, and asks for no memory: a payload that would be
 * misread because memory is short is a lost invalidation.
 *
 * Strict: RFC 8259 in UTF-8, with no NUL and no half of a surrogate pair in a
 * string, and values nested at most PGCWI_JSON_DEPTH deep.
 */
#ifndef PGCWI_EVENT_JSON_H
#define PGCWI_EVENT_JSON_H

#include <stdbool.h>
#include <stddef.h>

#define PGCWI_JSON_DEPTH 64

/* What is still to be read, or a value. */
struct pgcwi_json {
    const char *at; /* NULL: there is none */
    const char *end;
};

/*
 * Find fields of an object, which must be all there is in `text`. False if it
 * is not strict JSON, or one of the `names` is there twice. The functions
 * below are for values of what was found true.
 */
bool pgcwi_json_read_object(struct pgcwi_json text, const char *const *names,
                            size_t count, struct pgcwi_json *values);

/*
 * Read on where the value of one of them begins, up to which all is as it was
 * in an object that was found true: the `values` that were found until then
 * are there, and it is `known`.
 */
bool pgcwi_json_read_on(struct pgcwi_json text, const char *const *names,
                        size_t count, struct pgcwi_json *values, size_t known);

bool pgcwi_json_is_null(struct pgcwi_json value);

/*
 * Write a string's text and a terminator into `text`, if they fit into
 * `capacity` bytes. False if they do not, or the value is no string.
 */
bool pgcwi_json_copy_string(struct pgcwi_json value, char *text,
                            size_t capacity, size_t *bytes);

/* Begin to read an array: false if the value is none. */
bool pgcwi_json_enter_array(struct pgcwi_json *value);
/* The next element of an entered array; false if there is none. */
bool pgcwi_json_next_element(struct pgcwi_json *array,
                             struct pgcwi_json *element);

#endif
