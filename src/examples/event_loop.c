/* SPDX-License-Identifier: MIT */
/*
 * A server with one thread that never waits: libuv, asynchronous libpq, leases.
 *
 *     http_server --create             the table and its triggers
 *     event_loop 8081
 *     printf '42\n7\n' | nc -N localhost 8081
 *
 * A line is the id of a product; the answer is a line with the id and the
 * product, as they are found. pgcw_cache_acquire() says at once what to do:
 * answer; load; or wait for another's load. Loads go down one connection
 * (libpq's pipeline mode). Who waited asks again: it may have been overtaken.
 */
#include <ctype.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <pgcachewatch/pgcachewatch.h>
#include <uv.h>

#include "event_database.h"

#define ID_DIGITS 18             /* fits into a bigint, whatever the digits */
#define ID_BYTES (ID_DIGITS + 2) /* one too long, and the NUL */
#define MAX_LOADS 64
#define MAX_UNANSWERED 100 /* of a client; then no more is read from it */
#define READ_BYTES 4096
#define BACKLOG 128
#define ABSENT_TTL_MS 60000
#define DEFAULT_PORT "8081"

static const char sql[] = "SELECT row_to_json(p) FROM public.products p"
                          " WHERE id = $1";

struct client {
    uv_tcp_t tcp;
    unsigned int unanswered;
    bool is_ended; /* nothing is read any more; answers may be due */
    size_t size;
    char line[ID_BYTES];
};

struct request {
    struct request *next;
    struct client *client;
    char id[ID_BYTES];
};

struct requests {
    struct request *first;
    struct request **end;
};

/* Loads were sent in the order of the list; so their results come. */
struct load {
    struct load *next;
    struct pgcw_lease *lease;
    struct request *request;
    struct requests waiting;
};

struct reply {
    uv_write_t write;
    char text[];
};

/* There is one thread, so there are no locks. */
static struct server {
    uv_loop_t loop;
    uv_tcp_t door;
    uv_signal_t interrupt, terminate;
    bool is_open; /* for clients */
    struct pgcw_listener *listener;
    struct pgcw_cache *cache;
    struct pgcw_buffer value;
    struct event_database database;
    struct load *loads, **loads_end;
    struct requests waiting; /* for one of MAX_LOADS */
} server;

static void ask(struct request *request);

/* --- requests and clients --- */

static void
append(struct requests *list, struct request *request)
{
    if (list->first == NULL) {
        list->end = &list->first;
    }
    request->next = NULL;
    *list->end = request;
    list->end = &request->next;
}

static struct request *
take(struct requests *list)
{
    struct request *request = list->first;

    if (request != NULL) {
        list->first = request->next;
    }
    return request;
}

static void
client_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void
close_client(struct client *client)
{
    if (!uv_is_closing((uv_handle_t *)&client->tcp)) {
        uv_close((uv_handle_t *)&client->tcp, client_closed);
    }
}

/* It is closed when it has all its answers. */
static void
end_client(struct client *client)
{
    client->is_ended = true;
    uv_read_stop((uv_stream_t *)&client->tcp);
    if (client->unanswered == 0) {
        close_client(client);
    }
}

static void
request_done(struct client *client)
{
    client->unanswered--;
    if (client->is_ended) {
        end_client(client);
    }
}

static void
make_room(uv_handle_t *handle, size_t wish, uv_buf_t *room)
{
    static char bytes[READ_BYTES]; /* used up before the next is read */

    (void)handle;
    (void)wish;
    *room = uv_buf_init(bytes, sizeof(bytes));
}

static void take_bytes(uv_stream_t *stream, ssize_t size, const uv_buf_t *read);

/* An answer counts as such when it is written, so that a client that does not
 * read is not read from. */
static void
reply_written(uv_write_t *write, int result)
{
    struct client *client = write->data;

    (void)result; /* if it is broken, reading says so as well */
    request_done(client);
    if (!client->is_ended && client->unanswered < MAX_UNANSWERED) {
        uv_read_start((uv_stream_t *)&client->tcp, make_room, take_bytes);
    }
    free(write);
}

