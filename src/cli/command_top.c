/* SPDX-License-Identifier: MIT */
/* pgcachewatch top: what a running process does, live. */
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/metrics_text.h"
#include "cli/options.h"
#include "cli/signals.h"
#include "cli/top_json.h"
#include "cli/top_reader.h"
#include "cli/top_screen.h"
#include "cli/top_view.h"

/* A file has room for all columns. */
#define FILE_COLUMNS 100

#define MIN_INTERVAL 0.1
#define MAX_INTERVAL 3600.0

#define TIME_BYTES 64

struct top {
    const char *address;
    double interval_seconds;
    bool is_once;
    bool is_json;
    int signals;
    struct pgcwi_top_reader reader;
    struct pgcwi_frame *frame; /* of the screen */
};

/* --- what is shown --- */

/* For a person the time of day here, else the moment. */
static const char *
format_now(bool is_utc, char text[TIME_BYTES])
{
    time_t now = time(NULL);
    struct tm parts;

    if ((is_utc ? gmtime_r(&now, &parts) : localtime_r(&now, &parts)) == NULL ||
        strftime(text, TIME_BYTES, is_utc ? "%Y-%m-%dT%H:%M:%SZ" : "%H:%M:%S",
                 &parts) == 0) {
        return "?";
    }
    return text;
}

static struct pgcwi_top_view
view_of(const struct top *top, char time_text[TIME_BYTES])
{
    const struct pgcwi_top_reader *reader = &top->reader;
    struct pgcwi_top_view view = {
        .address = pgcwi_scrape_address(reader->scrape),
        .time = format_now(false, time_text),
        .model = reader->last == NULL ? NULL : reader->model,
    };

    view.failure = pgcwi_top_reader_failure(reader, &view.failure_seconds);
    return view;
}

/* False: it could not be written. Who reads no more has read enough. */
static bool
flush_output(int *code)
{
    if (fflush(stdout) == 0) {
        return true;
    }
    if (errno != EPIPE) {
        perror("pgcachewatch: standard output");
        *code = PGCWI_EXIT_FAILURE;
    }
    return false;
}

static size_t
columns_of_output(void)
{
    struct winsize size;

    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
               ? size.ws_col
               : FILE_COLUMNS;
}

/* Without the blanks at the ends of its lines. */
static void
print_frame(const struct pgcwi_frame *frame)
{
    for (size_t i = 0; i < frame->line_count; i++) {
        const struct pgcwi_frame_line *line = &frame->lines[i];
        size_t bytes = line->bytes;

        while (bytes > 0 && line->text[bytes - 1] == ' ') {
            bytes--;
        }
        printf("%.*s\n", (int)bytes, line->text);
    }
}

static int
print_once(const struct top *top)
{
    char time_text[TIME_BYTES];
    struct pgcwi_top_view view = view_of(top, time_text);
    struct pgcwi_frame *frame =
        pgcwi_frame_create(columns_of_output(), pgcwi_top_view_height(&view));

    if (frame == NULL) {
        fprintf(stderr, "pgcachewatch: no memory\n");
        return PGCWI_EXIT_FAILURE;
    }
    pgcwi_top_view_draw(&view, frame);
    print_frame(frame);
    pgcwi_frame_destroy(frame);
    return PGCWI_EXIT_OK;
}

static int
print_json(const struct top *top)
{
    char at[TIME_BYTES];

    (void)format_now(true, at);
    if (!(top->reader.reason[0] == '\0'
              ? pgcwi_top_json_print(stdout, at, top->reader.model)
              : pgcwi_top_json_print_failure(stdout, at, top->reader.reason))) {
        fprintf(stderr, "pgcachewatch: no memory\n");
        return PGCWI_EXIT_FAILURE;
    }
    return PGCWI_EXIT_OK;
}

/* --- without a screen --- */

