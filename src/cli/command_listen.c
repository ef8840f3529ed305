/* SPDX-License-Identifier: MIT */
/* pgcachewatch listen: prints events as they come. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <jansson.h>

#include <pgcachewatch/event.h>
#include <pgcachewatch/listener.h>

#include "cli/command.h"
#include "cli/connection.h"
#include "cli/options.h"

/* How a callback tells the main thread, which waits for signals, to end. */
#define SIGNAL_TO_END SIGUSR1

#define US_PER_SECOND INT64_C(1000000)
#define TIME_BYTES 64
#define KEYS_SHOWN 5

struct listening {
    /* immutable after start */
    bool is_json;
    uint32_t count; /* 0: no end */
    /* owned by on_event, which runs once at a time */
    uint32_t printed_count;
    bool is_ended;
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

/* Blocked everywhere but in the wait of the main thread. */
static void
end(struct listening *listening, int code)
{
    listening->is_ended = true;
    listening->code = code;
    (void)kill(getpid(), SIGNAL_TO_END);
}

static void
on_event(void *context, const struct pgcw_event *event)
{
    struct listening *listening = context;

    if (listening->is_ended) {
        return;
    }
    if (listening->is_json) {
        print_json(event);
    } else {
        print_text(event);
    }
    if (fflush(stdout) != 0) {
        /* who reads no more has read enough */
        bool is_closed = errno == EPIPE;

        if (!is_closed) {
            perror("pgcachewatch: standard output");
        }
        end(listening, is_closed ? PGCWI_EXIT_OK : PGCWI_EXIT_FAILURE);
        return;
    }
    listening->printed_count++;
    if (listening->printed_count == listening->count) {
        end(listening, PGCWI_EXIT_OK);
    }
}

static void
on_state(void *context, enum pgcw_listener_state state, const char *reason)
{
    (void)context;
    if (reason[0] == '\0') { /* with a reason it is logged as well */
        fprintf(stderr, "pgcachewatch: %s\n", pgcw_listener_state_text(state));
    }
}

static void
on_log(void *context, enum pgcw_log_level level, const char *line)
{
    (void)context;
    fprintf(stderr, "pgcachewatch: %s: %s\n", pgcw_log_level_text(level), line);
}

/* In the main thread, before there are others, which inherit it. */
static void
block_signals(sigset_t *ends)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};

    sigemptyset(ends);
    sigaddset(ends, SIGINT);
    sigaddset(ends, SIGTERM);
    sigaddset(ends, SIGHUP);
    sigaddset(ends, SIGNAL_TO_END);
    (void)pthread_sigmask(SIG_BLOCK, ends, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

/* `seconds` 0: no end. */
static void
wait_for_end(const sigset_t *ends, uint32_t seconds)
{
    struct timespec now;
    time_t deadline;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    deadline = now.tv_sec + (time_t)seconds;
    for (;;) {
        struct timespec left = {.tv_sec = 3600};

        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        if (seconds != 0 && deadline <= now.tv_sec) {
            return;
        }
        if (seconds != 0) {
            left.tv_sec = deadline - now.tv_sec;
        }
        if (sigtimedwait(ends, NULL, &left) > 0) {
            return;
        }
    }
}

static int
listen_until_end(struct pgcw_listener_options *options,
                 struct listening *listening, uint32_t seconds)
{
    struct pgcw_listener *listener;
    struct pgcw_error error;
    sigset_t ends;

    options->on_event = on_event;
    options->on_event_context = listening;
    options->on_state = on_state;
    options->log = on_log;
    block_signals(&ends);
    if (pgcw_listener_open(options, &listener, &error) != PGCW_OK) {
        fprintf(stderr, "pgcachewatch: %s\n", error.detail);
        return PGCWI_EXIT_FAILURE;
    }
    wait_for_end(&ends, seconds);
    pgcw_listener_close(listener);
    return listening->code;
}

int
pgcwi_command_listen(int argc, char **argv)
{
    struct pgcw_listener_options listener = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcwi_connection_options server = {0};
    struct listening listening = {0};
    uint32_t seconds = 0;
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
         .number = &seconds},
        {.name = "channel-name",
         .value = "NAME",
         .text = &listener.channel,
         .help = "default " PGCW_DEFAULT_CHANNEL},
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
            "server's clock. Ends on Ctrl-C.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
    };
    size_t argument_count;
    char *dsn;
    int code = pgcwi_options_parse(&line, argc, argv, &argument_count);

    if (code != PGCWI_OPTIONS_PARSED) {
        return code;
    }
    dsn = pgcwi_connection_string(&server);
    if (dsn == NULL) {
        return PGCWI_EXIT_FAILURE;
    }
    listener.dsn = dsn;
    code = listen_until_end(&listener, &listening, seconds);
    free(dsn);
    return code;
}