/* The end of a request: a line with its id and what was found. */
static void
answer(struct request *request, const void *text, size_t size)
{
    struct client *client = request->client;
    size_t id_size = strlen(request->id);
    struct reply *reply = malloc(sizeof(*reply) + id_size + size + 2);
    int result = UV_ENOMEM;

    if (reply != NULL) {
        uv_buf_t line =
            uv_buf_init(reply->text, (unsigned int)(id_size + size + 2));
        memcpy(reply->text, request->id, id_size);
        reply->text[id_size] = ' ';
        memcpy(reply->text + id_size + 1, text, size);
        reply->text[id_size + 1 + size] = '\n';
        reply->write.data = client;
        result = uv_write(&reply->write, (uv_stream_t *)&client->tcp, &line, 1,
                          reply_written);
    }
    if (result != 0) {
        free(reply);
        client->is_ended = true;
        request_done(client);
    }
    free(request);
}

static void
answer_text(struct request *request, const char *text)
{
    answer(request, text, strlen(text));
}

/* The id is as PostgreSQL writes it, and so the key of an event: no 042. */
static bool
is_id(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits >= 1 && digits <= ID_DIGITS && text[digits] == '\0' &&
           (text[0] != '0' || digits == 1);
}

static bool
take_line(struct client *client)
{
    struct request *request = calloc(1, sizeof(*request));

    if (request == NULL) {
        return false;
    }
    memcpy(request->id, client->line, client->size);
    client->size = 0;
    request->client = client;
    client->unanswered++;
    if (is_id(request->id)) {
        ask(request);
    } else {
        answer_text(request, "is no id");
    }
    return true;
}

static void
take_bytes(uv_stream_t *stream, ssize_t size, const uv_buf_t *read)
{
    struct client *client = stream->data;
    bool is_right = size >= 0; /* else the end, or an error */

    for (ssize_t i = 0; is_right && i < size; i++) {
        if (read->base[i] == '\n') {
            is_right = take_line(client);
        } else if (client->size < ID_BYTES - 1) {
            client->line[client->size++] = read->base[i];
        } else {
            is_right = false;
        }
    }
    if (!is_right) {
        end_client(client);
    } else if (client->unanswered >= MAX_UNANSWERED) {
        uv_read_stop(stream);
    }
}

static void
client_came(uv_stream_t *door, int result)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL || result != 0) {
        free(client);
        return;
    }
    uv_tcp_init(&server.loop, &client->tcp);
    client->tcp.data = client;
    if (uv_accept(door, (uv_stream_t *)&client->tcp) != 0 ||
        uv_read_start((uv_stream_t *)&client->tcp, make_room, take_bytes) !=
            0) {
        end_client(client);
    }
}

/* --- the cache and the loads --- */

static event_result_fn finish_load;

/* Send a load; it begins after the lease was taken, as it must. */
static void
start_load(struct request *request, struct pgcw_lease *lease)
{
    struct load *load = calloc(1, sizeof(*load));

    if (load == NULL || !event_database_send(&server.database, sql, request->id,
                                             finish_load, load)) {
        free(load);
        pgcw_lease_abandon(lease);
        answer_text(request, "error: the database is away");
        return;
    }
    load->lease = lease;
    load->request = request;
    *server.loads_end = load;
    server.loads_end = &load->next;
}

/* Who is told that a key is busy waits for the load of it, or, if there is
 * none, for one of the MAX_LOADS to end. */
static void
wait_for_load(struct request *request)
{
    struct load *load = server.loads;

    while (load != NULL && strcmp(load->request->id, request->id) != 0) {
        load = load->next;
    }
    append(load != NULL ? &load->waiting : &server.waiting, request);
}

/* [event loop] */
static void
ask(struct request *request)
{
    struct pgcw_bytes key = {request->id, strlen(request->id)};
    struct pgcw_lease *lease = NULL;
    enum pgcw_status status =
        pgcw_cache_acquire(server.cache, key, &server.value, &lease);

    if (status == PGCW_OK) {
        answer(request, server.value.data, server.value.size);
    } else if (status == PGCW_NOT_FOUND) {
        answer_text(request, "not found");
    } else if (status == PGCW_LEASED) {
        start_load(request, lease);
    } else if (status == PGCW_BUSY && server.loads != NULL) {
        wait_for_load(request);
    } else {
        answer_text(request, "error: try again");
    }
}
/* [event loop] */

/* Fill the lease, or give it back; and answer. */
static void
use_result(struct load *load, const PGresult *result)
{
    struct pgcw_fill_options options = PGCW_FILL_OPTIONS_INIT;
    struct pgcw_bytes value = {"not found", strlen("not found")};
    struct pgcw_tag row = {"public", "products", {NULL, 0}};

    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        pgcw_lease_abandon(load->lease);
        answer_text(load->request, "error: the database refused");
        return;
    }
    row.key.data = load->request->id;
    row.key.size = strlen(load->request->id);
    options.tags = &row;
    options.tag_count = 1;
    options.is_absent = PQntuples(result) == 0;
    if (!options.is_absent) {
        value.data = PQgetvalue(result, 0, 0);
        value.size = (size_t)PQgetlength(result, 0, 0);
    }
    pgcw_lease_fill(load->lease, value, &options);
    answer(load->request, value.data, value.size);
}

