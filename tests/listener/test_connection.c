/* SPDX-License-Identifier: MIT */
/* What needs no server: strings, quoting, and servers that are not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "listener/connection.h"

static void
connection_string_and_uri_are_understood(void **state)
{
    (void)state;
    assert_int_equal(pgcwi_connection_check_dsn("", NULL), PGCW_OK);
    assert_int_equal(
        pgcwi_connection_check_dsn("host=/tmp dbname='a b' port=5433", NULL),
        PGCW_OK);
    assert_int_equal(
        pgcwi_connection_check_dsn("postgresql://user:pw@host:1/db", NULL),
        PGCW_OK);
}

static void
what_libpq_does_not_understand_is_refused(void **state)
{
    struct pgcw_error error;

    (void)state;
    assert_int_equal(pgcwi_connection_check_dsn("host", &error),
                     PGCW_INVALID_ARGUMENT);
    assert_string_equal(error.detail, "dsn: not a connection string or URI "
                                      "that libpq understands");
    assert_int_equal(pgcwi_connection_check_dsn("host", NULL),
                     PGCW_INVALID_ARGUMENT);
    assert_int_equal(pgcwi_connection_check_dsn("host=a speed=high", &error),
                     PGCW_INVALID_ARGUMENT);
    assert_non_null(strstr(error.detail, "\"speed\""));
}

static void
closing_what_is_not_open_is_nothing(void **state)
{
    struct pgcwi_connection connection = {.pg = NULL};

    (void)state;
    pgcwi_connection_close(&connection);
    assert_null(connection.pg);
}

static struct pgcwi_log silent;

/* Goes on to connect until it is decided. */
static enum pgcw_status
connect_to(const char *dsn, struct pgcw_error *error)
{
    struct pgcwi_connection connection = {.pg = NULL};
    const struct pgcwi_connection_target target = {.dsn = dsn};
    enum pgcw_status status =
        pgcwi_connection_start(&connection, &target, &silent, error);
    enum pgcwi_answer answer = PGCWI_ANSWER_PENDING;
    short events = POLLOUT;

    while (status == PGCW_OK && answer == PGCWI_ANSWER_PENDING) {
        struct pollfd polled = {
            .fd = pgcwi_connection_fd(&connection),
            .events = events,
        };

        assert_int_equal(poll(&polled, 1, 20000), 1);
        answer = pgcwi_connection_advance(&connection, &events, error);
    }
    pgcwi_connection_close(&connection);
    assert_null(connection.pg);
    if (answer == PGCWI_ANSWER_REFUSED) {
        status = error->status;
    }
    return status;
}

static void
socket_folder_without_server_is_disconnected_with_libpqs_text(void **state)
{
    struct pgcw_error error;

    (void)state;
    assert_int_equal(connect_to("host=/nowhere/at/all port=1", &error),
                     PGCW_DISCONNECTED);
    assert_int_equal(error.status, PGCW_DISCONNECTED);
    assert_non_null(strstr(error.detail, "/nowhere/at/all/.s.PGSQL.1"));
}

/* A port of the loopback that nobody listens on, as long as fd is open. */
static unsigned
take_port(int *fd)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t bytes = sizeof(address);

    *fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(*fd, (struct sockaddr *)&address, bytes), 0);
    assert_int_equal(getsockname(*fd, (struct sockaddr *)&address, &bytes), 0);
    return ntohs(address.sin_port);
}

static void
port_that_refuses_is_disconnected_with_libpqs_text(void **state)
{
    char dsn[80];
    int fd;
    unsigned port = take_port(&fd);
    struct pgcw_error error;

    (void)state;
    (void)snprintf(dsn, sizeof(dsn), "host=127.0.0.1 port=%u password=hunter2",
                   port);
    enum pgcw_status status = connect_to(dsn, &error);
    close(fd);
    assert_int_equal(status, PGCW_DISCONNECTED);
    assert_non_null(strstr(error.detail, "Connection refused"));
    assert_null(strstr(error.detail, "hunter2"));
    assert_null(strchr(error.detail, '\n'));
}

int
main(void)
{
    pgcwi_log_init(&silent, NULL, NULL, PGCW_LOG_WARNING);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connection_string_and_uri_are_understood),
        cmocka_unit_test(what_libpq_does_not_understand_is_refused),
        cmocka_unit_test(closing_what_is_not_open_is_nothing),
        cmocka_unit_test(
            socket_folder_without_server_is_disconnected_with_libpqs_text),
        cmocka_unit_test(port_that_refuses_is_disconnected_with_libpqs_text),
    };

    return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
