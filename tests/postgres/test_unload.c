/* SPDX-License-Identifier: MIT */
/*
 * The shared library as a plugin has it: loaded, used and unloaded while the
 * process goes on. LIBRARY is its path; nothing of it is linked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/gate.h"

#define ROUNDS 10

/* What is used of it. */
struct library {
    void *handle;
    enum pgcw_status (*open)(const struct pgcw_listener_options *options,
                             struct pgcw_listener **listener,
                             struct pgcw_error *error);
    enum pgcw_status (*create)(struct pgcw_listener *listener,
                               const struct pgcw_cache_options *options,
                               struct pgcw_cache **cache,
                               struct pgcw_error *error);
    struct pgcw_stamp (*stamp)(const struct pgcw_cache *cache);
    enum pgcw_status (*put)(struct pgcw_cache *cache, struct pgcw_bytes key,
                            struct pgcw_bytes value, struct pgcw_stamp stamp,
                            const struct pgcw_fill_options *options);
    enum pgcw_status (*lookup)(struct pgcw_cache *cache, struct pgcw_bytes key,
                               struct pgcw_bytes *value);
    void (*begin)(void);
    void (*end)(void);
    void (*destroy)(struct pgcw_cache *cache);
    void (*close)(struct pgcw_listener *listener);
};

/* A pointer to a function is not one to an object, but POSIX has them alike. */
static bool
find(void *handle, const char *name, void *function)
{
    void *found = dlsym(handle, name);

    memcpy(function, &found, sizeof(found));
    return found != NULL;
}

static bool
load(struct library *library)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    library->handle = handle;
    if (handle == NULL) {
        print_error("%s\n", dlerror());
        return false;
    }
    return find(handle, "pgcw_listener_open", &library->open) &&
           find(handle, "pgcw_cache_create", &library->create) &&
           find(handle, "pgcw_cache_stamp", &library->stamp) &&
           find(handle, "pgcw_cache_put", &library->put) &&
           find(handle, "pgcw_cache_lookup", &library->lookup) &&
           find(handle, "pgcw_read_begin", &library->begin) &&
           find(handle, "pgcw_read_end", &library->end) &&
           find(handle, "pgcw_cache_destroy", &library->destroy) &&
           find(handle, "pgcw_listener_close", &library->close);
}

/* One that reads, and ends when the library is gone. */
struct reader {
    struct library *library;
    struct pgcw_cache *cache;
    bool has_hit;
    struct gate has_read;
    struct gate may_end;
};

static const struct pgcw_bytes key = {"key", 3};

static void *
read_and_stay(void *context)
{
    struct reader *reader = context;
    struct pgcw_bytes value;

    reader->library->begin();
    reader->has_hit =
        reader->library->lookup(reader->cache, key, &value) == PGCW_OK;
    reader->library->end();
    gate_open(&reader->has_read);
    gate_wait(&reader->may_end);
    return NULL;
}

static bool
open_filled(struct library *library, struct pgcw_listener **listener,
            struct pgcw_cache **cache)
{
    if (library->open(NULL, listener, NULL) != PGCW_OK) {
        return false;
    }
    if (library->create(*listener, NULL, cache, NULL) != PGCW_OK) {
        library->close(*listener);
        return false;
    }
    return library->put(*cache, key, key, library->stamp(*cache), NULL) ==
           PGCW_OK;
}

/* Load, use by two threads, close all, unload, and then end the other. */
static bool
use_and_unload(void)
{
    struct library library;
    struct reader reader = {&library, NULL, false, GATE_INIT, GATE_INIT};
    struct pgcw_listener *listener;
    pthread_t thread;

    if (!load(&library) || !open_filled(&library, &listener, &reader.cache) ||
        pthread_create(&thread, NULL, read_and_stay, &reader) != 0) {
        return false;
    }
    gate_wait(&reader.has_read);
    library.destroy(reader.cache);
    library.close(listener);
    bool is_unloaded = dlclose(library.handle) == 0;
    gate_open(&reader.may_end);
    pthread_join(thread, NULL);
    return is_unloaded && reader.has_hit;
}

static void
thread_may_end_after_the_library_is_unloaded(void **state)
{
    (void)state;
    assert_true(use_and_unload());
}

static void *
use_and_unload_here(void *has_worked)
{
    *(bool *)has_worked = use_and_unload();
    return NULL;
}

static void
it_is_loaded_and_unloaded_again_and_again_by_threads_that_end(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        bool has_worked = false;
        pthread_t thread;

        assert_int_equal(
            pthread_create(&thread, NULL, use_and_unload_here, &has_worked), 0);
        pthread_join(thread, NULL);
        assert_true(has_worked);
    }
}

static void
its_code_stays_for_those_who_end_later(void **state)
{
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_NOLOAD);

    (void)state;
    assert_non_null(handle);
    assert_int_equal(dlclose(handle), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thread_may_end_after_the_library_is_unloaded),
        cmocka_unit_test(
            it_is_loaded_and_unloaded_again_and_again_by_threads_that_end),
        cmocka_unit_test(its_code_stays_for_those_who_end_later),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
