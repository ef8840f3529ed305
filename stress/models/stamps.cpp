// SPDX-License-Identifier: MIT
// Models: pgcwi_stamps_now(), note_taken(), advance(),
// pgcwi_stamps_get_beyond(), pgcwi_stamps_set(), pgcwi_stamps_raise_key(),
// pgcwi_stamps_is_valid(), pgcwi_tags_raise(), pgcwi_cache_publish(), insert().
//
// A value is made of two rows. A worker applies two events about the first; an
// application has changed the second itself, invalidates it and tells others.
// Two callers look the value up, load it, and look again. What is a hit must
// not be older than what the caller knows to be applied (P1).
#include "orders.hpp"

static const unsigned CALLERS = 2;
static const unsigned LOADS = 2;

struct entry {
    rl::var<unsigned> rows[2];
    rl::var<unsigned> stamp;
};

struct stamps_model : rl::test_suite<stamps_model, CALLERS + 2> {
    // the database: a commit is visible before anybody is told
    rl::atomic<unsigned> rows[2];
    // what is known to be applied: the turn's number, or somebody's word
    rl::atomic<unsigned> known[2];
    rl::atomic<unsigned> clock;
    rl::atomic<unsigned> is_taken;
    rl::atomic<unsigned> slots[2];
    rl::mutex lock;
    rl::mutex write_lock;
    rl::atomic<entry *> table;
    entry entries[CALLERS * LOADS];

    void
    before()
    {
        for (unsigned i = 0; i < 2; i++) {
            rows[i]($).store(0, rl::mo_relaxed);
            known[i]($).store(0, rl::mo_relaxed);
            slots[i]($).store(0, rl::mo_relaxed);
        }
        clock($).store(0, rl::mo_relaxed);
        is_taken($).store(1, rl::mo_relaxed);
        table($).store(NULL, rl::mo_relaxed);
    }

    void
    note_taken()
    {
        if (is_mutant("NOT_NOTED")) {
            return;
        }
        if (is_taken($).load(order(rl::mo_acquire, "NOTED_RELAXED")) == 0) {
            is_taken($).exchange(1, order(rl::mo_acq_rel, "NOTE_RELAXED"));
        }
    }

    unsigned
    now()
    {
        if (is_mutant("NOTE_BEFORE_STAMP")) {
            note_taken();
        }
        unsigned stamp =
            clock($).load(order(rl::mo_acquire, "NOW_RELAXED"));
        if (!is_mutant("NOTE_BEFORE_STAMP")) {
            note_taken();
        }
        return stamp;
    }

    unsigned
    advance()
    {
        unsigned next = clock($).load(rl::mo_relaxed) + 1;
        clock($).store(next, order(rl::mo_release, "ADVANCE_RELAXED"));
        return next;
    }

    unsigned
    get_beyond()
    {
        if (is_taken($).exchange(0, order(rl::mo_acq_rel, "LOOK_RELAXED"))) {
            return advance();
        }
        return clock($).load(rl::mo_relaxed);
    }

    // of an event about the first row
    void
    raise()
    {
        lock.lock($);
        unsigned beyond = get_beyond();
        if (slots[0]($).load(rl::mo_relaxed) != beyond) {
            slots[0]($).store(beyond, rl::mo_relaxed);
        }
        lock.unlock($);
    }

    void
    raise_slot(unsigned slot)
    {
        bool has_lock = !is_mutant("NO_LOCK");
        if (has_lock) {
            lock.lock($);
        }
        if (is_mutant("SLOT_NOT_NEW")) {
            slots[slot]($).store(clock($).load(rl::mo_relaxed),
                                 rl::mo_relaxed);
            advance();
        } else {
            unsigned next = advance();
            slots[slot]($).store(next, rl::mo_relaxed);
        }
        if (has_lock) {
            lock.unlock($);
        }
    }

    bool
    is_valid(unsigned stamp)
    {
        return slots[0]($).load(rl::mo_relaxed) <= stamp &&
               slots[1]($).load(rl::mo_relaxed) <= stamp;
    }

    // a row has changed
    void
    invalidate(unsigned row, unsigned version)
    {
        rows[row]($).store(version, rl::mo_relaxed);
        if (is_mutant("DONE_BEFORE_RAISE")) {
            known[row]($).store(version, rl::mo_release);
        }
        if (is_mutant("NOT_RAISED")) {
            // nothing
        } else if (row == 0) {
            raise();
        } else {
            raise_slot(row);
        }
        known[row]($).store(version, order(rl::mo_release, "DONE_RELAXED"));
    }

    void
    look_up()
    {
        rl::memory_order seen = order(rl::mo_acquire, "KNOWN_RELAXED");
        unsigned least[2] = {known[0]($).load(seen), known[1]($).load(seen)};
        entry *found =
            table($).load(order(rl::mo_acquire, "FIND_RELAXED"));
        if (found != NULL && is_valid(found->stamp($))) {
            RL_ASSERT(found->rows[0]($) >= least[0]);
            RL_ASSERT(found->rows[1]($) >= least[1]);
        }
    }

    void
    load(entry *loaded)
    {
        unsigned stamp = now();
        loaded->rows[0]($) = rows[0]($).load(rl::mo_relaxed);
        loaded->rows[1]($) = rows[1]($).load(rl::mo_relaxed);
        loaded->stamp($) = is_mutant("STAMP_AFTER_LOAD") ? now() : stamp;
    }

    void
    publish(entry *loaded)
    {
        if (!is_valid(loaded->stamp($))) {
            return;
        }
        write_lock.lock($);
        entry *old = table($).load(rl::mo_relaxed);
        if (old == NULL || !(old->stamp($) > loaded->stamp($))) {
            table($).store(loaded, order(rl::mo_release, "PUBLISH_RELAXED"));
        }
        write_lock.unlock($);
    }

    void
    thread(unsigned id)
    {
        if (id >= CALLERS) {
            invalidate(id - CALLERS, 1);
            if (id == CALLERS) {
                invalidate(0, 2);
            }
            return;
        }
        for (unsigned i = 0; i < LOADS; i++) {
            entry *loaded = &entries[id * LOADS + i];
            load(loaded);
            publish(loaded);
            look_up();
        }
    }
};

int
main(int argc, char **argv)
{
    return check<stamps_model>(argc, argv);
}
