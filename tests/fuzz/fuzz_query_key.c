/* SPDX-License-Identifier: MIT */
/* The key of a cached query is read back into the query that it is of: so no
 * two queries have one key. */
#include "fuzz/fuzz.h"
#include "query/key.h"

#define PARAMETERS_MAX 16

struct parameters {
    unsigned int types[PARAMETERS_MAX];
    char *texts[PARAMETERS_MAX];
    const char *values[PARAMETERS_MAX];
    int lengths[PARAMETERS_MAX];
    int formats[PARAMETERS_MAX];
};

/* Takes from the key what must be there. */
static void
expect(struct fuzz_input *key, const void *bytes, size_t count)
{
    FUZZ_CHECK(key->size >= count);
    FUZZ_CHECK(count == 0 || memcmp(key->data, bytes, count) == 0);
    key->data += count;
    key->size -= count;
}

static void
expect_value(struct fuzz_input *key, const struct pgcw_query *query, int i)
{
    int format = query->formats != NULL ? query->formats[i] : 0;
    int length = -1;

    expect(key, &format, sizeof format);
    if (query->values != NULL && query->values[i] != NULL) {
        length = format == 0              ? (int)strlen(query->values[i])
                 : query->lengths != NULL ? query->lengths[i]
                                          : 0;
    }
    expect(key, &length, sizeof length);
    if (length > 0) {
        expect(key, query->values[i], (size_t)length);
    }
}

static void
check_key(const struct pgcwi_query_key *key,
          const struct pgcwi_session *session, const struct pgcw_query *query)
{
    struct fuzz_input rest = {key->data, key->size};

    expect(&rest, session->digest, sizeof session->digest);
    expect(&rest, query->command, strlen(query->command) + 1);
    expect(&rest, &query->parameter_count, sizeof query->parameter_count);
    for (int i = 0; i < query->parameter_count; i++) {
        unsigned int type = query->types != NULL ? query->types[i] : 0;

        expect(&rest, &type, sizeof type);
    }
    FUZZ_CHECK(key->size - rest.size == key->statement_size);
    expect(&rest, &query->result_format, sizeof query->result_format);
    for (int i = 0; i < query->parameter_count; i++) {
        expect_value(&rest, query, i);
    }
    FUZZ_CHECK(rest.size == 0);
}

static void
take_parameter(struct fuzz_input *input, struct parameters *parameters, int i)
{
    uint8_t choice;

    fuzz_take(input, &choice, sizeof choice);
    fuzz_take(input, &parameters->types[i], sizeof parameters->types[i]);
    parameters->texts[i] = fuzz_take_text(input);
    parameters->values[i] = choice & 1 ? NULL : parameters->texts[i];
    parameters->formats[i] = choice & 2 ? 1 : 0;
    /* as long as its text, or without an end that counts */
    parameters->lengths[i] =
        choice & 4 ? -1 : (int)strlen(parameters->texts[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct parameters parameters;
    struct pgcwi_session session = {.is_known = true};
    struct pgcwi_query_key key;
    uint8_t choice[2];

    fuzz_take(&input, choice, sizeof choice);
    fuzz_take(&input, session.digest, sizeof session.digest);
    char *command = fuzz_take_text(&input);
    struct pgcw_query query = {
        .command = command,
        .parameter_count = choice[0] % (PARAMETERS_MAX + 1),
        .types = choice[1] & 1 ? NULL : parameters.types,
        .values = choice[1] & 2 ? NULL : parameters.values,
        .lengths = choice[1] & 4 ? NULL : parameters.lengths,
        .formats = choice[1] & 8 ? NULL : parameters.formats,
        .result_format = choice[1] & 16 ? 1 : 0,
    };
    for (int i = 0; i < query.parameter_count; i++) {
        take_parameter(&input, &parameters, i);
    }
    FUZZ_CHECK(pgcwi_query_key_init(&key, &session, &query) == PGCW_OK);
    check_key(&key, &session, &query);
    pgcwi_query_key_fini(&key);
    for (int i = 0; i < query.parameter_count; i++) {
        free(parameters.texts[i]);
    }
    free(command);
    return 0;
}
