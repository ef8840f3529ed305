/* SPDX-License-Identifier: MIT */
#include <ck_ring.h>

#include "base/alloc.h"
#include "queue/ring.h"
