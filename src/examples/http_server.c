/* SPDX-License-Identifier: MIT */
/*
 * A threaded HTTP server whose reads come from memory, and are not stale.
 *
 *     http_server --create             the table, 1000 rows, the triggers
 *     http_server --port 8080
 *     curl localhost:8080/products/42
 *     curl -X PUT -d '{"name": "tea", "price": 9.99}' \
 *         localhost:8080/products/42
 *
 * GET answers from the cache, which has finished responses: nothing is built or
 * copied. What is not there is read by the thread's own connection. PUT writes
 * the row, and the next GET of this process sees it; other processes see it as
 * soon as the trigger has told them. /healthz says whether changes are heard,
 * /metrics has all counters for Prometheus, and / shows them to people. What is
 * in grafana.json shows them in Grafana.
 */
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include "http_handler.h"

#define IDLE_SECONDS 60u
/* libmicrohttpd clears as much for each request: 32 KiB, unless told. */
#define CONNECTION_BYTES ((size_t)8192)
#define DEFAULT_PORT 8080
#define MAX_THREADS 1024

struct settings {
    const char *dsn;
    unsigned int port;
    unsigned int threads;
    enum source source;
    bool creates;
};

static struct MHD_Daemon *
start_http(struct handler *handler, const struct settings *settings)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    const union MHD_DaemonInfo *bound = NULL;
    struct MHD_Daemon *http = NULL;

    address.sin_port = htons((uint16_t)settings->port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    http = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG,
        (uint16_t)settings->port, NULL, NULL, handler_answer, handler,
        MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address,
        MHD_OPTION_THREAD_POOL_SIZE,
        settings->threads > 1 ? settings->threads : 0u,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_BYTES,
        MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS,
        MHD_OPTION_NOTIFY_COMPLETED, handler_end, NULL, MHD_OPTION_END);
    if (http == NULL) {
        fprintf(stderr, "http_server: cannot listen on port %u\n",
                settings->port);
        return NULL;
    }
    bound = MHD_get_daemon_info(http, MHD_DAEMON_INFO_BIND_PORT);
    printf("http://127.0.0.1:%u\n", (unsigned int)bound->port);
    fflush(stdout);
    return http;
}

static bool
complain(enum pgcw_status status, const struct pgcw_error *error)
{
    fprintf(stderr, "http_server: %s\n",
            error->detail[0] != '\0' ? error->detail
                                     : pgcw_status_text(status));
    return false;
}

static bool
open_source(struct handler *handler, const struct settings *settings)
{
    struct pgcw_error error = {.detail = ""};
    enum pgcw_status status = PGCW_OK;

    if (handler->source == FROM_CONSTANT) {
        handler->constant = handler_make_constant();
        status = handler->constant != NULL ? PGCW_OK : PGCW_NO_MEMORY;
    } else {
        status = products_open(&handler->products, settings->dsn,
                               handler->source == FROM_CACHE, &error);
    }
    return status == PGCW_OK || complain(status, &error);
}

static void
close_source(struct handler *handler)
{
    if (handler->source == FROM_CONSTANT) {
        MHD_destroy_response(handler->constant);
    } else {
        products_close(&handler->products);
    }
}

/* Until SIGINT or SIGTERM. */
static bool
serve(const struct settings *settings)
{
    struct handler handler = {.source = settings->source};
    struct MHD_Daemon *http = NULL;
    sigset_t ends;
    int number = 0;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ends, NULL); /* in all threads to come */
    if (!open_source(&handler, settings)) {
        return false;
    }
    http = start_http(&handler, settings);
    if (http != NULL) {
        sigwait(&ends, &number);
        MHD_stop_daemon(http); /* its threads end, its pins are released */
    }
    close_source(&handler);
    return http != NULL;
}

static void
print_usage(FILE *out)
{
    fputs("usage: http_server [OPTION]...\n"
          "  --port N        on 127.0.0.1; 0: any that is free (8080)\n"
          "  --threads N     that serve requests (one a processor)\n"
          "  --dsn DSN       of PostgreSQL (the PG* environment)\n"
          "  --create        make table, rows and triggers, and end\n"
          "  --no-cache      read the database for each GET\n"
          "  --constant      answer each GET of a product with a constant\n"
          "  --help\n",
          out);
}

static bool
parse_number(const char *text, unsigned int max, unsigned int *number)
{
    char *end = NULL;
    unsigned long parsed = strtoul(text, &end, 10);

    *number = (unsigned int)parsed;
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && parsed <= max;
}

/* @return 0 or the code to exit with; -1: go on */
static int
parse(int argc, char **argv, struct settings *settings)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"threads", required_argument, NULL, 't'},
        {"dsn", required_argument, NULL, 'd'},
        {"create", no_argument, NULL, 'c'},
        {"no-cache", no_argument, NULL, 'n'},
        {"constant", no_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    bool is_right = true;
    int found = 0;

    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
    /* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread yet */
    while ((found = getopt_long(argc, argv, "", known, NULL)) != -1 &&
           is_right) {
        switch (found) {
        case 'p':
            is_right = parse_number(optarg, UINT16_MAX, &settings->port);
            break;
        case 't':
            is_right = parse_number(optarg, MAX_THREADS, &settings->threads) &&
                       settings->threads > 0;
            break;
        case 'd':
            settings->dsn = optarg;
            break;
        case 'c':
            settings->creates = true;
            break;
        case 'n':
            settings->source = FROM_DATABASE;
            break;
        case 'k':
            settings->source = FROM_CONSTANT;
            break;
        case 'h':
            print_usage(stdout);
            return EXIT_SUCCESS;
        default:
            is_right = false;
        }
    }
    if (!is_right || optind < argc) {
        print_usage(stderr);
        return 2;
    }
    return -1;
}

int
main(int argc, char **argv)
{
    struct settings settings = {.dsn = "", .port = DEFAULT_PORT};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    int code = 0;

    settings.threads = processors > 0 ? (unsigned int)processors : 1;
    code = parse(argc, argv, &settings);
    if (code >= 0) {
        return code;
    }
    if (settings.creates) {
        struct pgcw_error error = {.detail = ""};
        enum pgcw_status status = products_create(settings.dsn, &error);
        return status == PGCW_OK || complain(status, &error) ? EXIT_SUCCESS
                                                             : EXIT_FAILURE;
    }
    return serve(&settings) ? EXIT_SUCCESS : EXIT_FAILURE;
}
