/* SPDX-License-Identifier: MIT */
/* What http_server answers. */
#include "http_handler.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_metrics.h"

#define PREFIX "/products/"
#define JSON "application/json"
#define TEXT "text/plain"
#define ID_DIGITS 18 /* fits into a bigint, whatever the digits */
#define BODY_BYTES 4096

/* The body of a PUT, as it comes in. */
struct upload {
    size_t size;
    bool is_too_large;
    char body[BODY_BYTES + 1];
};

static char no_upload; /* of a request without a body */

/* --- answers --- */

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned int code,
       struct MHD_Response *response)
{
    enum MHD_Result result = MHD_NO; /* closes the connection */

    if (response != NULL) {
        result = MHD_queue_response(connection, code, response);
        MHD_destroy_response(response);
    }
    return result;
}

static enum MHD_Result
answer_text(struct MHD_Connection *connection, unsigned int code,
            const char *text)
{
    char line[sizeof(((struct pgcw_error *)NULL)->detail) + 1];
    int size = snprintf(line, sizeof(line), "%s\n", text);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        (size_t)size, line, MHD_RESPMEM_MUST_COPY);

    if (response != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, TEXT);
    }
    return answer(connection, code, response);
}

static enum MHD_Result
answer_error(struct MHD_Connection *connection, enum pgcw_status status,
             const struct pgcw_error *error)
{
    unsigned int code = MHD_HTTP_SERVICE_UNAVAILABLE;

    if (status == PGCW_NOT_FOUND) {
        return answer_text(connection, MHD_HTTP_NOT_FOUND, "no such product");
    }
    /* 22: a value that cannot be; 23: one that a constraint forbids */
    if (strncmp(error->sqlstate, "22", 2) == 0 ||
        strncmp(error->sqlstate, "23", 2) == 0) {
        code = MHD_HTTP_BAD_REQUEST;
    }
    return answer_text(connection, code,
                       error->detail[0] != '\0' ? error->detail
                                                : pgcw_status_text(status));
}

static enum MHD_Result
get_from_cache(struct handler *handler, struct MHD_Connection *connection,
               const char *id)
{
    struct pgcw_error error = {.detail = ""};
    struct pgcw_pin *pin = NULL;
    const struct page *page = NULL;
    enum MHD_Result result = MHD_NO;
    enum pgcw_status status =
        products_fetch(&handler->products, id, &pin, &error);

    if (status != PGCW_OK) {
        return answer_error(connection, status, &error);
    }
    page = pgcw_pin_value(pin).data;
    result = MHD_queue_response(connection, MHD_HTTP_OK, page->response);
    pgcw_pin_release(pin); /* the queue holds the response now */
    return result;
}

static enum MHD_Result
get_from_database(struct handler *handler, struct MHD_Connection *connection,
                  const char *id)
{
    struct pgcw_error error = {.detail = ""};
    struct page page = {NULL, 0};
    enum MHD_Result result = MHD_NO;
    enum pgcw_status status =
        products_read(&handler->products, id, &page, &error);

    if (status != PGCW_OK) {
        return answer_error(connection, status, &error);
    }
    result = MHD_queue_response(connection, MHD_HTTP_OK, page.response);
    MHD_destroy_response(page.response);
    return result;
}

static void
keep_part(struct upload *upload, const char *part, size_t size)
{
    if (size > BODY_BYTES - upload->size) {
        upload->is_too_large = true;
    } else {
        memcpy(upload->body + upload->size, part, size);
        upload->size += size;
    }
}

static enum MHD_Result
put_product(struct handler *handler, struct MHD_Connection *connection,
            const char *id, const struct upload *upload)
{
    struct pgcw_error error = {.detail = ""};
    enum pgcw_status status = PGCW_OK;

    if (upload->is_too_large) {
        return answer_text(connection, MHD_HTTP_CONTENT_TOO_LARGE, "too large");
    }
    status = products_write(&handler->products, id, upload->body, &error);
    if (status != PGCW_OK) {
        return answer_error(connection, status, &error);
    }
    return answer_text(connection, MHD_HTTP_OK, "written");
}

