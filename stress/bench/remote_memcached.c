/* SPDX-License-Identifier: MIT */
#include <libmemcached/memcached.h>

#include "peer.h"
#include "remote.h"

#define SOCKET_NAME "memcached.socket"
#define PROTOCOLS 2 /* text, binary */

static unsigned holders; /* subjects that have it open */
static pid_t server;
static memcached_st *clients[PROTOCOLS];

static void
check(memcached_st *client, memcached_return_t result)
{
    if (memcached_failed(result)) {
        bench_fail("memcached: %s", memcached_strerror(client, result));
    }
}

static void
connect_client(unsigned way, const char *path)
{
    memcached_st *client = memcached_create(NULL);

    clients[way] = client;
    check(client, memcached_server_add_unix_socket(client, path));
    check(client, memcached_behavior_set(
                      client, MEMCACHED_BEHAVIOR_BINARY_PROTOCOL, way));
}

static void
store_all(void)
{
    for (uint32_t i = 0; i < REMOTE_ENTRIES; i++) {
        char value[REMOTE_VALUE_BYTES];

        remote_value(remote_keys[i], value);
        check(clients[0],
              memcached_set(clients[0], remote_keys[i], REMOTE_KEY_BYTES, value,
                            sizeof(value), 0, 0));
    }
}

bool
remote_memcached_open(struct turns_subject *subject)
{
    const char *reason = NULL;
    char path[PEER_PATH_BYTES];
    const char *const arguments[] = {"-s", path, "-t", "1", NULL};

    if (holders == 0) {
        peer_path(path, SOCKET_NAME);
        server = peer_start("memcached", arguments, SOCKET_NAME, &reason);
        if (server == 0) {
            return turns_skip(subject->name, reason);
        }
        for (unsigned way = 0; way < PROTOCOLS; way++) {
            connect_client(way, path);
        }
        store_all();
    }
    holders++;
    subject->server = server;
    return true;
}

void
remote_memcached_close(struct turns_subject *subject)
{
    (void)subject;
    if (--holders > 0) {
        return;
    }
    for (unsigned way = 0; way < PROTOCOLS; way++) {
        memcached_free(clients[way]);
    }
}

/* All that was asked for, and the end of it. */
static void
get(memcached_st *client, const char *const *keys, const size_t *sizes,
    size_t count)
{
    memcached_result_st storage;
    memcached_result_st *result = memcached_result_create(client, &storage);
    memcached_return_t status;
    size_t had = 0;

    check(client, memcached_mget(client, keys, sizes, count));
    while (memcached_fetch_result(client, result, &status) != NULL) {
        /* whichever it is: many may come in any order */
        remote_look(memcached_result_key_value(result),
                    memcached_result_value(result),
                    memcached_result_length(result));
        had++;
    }
    if (had != count) {
        bench_fail("memcached: %s", memcached_strerror(client, status));
    }
    memcached_result_free(result);
}

void
remote_memcached_run(struct turns_subject *subject, size_t calls)
{
    static const size_t size = REMOTE_KEY_BYTES;

    for (size_t i = 0; i < calls; i++) {
        const char *key = remote_next();

        get(clients[subject->way], &key, &size, 1);
    }
}

void
remote_memcached_run_many(struct turns_subject *subject, size_t calls)
{
    const char *keys[REMOTE_AT_ONCE];
    size_t sizes[REMOTE_AT_ONCE];

    for (size_t i = 0; i < calls; i++) {
        for (size_t j = 0; j < REMOTE_AT_ONCE; j++) {
            keys[j] = remote_next();
            sizes[j] = REMOTE_KEY_BYTES;
        }
        get(clients[subject->way], keys, sizes, REMOTE_AT_ONCE);
    }
}
