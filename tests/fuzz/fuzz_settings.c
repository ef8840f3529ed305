/* SPDX-License-Identifier: MIT */
/*
 * Options of a listener, of any size, with any bytes, and a connection string
 * that has a password: refused, or in bounds; the password is never told.
 */
#include "fuzz/fuzz.h"
#include "listener/settings.h"
#include "listener/worker_pool.h"

#define SECRET "s3cr3t0w1"

enum dsn_kind { DSN_NONE, DSN_PLAIN, DSN_WORDS, DSN_URI, DSN_KINDS };

static char *
make_dsn(enum dsn_kind kind, const char *before, const char *behind)
{
    size_t bytes = strlen(before) + strlen(behind) + 64;
    char *dsn = malloc(bytes);

    FUZZ_CHECK(dsn != NULL);
    if (kind == DSN_PLAIN) {
        (void)snprintf(dsn, bytes, "%s", before);
    } else if (kind == DSN_WORDS) {
        (void)snprintf(dsn, bytes, "%s password=" SECRET "%s", before, behind);
    } else {
        (void)snprintf(dsn, bytes, "postgresql://u:" SECRET "@%s", behind);
    }
    return dsn;
}

static void
check_known(const struct pgcwi_settings *settings, const char *dsn)
{
    const struct pgcw_listener_options *known = &settings->options;
    uint32_t capacity = known->ring_capacity;

    FUZZ_CHECK(known->worker_count >= 1 &&
               known->worker_count <= PGCWI_WORKER_MAX);
    FUZZ_CHECK(capacity >= 4 && (capacity & (capacity - 1)) == 0);
    FUZZ_CHECK(known->reconnect_min_ms <= known->reconnect_max_ms);
    FUZZ_CHECK(known->connect_timeout_ms > 0 &&
               known->heartbeat_interval_ms > 0 &&
               known->heartbeat_timeout_ms > 0);
    FUZZ_CHECK(memchr(settings->channel, 0, sizeof settings->channel) != NULL);
    FUZZ_CHECK(settings->channel[0] != '\0');
    FUZZ_CHECK(memchr(settings->publication, 0, sizeof settings->publication) !=
               NULL);
    FUZZ_CHECK((known->transport == PGCW_TRANSPORT_WAL) ==
               (settings->publication[0] != '\0'));
    FUZZ_CHECK(memchr(settings->application_name, 0,
                      sizeof settings->application_name) != NULL);
    if (dsn != NULL) {
        FUZZ_CHECK(strcmp(settings->dsn, dsn) == 0);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    union {
        struct pgcw_listener_options options;
        uint8_t bytes[2 * sizeof(struct pgcw_listener_options)];
    } given;
    uint8_t choice[2];
    struct pgcwi_settings settings;
    struct pgcw_error error = {0};

    fuzz_take(&input, choice, sizeof choice);
    char *channel = fuzz_take_text(&input);
    char *before = fuzz_take_text(&input);
    char *behind = fuzz_take_text(&input);
    char *dsn =
        make_dsn((enum dsn_kind)(choice[0] % DSN_KINDS), before, behind);
    /* what is left fills the numbers, and what follows them */
    fuzz_take(&input, given.bytes, sizeof given.bytes);
    bool has_whole_size = choice[1] % 2 == 0;
    /* a size that cuts a pointer in two is no caller's */
    given.options.size = has_whole_size
                             ? sizeof given.options
                             : choice[1] / 8 * 8 % sizeof given.bytes;
    given.options.dsn = choice[0] % DSN_KINDS == DSN_NONE ? NULL : dsn;
    given.options.channel = choice[1] % 3 == 0 ? NULL : channel;
    given.options.publication = choice[1] % 5 == 0 ? before : NULL;
    given.options.application_name = choice[1] % 7 == 0 ? behind : NULL;
    if (pgcwi_settings_init(&settings, &given.options, &error) == PGCW_OK) {
        check_known(&settings, has_whole_size ? given.options.dsn : NULL);
        pgcwi_settings_fini(&settings);
    } else {
        FUZZ_CHECK(error.status != PGCW_OK);
        FUZZ_CHECK(memchr(error.detail, 0, sizeof error.detail) != NULL);
        FUZZ_CHECK(choice[0] % DSN_KINDS == DSN_PLAIN ||
                   strstr(error.detail, SECRET) == NULL);
    }
    free(dsn);
    free(behind);
    free(before);
    free(channel);
    return 0;
}
