/* SPDX-License-Identifier: MIT */
/* What http_server answers; the callbacks are those of libmicrohttpd. */
#ifndef HTTP_HANDLER_H
#define HTTP_HANDLER_H

#include <microhttpd.h>

#include "http_products.h"

/* Where GET has its answer from; the last two are there to compare with. */
enum source { FROM_CACHE, FROM_DATABASE, FROM_CONSTANT };

/* Immutable once requests are served. */
struct handler {
    enum source source;
    struct products products;
    struct MHD_Response *constant;
};

/* An MHD_AccessHandlerCallback; the context is a struct handler. */
enum MHD_Result handler_answer(void *context, struct MHD_Connection *connection,
                               const char *path, const char *method,
                               const char *version, const char *part,
                               size_t *part_size, void **upload);

/* An MHD_RequestCompletedCallback. */
void handler_end(void *context, struct MHD_Connection *connection,
                 void **upload, enum MHD_RequestTerminationCode code);

/* The constant, as it is answered each time. NULL: no memory. */
struct MHD_Response *handler_make_constant(void);

#endif
