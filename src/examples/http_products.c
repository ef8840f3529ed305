/* SPDX-License-Identifier: MIT */
/* The products: SQL, the connections of the threads, and the cache. */
#include "http_products.h"

#include <stdio.h>
#include <string.h>

#include <libpq-fe.h>

#define ABSENT_TTL_MS 60000
#define RESPONSE_BYTES 512 /* of libmicrohttpd, beside the body; about */

static const char create_sql[] =
    "CREATE TABLE IF NOT EXISTS public.products (id bigint PRIMARY KEY,"
    " name text NOT NULL, price numeric(12, 2) NOT NULL);"
    "INSERT INTO public.products"
    " SELECT n, 'product ' || n, n / 100.0 FROM generate_series(1, 1000) n"
    " ON CONFLICT DO NOTHING";
static const char read_sql[] = "SELECT row_to_json(p) || E'\\n'"
                               " FROM public.products p WHERE id = $1";
static const char write_sql[] =
    "INSERT INTO public.products SELECT $1, name, price"
    " FROM json_to_record($2) AS body(name text, price numeric)"
    " ON CONFLICT (id) DO UPDATE SET name = excluded.name,"
    " price = excluded.price";

static enum pgcw_status
fail(struct pgcw_error *error, enum pgcw_status status,
     const PGconn *connection, const PGresult *result)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    error->status = status;
    snprintf(error->sqlstate, sizeof(error->sqlstate), "%s",
             state != NULL ? state : "");
    snprintf(error->detail, sizeof(error->detail), "%s",
             text != NULL ? text : PQerrorMessage(connection));
    error->detail[strcspn(error->detail, "\n")] = '\0';
    return status;
}

static enum pgcw_status
prepare(PGconn *connection, const char *name, const char *sql,
        struct pgcw_error *error)
{
    PGresult *result = PQprepare(connection, name, sql, 0, NULL);
    enum pgcw_status status = PGCW_OK;

    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        status = fail(error, PGCW_REFUSED, connection, result);
    }
    PQclear(result);
    return status;
}

/* The calling thread's connection: made when it is first asked for, and made
 * anew when it is broken. */
static enum pgcw_status
connect_thread(struct products *products, PGconn **connection,
               struct pgcw_error *error)
{
    enum pgcw_status status = PGCW_OK;

    *connection = pthread_getspecific(products->connection);
    if (*connection != NULL && PQstatus(*connection) == CONNECTION_OK) {
        return PGCW_OK;
    }
    PQfinish(*connection);
    *connection = PQconnectdb(products->dsn);
    if (PQstatus(*connection) != CONNECTION_OK) {
        status = fail(error, PGCW_DISCONNECTED, *connection, NULL);
    }
    if (status == PGCW_OK) {
        status = prepare(*connection, "read", read_sql, error);
    }
    if (status == PGCW_OK) {
        status = prepare(*connection, "write", write_sql, error);
    }
    if (status != PGCW_OK) { /* the thread's next call tries again */
        PQfinish(*connection);
        *connection = NULL;
    }
    pthread_setspecific(products->connection, *connection);
    return status;
}

/* When a thread ends. */
static void
finish_connection(void *connection)
{
    PQfinish(connection);
}

/* A prepared statement and its parameters. */
struct statement {
    const char *name;
    int count;
    const char *values[2];
};

/* Both statements can be executed twice with no harm. So one that finds its
 * connection broken, as after a restart of the server, tries another one. */
static enum pgcw_status
execute(struct products *products, const struct statement *statement,
        PGresult **result, struct pgcw_error *error)
{
    PGconn *connection = NULL;

    for (int attempt = 0; attempt < 2; attempt++) {
        enum pgcw_status status = connect_thread(products, &connection, error);
        if (status != PGCW_OK) {
            return status;
        }
        *result = PQexecPrepared(connection, statement->name, statement->count,
                                 statement->values, NULL, NULL, 0);
        if (PQresultStatus(*result) == PGRES_TUPLES_OK ||
            PQresultStatus(*result) == PGRES_COMMAND_OK) {
            return PGCW_OK;
        }
        status = PQstatus(connection) == CONNECTION_OK ? PGCW_REFUSED
                                                       : PGCW_DISCONNECTED;
        fail(error, status, connection, *result);
        PQclear(*result);
        if (status == PGCW_REFUSED) {
            break;
        }
    }
    return error->status;
}

