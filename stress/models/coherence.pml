/* SPDX-License-Identifier: MIT */
/*
 * One key of a cache: its loads, and what makes them invalid.
 *
 * Models src/cache/stamps.h, tags.h, flight.h and fetch.c, and the order in
 * which store.c publishes. How an event gets to the cache is in listener.pml;
 * here it is applied some time after its commit, or dropped, or lost with the
 * connection. P1 and P2 are asserted where a caller has a value.
 *
 * The database is a count of changes. A value is the count that its load saw;
 * it may be returned if no change that it depends on, and that the cache was
 * done with before the call, is beyond that. What values of the key depend on
 * is the same in one run: -DON.
 *
 * Bounded, and sequentially consistent: memory orders are not checked here.
 * Not modelled: row slots shared by two rows, eviction, expiry, strategies
 * that wait, failing loads, allocation failures.
 *
 * -DBUG_… takes one protection out, and check.sh expects that to be found.
 * -DFREE_… takes out what only saves work, and nothing is to be found.
 */
#ifndef CHANGES /* that a NOTIFY tells of */
#define CHANGES 2
#endif
#ifndef OWN_CHANGES /* that the application tells of: pgcw_cache_invalidate() */
#define OWN_CHANGES 0
#endif
#ifndef CALLERS
#define CALLERS 2
#endif
#ifndef CALLS /* by each */
#define CALLS 1
#endif
#ifndef CUTS /* of the connection */
#define CUTS 0
#endif
#ifndef DROPS /* of a message, for want of room */
#define DROPS 0
#endif
#ifndef LOST_LEASES /* loads that never end */
#define LOST_LEASES 0
#endif
#if CUTS + DROPS > 0
#define HAS_LISTENER
#endif

#define NONE 255
#define CLOSED 255

/* What the values depend on: no tag, a table, a row of it. */
#define EVERYTHING 0
#define TABLE 1
#define ROW 2
#ifndef ON
#define ON ROW
#endif
/* What a change is about. */
#define OF_ROW 1
#define OF_OTHER_ROW 2
#define OF_WHOLE_TABLE 3 /* its event has no keys */
#define OF_OTHER_TABLE 4
#define OF_ALL 5 /* the strategy decides for everything */

byte db;                       /* committed changes */
byte about[CHANGES + OWN_CHANGES + 1];
byte proven;                   /* the newest change of ours done with */
bool is_down;                  /* the application was told */

/* struct pgcwi_stamps, struct pgcwi_tags */
byte clock, all, key_slot, untagged_slot, any_slot, whole_slot, row_slot;
bool is_registered;            /* the table has been named */
bool is_taken = true;          /* a stamp, since an event looked */
bool stamps_lock;

typedef value { byte stamp; byte seen }
value entry;                   /* the table's, if has_entry */
bool has_entry;

/* struct pgcwi_flight; one stripe, one key */
#define FLIGHTS (CALLERS + LOST_LEASES)
typedef flight { byte stamp; byte holders; bool is_completed; value result }
flight flights[FLIGHTS];
byte in_stripe = NONE;
byte lost_leases;

chan ring = [CHANGES] of { byte };

/* pgcwi_stamps_is_valid(), of the slots that pgcwi_tags_add() gave */
#ifdef BUG_ROW_WITHOUT_WHOLE
#define ROW_IS_VALID(s) (row_slot <= s)
#else
#define ROW_IS_VALID(s) (row_slot <= s && whole_slot <= s)
#endif
#define IS_VALID(s) (all <= s && key_slot <= s && \
    (ON != EVERYTHING || untagged_slot <= s) && \
    (ON != TABLE || any_slot <= s) && (ON != ROW || ROW_IS_VALID(s)))

#define IS_ABOUT_US(change) (ON == EVERYTHING || about[change] == OF_ALL || \
    about[change] == OF_ROW || about[change] == OF_WHOLE_TABLE || \
    (ON == TABLE && about[change] == OF_OTHER_ROW))

inline prove(change)
{
    if
    :: change > proven -> proven = change
    :: else
    fi
}

inline prove_change(change)
{
    if
    :: IS_ABOUT_US(change) -> prove(change)
    :: else
    fi
}

inline lock(which)
{
    atomic { !which -> which = true }
}

/* advance(), under the lock */
inline advance()
{
#ifdef BUG_NO_LOCK
    next = clock + 1;
    clock = next
#else
    lock(stamps_lock);
    d_step { next = clock + 1; clock = next }
#endif
}

/* pgcwi_stamps_get_beyond(), under the lock */
inline get_beyond()
{
#ifndef BUG_NO_LOCK
    lock(stamps_lock);
#endif
    d_step {
        next = (is_taken -> clock + 1 : clock);
#ifndef BUG_LOOK_AFTER_CLOCK
        is_taken = false
#endif
    };
    clock = next
#ifdef BUG_LOOK_AFTER_CLOCK
    ;
    is_taken = false
#endif
}

