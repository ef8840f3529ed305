/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <pgcachewatch/pgcachewatch.h>

#include <curl/curl.h>
#include <curses.h>
#include "base/alloc.h"
#include "cli/command.h"
