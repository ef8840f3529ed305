/* SPDX-License-Identifier: MIT */
/*
 * The way of an event: socket, ring, turn, cache; overflow, doubt, reconnect,
 * sync.
 *
 * Models src/listener/session.c, worker_pool.c, freshness.c and attachment.h,
 * and src/queue/turn.c. The cache is a single entry with a stamp, as
 * coherence.pml has the rest of it. What is asserted:
 * - P1, P3, P6, P7: a lookup that begins after a change was applied, after
 *   LIVE, or after a sync or a horizon that covers it, does not return a value
 *   from before it;
 * - P2: it returns nothing while the application is told DOUBT or DOWN;
 * - P5: changes are applied in the order of their commits;
 * - a subscription misses no event without a mark in its place;
 * - when nothing can move any more the listener is LIVE, the entry is not stale,
 *   syncs are over, and a subscription knows of what it misses.
 *
 * Bounded, and sequentially consistent. Time does not exist: an answer may be
 * late whenever there is one to come. Not modelled: back-off, stopping,
 * sleeping workers, strategies that wait, several caches.
 */
#ifndef CHANGES
#define CHANGES 2
#endif
#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef RING
#define RING 2
#endif
#ifndef CUTS /* the connection is lost */
#define CUTS 0
#endif
#ifndef SILENCES /* nothing comes through for a while, or for ever */
#define SILENCES 0
#endif
#ifndef SYNCS
#define SYNCS 0
#endif
#ifndef LOOKUPS
#define LOOKUPS 2
#endif
#ifndef UNDECODABLE /* some payloads are */
#define UNDECODABLE 0
#endif
#ifndef POOLER /* the first connection is one through a transaction pooler */
#define POOLER 0
#endif

#ifndef BEAT /* a heartbeat is sent without a sync */
#define BEAT 0
#endif

#define CLOSED 255

mtype = { PAYLOAD, FENCE, GAP, PROBE };
mtype = { CONNECTING, LIVE, DOUBT, DOWN };

/* The server. */
byte db;                  /* committed, and visible */
byte acknowledged;        /* COMMIT has returned */
bool is_listening;        /* LISTEN is committed, in a session of ours */
bool is_cut, is_silent;
chan socket = [CHANGES + 2] of { mtype, byte, byte };

/* The listener. */
mtype state = CONNECTING;
byte last_number, applied_number, requested_ticket, completed_ticket;
chan ring = [RING] of { byte, mtype, byte, byte, bool };

/* The cache. */
byte clock, all = CLOSED, slot;
bool has_entry;
byte entry_stamp, entry_seen;

/* Only for what is asserted. */
byte proven;              /* a lookup that starts now sees at least this */
byte last_applied;
byte last_delivered;      /* to a subscription */
bool has_mark;            /* behind that */
bool is_gap_owed;         /* pgcwi_worker_pool_owe_gap() */
byte synced;
bool is_down;             /* the application was told */

inline prove(change)
{
    if
    :: change > proven -> proven = change
    :: else
    fi
}

proctype database()
{
    do
    :: db < CHANGES ->
        db++;
        /* told to those who listen when it is visible, and before COMMIT
         * returns: FACTS of PostgreSQL, not of ours */
        atomic {
            if
            :: is_listening -> socket!PAYLOAD, db, 0
            :: else
            fi;
            acknowledged = db
        }
    :: else -> break
    od
}

proctype network()
{
    byte cuts, silences;

    do
    :: cuts < CUTS && !is_cut -> d_step {
        cuts++;
        is_listening = false;
        is_silent = false;
        is_cut = true;
        do
        :: nempty(socket) -> socket?_, _, _
        :: empty(socket) -> break
        od
    }
    :: silences < SILENCES && !is_cut && is_listening -> atomic {
        silences++;
        is_silent = true
    }
    :: is_silent -> is_silent = false
    :: break
    od
}

/* pgcwi_attachments_flush(), pgcwi_stamps_raise_all() */
inline flush()
{
    clock++;
    if
    :: all != CLOSED -> all = clock
    :: else
    fi
}

/* pgcwi_attachments_apply(), pgcwi_subscriptions_deliver() */
inline apply(change)
{
    clock++;
    slot = clock;
    assert(change > last_applied); /* P5 */
    last_applied = change;
    assert(change == last_delivered + 1 || has_mark);
    last_delivered = change;
    has_mark = false
}