static enum pgcw_status
make_page(const PGresult *rows, struct page *page)
{
    page->size = (size_t)PQgetlength(rows, 0, 0);
    page->response = MHD_create_response_from_buffer(
        page->size, PQgetvalue(rows, 0, 0), MHD_RESPMEM_MUST_COPY);
    if (page->response == NULL) {
        return PGCW_NO_MEMORY;
    }
    MHD_add_response_header(page->response, MHD_HTTP_HEADER_CONTENT_TYPE,
                            "application/json");
    return PGCW_OK;
}

enum pgcw_status
products_read(struct products *products, const char *id, struct page *page,
              struct pgcw_error *error)
{
    struct statement statement = {"read", 1, {id}};
    PGresult *rows = NULL;
    enum pgcw_status status = execute(products, &statement, &rows, error);

    if (status != PGCW_OK) {
        return status;
    }
    status = PQntuples(rows) == 0 ? PGCW_NOT_FOUND : make_page(rows, page);
    PQclear(rows);
    return status;
}

/* What is kept of a product, and that there is none, depends on its row. An
 * event has the row's key as text: just as we have it. */
static struct pgcw_tag
row_of(const char *id)
{
    struct pgcw_tag row = {"public", "products", {id, strlen(id)}};
    return row;
}

/* A pgcw_loader_fn: called where the cache has no valid value. */
static enum pgcw_status
load(void *context, struct pgcw_bytes key, struct pgcw_fill *fill,
     struct pgcw_error *error)
{
    const char *id = key.data; /* with its NUL, see products_fetch() */
    struct pgcw_tag row = row_of(id);
    struct page page = {NULL, 0};
    enum pgcw_status found = products_read(context, id, &page, error);
    enum pgcw_status status = found;

    if (found == PGCW_OK) {
        struct pgcw_bytes value = {&page, sizeof(page)};
        status = pgcw_fill_set_value(fill, value);
    }
    if (status == PGCW_OK || status == PGCW_NOT_FOUND) {
        status = pgcw_fill_add_tag(fill, &row);
        status = status == PGCW_OK ? found : status;
    }
    if (status != PGCW_OK && found == PGCW_OK) {
        MHD_destroy_response(page.response); /* the cache has not taken it */
    }
    return status;
}

/* A pgcw_removal_fn. A response that is being sent stays until that is done. */
static void
free_page(void *context, struct pgcw_bytes key, struct pgcw_bytes value,
          enum pgcw_removal_cause cause)
{
    const struct page *page = value.data;

    (void)context;
    (void)key;
    (void)cause;
    MHD_destroy_response(page->response);
}

/* A pgcw_weigh_fn: what a page refers to counts for max_bytes. */
static size_t
weigh_page(void *context, struct pgcw_bytes key, struct pgcw_bytes value)
{
    const struct page *page = value.data;

    (void)context;
    (void)key;
    return RESPONSE_BYTES + page->size;
}

enum pgcw_status
products_fetch(struct products *products, const char *id, struct pgcw_pin **pin,
               struct pgcw_error *error)
{
    struct pgcw_loader loader = {.load = load, .context = products};
    struct pgcw_bytes key = {id, strlen(id) + 1};

    return pgcw_cache_fetch_pinned(products->cache, key, loader, pin, error);
}

/* The trigger's event comes a moment after the commit. So that no fetch in
 * between gives the old row, the cache is told as well. */
enum pgcw_status
products_write(struct products *products, const char *id, const char *json,
               struct pgcw_error *error)
{
    struct statement statement = {"write", 2, {id, json}};
    struct pgcw_tag row = row_of(id);
    struct pgcw_transaction *transaction = NULL;
    PGresult *result = NULL;
    enum pgcw_status status = PGCW_OK;