static enum MHD_Result
get_health(struct handler *handler, struct MHD_Connection *connection)
{
    enum pgcw_listener_state state = PGCW_LISTENER_LIVE;

    if (handler->products.listener != NULL) {
        state = pgcw_listener_read_state(handler->products.listener);
    }
    return answer_text(connection,
                       state == PGCW_LISTENER_LIVE
                           ? MHD_HTTP_OK
                           : MHD_HTTP_SERVICE_UNAVAILABLE,
                       pgcw_listener_state_text(state));
}

/* --- requests --- */

/* The id is as PostgreSQL writes it, and so the key of an event: no 042. */
static bool
is_product(const char *path)
{
    const char *id = NULL;
    size_t digits = 0;

    if (strncmp(path, PREFIX, strlen(PREFIX)) != 0) {
        return false;
    }
    id = path + strlen(PREFIX);
    digits = strspn(id, "0123456789");
    return digits >= 1 && digits <= ID_DIGITS && id[digits] == '\0' &&
           (id[0] != '0' || digits == 1);
}

static enum MHD_Result
get(struct handler *handler, struct MHD_Connection *connection,
    const char *path)
{
    if (is_product(path)) {
        const char *id = path + strlen(PREFIX);
        switch (handler->source) {
        case FROM_CACHE:
            return get_from_cache(handler, connection, id);
        case FROM_DATABASE:
            return get_from_database(handler, connection, id);
        case FROM_CONSTANT:
            return MHD_queue_response(connection, MHD_HTTP_OK,
                                      handler->constant);
        }
    }
    if (strcmp(path, "/healthz") == 0) {
        return get_health(handler, connection);
    }
    if (strcmp(path, "/metrics") == 0) {
        return answer(connection, MHD_HTTP_OK,
                      metrics_make(&handler->products));
    }
    if (strcmp(path, "/") == 0) {
        return answer(connection, MHD_HTTP_OK, metrics_make_page());
    }
    return answer_text(connection, MHD_HTTP_NOT_FOUND, "no such page");
}

/* libmicrohttpd calls with the head of a request, with each part of its body,
 * and at its end. Who answered earlier would have the connection closed. */
/* NOLINTBEGIN(readability-function-size): the parameters of MHD's callback */
enum MHD_Result
handler_answer(void *context, struct MHD_Connection *connection,
               const char *path, const char *method, const char *version,
               const char *part, size_t *part_size, void **upload)
{
    struct handler *handler = context;
    bool is_put = strcmp(method, MHD_HTTP_METHOD_PUT) == 0;

    (void)version;
    if (*upload == NULL) {
        *upload = is_put ? calloc(1, sizeof(struct upload)) : &no_upload;
        return *upload != NULL ? MHD_YES : MHD_NO;
    }
    if (*part_size > 0) {
        if (is_put) {
            keep_part(*upload, part, *part_size);
        }
        *part_size = 0;
        return MHD_YES;
    }
    if (is_put && handler->source != FROM_CONSTANT && is_product(path)) {
        return put_product(handler, connection, path + strlen(PREFIX), *upload);
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
        strcmp(method, MHD_HTTP_METHOD_HEAD) == 0) {
        return get(handler, connection, path);
    }
    return answer_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
                       "GET a page, or PUT a product");
}
/* NOLINTEND(readability-function-size) */

void
handler_end(void *context, struct MHD_Connection *connection, void **upload,
            enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    if (*upload != &no_upload) {
        free(*upload);
    }
}

struct MHD_Response *
handler_make_constant(void)
{
    static char product[] = "{\"id\":42,\"name\":\"product 42\","
                            "\"price\":0.42}\n";
    struct MHD_Response *constant = MHD_create_response_from_buffer(
        strlen(product), product, MHD_RESPMEM_PERSISTENT);

    if (constant != NULL) {
        MHD_add_response_header(constant, MHD_HTTP_HEADER_CONTENT_TYPE, JSON);
    }
    return constant;
}
