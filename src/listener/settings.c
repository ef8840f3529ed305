/* SPDX-License-Identifier: MIT */
#include "listener/settings.h"

#include <string.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/status.h"
#include "listener/connection.h"
#include "listener/worker_pool.h"

#define RING_CAPACITY_MIN 4u
#define RING_CAPACITY_MAX (1u << 24)

static void
set_default(uint32_t *option, uint32_t value)
{
    if (*option == 0) {
        *option = value;
    }
}

static void
apply_defaults(struct pgcw_listener_options *options)
{
    set_default(&options->worker_count, 2);
    set_default(&options->ring_capacity, 65536);
    set_default(&options->connect_timeout_ms, 5000);
    set_default(&options->heartbeat_interval_ms, 500);
    set_default(&options->heartbeat_timeout_ms, 1000);
    set_default(&options->reconnect_min_ms, 50);
    set_default(&options->reconnect_max_ms, 5000);
    if (options->channel == NULL) {
        options->channel = PGCW_DEFAULT_CHANNEL;
    }
    if (options->log_level == 0) {
        options->log_level = PGCW_LOG_WARNING;
    }
}

static enum pgcw_status
check_sizes(const struct pgcw_listener_options *options,
            struct pgcw_error *error)
{
    uint32_t capacity = options->ring_capacity;

    if (options->worker_count > PGCWI_WORKER_MAX) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "worker_count: %u; at most %d is allowed",
                               (unsigned)options->worker_count,
                               PGCWI_WORKER_MAX);
    }
    if (capacity < RING_CAPACITY_MIN || capacity > RING_CAPACITY_MAX ||
        (capacity & (capacity - 1)) != 0) {
        return pgcwi_error_set(
            error, PGCW_INVALID_ARGUMENT,
            "ring_capacity: %u; a power of two from %u to %u is allowed",
            (unsigned)capacity, RING_CAPACITY_MIN, RING_CAPACITY_MAX);
    }
    return PGCW_OK;
}

static enum pgcw_status
check(const struct pgcw_listener_options *options, struct pgcw_error *error)
{
    if (!pgcwi_name_is_valid(options->channel)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "channel: %zu bytes; 1 to %d are allowed",
                               strlen(options->channel), PGCWI_NAME_MAX_BYTES);
    }
    if (options->reconnect_min_ms > options->reconnect_max_ms) {
        return pgcwi_error_set(
            error, PGCW_INVALID_ARGUMENT,
            "reconnect_min_ms: %u is above reconnect_max_ms, %u",
            (unsigned)options->reconnect_min_ms,
            (unsigned)options->reconnect_max_ms);
    }
    if (options->log_level < PGCW_LOG_ERROR ||
        options->log_level > PGCW_LOG_DEBUG) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "log_level: %d is not one of the levels",
                               (int)options->log_level);
    }
    if (options->open_in_background > 1) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "open_in_background: 0 or 1 is allowed");
    }
    if (options->max_latency_ms > UINT32_MAX) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "max_latency_ms: at most 2^32 - 1 is allowed");
    }
    return check_sizes(options, error);
}

enum pgcw_status
pgcwi_settings_init(struct pgcwi_settings *settings,
                    const struct pgcw_listener_options *options,
                    struct pgcw_error *error)
{
    struct pgcw_listener_options *known = &settings->options;
    enum pgcw_status status =
        pgcwi_options_read(known, sizeof(*known), options, error);

    settings->dsn = NULL;
    if (status != PGCW_OK) {
        return status;
    }
    apply_defaults(known);
    status = check(known, error);
    if (status == PGCW_OK && known->dsn != NULL) {
        status = pgcwi_connection_check_dsn(known->dsn, error);
    }
    if (status != PGCW_OK) {
        return status;
    }
    memcpy(settings->channel, known->channel, strlen(known->channel) + 1);
    if (known->dsn != NULL) {
        settings->dsn = pgcwi_strdup(known->dsn);
        if (settings->dsn == NULL) {
            return pgcwi_error_set(error, PGCW_NO_MEMORY,
                                   "no memory for the dsn");
        }
    }
    return PGCW_OK;
}

void
pgcwi_settings_fini(struct pgcwi_settings *settings)
{
    pgcwi_free(settings->dsn);
}
