// SPDX-License-Identifier: MIT
// Models: pgcwi_entry_hold(), pgcwi_entry_let_go().
//
// Holders of an entry use it and let go of it: the last one frees it, when
// nobody uses it any more.
#include "orders.hpp"

static const unsigned HOLDERS = 2;

struct holders_model : rl::test_suite<holders_model, HOLDERS> {
    rl::atomic<unsigned> holders;
    rl::var<unsigned> value;

    void
    before()
    {
        holders($).store(HOLDERS, rl::mo_relaxed);
        value($) = 1;
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
    thread(unsigned)
    {
        use();
    }
};

int
main(int argc, char **argv)
{
    return check<holders_model>(argc, argv);
}