    if (products->cache != NULL) {
        status = pgcw_transaction_begin(products->cache, &transaction, error);
        if (status != PGCW_OK) {
            return status;
        }
        pgcw_transaction_wrote(transaction, &row);
    }
    status = execute(products, &statement, &result, error);
    if (status == PGCW_OK) {
        PQclear(result);
    }
    if (transaction != NULL) {
        /* also after a failure: if the answer was lost, it may be committed */
        pgcw_transaction_commit(transaction);
    }
    return status;
}

/* --- start and end --- */

/* Without triggers that tell rows nobody would say what changes. */
static enum pgcw_status
install_triggers(PGconn *connection, bool creates, struct pgcw_error *error)
{
    const char *const tables[] = {"public.products"};
    struct pgcw_install_options options = PGCW_INSTALL_OPTIONS_INIT;
    struct pgcw_plan *plan = NULL;
    enum pgcw_status status = PGCW_OK;

    options.tables = tables;
    options.table_count = 1;
    options.rows = true;
    status = pgcw_install_plan(connection, &options, &plan, error);
    if (status == PGCW_OK && creates) {
        status = pgcw_plan_commit(connection, plan, error);
    } else if (status == PGCW_INVALID_ARGUMENT ||
               (status == PGCW_OK && pgcw_plan_step_count(plan) > 0)) {
        status = PGCW_REFUSED;
        snprintf(error->detail, sizeof(error->detail),
                 "public.products is not there, or has no triggers that tell"
                 " rows: see --create");
    }
    pgcw_plan_destroy(plan);
    return status;
}

static enum pgcw_status
prepare_database(const char *dsn, bool creates, struct pgcw_error *error)
{
    PGconn *connection = PQconnectdb(dsn);
    PGresult *result = NULL;
    enum pgcw_status status = PGCW_OK;

    if (PQstatus(connection) != CONNECTION_OK) {
        status = fail(error, PGCW_DISCONNECTED, connection, NULL);
    }
    if (status == PGCW_OK && creates) {
        result = PQexec(connection, create_sql);
        if (PQresultStatus(result) != PGRES_COMMAND_OK) {
            status = fail(error, PGCW_REFUSED, connection, result);
        }
    }
    if (status == PGCW_OK) {
        status = install_triggers(connection, creates, error);
    }
    PQclear(result);
    PQfinish(connection);
    return status;
}

enum pgcw_status
products_create(const char *dsn, struct pgcw_error *error)
{
    return prepare_database(dsn, true, error);
}

/* A pgcw_log_fn. */
static void
print_log(void *context, enum pgcw_log_level level, const char *line)
{
    (void)context;
    fprintf(stderr, "%s: %s\n", pgcw_log_level_text(level), line);
}

enum pgcw_status
products_open(struct products *products, const char *dsn, bool has_cache,
              struct pgcw_error *error)
{
    struct pgcw_listener_options listening = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_cache_options caching = PGCW_CACHE_OPTIONS_INIT;
    enum pgcw_status status = prepare_database(dsn, false, error);

    products->dsn = dsn;
    products->listener = NULL;
    products->cache = NULL;
    if (status == PGCW_OK &&
        pthread_key_create(&products->connection, finish_connection) != 0) {
        status = PGCW_NO_MEMORY;
    }
    if (status != PGCW_OK || !has_cache) {
        return status;
    }
    listening.dsn = dsn;
    listening.log = print_log;
    caching.absent_ttl_ms = ABSENT_TTL_MS;
    caching.on_removal = free_page;
    caching.weigh = weigh_page;
    status = pgcw_listener_open(&listening, &products->listener, error);
    if (status == PGCW_OK) {
        status = pgcw_cache_create(products->listener, &caching,
                                   &products->cache, error);
    }
    if (status != PGCW_OK) {
        products_close(products);
    }
    return status;
}

void
products_close(struct products *products)
{
    pgcw_cache_destroy(products->cache);
    pgcw_listener_close(products->listener);
    pthread_key_delete(products->connection);
}
