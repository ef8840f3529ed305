/* SPDX-License-Identifier: MIT */
/**
 * @file
 * pgcachewatch keeps an in-process cache coherent with PostgreSQL.
 *
 *     PostgreSQL: statement, trigger, NOTIFY, COMMIT
 *         |  connection
 *     listener thread: numbers every message, never parses, never waits
 *         |  ring (bounded, lock-free)
 *     workers: decode in parallel, apply in commit order; strategy
 *         |  clock and stamps: an invalidation is one store
 *     your threads: lookup, get, pin, fetch, acquire, put
 *
 * Use: pgcw_listener_open(), pgcw_cache_create(), then pgcw_cache_fetch()
 * from any thread. Triggers are installed once with the tool
 * (`pgcachewatch install`) or with pgcw_install_plan().
 *
 * What a value depends on is said by its tags, tables and rows of them: see
 * pgcw_fill_add_tag(). Without, every event makes it invalid.
 *
 * How that looks in a program is in the page pgcachewatch_patterns, with
 * costs and traps: row cache, query cache, negative caching, event loop,
 * prefork, read replica.
 *
 * What it promises:
 *
 * - P1 No stale fill. Once an event has been applied, no lookup that starts
 *   afterwards returns a value whose load began before.
 * - P2 Fail closed. A cache serves only while its listener is LIVE;
 *   otherwise it does as its outage policy says: by default every lookup is a
 *   miss.
 * - P3 A gap flushes. Lost connection, full ring, undecodable payload,
 *   failed allocation: everything is invalid before the cache serves again.
 * - P4 Readers never wait. A hit takes no lock, no atomic read-modify-write
 *   and no allocation; an invalidation is O(1) for readers.
 * - P5 Order. Events are applied in commit order, each to every cache.
 * - P6 Known freshness. pgcw_listener_horizon_ns() is proven, not guessed,
 *   and pgcw_cache_lookup_fresh() asks for a maximum age.
 * - P7 Read your writes. pgcw_listener_sync() returns once every commit
 *   acknowledged before the call is applied.
 * - P8 Writers are never hurt. The triggers cannot fail a statement, and the
 *   listener always drains its socket.
 * - P9 Bounded. Ring, entries, bytes, memory that waits for a grace period
 *   and delays of reconnection have limits.
 * - P10 Nothing of yours is trusted. Names are quoted; a payload is
 *   untrusted input, and can at worst cause a needless reload.
 *
 * Threads: every function says who may call it. Any thread may read; it
 * needs no registration. Library threads are named pgcw:… and block all
 * signals. Threads become known to liburcu's memb flavor by themselves: a
 * program that uses that flavor, too, must not register the same threads.
 *
 * Who wants the events themselves opens a queue of his own with
 * pgcw_subscription_open().
 *
 * A thread that writes within a transaction says so: see transaction.h.
 *
 * Loads must read from the primary (or tell how far the standby was that they
 * read from: see pgcw_fill_set_read_lsn()), and must
 * begin after the stamp is taken: fetch and acquire see to that by
 * themselves.
 *
 * Fork: the threads of the library stay with the process that has begun to use
 * it. Its children may exec, and end, by exit() too: what closes, destroys or
 * stops does nothing there, so that handlers of atexit() are harmless, and
 * neither harms the parent. A look into a cache finds nothing there, whatever
 * its outage policy, and what opens, creates or starts says PGCW_UNSUPPORTED:
 * become a daemon before. Nothing else may be called there.
 *
 * Exit: a process may end with everything open, in any thread.
 *
 * Unload: dlclose() of the shared library leaves it in memory, as threads that
 * have read end with code of it. Close everything before. Who links the static
 * library into a plugin of his own links that with `-Wl,-z,nodelete`.
 *
 * Shutdown: end leases, pins and transactions, destroy the caches, close the
 * subscriptions, then close the listener.
 */
#ifndef PGCACHEWATCH_PGCACHEWATCH_H
#define PGCACHEWATCH_PGCACHEWATCH_H

#include <pgcachewatch/auditor.h>
#include <pgcachewatch/bytes.h>
#include <pgcachewatch/cache.h>
#include <pgcachewatch/event.h>
#include <pgcachewatch/export.h>
#include <pgcachewatch/fill.h>
#include <pgcachewatch/install.h>
#include <pgcachewatch/listener.h>
#include <pgcachewatch/log.h>
#include <pgcachewatch/many.h>
#include <pgcachewatch/outage.h>
#include <pgcachewatch/pin.h>
#include <pgcachewatch/query.h>
#include <pgcachewatch/stats.h>
#include <pgcachewatch/status.h>
#include <pgcachewatch/strategy.h>
#include <pgcachewatch/subscription.h>
#include <pgcachewatch/transaction.h>
#include <pgcachewatch/version.h>

#endif
