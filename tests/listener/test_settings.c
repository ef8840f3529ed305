/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/alloc.h"
#include "listener/settings.h"

static const struct pgcw_listener_options defaults = PGCW_LISTENER_OPTIONS_INIT;

static enum pgcw_status
try_options(const struct pgcw_listener_options *options,
            struct pgcw_error *error)
{
    struct pgcwi_settings settings;
    enum pgcw_status status;

    memset(error, 0, sizeof(*error));
    status = pgcwi_settings_init(&settings, options, error);
    pgcwi_settings_fini(&settings);
    return status;
}

static void
assert_taken(struct pgcw_listener_options options)
{
    struct pgcw_error error;

    assert_int_equal(try_options(&options, &error), PGCW_OK);
}

static void
assert_refused(struct pgcw_listener_options options, const char *detail)
{
    struct pgcw_error error;

    assert_int_equal(try_options(&options, &error), PGCW_INVALID_ARGUMENT);
    assert_int_equal(error.status, PGCW_INVALID_ARGUMENT);
    assert_string_equal(error.detail, detail);
}

static void
assert_has_defaults(const struct pgcwi_settings *settings)
{
    assert_null(settings->dsn);
    assert_string_equal(settings->channel, PGCW_DEFAULT_CHANNEL);
    assert_int_equal(settings->options.worker_count, 2);
    assert_int_equal(settings->options.ring_capacity, 65536);
    assert_int_equal(settings->options.connect_timeout_ms, 5000);
    assert_int_equal(settings->options.heartbeat_interval_ms, 500);
    assert_int_equal(settings->options.heartbeat_timeout_ms, 1000);
    assert_int_equal(settings->options.reconnect_min_ms, 50);
    assert_int_equal(settings->options.reconnect_max_ms, 5000);
    assert_int_equal(settings->options.log_level, PGCW_LOG_WARNING);
    assert_int_equal(settings->options.open_in_background, 0);
    assert_int_equal(settings->options.transport, PGCW_TRANSPORT_NOTIFY);
    assert_string_equal(settings->publication, "");
}

static void
zero_and_null_mean_the_defaults_of_the_header(void **state)
{
    struct pgcwi_settings settings;

    (void)state;
    assert_int_equal(pgcwi_settings_init(&settings, &defaults, NULL), PGCW_OK);
    assert_has_defaults(&settings);
    pgcwi_settings_fini(&settings);
    assert_int_equal(pgcwi_settings_init(&settings, NULL, NULL), PGCW_OK);
    assert_has_defaults(&settings);
    pgcwi_settings_fini(&settings);
}

static void
strings_are_copied(void **state)
{
    char dsn[] = "dbname=one";
    char channel[] = "first";
    char publication[] = "Pub";
    struct pgcw_listener_options options = defaults;
    struct pgcwi_settings settings;

    (void)state;
    options.dsn = dsn;
    options.channel = channel;
    options.transport = PGCW_TRANSPORT_WAL;
    options.publication = publication;
    assert_int_equal(pgcwi_settings_init(&settings, &options, NULL), PGCW_OK);
    memset(dsn, 'x', sizeof(dsn) - 1);
    memset(channel, 'x', sizeof(channel) - 1);
    memset(publication, 'x', sizeof(publication) - 1);
    assert_string_equal(settings.dsn, "dbname=one");
    assert_string_equal(settings.channel, "first");
    assert_string_equal(settings.publication, "Pub");
    pgcwi_settings_fini(&settings);
}

static void
channel_has_1_to_63_bytes(void **state)
{
    char channel[65] = "";
    struct pgcw_listener_options options = defaults;

    (void)state;
    options.channel = channel;
    assert_refused(options, "channel: 0 bytes; 1 to 63 are allowed");
    memset(channel, 'c', 63);
    assert_taken(options);
    channel[63] = 'c';
    assert_refused(options, "channel: 64 bytes; 1 to 63 are allowed");
}

static void
worker_count_is_at_most_64(void **state)
{
    struct pgcw_listener_options options = defaults;

    (void)state;
    options.worker_count = 64;
    assert_taken(options);
    options.worker_count = 65;
    assert_refused(options, "worker_count: 65; at most 64 is allowed");
    options.worker_count = UINT32_MAX;
    assert_refused(options, "worker_count: 4294967295; at most 64 is allowed");
}

