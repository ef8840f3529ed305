// SPDX-License-Identifier: MIT
// Models: pgcwi_parking_prepare(), pgcwi_parking_wait(),
// pgcwi_parking_wake_one(), pgcwi_parking_wake_all(); their use in
// sleep_until_needed(), push() and pgcwi_worker_pool_stop().
//
// Two producers push an item each; two workers take them or sleep. Whoever
// takes the last ends the work and wakes all. A lost wake-up leaves a worker
// asleep for ever, which is an error.
//
// Of the kernel, only what futex(2) promises: it compares and enters the
// sleeper in one step, and wakes who is entered. What it fences besides is
// not relied upon, so its look at the counter is relaxed here.
#include "orders.hpp"

static const unsigned WORKERS = 2;
static const unsigned ITEMS = 2;

struct parking_model : rl::test_suite<parking_model, WORKERS + ITEMS> {
    rl::atomic<unsigned> wake_count;
    rl::atomic<unsigned> sleeper_count;
    rl::mutex kernel;
    rl::condition_variable_any sleepers;
    // the ring, which has orders of its own: see ck_ring
    rl::atomic<unsigned> waiting;
    rl::atomic<unsigned> taken;
    rl::atomic<unsigned> stopping;

    void
    before()
    {
        wake_count($).store(0, rl::mo_relaxed);
        sleeper_count($).store(0, rl::mo_relaxed);
        waiting($).store(0, rl::mo_relaxed);
        taken($).store(0, rl::mo_relaxed);
        stopping($).store(0, rl::mo_relaxed);
    }

    unsigned
    prepare()
    {
        unsigned early = 0;
        if (is_mutant("TICKET_BEFORE_COUNT")) {
            early = wake_count($).load(rl::mo_seq_cst);
        }
        sleeper_count($).fetch_add(
            1, order(rl::mo_seq_cst, "SLEEPER_RELAXED"));
        if (is_mutant("TICKET_BEFORE_COUNT")) {
            return early;
        }
        return wake_count($).load(order(
            is_mutant("TICKET_ACQUIRE") ? rl::mo_acquire : rl::mo_seq_cst,
            "TICKET_RELAXED"));
    }

    void
    leave()
    {
        sleeper_count($).fetch_sub(1, rl::mo_relaxed);
    }

    void
    wait(unsigned ticket)
    {
        kernel.lock($);
        if (is_mutant("WAIT_NOT_COMPARED") ||
            wake_count($).load(rl::mo_relaxed) == ticket) {
            sleepers.wait(kernel, $);
        }
        kernel.unlock($);
        leave();
    }

    bool
    sees_sleeper()
    {
        return sleeper_count($).load(order(
                   is_mutant("LOOK_ACQUIRE") ? rl::mo_acquire : rl::mo_seq_cst,
                   "LOOK_RELAXED")) != 0;
    }

    void
    wake(bool is_all)
    {
        bool is_early = is_mutant("LOOK_BEFORE_WAKE");
        bool has_sleeper = is_early && sees_sleeper();
        if (!is_mutant("WAKE_NOT_COUNTED")) {
            wake_count($).fetch_add(
                1, order(is_mutant("WAKE_ACQ_REL") ? rl::mo_acq_rel
                                                   : rl::mo_seq_cst,
                         "WAKE_RELAXED"));
        }
        if (!is_early) {
            has_sleeper = sees_sleeper();
        }
        if (!has_sleeper) {
            return;
        }
        kernel.lock($);
        if (is_all) {
            sleepers.notify_all($);
        } else {
            sleepers.notify_one($);
        }
        kernel.unlock($);
    }

    void
    push()
    {
        if (is_mutant("WAKE_BEFORE_PUSH")) {
            wake(false);
        }
        waiting($).fetch_add(1, rl::mo_release);
        if (!is_mutant("WAKE_BEFORE_PUSH")) {
            wake(false);
        }
    }

    bool
    pop()
    {
        unsigned count = waiting($).load(rl::mo_relaxed);
        while (count > 0) {
            if (waiting($).compare_exchange_strong(
                    count, count - 1, rl::mo_acquire, rl::mo_relaxed)) {
                return true;
            }
        }
        return false;
    }

    bool
    is_stopping()
    {
        return stopping($).load(rl::mo_relaxed) != 0;
    }

    void
    sleep_until_needed()
    {
        bool is_early = is_mutant("LOOK_BEFORE_PREPARE");
        bool sees_work = is_early && waiting($).load(rl::mo_relaxed) > 0;
        unsigned ticket = prepare();
        if (!is_early) {
            sees_work = waiting($).load(rl::mo_relaxed) > 0;
        }
        if (sees_work || is_stopping()) {
            leave();
            return;
        }
        wait(ticket);
    }

    void
    stop()
    {
        if (is_mutant("WAKE_BEFORE_STOP")) {
            wake(true);
        }
        stopping($).store(1, rl::mo_relaxed);
        if (!is_mutant("WAKE_BEFORE_STOP")) {
            wake(true);
        }
    }

    void
    thread(unsigned id)
    {
        if (id >= WORKERS) {
            push();
            return;
        }
        while (!is_stopping()) {
            if (!pop()) {
                sleep_until_needed();
            } else if (taken($).fetch_add(1, rl::mo_acq_rel) == ITEMS - 1) {
                stop();
            }
        }
    }
};

int
main(int argc, char **argv)
{
    return check<parking_model>(argc, argv);
}
