// SPDX-License-Identifier: MIT
// Models: pgcwi_freshness_request(), pgcwi_freshness_wait(),
// pgcwi_freshness_requested(), pgcwi_freshness_apply(),
// pgcwi_freshness_horizon_ns(), pgcwi_age_oldest_ns().
//
// One worker applies an event in the first turn, another a fence in the
// second. Who sees the horizon of the fence, or ends a sync, sees what the
// event made invalid (P6, P7).
#include "orders.hpp"

static const unsigned SENT_AT = 7;

struct freshness_model : rl::test_suite<freshness_model, 4> {
    // the turn and the wake-up of the listener, as plain as can be: they have
    // a model each
    rl::mutex turn_lock;
    rl::condition_variable_any turn_next;
    rl::var<bool> is_event_applied;
    rl::condition_variable_any has_request;
    rl::atomic<unsigned> slot;
    rl::atomic<unsigned> horizon;
    rl::mutex lock;
    rl::condition_variable_any has_completed;
    rl::var<unsigned> requested_ticket;
    rl::var<unsigned> completed_ticket;

    void
    before()
    {
        is_event_applied($) = false;
        slot($).store(0, rl::mo_relaxed);
        horizon($).store(0, rl::mo_relaxed);
        requested_ticket($) = 0;
        completed_ticket($) = 0;
    }

    unsigned
    request()
    {
        lock.lock($);
        requested_ticket($) = requested_ticket($) + 1;
        unsigned ticket = requested_ticket($);
        has_request.notify_one($);
        lock.unlock($);
        return ticket;
    }

    void
    wait(unsigned ticket)
    {
        lock.lock($);
        if (is_mutant("LOOK_ONCE")) {
            if (completed_ticket($) < ticket) {
                has_completed.wait(lock, $);
            }
        } else {
            while (completed_ticket($) < ticket) {
                has_completed.wait(lock, $);
            }
        }
        lock.unlock($);
    }

    unsigned
    requested()
    {
        lock.lock($);
        while (requested_ticket($) == 0) {
            has_request.wait(lock, $);
        }
        unsigned ticket = requested_ticket($);
        lock.unlock($);
        return ticket;
    }

    void
    apply(unsigned ticket)
    {
        horizon($).store(SENT_AT,
                         order(rl::mo_release, "HORIZON_STORE_RELAXED"));
        bool has_lock = !is_mutant("COMPLETED_WITHOUT_LOCK");
        if (has_lock) {
            lock.lock($);
        }
        if (ticket > completed_ticket($)) {
            completed_ticket($) = ticket;
            if (!is_mutant("NOBODY_TOLD")) {
                has_completed.notify_all($);
            }
        }
        if (has_lock) {
            lock.unlock($);
        }
    }

    void
    apply_fence()
    {
        unsigned ticket = requested();
        if (!is_mutant("COMPLETED_BEFORE_TURN")) {
            turn_lock.lock($);
            while (!is_event_applied($)) {
                turn_next.wait(turn_lock, $);
            }
            turn_lock.unlock($);
        }
        apply(ticket);
    }

    void
    apply_event()
    {
        slot($).store(1, rl::mo_relaxed);
        turn_lock.lock($);
        is_event_applied($) = true;
        turn_next.notify_all($);
        turn_lock.unlock($);
    }

    void
    look_up()
    {
        bool is_early = is_mutant("HORIZON_AFTER_LOOK");
        unsigned seen = is_early ? slot($).load(rl::mo_relaxed) : 0;
        unsigned known =
            horizon($).load(order(rl::mo_acquire, "HORIZON_LOAD_RELAXED"));
        if (!is_early) {
            seen = slot($).load(rl::mo_relaxed);
        }
        RL_ASSERT(known < SENT_AT || seen == 1);
    }

    void
    thread(unsigned id)
    {
        switch (id) {
        case 0:
            apply_event();
            break;
        case 1:
            apply_fence();
            break;
        case 2:
            look_up();
            break;
        default:
            wait(request());
            RL_ASSERT(slot($).load(rl::mo_relaxed) == 1);
            break;
        }
    }
};

int
main(int argc, char **argv)
{
    return check<freshness_model>(argc, argv);
}
