/* SPDX-License-Identifier: MIT */
#include <libpq-fe.h>
#include <pgcachewatch/pgcachewatch.h>

#include "base/alloc.h"
#include "cli/command.h"
