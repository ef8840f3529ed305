/* SPDX-License-Identifier: MIT */
/*
 * The visibility guard of the WAL transport: what a commit has to wait for
 * between the walsender and the cache, at the start of a session as well.
 *
 * Models src/listener/wal_source.c, wal_open.c and wal_guard.c. Behind them is
 * what listener.pml and coherence.pml have: here a commit is applied as soon as
 * the guard lets it go, and the cache is a single entry with a stamp. Asserted:
 * - P1: a lookup that begins after a commit was applied, or after LIVE, does
 *   not return a value that was loaded from before it;
 * - P5: commits are applied in the order of their records;
 * - P7: when a sync has returned, what was acknowledged before it is applied;
 * - when nothing can move any more the listener is LIVE, syncs are over, every
 *   commit is applied or from before LIVE, and the entry is not stale.
 *
 * Facts of PostgreSQL, not of ours. A commit is a record in the WAL first, and
 * visible to snapshots later, in any order; then it is acknowledged. A record
 * can be sent when it is flushed, which visibility need not wait for
 * (synchronous_commit = off). A slot's consistent point may be between the
 * record of a commit and its being visible: such a commit is not streamed. A
 * snapshot's xmax is beyond what is finished, not beyond what has begun: one
 * that runs and is not below xmax is not among its xip.
 *
 * Bounded, and sequentially consistent. An xid of a model's writer is the
 * number of its beginning; an aborted or prepared transaction is no other case.
 * The way from the walsender is not modelled: what is slow on it is as if it
 * was decoded later. A look that would show nothing new is left out: an endless
 * wait is then a state in which nothing moves.
 *
 * -DBUG_… takes one protection out, and check.sh expects that to be found.
 * -DFREE_… takes out what only saves time, and nothing is to be found.
 */
#ifndef WRITERS /* 3 at most; each commits once */
#define WRITERS 2
#endif
#ifndef SYNCS
#define SYNCS 0
#endif
#ifndef LOOKUPS
#define LOOKUPS 2
#endif
#ifndef CUTS /* the connections are lost */
#define CUTS 0
#endif

#define CLOSED 255
#define NONE 255
#define BIT(xid) (1 << xid)
#define BELOW(xid) ((1 << xid) - 2) /* 1 is the first */

mtype = { COMMIT, FENCE };
mtype = { STARTING, LIVE };
mtype = { IDLE, SENT, ANSWERED };

/* The server: positions are numbers of records, 1 is the first. */
byte next_xid = 1;
byte xid_at[4];                /* of the record at a position */
byte inserted;
byte finished;                 /* bits of xids: visible, and acknowledged */
byte xmax = 1;                 /* of a snapshot taken now */

/* The walsender, of its slot. */
byte decoded;

/* The other connection: one look at a time. */
mtype look = IDLE;
byte answer_finished, answer_xmax, answer_position;

/* The listener. */
mtype state = STARTING;
bool is_cut;
byte requested_ticket, completed_ticket;
byte seen_finished, seen_xmax, seen_position; /* by the last look */
chan fifo = [WRITERS + SYNCS] of { mtype, byte };

/* The cache. */
byte clock, all = CLOSED, slot;
bool has_entry;
byte entry_stamp, entry_seen;

/* Only for what is asserted. */
byte proven;                   /* a lookup that starts now sees these */
byte last_applied;
byte synced;

/* They are alike: the first to begin is the first of them. */
proctype writer(byte xid)
{
    d_step { next_xid == xid -> next_xid++ };
    d_step { inserted++; xid_at[inserted] = xid };
    /* waits for the flush and for a standby, or for neither */
    d_step {
        finished = finished | BIT(xid);
        if
        :: xid >= xmax -> xmax = xid + 1
        :: else
        fi;
        xid = 0
    }
}

/* The position is taken a little later than the snapshot, in truth: that can
 * only make it larger. */
proctype backend()
{
end:
    do
    :: d_step {
        look == SENT ->
        answer_finished = finished;
        answer_xmax = xmax;
#ifdef BUG_POSITION_OF_FLUSHED
        answer_position = decoded; /* no more need be flushed */
#else
        answer_position = inserted;
#endif
        look = ANSWERED
    }
    od
}

proctype network()
{
    byte cuts;

    do
    :: cuts < CUTS && !is_cut -> d_step { cuts++; is_cut = true }
    :: break
    od
}

/* For fewer states, and for nothing else. */
inline forget_dead()
{
    if
    :: slot > entry_stamp ->
        has_entry = false;
        entry_stamp = 0;
        entry_seen = 0
    :: else
    fi
}

/* pgcwi_attachments_apply() */
inline apply(position)
{
    clock++;
    slot = clock;
    forget_dead();
    assert(position > last_applied); /* P5 */
    last_applied = position;
    proven = proven | BIT(xid_at[position])
}

/* go_live(), pgcwi_attachments_open() */
inline go_live()
{
#ifndef BUG_FLUSH_BEFORE_WAIT
    clock++;
#endif
    all = clock;
    state = LIVE;
    proven = proven | finished
}

/* pgcwi_snapshot_shows(), of the last look: xmax, and the list of xip */
#define IS_SHOWN(xid) ((seen_finished & BIT(xid)) != 0)
#ifdef BUG_JUDGED_BY_XMAX
#define IS_FINISHED(xid) (xid < seen_xmax)
#elif defined(BUG_JUDGED_BY_XIP)
#define IS_FINISHED(xid) (xid >= seen_xmax || IS_SHOWN(xid))
#elif defined(BUG_APPLY_AT_ONCE)
#define IS_FINISHED(xid) true
#elif defined(FREE_JUDGED_BY_XMIN)
#define IS_FINISHED(xid) IS_XMIN_FROM(xid + 1)
#else
#define IS_FINISHED(xid) (xid < seen_xmax && IS_SHOWN(xid))
#endif
/* xmin >= xid */
#define IS_XMIN_FROM(xid) (xid <= seen_xmax && \
    (seen_finished & BELOW(xid)) == BELOW(xid))

