// SPDX-License-Identifier: MIT
// Models: pgcwi_table_find(), pgcwi_table_replace(), pgcwi_table_remove(),
// pgcwi_table_make_room().
//
// A writer puts two entries of one bucket in, takes the first out, and
// replaces the other while the table grows. A reader that was told how far he
// is finds what is there by then, and all of it.
#include "orders.hpp"

static const unsigned READERS = 2;
static const unsigned BUCKETS = 2; // of one slot each
static const unsigned FIRST = 1, OLD = 2, NEW = 3;
enum step { NOTHING, OLD_PUT, NEW_PUT };

struct table_model : rl::test_suite<table_model, READERS + 1> {
    struct bucket {
        rl::atomic<unsigned> tag;
        rl::atomic<unsigned> passed; // one word with the tag in our code
        rl::atomic<unsigned> entry;
    };
    bucket buckets[2][BUCKETS];
    rl::atomic<unsigned> current;
    rl::atomic<unsigned> told;
    rl::var<unsigned> content[NEW + 1];

    void
    before()
    {
        for (unsigned table = 0; table < 2; table++) {
            for (unsigned i = 0; i < BUCKETS; i++) {
                buckets[table][i].tag($).store(0, rl::mo_relaxed);
                buckets[table][i].passed($).store(0, rl::mo_relaxed);
                buckets[table][i].entry($).store(0, rl::mo_relaxed);
            }
        }
        current($).store(0, rl::mo_relaxed);
        told($).store(NOTHING, rl::mo_relaxed);
    }

    void
    write_entry(bucket &at, unsigned entry)
    {
        at.entry($).store(entry, order(rl::mo_release, "ENTRY_STORE_RELAXED"));
    }

    void
    put(unsigned table, unsigned entry)
    {
        unsigned i = 0; // both keys have this bucket

        while (buckets[table][i].tag($).load(rl::mo_relaxed) != 0) {
            if (!is_mutant("PASSED_NOT_COUNTED")) {
                unsigned passed =
                    buckets[table][i].passed($).load(rl::mo_relaxed);
                buckets[table][i].passed($).store(passed + 1, rl::mo_relaxed);
            }
            i++;
        }
        write_entry(buckets[table][i], entry);
        buckets[table][i].tag($).store(entry == FIRST ? 1 : 2, rl::mo_relaxed);
    }

    void
    make(unsigned entry)
    {
        content[entry]($) = 10 * entry;
    }

    void
    tell(step done)
    {
        told($).store(done, rl::mo_release);
    }

    void
    remove_first()
    {
        buckets[0][0].tag($).store(0, rl::mo_relaxed);
        write_entry(buckets[0][0], 0);
        if (is_mutant("PASSED_FORGOTTEN")) {
            buckets[0][0].passed($).store(0, rl::mo_relaxed);
        }
    }

    void
    replace_while_it_grows()
    {
        if (is_mutant("SWAPPED_BEFORE_COPIED")) {
            current($).store(1, rl::mo_release);
        }
        put(1, OLD); // copied
        make(NEW);
        if (!is_mutant("NOT_IN_BOTH")) {
            write_entry(buckets[1][0], NEW);
        }
        write_entry(buckets[0][1], NEW);
        tell(NEW_PUT);
        current($).store(1, order(rl::mo_release, "CURRENT_STORE_RELAXED"));
    }

    void
    write()
    {
        make(FIRST);
        put(0, FIRST);
        make(OLD);
        put(0, OLD);
        tell(OLD_PUT);
        remove_first();
        replace_while_it_grows();
    }

    // the entry of the second key
    unsigned
    find()
    {
        unsigned table =
            current($).load(order(rl::mo_acquire, "CURRENT_LOAD_RELAXED"));

        for (unsigned i = 0; i < BUCKETS; i++) {
            bucket &at = buckets[table][i];
            if (at.tag($).load(rl::mo_relaxed) == 2) {
                unsigned entry = at.entry($).load(
                    order(rl::mo_acquire, "ENTRY_LOAD_RELAXED"));
                if (entry != 0) {
                    RL_ASSERT(content[entry]($) == 10 * entry);
                    return entry;
                }
            }
            if (at.passed($).load(rl::mo_relaxed) == 0) {
                break;
            }
        }
        return 0;
    }

    void
    read()
    {
        unsigned known = told($).load(rl::mo_acquire);
        unsigned found = find();

        RL_ASSERT(known == NOTHING || found != 0);
        RL_ASSERT(known != NEW_PUT || found == NEW);
    }

    void
    thread(unsigned id)
    {
        if (id == READERS) {
            write();
        } else {
            for (unsigned i = 0; i < 2; i++) {
                read();
            }
        }
    }
};

int
main(int argc, char **argv)
{
    return check<table_model>(argc, argv);
}