/* pgcwi_stamps_now(), note_taken() */
inline take_stamp(taken)
{
#ifdef BUG_NOTE_BEFORE_STAMP
    is_taken = true;
#endif
    taken = clock
#if !defined(BUG_NOTE_BEFORE_STAMP) && !defined(BUG_NOT_NOTED)
    ;
    is_taken = true
#endif
}

/* pgcwi_tags_raise(), visit_slots() */
inline raise_slots(change)
{
#ifndef BUG_UNTAGGED_NOT_RAISED
    untagged_slot = next;
#endif
    if
    :: is_registered && about[change] != OF_OTHER_TABLE ->
#ifndef BUG_ANY_NOT_RAISED
        any_slot = next;
#endif
        if
#ifndef BUG_WHOLE_NOT_RAISED
        :: about[change] == OF_WHOLE_TABLE -> whole_slot = next
#endif
#ifndef BUG_ROW_NOT_RAISED
        :: about[change] == OF_ROW -> row_slot = next
#endif
        :: else
        fi
    :: else
    fi
}

/* pgcwi_stamps_raise_all() */
inline raise_all()
{
    if
#ifdef BUG_FLUSH_OPENS
    :: true -> all = next
#else
    :: all != CLOSED -> all = next
    :: else
#endif
    fi
}

proctype database()
{
    do
    :: db < CHANGES + OWN_CHANGES ->
        /* the number comes with the change: nobody reads `about` before */
        atomic {
            if
            :: about[db + 1] = OF_WHOLE_TABLE
#ifdef HAS_LISTENER
            :: about[db + 1] = OF_ALL
#elif OWN_CHANGES == 0
            :: about[db + 1] = OF_ROW
            :: about[db + 1] = OF_OTHER_ROW
            :: about[db + 1] = OF_OTHER_TABLE
#endif
            fi;
            db++
        }
    :: else -> break
    od
}

/* In its turn: pgcwi_attachments_apply(), act(), pgcwi_cache_apply() */
proctype worker()
{
    byte change, next;

end:
    do
#ifdef HAS_LISTENER
    :: ring?change ->
#elif defined(BUG_HEARD_BEFORE_VISIBLE)
    :: change < CHANGES && change < db + 1 ->
        change++;
        about[change] = OF_WHOLE_TABLE;
#else
    :: change < db && change < CHANGES -> /* heard, hence visible */
        change++;
#endif
#ifdef BUG_REMOVES_ENTRY
        d_step {
            has_entry = false;
            entry.stamp = 0;
            entry.seen = 0;
            prove_change(change)
        }
#else
        if
        :: about[change] == OF_ALL -> advance()
        :: else -> get_beyond()
        fi;
        d_step {
            if
            :: about[change] == OF_ALL -> raise_all()
            :: else -> raise_slots(change)
            fi;
            stamps_lock = false;
            prove_change(change);
            next = 0
        }
#endif
    od
}

/* The listener's thread, as far as the cache feels it. */
proctype listener()
{
    byte heard, next, drops, cuts;

end:
    do
    :: heard < db ->
        heard++;
        if
        :: ring!heard
        :: drops < DROPS -> /* drop(), pgcwi_attachments_flush() */
            drops++;
            advance();
            d_step {
#ifndef BUG_DROP_WITHOUT_FLUSH
                raise_all();
#endif
                stamps_lock = false;
                prove_change(heard);
                next = 0
            }
        fi
    :: cuts < CUTS ->
        cuts++;
        /* pgcwi_attachments_close(), pgcwi_stamps_close() */
        lock(stamps_lock);
        d_step {
#ifndef BUG_NO_CLOSE
            all = CLOSED;
#endif
            stamps_lock = false;
            is_down = true
        }
        heard = db; /* LISTEN; what was not heard before is lost */
        /* pgcwi_attachments_open(), pgcwi_stamps_open() */
#ifdef BUG_OPEN_WITHOUT_FLUSH
        lock(stamps_lock);
        next = 0;
#else
        advance();
#endif
        d_step {
            all = next;
            stamps_lock = false;
            is_down = false;
            prove(heard);
            next = 0
        }
    od
}

/* pgcw_cache_invalidate(), pgcwi_stamps_raise_key() */
proctype application()
{
    byte next, change, done;

    do
    :: done < OWN_CHANGES && db > 0 ->
        done++;
        change = db; /* its own, or one that it knows of */
        advance();
        d_step {
#ifndef BUG_KEY_NOT_RAISED
            key_slot = next;
#endif
            stamps_lock = false;
            prove(change);
            next = 0
        }
    :: else -> break
    od
}

/* add_table(), if the value depends on it: pgcwi_tags_add() */
inline register_table()
{
    atomic {
        !stamps_lock ->
        if
        :: !is_registered ->
#ifndef BUG_TABLE_FROM_ZERO
            any_slot = untagged_slot;
            whole_slot = untagged_slot;
#endif
            is_registered = true
        :: else
        fi
    }
}

