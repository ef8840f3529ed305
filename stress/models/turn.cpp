// SPDX-License-Identifier: MIT
// Models: pgcwi_turn_wait(), pgcwi_turn_done(), pgcwi_turn_applied(), and
// may_help() and is_all_applied().
//
// Three workers have decoded one message each and apply them in turn; the
// thread that gave the numbers asks meanwhile what has been applied, and if it
// is all, takes the next turn itself. Each turn must see all turns before it (a
// plain variable shows that, as unordered access to it is an error), everybody
// gets his turn, and who reads a number sees its effect.
#include "orders.hpp"

static const unsigned WORKERS = 3;

struct turn_model : rl::test_suite<turn_model, WORKERS + 1> {
    rl::atomic<unsigned> applied_number;
    rl::mutex lock;
    rl::condition_variable_any next;
    rl::var<unsigned> waiter_count;
    // what a turn writes: for the turns that follow, and for readers
    rl::var<unsigned> state;
    rl::atomic<unsigned> slot;

    void
    before()
    {
        applied_number($).store(0, rl::mo_relaxed);
        slot($).store(0, rl::mo_relaxed);
        waiter_count($) = 0;
        state($) = 0;
    }

    unsigned
    applied()
    {
        return applied_number($).load(
            order(rl::mo_acquire, "APPLIED_RELAXED"));
    }

    bool
    is_next(unsigned number)
    {
        return applied() == number - 1;
    }

    void
    wait(unsigned number)
    {
        if (is_next(number)) {
            return; // the spin; one look stands for all
        }
        bool is_late_lock = is_mutant("LOOK_BEFORE_LOCK");
        bool saw_it = is_late_lock && is_next(number);
        lock.lock($);
        if (!is_mutant("WAITER_NOT_COUNTED")) {
            waiter_count($) = waiter_count($) + 1;
        }
        if (is_mutant("LOOK_ONCE")) {
            if (!is_next(number)) {
                next.wait(lock, $);
            }
        } else if (is_late_lock) {
            if (!saw_it) {
                next.wait(lock, $);
            }
        } else {
            while (!is_next(number)) {
                next.wait(lock, $);
            }
        }
        if (!is_mutant("WAITER_NOT_COUNTED")) {
            waiter_count($) = waiter_count($) - 1;
        }
        lock.unlock($);
    }

    void
    store_number(unsigned number)
    {
        applied_number($).store(number,
                                order(rl::mo_release, "DONE_RELAXED"));
    }

    void
    done(unsigned number)
    {
        if (!is_mutant("DONE_AFTER_BROADCAST")) {
            store_number(number);
        }
        if (is_mutant("DONE_WITHOUT_LOCK")) {
            next.notify_all($);
            return;
        }
        lock.lock($);
        if (waiter_count($) > 0) {
            if (is_mutant("DONE_SIGNALS_ONE")) {
                next.notify_one($);
            } else {
                next.notify_all($);
            }
        }
        lock.unlock($);
        if (is_mutant("DONE_AFTER_BROADCAST")) {
            store_number(number);
        }
    }

    void
    apply(unsigned number)
    {
        RL_ASSERT(state($) == number - 1);
        state($) = number;
        slot($).store(number, rl::mo_relaxed);
    }

    void
    thread(unsigned id)
    {
        if (id == WORKERS) {
            for (unsigned i = 0; i < 6; i++) {
                unsigned number = applied();
                RL_ASSERT(slot($).load(rl::mo_relaxed) >= number);
                if (number == WORKERS || is_mutant("HELP_AT_ONCE")) {
                    apply(WORKERS + 1);
                    store_number(WORKERS + 1); // nobody waits
                    return;
                }
            }
            return;
        }
        unsigned number = WORKERS - id; // the last first, so that they wait
        if (is_mutant("DONE_BEFORE_APPLY")) {
            wait(number);
            done(number);
            apply(number);
            return;
        }
        if (!is_mutant("NO_WAIT")) {
            wait(number);
        }
        apply(number);
        done(number);
    }
};

int
main(int argc, char **argv)
{
    return check<turn_model>(argc, argv);
}