/* pgcwi_handle(), from begin_turn() on */
inline handle(number, kind, change, ticket, is_marked)
{
    if
    :: is_marked -> has_mark = true /* begin_turn() */
    :: else
    fi;
    if
    :: kind == PAYLOAD -> apply(change)
    :: kind == PAYLOAD && UNDECODABLE -> /* apply_undecodable() */
#ifndef BUG_UNDECODABLE_WITHOUT_FLUSH
        flush();
#endif
        has_mark = true
    :: kind == FENCE && ticket > completed_ticket ->
        completed_ticket = ticket /* pgcwi_freshness_apply() */
    :: kind == FENCE && ticket <= completed_ticket
    :: kind == GAP
    fi;
    prove(change); /* of a fence: the horizon */
    applied_number = number /* pgcwi_turn_done() */
}

/* may_help(): then the turn is ours */
#ifdef BUG_HELP_AT_ONCE
#define MAY_HELP true
#else
#define MAY_HELP (applied_number == last_number)
#endif

/* push(): a message that the ring does not take has no number */
inline push(kind, change, ticket, is_pushed)
{
    if
    :: MAY_HELP -> /* help(); or it may not, for want of time or of a lock */
        last_number++;
        handle(last_number, kind, change, ticket, is_gap_owed);
        is_gap_owed = false;
        is_pushed = true
    :: nfull(ring) ->
        last_number++;
        ring!last_number, kind, change, ticket, is_gap_owed;
        is_gap_owed = false;
        is_pushed = true
    :: full(ring) ->
#ifdef BUG_DROPPED_HAS_NUMBER
        last_number++;
#endif
        is_pushed = false
    fi
}

/* hear() */
inline hear()
{
    atomic {
        !is_silent && socket?[PAYLOAD, _, _] ->
        socket?PAYLOAD, change, _;
        push(PAYLOAD, change, 0, is_pushed);
        if
        :: !is_pushed -> /* drop() */
#ifndef BUG_OVERFLOW_WITHOUT_FLUSH
            flush();
#endif
#ifndef BUG_OVERFLOW_WITHOUT_MARK
            is_gap_owed = true
#endif
        :: else
        fi;
        change = 0;
        is_pushed = false
    }
}

/* go_live(), pgcwi_attachments_open() */
inline go_live()
{
#ifdef BUG_OPEN_WITHOUT_FLUSH
    all = clock;
#elif !defined(BUG_OPEN_BEFORE_LISTEN)
    clock++;
    all = clock;
#endif
    is_down = false;
    state = LIVE;
    prove(heard_from)
}

/* push_answered(), pgcwi_worker_pool_push_fence() */
inline push_answered()
{
#ifdef BUG_SYNC_BEFORE_APPLY
    completed_ticket = answered;
    is_unpushed = false
#else
    push(FENCE, answered_from, answered, is_pushed);
#ifdef BUG_FENCE_NOT_RETRIED
    is_unpushed = false;
#else
    is_unpushed = !is_pushed;
#endif
    is_pushed = false
#endif
}

/* is_fence_wanted(): for a sync, or at its time: the first at once (-DBEAT), and
 * of the later ones that which finds out that the connection is silent */
#define IS_FENCE_WANTED (!is_in_flight && \
    (is_due || requested_ticket > answered || is_silent))