static void
ring_capacity_is_a_power_of_two_from_4_to_2_to_the_24(void **state)
{
    struct pgcw_listener_options options = defaults;

    (void)state;
    for (uint32_t capacity = 4; capacity <= 1u << 24; capacity *= 2) {
        options.ring_capacity = capacity;
        assert_taken(options);
    }
    options.ring_capacity = 2;
    assert_refused(options, "ring_capacity: 2; a power of two from 4 to "
                            "16777216 is allowed");
    options.ring_capacity = 12;
    assert_refused(options, "ring_capacity: 12; a power of two from 4 to "
                            "16777216 is allowed");
    options.ring_capacity = 1u << 25;
    assert_refused(options, "ring_capacity: 33554432; a power of two from 4 "
                            "to 16777216 is allowed");
}

static void
reconnect_min_is_not_above_max(void **state)
{
    struct pgcw_listener_options options = defaults;

    (void)state;
    options.reconnect_min_ms = 70;
    options.reconnect_max_ms = 70;
    assert_taken(options);
    options.reconnect_max_ms = 69;
    assert_refused(options,
                   "reconnect_min_ms: 70 is above reconnect_max_ms, 69");
}

static void
log_level_is_one_of_the_levels(void **state)
{
    struct pgcw_listener_options options = defaults;

    (void)state;
    options.log_level = PGCW_LOG_ERROR;
    assert_taken(options);
    options.log_level = PGCW_LOG_DEBUG;
    assert_taken(options);
    options.log_level = (enum pgcw_log_level)5;
    assert_refused(options, "log_level: 5 is not one of the levels");
}

static void
open_in_background_is_0_or_1(void **state)
{
    struct pgcw_listener_options options = defaults;

    (void)state;
    options.open_in_background = 1;
    assert_taken(options);
    options.open_in_background = 2;
    assert_refused(options, "open_in_background: 0 or 1 is allowed");
}

static void
replica_fills_is_0_or_1(void **state)
{
    struct pgcw_listener_options options = defaults;

    (void)state;
    options.replica_fills = 1;
    assert_taken(options);
    options.replica_fills = 2;
    assert_refused(options, "replica_fills: 0 or 1 is allowed");
}

static void
application_name_has_1_to_63_bytes(void **state)
{
    struct pgcw_listener_options options = defaults;
    char name[65] = "";

    (void)state;
    options.application_name = name;
    assert_refused(options, "application_name: 0 bytes; 1 to 63 are allowed");
    memset(name, 'n', 63);
    assert_taken(options);
    name[63] = 'n';
    assert_refused(options, "application_name: 64 bytes; 1 to 63 are allowed");
}

static void
transport_is_one_of_the_two(void **state)
{
    struct pgcw_listener_options options = defaults;

    (void)state;
    options.transport = PGCW_TRANSPORT_WAL;
    assert_taken(options);
    options.transport = (enum pgcw_transport)2;
    assert_refused(options, "transport: 2 is none");
    options.transport = (enum pgcw_transport) - 1;
    assert_refused(options, "transport: -1 is none");
}

static void
publication_has_1_to_63_bytes_and_only_with_the_wal(void **state)
{
    char publication[65] = "";
    struct pgcw_listener_options options = defaults;

    (void)state;
    options.transport = PGCW_TRANSPORT_WAL;
    options.publication = publication;
    assert_refused(options, "publication: 0 bytes; 1 to 63 are allowed");
    memset(publication, 'p', 63);
    assert_taken(options);
    publication[63] = 'p';
    assert_refused(options, "publication: 64 bytes; 1 to 63 are allowed");
    publication[63] = '\0';
    options.transport = PGCW_TRANSPORT_NOTIFY;
    assert_refused(options, "publication: only PGCW_TRANSPORT_WAL has one");
}

static void
publication_is_named_after_the_channel_unless_it_is_named(void **state)
{
    char channel[] = "12345678901234567890123456789012345";
    struct pgcw_listener_options options = defaults;
    struct pgcwi_settings settings;

    (void)state;
    options.transport = PGCW_TRANSPORT_WAL;
    assert_int_equal(pgcwi_settings_init(&settings, &options, NULL), PGCW_OK);
    assert_string_equal(settings.publication, "pb_pgcachewatch_table_change_"
                                              "ch_pgcachewatch_table_change");
    pgcwi_settings_fini(&settings);
    options.channel = channel;
    assert_refused(options,
                   "publication: pb_pgcachewatch_table_change_<channel> has 64 "
                   "bytes, at most 63 are possible: take a channel of at most "
                   "34, or name the publication");
    options.publication = "short";
    assert_taken(options);
    options.publication = NULL;
    channel[34] = '\0';
    assert_taken(options);
}

