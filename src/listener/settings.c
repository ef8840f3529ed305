/* SPDX-License-Identifier: MIT */
#include "listener/settings.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/options.h"
#include "base/status.h"
#include "listener/connection.h"
#include "listener/worker_pool.h"

#define PUBLICATION_PREFIX "pb_pgcachewatch_table_change_"
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
check_name(const char *option, const char *name, struct pgcw_error *error)
{
    if (!pgcwi_name_is_valid(name)) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "%s: %zu bytes; 1 to %d are allowed", option,
                               strlen(name), PGCWI_NAME_MAX_BYTES);
    }
    return PGCW_OK;
}

static enum pgcw_status
check_transport(const struct pgcw_listener_options *options,
                struct pgcw_error *error)
{
    if (options->transport != PGCW_TRANSPORT_NOTIFY &&
        options->transport != PGCW_TRANSPORT_WAL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "transport: %d is none",
                               (int)options->transport);
    }
    if (options->publication == NULL) {
        return PGCW_OK;
    }
    if (options->transport != PGCW_TRANSPORT_WAL) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "publication: only PGCW_TRANSPORT_WAL has one");
    }
    return check_name("publication", options->publication, error);
}

static enum pgcw_status
check(const struct pgcw_listener_options *options, struct pgcw_error *error)
{
    enum pgcw_status status = check_name("channel", options->channel, error);

    if (status == PGCW_OK && options->application_name != NULL) {
        status =
            check_name("application_name", options->application_name, error);
    }
    if (status != PGCW_OK) {
        return status;
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
    if (options->replica_fills > 1) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "replica_fills: 0 or 1 is allowed");
    }
    if (options->max_latency_ms > UINT32_MAX) {
        return pgcwi_error_set(error, PGCW_INVALID_ARGUMENT,
                               "max_latency_ms: at most 2^32 - 1 is allowed");
    }
    return PGCW_OK;
}

/* Fails only where the name is made here. */
static enum pgcw_status
name_publication(struct pgcwi_settings *settings,
                 const struct pgcw_listener_options *options,
                 struct pgcw_error *error)
{
    const char *name = options->publication;
    bool is_made = name == NULL;
    int bytes;

    settings->publication[0] = '\0';
    if (options->transport != PGCW_TRANSPORT_WAL) {
        return PGCW_OK;
    }
    bytes = snprintf(settings->publication, sizeof settings->publication,
                     "%s%s", is_made ? PUBLICATION_PREFIX : "",
                     is_made ? settings->channel : name);
    if (bytes > PGCWI_NAME_MAX_BYTES) {
        return pgcwi_error_set(
            error, PGCW_INVALID_ARGUMENT,
            "publication: " PUBLICATION_PREFIX "<channel> has %d bytes, "
            "at most %d are possible: take a channel of at most %zu, or name "
            "the publication",
            bytes, PGCWI_NAME_MAX_BYTES,
            PGCWI_NAME_BYTES - sizeof PUBLICATION_PREFIX);
    }
    return PGCW_OK;
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
    if (status == PGCW_OK) {
        status = check_sizes(known, error);
    }
    if (status == PGCW_OK) {
        status = check_transport(known, error);
    }
    if (status == PGCW_OK && known->dsn != NULL) {
        status = pgcwi_connection_check_dsn(known->dsn, error);
    }
    if (status != PGCW_OK) {
        return status;
    }
    memcpy(settings->channel, known->channel, strlen(known->channel) + 1);
    (void)snprintf(
        settings->application_name, sizeof settings->application_name, "%s",
        known->application_name != NULL ? known->application_name : "");
    status = name_publication(settings, known, error);
    if (status != PGCW_OK) {
        return status;
    }
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
