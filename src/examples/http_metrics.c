/* SPDX-License-Identifier: MIT */
/* What http_server tells of itself: for Prometheus, and for people. */
#include "http_metrics.h"

#include <stdlib.h>
#include <string.h>

#define SPARE_BYTES 512 /* figures grow between two calls */

/* The file as it is, with a zero behind it. */
__asm__(".pushsection .rodata\n"
        "http_page: .incbin \"http_page.html\"\n"
        ".byte 0\n"
        ".popsection");
extern const char http_page[];

static struct MHD_Response *
with_type(struct MHD_Response *response, const char *type)
{
    if (response != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    }
    return response;
}

/* For free(). NULL: no memory. */
static char *
write_text(const struct products *products, size_t *size)
{
    struct pgcw_named_cache caches[] = {{"products", products->cache}};
    size_t count = products->cache != NULL ? 1 : 0;
    size_t room = 0;
    char *text = NULL;

    *size = pgcw_stats_prometheus(products->listener, caches, count, NULL, 0);
    do { /* tables that are new may make it longer than what is spare */
        free(text);
        room = *size + SPARE_BYTES;
        text = malloc(room);
        if (text == NULL) {
            return NULL;
        }
        *size = pgcw_stats_prometheus(products->listener, caches, count, text,
                                      room);
    } while (*size >= room);
    return text;
}

struct MHD_Response *
metrics_make(const struct products *products)
{
    size_t size = 0;
    char *text = write_text(products, &size);
    struct MHD_Response *response = NULL;

    if (text == NULL || (size == 0 && products->cache != NULL)) {
        free(text);
        return NULL;
    }
    response =
        MHD_create_response_from_buffer(size, text, MHD_RESPMEM_MUST_FREE);
    return with_type(response, "text/plain; version=0.0.4; charset=utf-8");
}

struct MHD_Response *
metrics_make_page(void)
{
    /* the cast: libmicrohttpd does not write to what is persistent */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(http_page), (void *)http_page, MHD_RESPMEM_PERSISTENT);

    return with_type(response, "text/html; charset=utf-8");
}
