/* SPDX-License-Identifier: MIT */
#include "tracked_table.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SLOTS 32768u /* a power of two, thrice the entries */

enum state { FREE, FORGOTTEN, ANNOUNCED, STORED };

struct slot {
    char key[REMOTE_KEY_BYTES];
    char value[REMOTE_VALUE_BYTES];
    enum state state;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* guarded by lock */
static struct slot slots[SLOTS];

/* Of the key, or the free one that it may have. */
static struct slot *
find(const char *key)
{
    uint32_t place = (uint32_t)XXH3_64bits(key, REMOTE_KEY_BYTES);

    while (slots[place % SLOTS].state != FREE &&
           memcmp(slots[place % SLOTS].key, key, REMOTE_KEY_BYTES) != 0) {
        place++;
    }
    return &slots[place % SLOTS];
}

bool
tracked_table_get(const char *key, char value[REMOTE_VALUE_BYTES])
{
    (void)pthread_mutex_lock(&lock);
    const struct slot *slot = find(key);
    bool is_there = slot->state == STORED;
    if (is_there) {
        memcpy(value, slot->value, REMOTE_VALUE_BYTES);
    }
    (void)pthread_mutex_unlock(&lock);
    return is_there;
}

void
tracked_table_announce(const char *key)
{
    (void)pthread_mutex_lock(&lock);
    struct slot *slot = find(key);
    memcpy(slot->key, key, REMOTE_KEY_BYTES);
    slot->state = ANNOUNCED;
    (void)pthread_mutex_unlock(&lock);
}

bool
tracked_table_store(const char *key, const char *value)
{
    (void)pthread_mutex_lock(&lock);
    struct slot *slot = find(key);
    bool is_stored = slot->state == ANNOUNCED;
    if (is_stored) {
        memcpy(slot->value, value, REMOTE_VALUE_BYTES);
        slot->state = STORED;
    }
    (void)pthread_mutex_unlock(&lock);
    return is_stored;
}

bool
tracked_table_forget(const char *key)
{
    (void)pthread_mutex_lock(&lock);
    struct slot *slot = find(key);
    bool was_there = slot->state == STORED;
    if (slot->state != FREE) {
        slot->state = FORGOTTEN;
    }
    (void)pthread_mutex_unlock(&lock);
    return was_there;
}

void
tracked_table_forget_all(void)
{
    (void)pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (slots[i].state != FREE) {
            slots[i].state = FORGOTTEN;
        }
    }
    (void)pthread_mutex_unlock(&lock);
}