/* pgcwi_wal_guard_judge(): the first, if it is finished */
#ifdef BUG_TAKEN_OUT_OF_ORDER
#define IS_GOING(position) (fifo??[COMMIT, position] && \
    IS_FINISHED(xid_at[position]))
#define take_out(position) fifo??COMMIT, eval(position)
#else
#define IS_GOING(position) (fifo?[COMMIT, position] && \
    IS_FINISHED(xid_at[position]))
#define take_out(position) fifo?COMMIT, eval(position)
#endif

inline let_go()
{
    if
    :: fifo?[FENCE, _] -> fifo?FENCE, completed_ticket
    :: IS_GOING(1) -> position = 1
    :: IS_GOING(2) -> position = 2
    :: IS_GOING(3) -> position = 3
    fi;
    if
    :: position != 0 ->
        take_out(position);
        apply(position);
        position = 0
    :: else
    fi
}

/* Somebody waits for what a new one would show. */
#define IS_LOOK_WANTED ((state == STARTING || nempty(fifo)) && \
    (seen_finished != finished || seen_xmax != xmax))
#define IS_FENCE_WANTED (state == LIVE && fence == 0 && \
    requested_ticket > answered)

proctype listener()
{
    byte bound, position, fence, fence_position, answered;

session:
    is_cut = false;
#ifdef BUG_START_BEFORE_SLOT
    bound = next_xid;
#endif
    d_step { /* the slot is made: its consistent point */
        decoded = inserted;
        look = IDLE;
        seen_finished = 0;
        seen_xmax = 0;
        answered = 0
    };
#ifdef BUG_LIVE_AT_ONCE
    atomic { go_live() };
#elif defined(BUG_BOUND_OF_XMAX)
    bound = xmax;
#elif defined(BUG_BOUND_OF_FIRST_SESSION)
    if
    :: bound == 0 -> bound = next_xid
    :: else
    fi;
#elif !defined(BUG_START_BEFORE_SLOT)
    bound = next_xid; /* wait_for_begun() takes a number of its own */
#endif
#ifdef BUG_FLUSH_BEFORE_WAIT
    clock++;
#endif
end:
    do
    :: atomic { /* the walsender's, and heard: pgcwi_wal_guard_take() */
        decoded < inserted ->
        decoded++;
        fifo!COMMIT, decoded
    }
    :: atomic {
        fifo?[FENCE, _] || IS_GOING(1) || IS_GOING(2) || IS_GOING(3) -> let_go()
    }
    :: atomic { look == IDLE && IS_LOOK_WANTED -> look = SENT }
    :: atomic { /* send_fence() */
        IS_FENCE_WANTED && look == IDLE ->
        fence = requested_ticket;
#ifdef BUG_POSITION_OF_LAST_LOOK
        fence_position = seen_position;
#else
        fence_position = NONE;
        look = SENT
#endif
    }
    :: atomic {
        look == ANSWERED ->
        look = IDLE;
        seen_finished = answer_finished;
        seen_xmax = answer_xmax;
#ifdef BUG_POSITION_OF_LAST_LOOK
        seen_position = answer_position;
#endif
        if
        :: fence != 0 && fence_position == NONE ->
#ifdef BUG_TICKET_AT_ANSWER
            fence = requested_ticket;
#endif
            fence_position = answer_position
        :: else
        fi;
        answer_finished = 0;
        answer_xmax = 0;
        answer_position = 0
    }
    :: atomic { /* a keepalive's position: advance(), fence_reached() */
#ifdef BUG_ANY_KEEPALIVE
        fence != 0 && fence_position != NONE ->
#else
        fence != 0 && decoded >= fence_position ->
#endif
#ifdef BUG_FENCE_BEFORE_FIFO
        completed_ticket = fence;
#else
        fifo!FENCE, fence;
#endif
        answered = fence;
        fence = 0;
        fence_position = 0
    }
    :: atomic { state == STARTING && IS_XMIN_FROM(bound) -> go_live() }
    :: is_cut -> break
    od;
    all = CLOSED; /* pgcwi_attachments_close() */
    d_step {
        state = STARTING;
        fence = 0;
        fence_position = 0;
        do
        :: nempty(fifo) -> fifo?_, _
        :: empty(fifo) -> break
        od
    };
    goto session
}

/* pgcw_listener_sync() */
proctype syncer()
{
    byte committed, ticket;

    atomic {
        committed = finished;
        requested_ticket++;
        ticket = requested_ticket
    };
    atomic {
        completed_ticket >= ticket;
        assert((proven & committed) == committed); /* P7 */
        synced++;
        committed = 0;
        ticket = 0
    }
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
            :: IS_HIT -> assert((entry_seen & proven) == proven) /* P1 */
            :: else -> stamp = clock; is_missed = true
            fi
        };
        if
        :: is_missed ->
            seen = finished;
            d_step {
                has_entry = true;
                entry_stamp = stamp;
                entry_seen = seen;
                forget_dead();
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
        assert(state == LIVE);
        assert(synced == SYNCS);
        assert(finished == BELOW((WRITERS + 1)) && proven == finished);
        assert(!IS_HIT || entry_seen == finished)
    }
}

init {
    byte i;

    atomic {
        run backend();
        run listener();
        run reader();
        run monitor();
#if CUTS > 0
        run network();
#endif
#if SYNCS > 0
        for (i : 1 .. SYNCS) { run syncer() }
#endif
        for (i : 1 .. WRITERS) { run writer(i) }
        i = 0
    }
}
