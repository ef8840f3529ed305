/* SPDX-License-Identifier: MIT */
/* pgcachewatch emit: sends an event by hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include <pgcachewatch/event.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/options.h"
#include "cli/transport.h"

typedef enum pgcw_status emit_fn(PGconn *connection,
                                 const struct pgcw_event *event,
                                 struct pgcw_error *error);

static int
emit(const struct pgcwi_connection_options *server,
     const struct pgcw_event *event, emit_fn *send)
{
    struct pgcw_error error;
    PGconn *connection = pgcwi_connection_open(server);
    int code = PGCWI_EXIT_OK;

    if (connection == NULL) {
        return PGCWI_EXIT_FAILURE;
    }
    if (send(connection, event, &error) != PGCW_OK) {
        fprintf(stderr, "pgcachewatch: %s\n", error.detail);
        code = PGCWI_EXIT_FAILURE;
    } else {
        printf("sent: %s of %s%s%s on channel %s, keys: %zu\n",
               pgcw_operation_text(event->operation), event->schema,
               event->schema[0] == '\0' ? "" : ".", event->table,
               event->channel, event->key_count);
    }
    PQfinish(connection);
    return code;
}

static int
check_and_emit(const struct pgcwi_connection_options *server,
               const char *operation, const char *transport_name,
               struct pgcw_event *event)
{
    enum pgcw_transport transport;
    int code = pgcwi_transport_parse("emit", transport_name, &transport);

    if (code != PGCWI_OPTIONS_PARSED) {
        return code;
    }
    if (operation == NULL || event->table == NULL) {
        return pgcwi_usage_error("emit", "--operation and --table are needed");
    }
    if (pgcw_operation_from_text(operation, &event->operation) != PGCW_OK) {
        return pgcwi_usage_error("emit", "no such operation: %s", operation);
    }
    return emit(server, event,
                transport == PGCW_TRANSPORT_WAL ? pgcw_event_emit_wal
                                                : pgcw_event_emit);
}

int
pgcwi_command_emit(int argc, char **argv)
{
    struct pgcw_event event = {.channel = PGCW_DEFAULT_CHANNEL, .schema = ""};
    struct pgcwi_connection_options server = {0};
    const char *operation = NULL;
    const char *transport = NULL;
    struct pgcwi_word_list keys = {
        .words = calloc((size_t)argc, sizeof *keys.words)};
    struct pgcw_bytes *bytes = calloc((size_t)argc, sizeof *bytes);
    const struct pgcwi_option options[] = {
        {.name = "operation",
         .value = "OPERATION",
         .text = &operation,
         .help = "insert, update, delete or truncate"},
        {.name = "table",
         .value = "NAME",
         .text = &event.table,
         .help = "as PostgreSQL stores it: not quoted, not folded"},
        {.name = "schema",
         .value = "NAME",
         .text = &event.schema,
         .help = "default: not sent"},
        {.name = "channel-name",
         .value = "NAME",
         .text = &event.channel,
         .help = "default " PGCW_DEFAULT_CHANNEL},
        {.name = "key",
         .value = "KEY...",
         .list = &keys,
         .help = "keys of rows; default: the whole table"},
        PGCWI_TRANSPORT_OPTION(&transport),
        PGCWI_CONNECTION_OPTIONS(&server),
    };
    const struct pgcwi_command_line line = {
        .command = "emit",
        .usage = "--operation OPERATION --table NAME [options]",
        .description = "Sends one event to all who listen, as a trigger would.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    size_t argument_count;
    int code = PGCWI_EXIT_FAILURE;

    if (keys.words == NULL || bytes == NULL) {
        fprintf(stderr, "pgcachewatch: no memory\n");
        goto done;
    }
    code = pgcwi_options_parse(&line, argc, argv, &argument_count);
    if (code != PGCWI_OPTIONS_PARSED) {
        goto done;
    }
    for (size_t i = 0; i < keys.count; i++) {
        bytes[i] = (struct pgcw_bytes){keys.words[i], strlen(keys.words[i])};
    }
    event.keys = bytes;
    event.key_count = keys.count;
    code = check_and_emit(&server, operation, transport, &event);
done:
    free(keys.words);
    free(bytes);
    return code;
}
