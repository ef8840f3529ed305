/* SPDX-License-Identifier: MIT */
#include "support/fault_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "support/fault_link.h"

#define LINK_MAX 32
#define NOTIFICATION 'A'
#define NO_NEWS SIZE_MAX

struct fault_proxy {
    /* immutable after start */
    pthread_t thread;
    int listening;
    int wake[2];
    char dsn[128];
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t obeyed;
    enum fault_proxy_mode mode;
    uint32_t delay_ms;
    const char *folder; /* NULL: of PGHOST */
    size_t end_after_bytes;
    bool shall_cut;
    bool shall_end;
    bool shall_stop;
    uint64_t orders_given;
    uint64_t orders_obeyed;
    /* owned by the thread */
    size_t link_count;
    struct fault_link *links[LINK_MAX];
    enum fault_proxy_mode mode_now;
    uint64_t delay_ticks;
    uint64_t last_tick; /* of slow lines */
    const char *folder_now;
    size_t bytes_left; /* from servers, until all is ended; 0: without end */
};

static int
dial_server(const struct fault_proxy *proxy)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    bool is_told = proxy->folder_now != NULL;
    const char *folder = is_told ? proxy->folder_now : getenv("PGHOST");
    const char *port = is_told ? NULL : getenv("PGPORT");
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/.s.PGSQL.%s",
                   folder != NULL ? folder : "", port != NULL ? port : "5432");
    if (fd >= 0 &&
        connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

static void
end_link(struct fault_proxy *proxy, size_t i, bool is_orderly)
{
    fault_link_end(proxy->links[i], is_orderly);
    proxy->link_count--;
    proxy->links[i] = proxy->links[proxy->link_count];
}

static void
end_all(struct fault_proxy *proxy, bool is_orderly)
{
    while (proxy->link_count > 0) {
        end_link(proxy, 0, is_orderly);
    }
}

static void
accept_link(struct fault_proxy *proxy)
{
    int client = accept(proxy->listening, NULL, NULL);

    const int on = 1;

    if (client < 0) {
        return;
    }
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    int server =
        proxy->mode_now != FAULT_PROXY_REFUSE && proxy->link_count < LINK_MAX
            ? dial_server(proxy)
            : -1;
    if (server < 0) {
        fault_link_reset(client);
        return;
    }
    struct fault_link *link = fault_link_create(client, server);
    if (link == NULL) {
        return;
    }
    link->is_swallowed = proxy->mode_now == FAULT_PROXY_SWALLOW;
    proxy->links[proxy->link_count] = link;
    proxy->link_count++;
}

/* False if it was the last, or cannot be sent. */
static bool
send_to_client(struct fault_proxy *proxy, const struct fault_link *link,
               const unsigned char *bytes, size_t count)
{
    if (proxy->bytes_left > 0 && proxy->bytes_left <= count) {
        (void)fault_link_send(link->client, bytes, proxy->bytes_left);
        proxy->bytes_left = 0;
        return false;
    }
    if (proxy->bytes_left > 0) {
        proxy->bytes_left -= count;
    }
    return proxy->mode_now == FAULT_PROXY_DRIBBLE
               ? fault_link_send_slowly(link->client, bytes, count)
               : fault_link_send(link->client, bytes, count);
}

static bool
forward_from_server(struct fault_proxy *proxy, struct fault_link *link,
                    size_t limit)
{
    size_t done = 0;
    size_t whole;

    if (!fault_link_take(link, limit)) {
        return false;
    }
    while ((whole = fault_link_message_bytes(link->held + done,
                                             link->held_bytes - done)) > 0) {
        bool is_swallowed = proxy->mode_now == FAULT_PROXY_DEAF &&
                            link->held[done] == NOTIFICATION;

        if (!is_swallowed &&
            !send_to_client(proxy, link, link->held + done, whole)) {
            return false;
        }
        done += whole;
    }
    return fault_link_drop_held(link, done);
}

static void
serve_links(struct fault_proxy *proxy, const struct pollfd *polled)
{
    for (size_t i = proxy->link_count; i-- > 0;) {
        struct fault_link *link = proxy->links[i];
        bool is_to_end = proxy->bytes_left > 0;
        bool is_well = true;

        if (polled[2 * i].revents != 0) {
            is_well = link->is_swallowed ? fault_link_swallow(link->client)
                                         : fault_link_forward_from_client(link);
        }
        if (is_well && polled[2 * i + 1].revents != 0) {
            is_well = link->is_swallowed
                          ? fault_link_swallow(link->server)
                          : forward_from_server(proxy, link, SIZE_MAX);
        }
        bool is_ended = is_to_end && proxy->bytes_left == 0;
        if (!is_well) {
            end_link(proxy, i, is_ended);
        }
    }
}

static uint64_t
tick_now(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return ((uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000) /
           FAULT_LINK_TICK_MS;
}

static void
serve_slow_links(struct fault_proxy *proxy)
{
    uint64_t now = tick_now();

    for (size_t i = proxy->link_count; i-- > 0;) {
        struct fault_link *link = proxy->links[i];
        size_t due =
            fault_link_tick(link, proxy->last_tick, now, proxy->delay_ticks);

        if (due > 0 && !link->is_swallowed &&
            !forward_from_server(proxy, link, due)) {
            end_link(proxy, i, false);
        }
    }
    proxy->last_tick = now;
}

static void
begin_slow(struct fault_proxy *proxy)
{
    proxy->last_tick = tick_now();
    for (size_t i = 0; i < proxy->link_count; i++) {
        fault_link_begin_slow(proxy->links[i]);
    }
}

/* Take the orders that were given; false if one is to stop. */
static bool
obey(struct fault_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    bool shall_stop = proxy->shall_stop;
    if (proxy->shall_cut || proxy->shall_end || shall_stop) {
        end_all(proxy, proxy->shall_end);
        proxy->shall_cut = false;
        proxy->shall_end = false;
    }
    if (proxy->mode == FAULT_PROXY_SLOW &&
        proxy->mode_now != FAULT_PROXY_SLOW) {
        begin_slow(proxy);
    }
    proxy->mode_now = proxy->mode;
    proxy->delay_ticks = proxy->delay_ms / FAULT_LINK_TICK_MS;
    proxy->folder_now = proxy->folder;
    if (proxy->end_after_bytes != NO_NEWS) {
        proxy->bytes_left = proxy->end_after_bytes;
        proxy->end_after_bytes = NO_NEWS;
    }
    for (size_t i = 0; i < proxy->link_count; i++) {
        proxy->links[i]->is_swallowed |= proxy->mode_now == FAULT_PROXY_SWALLOW;
    }
    proxy->orders_obeyed = proxy->orders_given;
    pthread_cond_broadcast(&proxy->obeyed);
    pthread_mutex_unlock(&proxy->lock);
    return !shall_stop;
}

static void
wait_and_serve(struct fault_proxy *proxy)
{
    struct pollfd polled[2 + 2 * LINK_MAX] = {
        {.fd = proxy->wake[0], .events = POLLIN},
        {.fd = proxy->listening, .events = POLLIN},
    };
    bool is_stalled = proxy->mode_now == FAULT_PROXY_STALL;
    bool is_half = is_stalled || proxy->mode_now == FAULT_PROXY_STALL_ANSWERS;
    bool is_slow = proxy->mode_now == FAULT_PROXY_SLOW;
    char byte;

    for (size_t i = 0; i < proxy->link_count; i++) {
        const struct fault_link *link = proxy->links[i];
        bool is_mute =
            is_stalled ||
            (link->is_begun && proxy->mode_now == FAULT_PROXY_STALL_COMMANDS);

        polled[2 + 2 * i].fd = is_mute ? -1 : link->client;
        polled[2 + 2 * i].events = POLLIN;
        polled[3 + 2 * i].fd = is_half || is_slow ? -1 : link->server;
        polled[3 + 2 * i].events = POLLIN;
    }
    if (poll(polled, 2 + 2 * proxy->link_count,
             is_slow ? FAULT_LINK_TICK_MS : -1) < 0) {
        return;
    }
    if (polled[0].revents != 0) {
        (void)!read(proxy->wake[0], &byte, 1);
        return; /* the order first: it is in force when the giver goes on */
    }
    serve_links(proxy, polled + 2);
    if (is_slow) {
        serve_slow_links(proxy);
    }
    if (polled[1].revents != 0) {
        accept_link(proxy);
    }
}

static void *
run(void *context)
{
    struct fault_proxy *proxy = context;

    while (obey(proxy)) {
        wait_and_serve(proxy);
    }
    return NULL;
}

static bool
listen_on_loopback(struct fault_proxy *proxy)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t address_bytes = sizeof(address);

    proxy->listening = socket(AF_INET, SOCK_STREAM, 0);
    if (proxy->listening < 0 ||
        bind(proxy->listening, (struct sockaddr *)&address, address_bytes) !=
            0 ||
        listen(proxy->listening, LINK_MAX) != 0 ||
        getsockname(proxy->listening, (struct sockaddr *)&address,
                    &address_bytes) != 0) {
        return false;
    }
    (void)snprintf(proxy->dsn, sizeof(proxy->dsn),
                   "host=127.0.0.1 port=%u sslmode=disable gssencmode=disable",
                   (unsigned)ntohs(address.sin_port));
    return true;
}

static void
release(struct fault_proxy *proxy)
{
    if (proxy->listening >= 0) {
        close(proxy->listening);
    }
    if (proxy->wake[0] >= 0) {
        close(proxy->wake[0]);
        close(proxy->wake[1]);
    }
    pthread_cond_destroy(&proxy->obeyed);
    pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

struct fault_proxy *
fault_proxy_start(enum fault_proxy_mode mode)
{
    struct fault_proxy *proxy = calloc(1, sizeof(*proxy));

    if (proxy == NULL) {
        return NULL;
    }
    proxy->mode = mode;
    proxy->end_after_bytes = NO_NEWS;
    proxy->listening = -1;
    proxy->wake[0] = -1;
    pthread_mutex_init(&proxy->lock, NULL);
    pthread_cond_init(&proxy->obeyed, NULL);
    if (!listen_on_loopback(proxy) || pipe(proxy->wake) != 0 ||
        pthread_create(&proxy->thread, NULL, run, proxy) != 0) {
        release(proxy);
        return NULL;
    }
    return proxy;
}

/* Gives up the lock when the order is in force. */
static void
order(struct fault_proxy *proxy)
{
    proxy->orders_given++;
    uint64_t ours = proxy->orders_given;
    (void)!write(proxy->wake[1], "", 1);
    while (proxy->orders_obeyed < ours) {
        pthread_cond_wait(&proxy->obeyed, &proxy->lock);
    }
    pthread_mutex_unlock(&proxy->lock);
}

void
fault_proxy_stop(struct fault_proxy *proxy)
{
    if (proxy == NULL) {
        return;
    }
    pthread_mutex_lock(&proxy->lock);
    proxy->shall_stop = true;
    order(proxy);
    pthread_join(proxy->thread, NULL);
    release(proxy);
}

const char *
fault_proxy_dsn(const struct fault_proxy *proxy)
{
    return proxy->dsn;
}

void
fault_proxy_set_mode(struct fault_proxy *proxy, enum fault_proxy_mode mode)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->mode = mode;
    order(proxy);
}

void
fault_proxy_set_slow(struct fault_proxy *proxy, uint32_t delay_ms)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->delay_ms = delay_ms;
    proxy->mode = FAULT_PROXY_SLOW;
    order(proxy);
}

void
fault_proxy_cut(struct fault_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->shall_cut = true;
    order(proxy);
}

void
fault_proxy_end(struct fault_proxy *proxy)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->shall_end = true;
    order(proxy);
}

void
fault_proxy_end_after(struct fault_proxy *proxy, size_t bytes)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->end_after_bytes = bytes;
    order(proxy);
}

void
fault_proxy_set_target(struct fault_proxy *proxy, const char *folder)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->folder = folder;
    order(proxy);
}
