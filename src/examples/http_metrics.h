/* SPDX-License-Identifier: MIT */
/* What http_server tells of itself: for Prometheus, and for people. */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "http_products.h"

/* All counters, as Prometheus reads them. NULL: no memory. Both are for
 * MHD_destroy_response(). */
struct MHD_Response *metrics_make(const struct products *products);

/* A page that shows them, and asks for them anew each second. */
struct MHD_Response *metrics_make_page(void);

#endif