/* The user's loader; it may name the table before its SELECT or after. */
inline load()
{
    if
    :: ON != EVERYTHING -> register_table(); mine.seen = db
    :: ON != EVERYTHING -> mine.seen = db; register_table()
    :: ON == EVERYTHING -> mine.seen = db
    fi
#ifdef BUG_STAMP_AFTER_LOAD
    ;
    take_stamp(mine.stamp)
#endif
}

/* pgcwi_cache_publish(), insert() */
inline publish()
{
    d_step {
        if
#ifndef FREE_PUBLISH_UNCHECKED
        :: !IS_VALID(mine.stamp) -> skip
#endif
#ifndef FREE_OLDER_REPLACES
        :: has_entry && entry.stamp > mine.stamp -> skip
#endif
        :: else ->
            has_entry = true;
            entry.stamp = mine.stamp;
            entry.seen = mine.seen
        fi
    }
}

/* let_go() */
inline let_go()
{
    flights[seat].holders--;
    if
    :: flights[seat].holders == 0 ->
        flights[seat].stamp = 0;
        flights[seat].is_completed = false;
        flights[seat].result.stamp = 0;
        flights[seat].result.seen = 0
    :: else
    fi;
    seat = NONE
}

/* pgcwi_flight_find(): of what is known of every value of the key */
#ifdef FREE_JOIN_UNCHECKED
#define IS_JOINABLE(f) true
#else
#define IS_JOINABLE(f) (all <= flights[f].stamp && \
    key_slot <= flights[f].stamp && \
    (is_registered || untagged_slot <= flights[f].stamp))
#endif

/* pgcwi_flight_start() */
inline start_flight()
{
    seat = 0;
    do
    :: flights[seat].holders != 0 -> seat++
    :: else -> break
    od;
    flights[seat].holders = 1;
    flights[seat].stamp = seat_clock;
    in_stripe = seat
}

#define HAS_CACHED (has_entry && IS_VALID(entry.stamp))
#define HAS_FLIGHT (in_stripe != NONE && IS_JOINABLE(in_stripe))
/* Anybody may find at any time that the deadline of a load has passed. */
#ifdef BUG_LEASE_WITHOUT_DEADLINE
#define MAY_BE_OVERDUE false
#else
#define MAY_BE_OVERDUE (LOST_LEASES > 0)
#endif

proctype caller()
{
    byte call, seat = NONE, seat_clock, from;
    value mine;

next_call:
    atomic {
        if
        :: call == CALLS -> goto done
        :: else -> call++; from = proven
        fi;
look:
        /* pgcwi_cache_find(), pgcwi_cache_copy() */
        if
        :: HAS_CACHED ->
            assert(!is_down); /* P2 */
            mine.seen = entry.seen;
            goto had
        :: else
        fi
    };
join:
    /* load_or_wait() */
    if
    :: all == CLOSED ->
        take_stamp(mine.stamp);
        load();
        goto had
    :: else
    fi;
    take_stamp(seat_clock);
    atomic { /* pgcwi_fetch_join(), under the stripe's lock */
        if
        :: HAS_FLIGHT ->
            seat = in_stripe;
            flights[seat].holders++;
            goto wait
        :: (!HAS_FLIGHT || MAY_BE_OVERDUE) ->
            if
            :: HAS_CACHED -> goto look
            :: else -> start_flight()
            fi
        fi
    };
own:
    /* load_for_all(), pgcw_lease_fill() */
    mine.stamp = flights[seat].stamp;
    load();
    if
    :: publish()
    :: atomic { /* a lease that nobody fills */
        lost_leases < LOST_LEASES -> lost_leases++;
        goto done
    }
    fi;
    atomic { /* pgcwi_flight_complete(), take_out() */
        if
        :: in_stripe == seat -> in_stripe = NONE
        :: else
        fi;
        flights[seat].is_completed = true;
        flights[seat].result.stamp = mine.stamp;
        flights[seat].result.seen = mine.seen;
        let_go();
        goto had
    };
wait:
    atomic { /* pgcwi_flight_wait() */
        if
        :: flights[seat].is_completed ->
            mine.stamp = flights[seat].result.stamp;
            mine.seen = flights[seat].result.seen;
            let_go()
        :: !flights[seat].is_completed && MAY_BE_OVERDUE ->
            let_go();
            goto join
        fi
    };
    /* is_acceptable() */
    if
#ifdef BUG_WAITER_TAKES_ANYTHING
    :: true
#else
    :: mine.stamp == seat_clock || IS_VALID(mine.stamp)
    :: else -> goto join
#endif
    fi;
had:
    atomic {
        assert(mine.seen >= from); /* P1 */
        mine.stamp = 0;
        mine.seen = 0;
        seat_clock = 0;
        from = 0;
        goto next_call
    };
done:
    skip
}

init {
    byte i;

    atomic {
        run database();
        run worker();
#ifdef HAS_LISTENER
        run listener();
#endif
#if OWN_CHANGES > 0
        run application();
#endif
        for (i : 1 .. CALLERS) { run caller() }
        i = 0
    }
}