static void
finish_load(void *context, const PGresult *result)
{
    struct load *load = context; /* the oldest */
    struct request *request = NULL;

    server.loads = load->next;
    if (server.loads == NULL) {
        server.loads_end = &server.loads;
    }
    use_result(load, result);
    while ((request = take(&load->waiting)) != NULL) {
        ask(request);
    }
    free(load);
    /* its place is free for another; or nobody would wake those who wait */
    do {
        request = take(&server.waiting);
        if (request != NULL) {
            ask(request);
        }
    } while (request != NULL && server.loads == NULL);
}

/* --- start and end --- */

static void
close_handle(uv_handle_t *handle, void *context)
{
    (void)context;
    if (handle->type == UV_TCP && handle->data != NULL) {
        close_client(handle->data);
    } else if (!uv_is_closing(handle)) {
        uv_close(handle, NULL);
    }
}

/* uv_run() returns when all is closed. */
static void
stop(uv_signal_t *signal, int number)
{
    (void)signal;
    (void)number;
    event_database_stop(&server.database);
    uv_walk(&server.loop, close_handle, NULL);
}

/* When the database is there for the first time. */
static void
open_door(void)
{
    struct sockaddr_storage address;
    int size = sizeof(address);

    if (server.is_open) {
        return;
    }
    if (uv_listen((uv_stream_t *)&server.door, BACKLOG, client_came) == 0 &&
        uv_tcp_getsockname(&server.door, (struct sockaddr *)&address, &size) ==
            0) {
        printf("127.0.0.1 %u\n",
               ntohs(((struct sockaddr_in *)&address)->sin_port));
        fflush(stdout);
        server.is_open = true;
    } else {
        fprintf(stderr, "event_loop: cannot listen on this port\n");
        stop(NULL, 0);
    }
}

static bool
open_cache(void)
{
    struct pgcw_listener_options listening = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_cache_options caching = PGCW_CACHE_OPTIONS_INIT;
    struct pgcw_error error = {.detail = ""};

    listening.open_in_background = 1;
    caching.absent_ttl_ms = ABSENT_TTL_MS;
    caching.max_loads = MAX_LOADS;
    if (pgcw_listener_open(&listening, &server.listener, &error) != PGCW_OK ||
        pgcw_cache_create(server.listener, &caching, &server.cache, &error) !=
            PGCW_OK) {
        fprintf(stderr, "event_loop: %s\n", error.detail);
        return false;
    }
    return true;
}

static bool
serve(int port)
{
    struct sockaddr_in address;
    int result = 0;

    if (uv_loop_init(&server.loop) != 0) {
        return false;
    }
    server.loads_end = &server.loads;
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_tcp_init(&server.loop, &server.door);
    uv_signal_init(&server.loop, &server.interrupt);
    uv_signal_init(&server.loop, &server.terminate);
    uv_signal_start(&server.interrupt, stop, SIGINT);
    uv_signal_start(&server.terminate, stop, SIGTERM);
    result = uv_tcp_bind(&server.door, (struct sockaddr *)&address, 0);
    if (result != 0) {
        fprintf(stderr, "event_loop: port %d: %s\n", port, uv_strerror(result));
        stop(NULL, 0);
    } else {
        event_database_start(&server.database, &server.loop, "", open_door);
    }
    uv_run(&server.loop, UV_RUN_DEFAULT);
    uv_loop_close(&server.loop);
    return server.is_open;
}

int
main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : DEFAULT_PORT;
    char *end = NULL;
    unsigned long port = strtoul(text, &end, 10);
    bool is_right = false;

    if (argc > 2 || !isdigit((unsigned char)text[0]) || *end != '\0' ||
        port > UINT16_MAX) {
        fputs("usage: event_loop [PORT]\n"
              "  on 127.0.0.1; 0: any that is free (" DEFAULT_PORT ")\n"
              "  PostgreSQL is found by the PG* environment\n",
              stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    is_right = open_cache() && serve((int)port);
    pgcw_cache_destroy(server.cache);
    pgcw_listener_close(server.listener);
    pgcw_buffer_free(&server.value);
    return is_right ? EXIT_SUCCESS : EXIT_FAILURE;
}
