/* SPDX-License-Identifier: MIT */
/* What NOTIFY brought: refused, or an event in which all is in its bounds. */
#include "event/payload.h"
#include "event/payload_oracle.h"
#include "fuzz/fuzz.h"

static void
check_change(const struct pgcwi_change *change)
{
    FUZZ_CHECK(pgcw_operation_text(change->operation) != NULL);
    FUZZ_CHECK(memchr(change->schema, 0, sizeof change->schema) != NULL);
    FUZZ_CHECK(memchr(change->table, 0, sizeof change->table) != NULL);
    FUZZ_CHECK(change->table[0] != '\0');
    for (size_t i = 0; i < change->key_count; i++) {
        FUZZ_CHECK(strlen(change->keys[i].data) == change->keys[i].size);
    }
}

/* Behind one that is like it, it is read the same. */
static void
check_decoder(const char *payload, size_t bytes, bool is_understood,
              const struct pgcwi_change *change)
{
    struct pgcwi_payload_decoder decoder = {.same_bytes = 0};

    for (int i = 0; i < 2; i++) {
        FUZZ_CHECK(pgcwi_payload_decode_next(&decoder, payload, bytes) ==
                   is_understood);
        if (is_understood) {
            check_change(&decoder.change);
            FUZZ_CHECK(decoder.change.key_count == change->key_count);
        }
    }
    pgcwi_payload_decoder_fini(&decoder);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pgcwi_change change;

    memset(&change, 0x55, sizeof change);
    bool is_understood =
        pgcwi_payload_decode((const char *)data, size, &change);
    FUZZ_CHECK(oracle_agrees((const char *)data, size, is_understood, &change));
    check_decoder((const char *)data, size, is_understood, &change);
    if (is_understood) {
        check_change(&change);
        pgcwi_change_fini(&change);
    }
    return 0;
}
