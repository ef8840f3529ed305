/* SPDX-License-Identifier: MIT */
/* The key of a result: the session, the statement, its parameters. */
#include "query/key.h"

#include <string.h>

#include "base/alloc.h"

/* What a parameter has beside its value: type, format, length. */
struct parameter {
    unsigned int type;
    int format;
    int length; /* -1: NULL */
};

static struct parameter
describe(const struct pgcw_query *query, int i)
{
    struct parameter parameter = {0};
    const char *value = query->values == NULL ? NULL : query->values[i];

    parameter.type = query->types == NULL ? 0 : query->types[i];
    parameter.format = query->formats == NULL ? 0 : query->formats[i];
    if (value == NULL) {
        parameter.length = -1;
    } else if (parameter.format != 0) {
        /* without a length libpq will refuse it */
        parameter.length = query->lengths == NULL ? 0 : query->lengths[i];
    } else {
        parameter.length = (int)strlen(value);
    }
    return parameter;
}

static size_t
measure(const struct pgcw_query *query, size_t text_bytes)
{
    size_t bytes = PGCWI_SESSION_DIGEST_BYTES + text_bytes + 2 * sizeof(int);

    for (int i = 0; i < query->parameter_count; i++) {
        struct parameter parameter = describe(query, i);

        bytes += sizeof parameter +
                 (parameter.length > 0 ? (size_t)parameter.length : 0);
    }
    return bytes;
}

static void
append(struct pgcwi_query_key *key, const void *bytes, size_t count)
{
    memcpy(key->data + key->size, bytes, count);
    key->size += count;
}

/* The terminator of the text is a part of it, and each parameter's length
 * precedes its value: so no two statements have the same key. */
static void
write(struct pgcwi_query_key *key, const struct pgcwi_session *session,
      const struct pgcw_query *query, size_t text_bytes)
{
    append(key, session->digest, sizeof session->digest);
    append(key, query->command, text_bytes);
    append(key, &query->parameter_count, sizeof query->parameter_count);
    for (int i = 0; i < query->parameter_count; i++) {
        struct parameter parameter = describe(query, i);

        append(key, &parameter.type, sizeof parameter.type);
    }
    key->statement_size = key->size;
    append(key, &query->result_format, sizeof query->result_format);
    for (int i = 0; i < query->parameter_count; i++) {
        struct parameter parameter = describe(query, i);

        append(key, &parameter.format, sizeof parameter.format);
        append(key, &parameter.length, sizeof parameter.length);
        if (parameter.length > 0) {
            append(key, query->values[i], (size_t)parameter.length);
        }
    }
}

enum pgcw_status
pgcwi_query_key_init(struct pgcwi_query_key *key,
                     const struct pgcwi_session *session,
                     const struct pgcw_query *query)
{
    size_t text_bytes = strlen(query->command) + 1;
    size_t bytes = measure(query, text_bytes);

    key->size = 0;
    key->data = bytes <= sizeof key->room ? key->room : pgcwi_alloc(bytes);
    if (key->data == NULL) {
        return PGCW_NO_MEMORY;
    }
    write(key, session, query, text_bytes);
    return PGCW_OK;
}

void
pgcwi_query_key_fini(struct pgcwi_query_key *key)
{
    if (key->data != key->room) {
        pgcwi_free(key->data);
    }
}
