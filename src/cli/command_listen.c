/* SPDX-License-Identifier: MIT */
/* pgcachewatch listen: prints events as they come. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include <pgcachewatch/event.h>
#include <pgcachewatch/listener.h>
#include <pgcachewatch/subscription.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "cli/transport.h"

/* So many may wait while the output is read slowly. */
#define WAITING_EVENTS 65536

#define US_PER_SECOND INT64_C(1000000)
#define TIME_BYTES 64
#define KEYS_SHOWN 5

struct listening {
    /* immutable after start */
    bool is_json;
    uint32_t count;   /* 0: no end */
    uint32_t seconds; /* 0: no end */
    /* owned by the listener's thread */
    bool has_been_live;
    /* owned by the main thread */
    uint32_t printed_count;
    int code;
};

static const char *
format_time(int64_t unix_us, char text[TIME_BYTES])
{
    int64_t us = unix_us % US_PER_SECOND;
    time_t seconds = (time_t)(unix_us / US_PER_SECOND);
    struct tm parts;
    size_t bytes;

    if (us < 0) {
        us += US_PER_SECOND;
        seconds--;
    }
    if (gmtime_r(&seconds, &parts) == NULL) {
        return "?";
    }
    bytes = strftime(text, TIME_BYTES, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(text + bytes, TIME_BYTES - bytes, ".%06dZ", (int)us);
    return text;
}

/* Negative if the clocks of the two machines differ so much. */
static double
latency_ms(const struct pgcw_event *event)
{
    return (double)(event->received_at_us - event->sent_at_us) / 1000.0;
}

/* Anybody may send a name: without control characters it cannot talk to the
 * terminal. In UTF-8 those of ISO 6429 are C2 80 to C2 9F. */
static void
print_name(const char *name)
{
    const unsigned char *byte = (const unsigned char *)name;

    for (; *byte != '\0'; byte++) {
        if (*byte < 0x20 || *byte == 0x7f ||
            (*byte == 0xc2 && byte[1] >= 0x80 && byte[1] < 0xa0)) {
            printf("\\x%02x", *byte);
            byte += *byte == 0xc2 ? 1 : 0;
        } else {
            putchar(*byte);
        }
    }
}

/* Some of them, as this is for a person to read; --json has all. */
static void
print_keys(const struct pgcw_event *event)
{
    size_t shown_count =
        event->key_count < KEYS_SHOWN ? event->key_count : KEYS_SHOWN;

    for (size_t i = 0; i < shown_count; i++) {
        printf(i == 0 ? " [" : ", ");
        print_name(event->keys[i].data);
    }
    if (shown_count < event->key_count) {
        printf(", and %zu more", event->key_count - shown_count);
    }
    if (shown_count > 0) {
        putchar(']');
    }
}

static void
print_text(const struct pgcw_event *event)
{
    char sent_at[TIME_BYTES];

    printf("%s %-8s ", format_time(event->sent_at_us, sent_at),
           pgcw_operation_text(event->operation));
    if (event->schema[0] != '\0') {
        print_name(event->schema);
        putchar('.');
    }
    print_name(event->table);
    print_keys(event);
    printf(" %.3f ms\n", latency_ms(event));
}

/* An event of the whole table has no such field. */
static bool
add_keys(json_t *object, const struct pgcw_event *event)
{
    json_t *keys;

    if (event->key_count == 0) {
        return true;
    }
    keys = json_array();
    for (size_t i = 0; i < event->key_count; i++) {
        if (json_array_append_new(
                keys, json_stringn(event->keys[i].data, event->keys[i].size)) !=
            0) {
            json_decref(keys);
            return false;
        }
    }
    return json_object_set_new(object, "keys", keys) == 0;
}

static void
print_json(const struct pgcw_event *event)
{
    char sent_at[TIME_BYTES];
    char received_at[TIME_BYTES];
    json_t *object = json_pack(
        "{s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:f}", "number",
        (json_int_t)event->number, "channel", event->channel, "operation",
        pgcw_operation_text(event->operation), "schema", event->schema, "table",
        event->table, "sent_at", format_time(event->sent_at_us, sent_at),
        "received_at", format_time(event->received_at_us, received_at),
        "latency_ms", latency_ms(event));

    if (object == NULL || !add_keys(object, event)) {
        fprintf(stderr, "pgcachewatch: no memory for an event\n");
        json_decref(object);
        return;
    }
    (void)json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
    putchar('\n');
    json_decref(object);
}

static void
print_gap(uint32_t reasons, bool is_json)
{
    FILE *out = is_json ? stdout : stderr;
    const char *before = is_json ? "" : " ";
    const char *quote = is_json ? "\"" : "";

    fprintf(out, is_json ? "{\"gap\":[" : "pgcachewatch: gap:");
    for (uint32_t reason = 1; reason != 0 && reason <= reasons; reason <<= 1) {
        if ((reasons & reason) != 0) {
            fprintf(out, "%s%s%s%s", before, quote,
                    pgcw_gap_reason_text((enum pgcw_gap_reason)reason), quote);
            before = is_json ? "," : ", ";
        }
    }
    fprintf(out, is_json ? "]}\n" : "\n");
}

/* False if nobody takes it, or cannot: then the code says which. */
static bool
flush_output(struct listening *listening)
{
    if (fflush(stdout) == 0) {
        return true;
    }
    /* who reads no more has read enough */
    if (errno != EPIPE) {
        perror("pgcachewatch: standard output");
        listening->code = PGCWI_EXIT_FAILURE;
    }
    return false;
}

/* Print what waits, if something does. False: that was the last. */
static bool
print_next(struct listening *listening, struct pgcw_subscription *subscription)
{
    struct pgcw_subscription_item item = PGCW_SUBSCRIPTION_ITEM_INIT;

    if (pgcw_subscription_next(subscription, 0, &item) != PGCW_OK) {
        return true;
    }
    if (item.kind == PGCW_ITEM_GAP) {
        print_gap(item.gap_reasons, listening->is_json);
        return flush_output(listening);
    }
    if (listening->is_json) {
        print_json(item.event);
    } else {
        print_text(item.event);
    }
    listening->printed_count++;
    return flush_output(listening) &&
           listening->printed_count != listening->count;
}

static void
tell_state(enum pgcw_listener_state state)
{
    fprintf(stderr, "pgcachewatch: %s\n", pgcw_listener_state_text(state));
}

static void
on_state(void *context, enum pgcw_listener_state state, const char *reason)
{
    struct listening *listening = context;
    bool is_first_live =
        state == PGCW_LISTENER_LIVE && !listening->has_been_live;

    if (is_first_live) {
        listening->has_been_live = true; /* told when it is subscribed */
    } else if (reason[0] == '\0') { /* with a reason it is logged as well */
        tell_state(state);
    }
}

static void
on_log(void *context, enum pgcw_log_level level, const char *line)
{
    (void)context;
    fprintf(stderr, "pgcachewatch: %s: %s\n", pgcw_log_level_text(level), line);
}

static int64_t
now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* For poll(); at most an hour, after which one looks again. */
static int
left_ms(int64_t deadline_ms)
{
    int64_t left = deadline_ms - now_ms();

    if (left <= 0) {
        return 0;
    }
    return left > 3600000 ? 3600000 : (int)left;
}

static void
print_until_end(struct listening *listening,
                struct pgcw_subscription *subscription, int signals)
{
    int64_t deadline_ms = listening->seconds == 0
                              ? INT64_MAX
                              : now_ms() + listening->seconds * INT64_C(1000);
    struct pollfd fds[] = {
        {.fd = signals, .events = POLLIN},
        {.fd = pgcw_subscription_fd(subscription), .events = POLLIN},
    };

    while (now_ms() < deadline_ms) {
        if (poll(fds, 2, left_ms(deadline_ms)) <= 0) {
            continue;
        }
        if (fds[0].revents != 0 || !print_next(listening, subscription)) {
            return;
        }
    }
}

static enum pgcw_status
subscribe(struct pgcw_listener *listener,
          struct pgcw_subscription **subscription, struct pgcw_error *error)
{
    struct pgcw_subscription_options options = PGCW_SUBSCRIPTION_OPTIONS_INIT;

    options.capacity = WAITING_EVENTS;
    return pgcw_subscription_open(listener, &options, subscription, error);
}

static int
listen_until_end(struct pgcw_listener_options *options,
                 struct listening *listening)
{
    struct pgcw_listener *listener = NULL;
    struct pgcw_subscription *subscription = NULL;
    struct pgcw_error error;
    int signals = pgcwi_signals_open(0);

    if (signals < 0) {
        return PGCWI_EXIT_FAILURE;
    }
    options->on_state = on_state;
    options->on_state_context = listening;
    options->log = on_log;
    if (pgcw_listener_open(options, &listener, &error) != PGCW_OK ||
        subscribe(listener, &subscription, &error) != PGCW_OK) {
        fprintf(stderr, "pgcachewatch: %s\n", error.detail);
        listening->code = PGCWI_EXIT_FAILURE;
    } else {
        tell_state(PGCW_LISTENER_LIVE);
        print_until_end(listening, subscription, signals);
    }
    pgcw_subscription_close(subscription);
    pgcw_listener_close(listener);
    (void)close(signals);
    return listening->code;
}

static int
connect_and_listen(const struct pgcwi_connection_options *server,
                   struct pgcw_listener_options *options,
                   struct listening *listening)
{
    char *dsn = pgcwi_connection_string(server);
    int code = PGCWI_EXIT_FAILURE;

    if (dsn != NULL) {
        options->dsn = dsn;
        code = listen_until_end(options, listening);
    }
    free(dsn);
    return code;
}

int
pgcwi_command_listen(int argc, char **argv)
{
    struct pgcw_listener_options listener = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcwi_connection_options server = {0};
    struct listening listening = {0};
    uint32_t max_latency_ms = 0;
    const char *transport = NULL;
    const struct pgcwi_option options[] = {
        {.name = "json",
         .help = "a JSON object a line",
         .flag = &listening.is_json},
        {.name = "count",
         .value = "N",
         .help = "end after N events",
         .number = &listening.count},
        {.name = "seconds",
         .value = "N",
         .help = "end after N seconds",
         .number = &listening.seconds},
        {.name = "max-latency",
         .value = "MS",
         .help = "warn of events heard so much later than they were sent",
         .number = &max_latency_ms},
        {.name = "channel-name",
         .value = "NAME",
         .text = &listener.channel,
         .help = "default " PGCW_DEFAULT_CHANNEL},
        PGCWI_TRANSPORT_OPTION(&transport),
        PGCWI_PUBLICATION_OPTION(&listener.publication),
        PGCWI_CONNECTION_OPTIONS(&server),
    };
    const struct pgcwi_command_line line = {
        .command = "listen",
        .usage = "[options]",
        .description =
            "Prints each event: when it was sent, what was done, to which "
            "table, and how long\n"
            "after that it was heard. The first is the start of the writer's "
            "transaction, by the\n"
            "server's clock. Where events may be missing it says why. Ends "
            "on Ctrl-C.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    size_t argument_count;
    int code = pgcwi_options_parse(&line, argc, argv, &argument_count);

    if (code == PGCWI_OPTIONS_PARSED) {
        code = pgcwi_transport_parse("listen", transport, &listener.transport);
    }
    if (code != PGCWI_OPTIONS_PARSED) {
        return code;
    }
    listener.max_latency_ms = max_latency_ms;
    return connect_and_listen(&server, &listener, &listening);
}