/* Wait for news; PGCWI_TOP_NOTHING: a signal came. */
static enum pgcwi_top_news
next_news(struct top *top)
{
    const int fds[2] = {top->signals, -1};
    struct pollfd ends = {.fd = top->signals, .events = POLLIN};
    enum pgcwi_top_news news = PGCWI_TOP_NOTHING;

    while (news == PGCWI_TOP_NOTHING && poll(&ends, 1, 0) <= 0) {
        news = pgcwi_top_reader_wait(&top->reader, fds);
    }
    return news;
}

/* Two readings, as there are no rates before. */
static int
run_once(struct top *top)
{
    enum pgcwi_top_news news = next_news(top);

    if (news == PGCWI_TOP_READING) {
        news = next_news(top);
    }
    if (news == PGCWI_TOP_FAILURE) {
        fprintf(stderr, "pgcachewatch: %s: %s\n",
                pgcwi_scrape_address(top->reader.scrape), top->reader.reason);
    }
    if (news != PGCWI_TOP_READING) {
        return PGCWI_EXIT_FAILURE;
    }
    return top->is_json ? print_json(top) : print_once(top);
}

/* False: that was the last line. */
static bool
print_line(struct top *top, int *code)
{
    enum pgcwi_top_news news = next_news(top);

    if (news == PGCWI_TOP_NOTHING) {
        return false;
    }
    if (news == PGCWI_TOP_READING && top->reader.model->seconds <= 0) {
        return true; /* the first one: there are no rates yet */
    }
    *code = print_json(top);
    return flush_output(code) && *code == PGCWI_EXIT_OK;
}

static int
run_lines(struct top *top)
{
    int code = PGCWI_EXIT_OK;

    while (print_line(top, &code)) {
    }
    return code;
}

/* --- on a screen --- */

/* False: no memory for one so large. */
static bool
draw_screen(struct top *top)
{
    char time_text[TIME_BYTES];
    struct pgcwi_top_view view = view_of(top, time_text);
    size_t width;
    size_t height;

    pgcwi_top_screen_size(&width, &height);
    if (top->frame == NULL || top->frame->width != width ||
        top->frame->height != height) {
        pgcwi_frame_destroy(top->frame);
        top->frame = pgcwi_frame_create(width, height);
        if (top->frame == NULL) {
            return false;
        }
        if (strcmp(nl_langinfo(CODESET), "UTF-8") == 0) {
            top->frame->bar = "\xe2\x96\x88"; /* a full block */
        }
    }
    view.has_keys = true;
    pgcwi_top_view_draw(&view, top->frame);
    pgcwi_top_screen_draw(top->frame);
    return true;
}

/* False: that was the end. */
static bool
handle_signal(const struct top *top)
{
    if (pgcwi_signals_read(top->signals) != SIGWINCH) {
        return false;
    }
    pgcwi_top_screen_resize();
    return true;
}

static bool
handle_keys(void)
{
    int key = pgcwi_top_screen_key();

    while (key > 0 && key != 'q' && key != 'Q') {
        key = pgcwi_top_screen_key();
    }
    return key == 0;
}

/* Until there is something else to show, or somebody wants something. */
static void
wait_for_news(struct top *top, struct pollfd ready[2])
{
    const int fds[2] = {ready[0].fd, ready[1].fd};
    enum pgcwi_top_news news = PGCWI_TOP_NOTHING;
    const char *failure = NULL;
    double seconds;

    ready[0].revents = ready[1].revents = 0; /* poll() may be interrupted */
    /* of a failure is shown for how long already */
    while (poll(ready, 2, 0) <= 0 && news == PGCWI_TOP_NOTHING &&
           failure == NULL) {
        news = pgcwi_top_reader_wait(&top->reader, fds);
        failure = pgcwi_top_reader_failure(&top->reader, &seconds);
    }
}

/* Until the end is wanted. */
static int
show(struct top *top, int keys)
{
    struct pollfd ready[2] = {{.fd = top->signals, .events = POLLIN},
                              {.fd = keys, .events = POLLIN}};

    while (draw_screen(top)) {
        wait_for_news(top, ready);
        if ((ready[0].revents != 0 && !handle_signal(top)) ||
            (ready[1].revents != 0 && !handle_keys())) {
            return PGCWI_EXIT_OK;
        }
    }
    return PGCWI_EXIT_FAILURE;
}