/* pgcwi_session_run(), again and again */
proctype listener()
{
    byte change, fence, fence_from, answered, answered_from, heard_from;
    bool is_pushed, is_unpushed, is_in_flight, is_due, is_pooled = POOLER;

session:
    is_gap_owed = true;
#ifdef BUG_OPEN_BEFORE_LISTEN
    d_step { clock++; all = clock; is_down = false };
#endif
    /* pgcwi_opening_connect(), subscribe() */
    d_step {
        is_cut = false;
        is_listening = !is_pooled;
        heard_from = db;
        fence = 0;
        fence_from = 0;
        answered = 0;
        answered_from = 0;
        is_unpushed = false;
        is_in_flight = false;
        is_due = BEAT
    };
#ifndef BUG_NO_PROBE
    /* probe(): a NOTIFY of our own, through the server */
    atomic {
        if
        :: is_listening -> socket!PROBE, 0, 0
        :: else
        fi
    };
    do
    :: hear()
    :: atomic {
        !is_silent && socket?[PROBE, _, _] -> socket?PROBE, _, _;
        break
    }
    :: is_cut || is_silent -> goto lost
    :: is_pooled && empty(socket) -> goto lost /* check_deadline() */
    od;
#endif
    /* serve() */
    atomic { go_live() };
end:
    do
    :: atomic { is_unpushed && nfull(ring) -> push_answered() }
    :: atomic {
        state == LIVE && is_gap_owed && nfull(ring) ->
        push(GAP, 0, 0, is_pushed); /* settle_gap() */
        is_pushed = false
    }
    :: atomic { /* send_fence() */
        IS_FENCE_WANTED && !is_cut ->
        fence = requested_ticket;
        fence_from = acknowledged;
        is_in_flight = true;
        is_due = false;
        /* the server answers behind what was acknowledged before */
        socket!FENCE, 0, 0
    }
    :: atomic {
#ifdef BUG_FENCE_BEFORE_HEARD
        !is_silent && socket??[FENCE, 0, 0] -> socket??FENCE, 0, 0;
#else
        !is_silent && socket?[FENCE, 0, 0] -> socket?FENCE, _, _;
#endif
        /* fence_answered() */
        is_in_flight = false;
#ifdef BUG_TICKET_AT_ANSWER
        answered = requested_ticket;
#else
        answered = fence;
#endif
        answered_from = fence_from;
        is_unpushed = true;
        push_answered();
        if
        :: state == DOUBT -> go_live()
        :: else
        fi
    }
    :: hear()
#ifndef BUG_NO_DOUBT
    :: is_in_flight && is_silent && state == LIVE ->
        /* check_heartbeat(), go_into_doubt() */
        all = CLOSED;
        is_gap_owed = true;
        d_step { state = DOUBT; is_down = true }
    :: is_in_flight && is_silent && state == DOUBT -> goto lost
#endif
    :: is_cut -> goto lost
    od;
lost:
    /* pgcwi_attachments_close() */
#ifdef BUG_NO_CLOSE
    skip;
#else
    all = CLOSED;
#endif
    d_step {
        state = DOWN;
        is_down = true;
        is_pooled = false;
        is_listening = false; /* pgcwi_connection_close() */
        is_silent = false;
        do
        :: nempty(socket) -> socket?_, _, _
        :: empty(socket) -> break
        od
    };
    goto session
}

/* work(): decoded at once, applied in turn */
proctype worker()
{
    byte number, change, ticket;
    mtype kind;
    bool is_marked;

end:
    do
    :: ring?number, kind, change, ticket, is_marked ->
#ifdef BUG_DONE_BEFORE_APPLY
        applied_number == number - 1;
        applied_number = number;
#endif
        atomic {
#if !defined(BUG_OUT_OF_TURN) && !defined(BUG_DONE_BEFORE_APPLY)
            applied_number == number - 1; /* pgcwi_turn_wait() */
#endif
            handle(number, kind, change, ticket, is_marked);
            number = 0;
            change = 0;
            ticket = 0;
            kind = 0;
            is_marked = false
        }
    od
}

/* pgcw_listener_sync() */
proctype syncer()
{
    byte committed, ticket;

    do
    :: synced < SYNCS ->
        atomic {
            committed = acknowledged;
            requested_ticket++;
            ticket = requested_ticket
        };
        atomic {
            completed_ticket >= ticket;
            prove(committed);
            synced++
        }
    :: else -> break
    od
}

#define IS_HIT (has_entry && all <= entry_stamp && slot <= entry_stamp)

proctype reader()
{
    byte lookups, stamp, seen;
    bool is_missed;

    do
    :: lookups < LOOKUPS ->
        atomic {
            lookups++;
            if
            :: IS_HIT ->
                assert(entry_seen >= proven);
                assert(!is_down) /* P2 */
            :: else -> stamp = clock; is_missed = true
            fi
        };
        if
        :: is_missed ->
            seen = db;
            d_step {
                has_entry = true;
                entry_stamp = stamp;
                entry_seen = seen;
                stamp = 0;
                seen = 0;
                is_missed = false
            }
        :: else
        fi
    :: else -> break
    od
}

/* When nothing moves any more, and not before. */
proctype monitor()
{
    atomic {
        timeout;
        assert(state == LIVE && !is_silent);
        assert(synced == SYNCS);
        assert(last_delivered == db || has_mark);
        assert(!IS_HIT || entry_seen == db)
    }
}

init {
    byte i;

    atomic {
        run database();
        run listener();
        run reader();
        run monitor();
#if CUTS + SILENCES > 0
        run network();
#endif
#if SYNCS > 0
        run syncer();
#endif
        for (i : 1 .. WORKERS) { run worker() }
        i = 0
    }
}
