/* SPDX-License-Identifier: MIT */
/* Planted: an example takes from the inside, and a library of another one. */
#include <libpq-fe.h>
#include <microhttpd.h>
#include <uv.h>

#include "base/alloc.h"
#include "http_handler.h"
