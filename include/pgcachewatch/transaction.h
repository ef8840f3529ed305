/* SPDX-License-Identifier: MIT */
/**
 * @file
 * A cache in the thread that writes: it reads its own writes.
 *
 * Within a transaction, what it has written is seen by its own connection
 * only. Its thread must not be served the committed values of that, and
 * nobody else may be served what it reads meanwhile. After COMMIT the cache
 * is invalid at once for what was written, before the event arrives.
 *
 *     pgcw_transaction_begin(cache, &transaction, NULL);
 *     ... BEGIN; UPDATE orders ... WHERE id = 42 ...
 *     pgcw_transaction_wrote(transaction, &order_42);
 *     ... pgcw_cache_fetch() loads order 42 by the connection ...
 *     ... COMMIT ...
 *     pgcw_transaction_commit(transaction);
 *
 * A thread has at most one transaction with each cache, and only the thread
 * that began it may use it. Until it has written something, it changes
 * nothing, and what a READ COMMITTED transaction loads is stored; for others
 * see pgcw_transaction_keep_loads(). From then on, in its own thread:
 *
 * - What depends on something written is a miss, and so is what has no tag.
 *   As rows are hashed, another row may be one, needlessly.
 * - What is loaded, of any key, goes to the caller of pgcw_cache_fetch()
 *   alone: it is not stored, and no other waits for it. A lease is given
 *   for every miss, and what it is filled with is not stored, nor is what
 *   pgcw_cache_put() brings. Both say PGCW_OK, and fills_refused_transaction
 *   of struct pgcw_cache_stats counts.
 *
 * Other threads see the cache as ever: the committed values, until the event
 * arrives or pgcw_transaction_commit() is called.
 *
 * Do not store, after a rollback, what was loaded within the transaction: a
 * stamp or lease that was taken before the first write does not know of it.
 */
#ifndef PGCACHEWATCH_TRANSACTION_H
#define PGCACHEWATCH_TRANSACTION_H

#include <pgcachewatch/export.h>
#include <pgcachewatch/fill.h>
#include <pgcachewatch/status.h>

PGCW_BEGIN_DECLS

struct pg_conn; /* libpq's PGconn */
struct pgcw_cache;

/** The transaction of one thread, as one cache has to know it. */
struct pgcw_transaction;

/**
 * Say that the calling thread begins a transaction; before its first write.
 *
 * @param[in]  cache        must not be destroyed before the transaction ends
 * @param[out] transaction  set only on PGCW_OK; give it to
 *                          pgcw_transaction_commit() or
 *                          pgcw_transaction_rollback(). If the thread ends
 *                          first, that counts as a commit
 * @param[out] error        may be NULL; written only on failure
 * @retval PGCW_OK                begun
 * @retval PGCW_INVALID_ARGUMENT  the thread has one with this cache already
 * @retval PGCW_NO_MEMORY         nothing was begun
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_transaction_begin(struct pgcw_cache *cache,
                       struct pgcw_transaction **transaction,
                       struct pgcw_error *error);

/**
 * The same for all transactions of a connection, one after the other: the
 * library itself looks when one ends.
 *
 * It looks at each use of the cache by the thread that comes after a write.
 * While PQtransactionStatus() says that a transaction or a command is under
 * way, it goes on. Otherwise it has ended; by COMMIT or ROLLBACK cannot be
 * told, so what was written becomes invalid, at worst needlessly. That
 * happens at the thread's next use of the cache, unless the event was faster.
 *
 * Call pgcw_transaction_wrote() after the statement that writes, and before
 * the thread's next use of the cache: earlier, the connection may not be in
 * a transaction yet.
 *
 * @param[in]  cache        as in pgcw_transaction_begin()
 * @param[in]  connection   used by this thread; must outlive the transaction
 * @param[out] transaction  as in pgcw_transaction_begin(); what ends it also
 *                          ends the following
 * @param[out] error        may be NULL; written only on failure
 * @retval PGCW_OK                the connection is followed
 * @retval PGCW_INVALID_ARGUMENT  the thread has one with this cache already
 * @retval PGCW_NO_MEMORY         nothing was begun
 *
 * Threads: any. Blocks: never. Signals: unsafe.
 */
PGCW_API PGCW_MUST_CHECK enum pgcw_status
pgcw_transaction_follow(struct pgcw_cache *cache, struct pg_conn *connection,
                        struct pgcw_transaction **transaction,
                        struct pgcw_error *error);

/**
 * Say what was written, or will be before the thread's next use of the cache.
 *
 * Name what triggers and foreign keys write as well; what is not named
 * becomes invalid with its event. Of very many rows (some sixty) only
 * their tables are noted, and of very many tables (some thirty): everything.
 *
 * @param tag  copied; NULL: it is not known what, so everything
 * @retval PGCW_OK                noted; everything, where memory is short
 * @retval PGCW_INVALID_ARGUMENT  a name is empty or over 63 bytes: noted as
 *                                everything
 *
 * Threads: the one that began it. Blocks: never for long. Signals: unsafe.
 */
PGCW_API enum pgcw_status
pgcw_transaction_wrote(struct pgcw_transaction *transaction,
                       const struct pgcw_tag *tag);

/**
 * From now on treat what the thread loads as after a write; nothing more
 * becomes a miss.
 *
 * For a transaction that reads from one snapshot (REPEATABLE READ,
 * SERIALIZABLE), and before the thread's next use of the cache: what such a
 * transaction loads may be older than an event that was applied before.
 * Followed transactions need it again after each BEGIN.
 *
 * Threads: the one that began it. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_transaction_keep_loads(struct pgcw_transaction *transaction);

/**
 * End it, once COMMIT was acknowledged: makes what was written invalid, as
 * its event will.
 *
 * Afterwards no lookup of any thread returns a value from before (P1). Call
 * it also where it is not known whether COMMIT succeeded. The event still
 * arrives, and makes what was loaded since invalid once more.
 *
 * Threads: the one that began it. Blocks: never for long. Signals: unsafe.
 */
PGCW_API void pgcw_transaction_commit(struct pgcw_transaction *transaction);

/**
 * End it, once it was rolled back: the cache is as if it had not been.
 *
 * Threads: the one that began it. Blocks: never. Signals: unsafe.
 */
PGCW_API void pgcw_transaction_rollback(struct pgcw_transaction *transaction);

PGCW_END_DECLS

#endif
