/* SPDX-License-Identifier: MIT */
/* The key of a result: the session, the statement, its parameters. */
#include "query/key.h"

#include <string.h>

#include "base/alloc.h"

/* What a parameter has beside its type and its value; without padding. */
struct parameter {
    int format;
    int length; /* -1: NULL */
};

static struct parameter
describe(const struct pgcw_query *query, int i)
{
    struct parameter parameter = {0};
    const char *value = query->values == NULL ? NULL : query->values[i];

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

/* What does not fit any more only counts. */
static void
append(struct pgcwi_query_key *key, size_t room, const void *bytes,
       size_t count)
{
    if (key->size + count <= room) {
        memcpy(key->data + key->size, bytes, count);
    }
    key->size += count;
}

static void
append_value(struct pgcwi_query_key *key, size_t room,
             const struct pgcw_query *query, int i)
{
    struct parameter parameter = describe(query, i);

    append(key, room, &parameter, sizeof parameter);
    if (parameter.length > 0) {
        append(key, room, query->values[i], (size_t)parameter.length);
    }
}

/* The terminator of the text is a part of it, and each parameter's length
 * precedes its value: so no two statements have the same key. */
static void
write(struct pgcwi_query_key *key, size_t room,
      const struct pgcwi_session *session, const struct pgcw_query *query)
{
    key->size = 0;
    append(key, room, session->digest, sizeof session->digest);
    append(key, room, query->command, strlen(query->command) + 1);
    append(key, room, &query->parameter_count, sizeof query->parameter_count);
    for (int i = 0; i < query->parameter_count; i++) {
        unsigned int type = query->types == NULL ? 0 : query->types[i];

        append(key, room, &type, sizeof type);
    }
    key->statement_size = key->size;
    append(key, room, &query->result_format, sizeof query->result_format);
    for (int i = 0; i < query->parameter_count; i++) {
        append_value(key, room, query, i);
    }
}

enum pgcw_status
pgcwi_query_key_init(struct pgcwi_query_key *key,
                     const struct pgcwi_session *session,
                     const struct pgcw_query *query)
{
    key->data = key->room;
    write(key, sizeof key->room, session, query);
    if (key->size <= sizeof key->room) {
        return PGCW_OK;
    }
    size_t bytes = key->size;
    key->data = pgcwi_alloc(bytes);
    if (key->data == NULL) {
        return PGCW_NO_MEMORY;
    }
    write(key, bytes, session, query);
    return PGCW_OK;
}

void
pgcwi_query_key_fini(struct pgcwi_query_key *key)
{
    if (key->data != key->room) {
        pgcwi_free(key->data);
    }
}
