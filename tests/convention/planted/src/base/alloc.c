/* SPDX-License-Identifier: MIT */
#include <ck_ring.h>
#include <jansson.h>
#include <libpq-fe.h>
#include <stdatomic.h>
#include <stddef.h>
#include <urcu/urcu-memb.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "alloc.h"
#include "queue/ring.h"

static void
orders_without_a_reason(_Atomic int *value)
{
    volatile int seen = 0;

    /* ORDER: nothing. Pairs with: kept(). Without it: nothing. */
    atomic_store_explicit(value, 1, memory_order_release);
    /* relaxed: a statistic */
    atomic_store_explicit(value, 1,
                          memory_order_relaxed);






    seen = atomic_load_explicit(value, memory_order_relaxed);
    seen = atomic_load_explicit(value, memory_order_acquire);
    seen = atomic_load(value);
    atomic_compare_exchange_weak(value, &seen, 2);
    /* ORDER: nothing. Pairs with: kept(). Without it: nothing. */
    atomic_thread_fence(memory_order_seq_cst);
}
