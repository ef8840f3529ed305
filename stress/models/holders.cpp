// SPDX-License-Identifier: MIT
// Models: pgcwi_entry_hold(), pgcwi_entry_let_go(), grow(),
// pgcwi_table_make_room().
//
// Holders of an entry use it and let go of it: the last one frees it, when
// nobody uses it any more. Beside that, a table grows: what is queued for
// liburcu's thread is not queued again while that still uses it.
#include "orders.hpp"

static const unsigned HOLDERS = 2;
static const unsigned GROWER = HOLDERS;
static const unsigned GROWTHS = 2;

struct holders_model : rl::test_suite<holders_model, HOLDERS + 2> {
    rl::atomic<unsigned> holders;
    rl::var<unsigned> value;
    // the table
    rl::atomic<unsigned> is_growing;
    rl::atomic<unsigned> queued; // liburcu's own queue
    rl::var<unsigned> growth;

    void
    before()
    {
        holders($).store(HOLDERS, rl::mo_relaxed);
        value($) = 1;
        is_growing($).store(0, rl::mo_relaxed);
        queued($).store(0, rl::mo_relaxed);
        growth($) = 0;
    }

    void
    let_go()
    {
        rl::memory_order named = is_mutant("LET_GO_RELEASE")
                                     ? rl::mo_release
                                     : rl::mo_acq_rel;
        named = is_mutant("LET_GO_ACQUIRE") ? rl::mo_acquire : named;
        if (holders($).fetch_sub(1, order(named, "LET_GO_RELAXED")) == 1) {
            value($) = 0; // freed
        }
    }

    void
    use()
    {
        if (!is_mutant("NOT_HELD")) {
            holders($).fetch_add(1, rl::mo_relaxed);
        }
        RL_ASSERT(value($) == 1);
        let_go(); // a second holder within this thread, as a pin is
        if (!is_mutant("NOT_HELD")) {
            RL_ASSERT(value($) == 1);
            let_go();
        } else {
            RL_ASSERT(value($) == 1);
        }
    }

    void
    make_room()
    {
        bool is_free = is_growing($).load(
                           order(rl::mo_acquire, "GROWING_LOAD_RELAXED")) == 0;
        if (is_free || is_mutant("GROWING_IGNORED")) {
            is_growing($).store(1, rl::mo_relaxed);
            growth($) = growth($) + 1;
            queued($).store(queued($).load(rl::mo_relaxed) + 1,
                            rl::mo_release);
        }
    }

    void
    grow()
    {
        RL_ASSERT(growth($) > 0);
        if (is_mutant("GROWN_TOO_EARLY")) {
            is_growing($).store(0, rl::mo_release);
            RL_ASSERT(growth($) > 0);
            return;
        }
        is_growing($).store(0, order(rl::mo_release, "GROWN_RELAXED"));
    }

    void
    thread(unsigned id)
    {
        if (id < HOLDERS) {
            use();
        } else if (id == GROWER) {
            for (unsigned i = 0; i < 2 * GROWTHS; i++) {
                make_room();
            }
        } else {
            for (unsigned i = 1; i <= GROWTHS; i++) {
                if (queued($).load(rl::mo_acquire) >= i) {
                    grow();
                }
            }
        }
    }
};

int
main(int argc, char **argv)
{
    return check<holders_model>(argc, argv);
}