static const char *
variable(const char *name)
{
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes it here */
    const char *value = getenv(name);

    return value == NULL ? "" : value;
}

static int
run_screen(struct top *top)
{
    int code;

    if (!pgcwi_top_screen_open(variable("NO_COLOR")[0] == '\0')) {
        fprintf(stderr,
                "pgcachewatch: the terminal \"%s\" is not known here: set "
                "TERM, or use --once\n",
                variable("TERM"));
        return PGCWI_EXIT_FAILURE;
    }
    code = show(top, isatty(STDIN_FILENO) == 1 ? STDIN_FILENO : -1);
    pgcwi_top_screen_close();
    if (code != PGCWI_EXIT_OK) {
        fprintf(stderr, "pgcachewatch: no memory for the screen\n");
    }
    pgcwi_frame_destroy(top->frame);
    return code;
}

/* --- the command line --- */

static bool
has_screen(void)
{
    const char *terminal = variable("TERM");

    return isatty(STDOUT_FILENO) == 1 && terminal[0] != '\0' &&
           strcmp(terminal, "dumb") != 0;
}

static int
run(struct top *top)
{
    /* Characters only: numbers are written and read as C has them. */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is no other thread yet */
    (void)setlocale(LC_CTYPE, "");
    if (top->is_once || (!top->is_json && !has_screen())) {
        return run_once(top);
    }
    return top->is_json ? run_lines(top) : run_screen(top);
}

static int
open_and_run(struct top *top)
{
    int code;

    top->signals = pgcwi_signals_open(SIGWINCH);
    if (top->signals < 0) {
        return PGCWI_EXIT_FAILURE;
    }
    if (pgcwi_top_reader_open(&top->reader, top->address,
                              (int64_t)(top->interval_seconds * 1e9))) {
        code = run(top);
    } else {
        code = pgcwi_usage_error("top", "%s", top->reader.reason);
    }
    pgcwi_top_reader_close(&top->reader);
    (void)close(top->signals);
    return code;
}

static bool
parse_interval(const char *text, double *seconds)
{
    return pgcwi_metrics_text_number(text, seconds) &&
           *seconds >= MIN_INTERVAL && *seconds <= MAX_INTERVAL;
}

int
pgcwi_command_top(int argc, char **argv)
{
    struct top top = {.interval_seconds = 1};
    const char *interval = "1";
    const struct pgcwi_option options[] = {
        {.name = "interval",
         .value = "SECONDS",
         .help = "between two readings; default 1",
         .text = &interval},
        {.name = "once",
         .help = "print it as text, and end; also if this is no terminal",
         .flag = &top.is_once},
        {.name = "json",
         .help = "a JSON object a line for each reading; one with --once",
         .flag = &top.is_json},
    };
    const struct pgcwi_command_line line = {
        .command = "top",
        .usage = "[options] ADDRESS",
        .description =
            "Shows live what a running process does: its listener, the rates "
            "of its caches, the\n"
            "events of each table and how late they came. It reads the "
            "metrics that the process\n"
            "tells Prometheus. ADDRESS is http://HOST:PORT/PATH, HOST:PORT, "
            "unix:/SOCKET or\n"
            "http+unix://%2FSOCKET/PATH; without a path it is /metrics. Ends "
            "on q or Ctrl-C.",
        .options = options,
        .option_count = sizeof options / sizeof options[0],
        .takes_arguments = true,
    };
    size_t argument_count;
    int code = pgcwi_options_parse(&line, argc, argv, &argument_count);

    if (code != PGCWI_OPTIONS_PARSED) {
        return code;
    }
    if (argument_count != 1) {
        return pgcwi_usage_error("top", "give the address of one process, "
                                        "as 127.0.0.1:8080");
    }
    if (!parse_interval(interval, &top.interval_seconds)) {
        return pgcwi_usage_error(
            "top", "--interval is 0.1 to 3600 seconds, not %s", interval);
    }
    top.address = argv[1];
    return open_and_run(&top);
}
