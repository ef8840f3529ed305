/* SPDX-License-Identifier: MIT */
#include <hiredis.h>

#include "peer.h"
#include "remote.h"

#define SOCKET_NAME "redis.socket"
/* The ways of many at once. */
#define WAY_MGET 0

static unsigned holders; /* subjects that have it open */
static pid_t server;
static const char *unavailable; /* why there is no server */
static char socket_path[PEER_PATH_BYTES];
static redisContext *context;

bool
remote_redis_start(struct turns_subject *subject, const char **path)
{
    const char *const arguments[] = {"--port",
                                     "0",
                                     "--unixsocket",
                                     socket_path,
                                     "--save",
                                     "",
                                     "--appendonly",
                                     "no",
                                     "--io-threads",
                                     "1",
                                     "--daemonize",
                                     "no",
                                     "--dir",
                                     "./",
                                     NULL};

    if (server == 0 && unavailable == NULL) {
        peer_path(socket_path, SOCKET_NAME);
        server =
            peer_start("redis-server", arguments, SOCKET_NAME, &unavailable);
    }
    if (server == 0) {
        return turns_skip(subject->name, unavailable);
    }
    subject->server = server;
    *path = socket_path;
    return true;
}

static redisReply *
check(redisReply *reply, int type)
{
    if (reply == NULL || reply->type != type) {
        bench_fail("Redis: %s", reply == NULL ? context->errstr : reply->str);
    }
    return reply;
}

static void
store_all(void)
{
    for (uint32_t i = 0; i < REMOTE_ENTRIES; i++) {
        char value[REMOTE_VALUE_BYTES];

        remote_value(remote_keys[i], value);
        freeReplyObject(
            check(redisCommand(context, "SET %b %b", remote_keys[i],
                               (size_t)REMOTE_KEY_BYTES, value, sizeof(value)),
                  REDIS_REPLY_STATUS));
    }
}

bool
remote_redis_open(struct turns_subject *subject)
{
    const char *path;

    if (!remote_redis_start(subject, &path)) {
        return false;
    }
    if (holders++ == 0) {
        context = redisConnectUnix(path);
        if (context == NULL || context->err != 0) {
            bench_fail("Redis: no connection");
        }
        store_all();
    }
    return true;
}

void
remote_redis_close(struct turns_subject *subject)
{
    (void)subject;
    if (--holders == 0) {
        redisFree(context);
    }
}

static void
look(const char *key, const redisReply *reply)
{
    if (reply->type != REDIS_REPLY_STRING) {
        bench_fail("Redis: no value");
    }
    remote_look(key, reply->str, reply->len);
}

static redisReply *
next_reply(int type)
{
    void *reply = NULL;

    (void)redisGetReply(context, &reply);
    return check(reply, type);
}

/* The command is formatted by its lengths, which is faster than by a text. */
static void
append(int count, const char *const *words, const size_t *sizes)
{
    if (redisAppendCommandArgv(context, count, (const char **)words, sizes) !=
        REDIS_OK) {
        bench_fail("Redis: %s", context->errstr);
    }
}

void
remote_redis_run(struct turns_subject *subject, size_t calls)
{
    static const size_t sizes[] = {3, REMOTE_KEY_BYTES};

    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        const char *const words[] = {"GET", remote_next()};

        append(2, words, sizes);
        redisReply *reply = next_reply(REDIS_REPLY_STRING);
        look(words[1], reply);
        freeReplyObject(reply);
    }
}

static void
get_many(const char *const *words, const size_t *sizes)
{
    append(1 + (int)REMOTE_AT_ONCE, words, sizes);
    redisReply *reply = next_reply(REDIS_REPLY_ARRAY);
    for (size_t j = 0; j < REMOTE_AT_ONCE; j++) {
        look(words[1 + j], reply->element[j]);
    }
    freeReplyObject(reply);
}

static void
get_each(const char *const *words)
{
    static const size_t sizes[] = {3, REMOTE_KEY_BYTES};

    for (size_t j = 0; j < REMOTE_AT_ONCE; j++) {
        const char *const one[] = {"GET", words[1 + j]};

        append(2, one, sizes);
    }
    for (size_t j = 0; j < REMOTE_AT_ONCE; j++) {
        redisReply *reply = next_reply(REDIS_REPLY_STRING);

        look(words[1 + j], reply);
        freeReplyObject(reply);
    }
}

void
remote_redis_run_many(struct turns_subject *subject, size_t calls)
{
    const char *words[1 + REMOTE_AT_ONCE] = {"MGET"};
    size_t sizes[1 + REMOTE_AT_ONCE] = {4};

    for (size_t i = 0; i < calls; i++) {
        for (size_t j = 1; j <= REMOTE_AT_ONCE; j++) {
            words[j] = remote_next();
            sizes[j] = REMOTE_KEY_BYTES;
        }
        if (subject->way == WAY_MGET) {
            get_many(words, sizes);
        } else {
            get_each(words);
        }
    }
}
