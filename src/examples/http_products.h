/* SPDX-License-Identifier: MIT */
/*
 * The products that http_server shows: rows of a table, most of them from a
 * cache, which keeps them as responses that are ready to be sent. Any thread
 * may call it; each has a connection of its own.
 */
#ifndef HTTP_PRODUCTS_H
#define HTTP_PRODUCTS_H

#include <pthread.h>
#include <stdbool.h>

#include <microhttpd.h>
#include <pgcachewatch/pgcachewatch.h>

/* Immutable once it is open. */
struct products {
    const char *dsn;
    struct pgcw_listener *listener; /* NULL: no cache */
    struct pgcw_cache *cache;
    pthread_key_t connection;
};

/* A line of JSON as a response, and the size of that line. */
struct page {
    struct MHD_Response *response;
    size_t size;
};

/* Make the table, a thousand rows, and the triggers, where they are not. */
enum pgcw_status products_create(const char *dsn, struct pgcw_error *error);

/* Fails if the triggers are not there. Give it to products_close(). */
enum pgcw_status products_open(struct products *products, const char *dsn,
                               bool has_cache, struct pgcw_error *error);

/* When no other thread uses it any more. */
void products_close(struct products *products);

/* Read a product without a look into the cache; the response is for
 * MHD_destroy_response(). PGCW_NOT_FOUND: there is none. */
enum pgcw_status products_read(struct products *products, const char *id,
                               struct page *page, struct pgcw_error *error);

/* Fetch one from the cache. What is pinned is a struct page, whose response
 * may be queued until the pin is released. */
enum pgcw_status products_fetch(struct products *products, const char *id,
                                struct pgcw_pin **pin,
                                struct pgcw_error *error);

/* Write one. A fetch that starts afterwards gives it, or a newer one. */
enum pgcw_status products_write(struct products *products, const char *id,
                                const char *json, struct pgcw_error *error);

#endif
