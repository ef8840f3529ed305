#include <libpq-fe.h>
#include <stdatomic.h>
#include <urcu/urcu-memb.h>
#include <xxhash.h>

#include "base/alloc.h"
#include "cache/table.h"
#include "listener/listener.h"

static void
fences_at_the_seam(void)
{
    /* ORDER: this before that. Pairs with: itself. Without it: nothing. */
    atomic_thread_fence(memory_order_seq_cst);
}
