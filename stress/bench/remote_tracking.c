/* SPDX-License-Identifier: MIT */
/* Redis with client-side tracking: copies in the process. */
#include <string.h>
#include <sys/socket.h>

#include <hiredis.h>

#include "remote.h"
#include "support.h"
#include "tracked_table.h"

static redisContext *reader;   /* of which Redis tracks what it has read */
static redisContext *writer;   /* another client, as far as Redis knows */
static redisContext *listener; /* hears what has changed; the thread's */
static pthread_t thread;
static struct remote_mark forgotten = REMOTE_MARK_INIT;

static redisReply *
check(redisContext *context, redisReply *reply)
{
    if (reply == NULL || reply->type == REDIS_REPLY_ERROR) {
        bench_fail("Redis: %s", reply == NULL ? context->errstr : reply->str);
    }
    return reply;
}

/* The keys of a message, or, without, all of them. */
static void
forget(const redisReply *keys)
{
    bool was_any_there = false;

    if (keys->type != REDIS_REPLY_ARRAY) {
        tracked_table_forget_all();
        return;
    }
    for (size_t i = 0; i < keys->elements; i++) {
        if (keys->element[i]->len == REMOTE_KEY_BYTES) {
            was_any_there |= tracked_table_forget(keys->element[i]->str);
        }
    }
    if (was_any_there) {
        remote_mark_set(&forgotten);
    }
}

static void *
hear(void *argument)
{
    void *message;

    (void)argument;
    while (redisGetReply(listener, &message) == REDIS_OK) {
        const redisReply *reply = message;

        if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
            strcmp(reply->element[0]->str, "message") == 0) {
            forget(reply->element[2]);
        }
        freeReplyObject(message);
    }
    /* deaf: nothing that is there can be trusted */
    tracked_table_forget_all();
    return NULL;
}

static redisContext *
connect_client(const char *path)
{
    redisContext *context = redisConnectUnix(path);

    if (context == NULL || context->err != 0) {
        bench_fail("Redis: no connection");
    }
    return context;
}

static void
begin_tracking(void)
{
    redisReply *id = check(listener, redisCommand(listener, "CLIENT ID"));

    freeReplyObject(check(listener, redisCommand(listener, "SUBSCRIBE %s",
                                                 "__redis__:invalidate")));
    freeReplyObject(
        check(reader, redisCommand(reader, "CLIENT TRACKING ON REDIRECT %lld",
                                   id->integer)));
    freeReplyObject(id);
    if (pthread_create(&thread, NULL, hear, NULL) != 0) {
        bench_fail("no thread");
    }
}

/* From Redis into the table. */
static void
load(const char *key, char value[REMOTE_VALUE_BYTES])
{
    tracked_table_announce(key);
    redisReply *reply = check(
        reader, redisCommand(reader, "GET %b", key, (size_t)REMOTE_KEY_BYTES));
    if (reply->type != REDIS_REPLY_STRING || reply->len != REMOTE_VALUE_BYTES) {
        bench_fail("Redis: no value");
    }
    memcpy(value, reply->str, REMOTE_VALUE_BYTES);
    (void)tracked_table_store(key, value);
    freeReplyObject(reply);
}

/* The server has the values already. */
bool
remote_tracking_open(struct turns_subject *subject)
{
    const char *path;

    if (!remote_redis_start(subject, &path)) {
        return false;
    }
    subject->server = 0; /* a hit does not concern it */
    reader = connect_client(path);
    writer = connect_client(path);
    listener = connect_client(path);
    begin_tracking();
    for (uint32_t i = 0; i < REMOTE_ENTRIES; i++) {
        char value[REMOTE_VALUE_BYTES];

        load(remote_keys[i], value);
    }
    return true;
}

void
remote_tracking_close(struct turns_subject *subject)
{
    (void)subject;
    (void)shutdown(listener->fd, SHUT_RDWR);
    (void)pthread_join(thread, NULL);
    redisFree(listener);
    redisFree(reader);
    redisFree(writer);
}

void
remote_tracking_run(struct turns_subject *subject, size_t calls)
{
    (void)subject;
    for (size_t i = 0; i < calls; i++) {
        const char *key = remote_next();
        char value[REMOTE_VALUE_BYTES];

        if (!tracked_table_get(key, value)) {
            load(key, value);
        }
        remote_look(key, value, sizeof(value));
    }
}

int64_t
remote_tracking_change(void)
{
    const char *key = remote_keys[0];
    char value[REMOTE_VALUE_BYTES];
    uint64_t count = remote_mark_count(&forgotten);

    load(key, value);
    freeReplyObject(check(writer, redisCommand(writer, "SET %b %b", key,
                                               (size_t)REMOTE_KEY_BYTES, value,
                                               sizeof(value))));
    int64_t returned_ns = stress_now_ns();
    int64_t forgotten_ns = remote_mark_await(&forgotten, count);
    if (tracked_table_get(key, value)) {
        bench_fail("the old value is still there");
    }
    return forgotten_ns - returned_ns;
}
