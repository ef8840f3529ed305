/* SPDX-License-Identifier: MIT */
#define _DEFAULT_SOURCE /* FIONREAD */
#include "support/fault_link.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_HEAD_BYTES 5 /* a type, and a length that counts itself */

void
fault_link_reset(int fd)
{
    struct linger no_time = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &no_time, sizeof(no_time));
    close(fd);
}

struct fault_link *
fault_link_create(int client, int server)
{
    struct fault_link *link = calloc(1, sizeof(*link));

    if (link == NULL) {
        fault_link_reset(client);
        close(server);
        return NULL;
    }
    link->client = client;
    link->server = server;
    return link;
}

void
fault_link_end(struct fault_link *link, bool is_orderly)
{
    if (is_orderly) {
        close(link->client);
    } else {
        fault_link_reset(link->client);
    }
    close(link->server);
    free(link);
}

bool
fault_link_send(int fd, const unsigned char *bytes, size_t count)
{
    while (count > 0) {
        ssize_t sent = send(fd, bytes, count, MSG_NOSIGNAL);

        if (sent <= 0) {
            return false;
        }
        bytes += sent;
        count -= (size_t)sent;
    }
    return true;
}

bool
fault_link_send_slowly(int fd, const unsigned char *bytes, size_t count)
{
    const struct timespec pause = {.tv_nsec = 20000};

    for (size_t i = 0; i < count; i++) {
        if (!fault_link_send(fd, bytes + i, 1)) {
            return false;
        }
        /* the pace; without it they would arrive together */
        (void)nanosleep(&pause, NULL);
    }
    return true;
}

bool
fault_link_swallow(int fd)
{
    unsigned char bytes[4096];

    return read(fd, bytes, sizeof(bytes)) > 0;
}

bool
fault_link_forward_from_client(struct fault_link *link)
{
    unsigned char bytes[4096];
    ssize_t received = read(link->client, bytes, sizeof(bytes));

    link->is_begun = true;
    return received > 0 &&
           fault_link_send(link->server, bytes, (size_t)received);
}

bool
fault_link_take(struct fault_link *link, size_t limit)
{
    size_t room = FAULT_LINK_BYTES - link->held_bytes;
    ssize_t received = read(link->server, link->held + link->held_bytes,
                            limit < room ? limit : room);

    if (received <= 0) {
        return false;
    }
    link->held_bytes += (size_t)received;
    link->taken += (uint64_t)received;
    return true;
}

size_t
fault_link_message_bytes(const unsigned char *bytes, size_t count)
{
    uint32_t length;

    if (count < MESSAGE_HEAD_BYTES) {
        return 0;
    }
    memcpy(&length, bytes + 1, sizeof(length));
    size_t whole = (size_t)ntohl(length) + 1;
    return whole <= count ? whole : 0;
}

bool
fault_link_drop_held(struct fault_link *link, size_t done)
{
    link->held_bytes -= done;
    memmove(link->held, link->held + done, link->held_bytes);
    return link->held_bytes < FAULT_LINK_BYTES;
}

void
fault_link_begin_slow(struct fault_link *link)
{
    for (size_t i = 0; i < FAULT_LINK_TICKS; i++) {
        link->came[i] = link->taken;
    }
}

size_t
fault_link_tick(struct fault_link *link, uint64_t last, uint64_t now,
                uint64_t delay)
{
    int waiting = 0;

    (void)ioctl(link->server, FIONREAD, &waiting);
    for (uint64_t tick = last + 1; tick <= now; tick++) {
        link->came[tick % FAULT_LINK_TICKS] = link->taken + (uint64_t)waiting;
    }
    uint64_t due = link->came[(now - delay) % FAULT_LINK_TICKS];
    return due > link->taken ? (size_t)(due - link->taken) : 0;
}
