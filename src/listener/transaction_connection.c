/* SPDX-License-Identifier: MIT */
/* Transactions whose end is seen from their connection. */
#include <libpq-fe.h>

#include "cache/transaction.h"

static bool
has_ended(void *context)
{
    switch (PQtransactionStatus(context)) {
    case PQTRANS_ACTIVE:
    case PQTRANS_INTRANS:
    case PQTRANS_INERROR:
        return false;
    case PQTRANS_IDLE:
    case PQTRANS_UNKNOWN:
        break;
    }
    return true;
}

enum pgcw_status
pgcw_transaction_follow(struct pgcw_cache *cache, PGconn *connection,
                        struct pgcw_transaction **transaction,
                        struct pgcw_error *error)
{
    return pgcwi_transaction_begin(cache, has_ended, connection, transaction,
                                   error);
}
