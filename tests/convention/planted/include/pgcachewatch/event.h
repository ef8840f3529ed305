/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <pgcachewatch/status.h>
#include <stdint.h>