static void
times_may_be_as_long_as_they_can_be_written(void **state)
{
    struct pgcw_listener_options options = defaults;

    (void)state;
    options.connect_timeout_ms = UINT32_MAX;
    options.heartbeat_interval_ms = UINT32_MAX;
    options.heartbeat_timeout_ms = UINT32_MAX;
    options.reconnect_min_ms = UINT32_MAX;
    options.reconnect_max_ms = UINT32_MAX;
    options.max_latency_ms = UINT32_MAX;
    assert_taken(options);
    options.max_latency_ms++;
    assert_refused(options, "max_latency_ms: at most 2^32 - 1 is allowed");
}

static void
dsn_that_libpq_does_not_understand_is_refused_without_its_password(void **state)
{
    static const char *const dsns[] = {
        "host=here password='hunter2",
        "host=here password=hunter2 nonsense",
        "host=here password=hunter2 speed=high",
        "hunter2",
        "postgresql://user:hunter2@[::1",
        "postgresql://user:hunter2%zz@here/",
        "postgresql://user:hunter2@here/?speed=high",
        "postgresql://user:hunter2@here/?password=hunter2&%",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(dsns) / sizeof(dsns[0]); i++) {
        struct pgcw_listener_options options = defaults;
        struct pgcw_error error;

        options.dsn = dsns[i];
        assert_int_equal(try_options(&options, &error), PGCW_INVALID_ARGUMENT);
        assert_int_equal(strncmp(error.detail, "dsn: ", 5), 0);
        assert_null(strstr(error.detail, "hunter2"));
    }
}

static void
piece_of_an_unquoted_password_is_not_told_as_an_option(void **state)
{
    struct pgcw_listener_options options = defaults;
    struct pgcw_error error;

    (void)state;
    options.dsn = "host=here password=my hunter2=x";
    assert_int_equal(try_options(&options, &error), PGCW_INVALID_ARGUMENT);
    assert_null(strstr(error.detail, "hunter2"));
}

static void
failed_allocation_is_no_memory_and_leaks_nothing(void **state)
{
    struct pgcw_listener_options options = defaults;
    struct pgcw_error error;

    (void)state;
    options.dsn = "dbname=one";
    pgcwi_alloc_fail_nth(1);
    enum pgcw_status status = try_options(&options, &error);
    pgcwi_alloc_fail_nth(0);
    assert_int_equal(status, PGCW_NO_MEMORY);
    assert_string_equal(error.detail, "no memory for the dsn");
}

static void
option_of_a_newer_version_is_unsupported(void **state)
{
    struct {
        struct pgcw_listener_options options;
        uint64_t newer;
    } longer = {.options = PGCW_LISTENER_OPTIONS_INIT, .newer = 0};
    struct pgcw_error error;

    (void)state;
    longer.options.size = sizeof(longer);
    assert_int_equal(try_options(&longer.options, &error), PGCW_OK);
    longer.newer = 1;
    assert_int_equal(try_options(&longer.options, &error), PGCW_UNSUPPORTED);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(zero_and_null_mean_the_defaults_of_the_header),
        cmocka_unit_test(strings_are_copied),
        cmocka_unit_test(channel_has_1_to_63_bytes),
        cmocka_unit_test(worker_count_is_at_most_64),
        cmocka_unit_test(ring_capacity_is_a_power_of_two_from_4_to_2_to_the_24),
        cmocka_unit_test(reconnect_min_is_not_above_max),
        cmocka_unit_test(log_level_is_one_of_the_levels),
        cmocka_unit_test(open_in_background_is_0_or_1),
        cmocka_unit_test(replica_fills_is_0_or_1),
        cmocka_unit_test(application_name_has_1_to_63_bytes),
        cmocka_unit_test(transport_is_one_of_the_two),
        cmocka_unit_test(publication_has_1_to_63_bytes_and_only_with_the_wal),
        cmocka_unit_test(
            publication_is_named_after_the_channel_unless_it_is_named),
        cmocka_unit_test(times_may_be_as_long_as_they_can_be_written),
        cmocka_unit_test(
            dsn_that_libpq_does_not_understand_is_refused_without_its_password),
        cmocka_unit_test(
            piece_of_an_unquoted_password_is_not_told_as_an_option),
        cmocka_unit_test(failed_allocation_is_no_memory_and_leaks_nothing),
        cmocka_unit_test(option_of_a_newer_version_is_unsupported),
    };

    return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
