/* SPDX-License-Identifier: MIT */
/* The --pg-… options, which all commands share. */
#include "cli/connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

static const char *
find_dsn(const struct pgcwi_connection_options *options)
{
    const char *dsn = options->dsn == NULL ? getenv("PGDSN") : options->dsn;

    return dsn == NULL || dsn[0] == '\0' ? NULL : dsn;
}

bool
pgcwi_connection_is_named(const struct pgcwi_connection_options *options)
{
    return find_dsn(options) != NULL || options->host != NULL ||
           options->port != NULL || options->user != NULL ||
           options->database != NULL || options->password != NULL;
}

/* A later keyword goes before an earlier one of the same name. */
static void
write_keyword(FILE *out, const char *keyword, const char *value)
{
    if (value == NULL) {
        return;
    }
    fprintf(out, "%s='", keyword);
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\') {
            fputc('\\', out);
        }
        fputc(*value, out);
    }
    fputs("' ", out);
}

/* Take a DSN or URI apart. libpq's own message is not shown: it quotes what
 * it does not understand, which may be a piece of the password. */
static bool
write_dsn(FILE *out, const struct pgcwi_connection_options *options)
{
    const char *dsn = find_dsn(options);
    PQconninfoOption *parsed;

    if (dsn == NULL) {
        return true;
    }
    parsed = PQconninfoParse(dsn, NULL);
    if (parsed == NULL) {
        fprintf(stderr,
                "pgcachewatch: %s is neither a connection string "
                "(host=… dbname=…) nor a URI (postgresql://…)\n",
                options->dsn == NULL ? "PGDSN" : "--pg-dsn");
        return false;
    }
    for (const PQconninfoOption *one = parsed; one->keyword != NULL; one++) {
        /* An address would go before the host that is given. */
        if (options->host == NULL || strcmp(one->keyword, "hostaddr") != 0) {
            write_keyword(out, one->keyword, one->val);
        }
    }
    PQconninfoFree(parsed);
    return true;
}

static bool
write_all(FILE *out, const struct pgcwi_connection_options *options)
{
    write_keyword(out, "fallback_application_name", "pgcachewatch");
    if (!write_dsn(out, options)) {
        return false;
    }
    write_keyword(out, "host", options->host);
    write_keyword(out, "port", options->port);
    write_keyword(out, "user", options->user);
    write_keyword(out, "dbname", options->database);
    write_keyword(out, "password", options->password);
    write_keyword(out, "client_encoding", "UTF8");
    return true;
}

char *
pgcwi_connection_string(const struct pgcwi_connection_options *options)
{
    char *string = NULL;
    size_t bytes;
    FILE *out = open_memstream(&string, &bytes);
    bool is_written;

    if (out == NULL) {
        perror("pgcachewatch: memory");
        return NULL;
    }
    is_written = write_all(out, options);
    if (fclose(out) != 0) {
        perror("pgcachewatch: memory");
        is_written = false;
    }
    if (!is_written) {
        free(string);
        return NULL;
    }
    return string;
}

PGconn *
pgcwi_connection_open(const struct pgcwi_connection_options *options)
{
    char *string = pgcwi_connection_string(options);
    PGconn *connection;

    if (string == NULL) {
        return NULL;
    }
    connection = PQconnectdb(string);
    free(string);
    if (PQstatus(connection) == CONNECTION_OK) {
        return connection;
    }
    fprintf(stderr, "pgcachewatch: %s", PQerrorMessage(connection));
    PQfinish(connection);
    return NULL;
}
