// SPDX-License-Identifier: MIT
// Models: pgcwi_stamps_close(), pgcwi_stamps_open(), pgcwi_stamps_raise_all(),
// pgcwi_stamps_closed_at_ns(), pgcwi_stamps_was_valid(),
// pgcwi_outage_may_serve(), pgcwi_listener_set_state(),
// pgcw_listener_read_state().
//
// A listener loses its connection twice and finds it again. Nothing from
// before is valid for who has seen it closed or open again (P2, P3), who sees
// it LIVE for good finds it open, and who may serve what was valid when it
// closed does not serve in the second outage what is from before the first.
#include "orders.hpp"

static const unsigned CLOSED = ~0u;
static const unsigned OLD_STAMP = 1;

// numbers of states: odd are DOWN, even are LIVE
static const unsigned OPEN_FOR_GOOD = 4;

struct closing_model : rl::test_suite<closing_model, 4> {
    rl::atomic<unsigned> all;
    rl::atomic<unsigned> flushed;
    rl::atomic<unsigned> closed_at; // a count here, in place of a time
    rl::atomic<unsigned> clock;
    rl::atomic<unsigned> state;
    rl::mutex lock;

    void
    before()
    {
        all($).store(OLD_STAMP, rl::mo_relaxed);
        flushed($).store(OLD_STAMP, rl::mo_relaxed);
        clock($).store(OLD_STAMP, rl::mo_relaxed);
        closed_at($).store(0, rl::mo_relaxed);
        state($).store(0, rl::mo_relaxed);
    }

    unsigned
    advance()
    {
        unsigned next = clock($).load(rl::mo_relaxed) + 1;
        clock($).store(next, rl::mo_release);
        return next;
    }

    void
    set_state(unsigned next)
    {
        state($).store(next, order(rl::mo_release, "STATE_STORE_RELAXED"));
    }

    void
    close(unsigned outage)
    {
        lock.lock($);
        closed_at($).store(outage,
                           order(rl::mo_release, "CLOSED_STORE_RELAXED"));
        all($).store(CLOSED, rl::mo_relaxed);
        lock.unlock($);
    }

    void
    open()
    {
        lock.lock($);
        unsigned next =
            is_mutant("OPEN_WITHOUT_FLUSH") ? OLD_STAMP : advance();
        closed_at($).store(0, rl::mo_relaxed);
        if (!is_mutant("FLUSHED_NOT_KEPT")) {
            flushed($).store(next, rl::mo_relaxed);
        }
        all($).store(next, rl::mo_relaxed);
        lock.unlock($);
    }

    void
    raise_all()
    {
        lock.lock($);
        unsigned next = advance();
        flushed($).store(next, rl::mo_relaxed);
        if (all($).load(rl::mo_relaxed) != CLOSED) {
            all($).store(next, rl::mo_relaxed);
        }
        lock.unlock($);
    }

    void
    listen()
    {
        for (unsigned outage = 1; outage <= 2; outage++) {
            bool is_early = is_mutant("STATE_FIRST");
            if (is_early) {
                set_state(2 * outage - 1);
            }
            close(outage);
            set_state(2 * outage - !is_early);
            if (outage == 2 && rl::rand(2) == 0) {
                return; // it stays closed
            }
            open();
            if (!is_early) {
                set_state(2 * outage);
            }
        }
    }

    void
    read_state()
    {
        unsigned seen =
            state($).load(order(rl::mo_acquire, "STATE_LOAD_RELAXED"));
        unsigned bound = all($).load(rl::mo_relaxed);
        RL_ASSERT(seen == 0 || bound > OLD_STAMP);
        RL_ASSERT(seen != OPEN_FOR_GOOD || bound != CLOSED);
    }

    bool
    was_valid()
    {
        return flushed($).load(rl::mo_relaxed) <= OLD_STAMP;
    }

    void
    serve_stale()
    {
        bool is_early = is_mutant("STAMPS_FIRST");
        bool is_served = is_early && was_valid();
        unsigned outage =
            closed_at($).load(order(rl::mo_acquire, "CLOSED_LOAD_RELAXED"));
        if (!is_early) {
            is_served = was_valid();
        }
        RL_ASSERT(!(outage == 2 && is_served));
    }

    void
    thread(unsigned id)
    {
        switch (id) {
        case 0:
            listen();
            break;
        case 1:
            read_state();
            break;
        case 2:
            for (unsigned i = 0; i < 6; i++) {
                serve_stale();
            }
            break;
        default:
            if (rl::rand(2) == 0) {
                raise_all();
            }
            break;
        }
    }
};

int
main(int argc, char **argv)
{
    return check<closing_model>(argc, argv);
}
