/* SPDX-License-Identifier: MIT */
#include "listener/rejection.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

#define SQLSTATE_BYTES 5
#define WORDS_BYTES 1024

struct way_out {
    const char *sqlstate;
    const char *text;
};

/* The first whose code is a prefix counts. */
static const struct way_out ways_out[] = {
    {"28P01", "check the password in dsn, PGPASSWORD or the password file"},
    {"28", "see pg_hba.conf, and that the role may LOGIN"},
    {"3D000", "name a database that is there"},
    {"42501", "GRANT the role CONNECT on the database"},
    {"25006", "this is a standby, which cannot LISTEN: name the primary, or "
              "several hosts with target_session_attrs=read-write"},
    {"53300", "it is tried again; see max_connections, max_wal_senders"},
    {"53400", "it is tried again; see max_replication_slots"},
};

/* Server busy, starting, stopping, short of something, or gone. */
static const char *const passing[] = {"08", "40", "53", "55", "57", "58", "XX"};

static bool
has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static const char *
find_way_out(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof(ways_out) / sizeof(ways_out[0]); i++) {
        if (has_prefix(sqlstate, ways_out[i].sqlstate)) {
            return ways_out[i].text;
        }
    }
    return NULL;
}

/* PgBouncer before 1.23 says so, always in English, with the code of whatever
 * else it has against a client. */
static bool
is_from_a_pooler(const char *text, size_t length)
{
    const char *found = strstr(text, "startup parameter: replication");

    return found != NULL && found < text + length;
}

static bool
is_lasting(const char *sqlstate)
{
    for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
        if (has_prefix(sqlstate, passing[i])) {
            return false;
        }
    }
    return true;
}

/* Where words are too many they are cut, not the way out. */
static enum pgcw_status
write_line(struct pgcw_error *error, enum pgcw_status status,
           const char *sqlstate, const char *words, const char *way_out)
{
    size_t room = sizeof(error->detail) - 1;

    if (way_out == NULL) {
        return pgcwi_error_set_sqlstate(error, status, sqlstate, "%s", words);
    }
    room -= strlen(way_out) + strlen(" ()");
    return pgcwi_error_set_sqlstate(error, status, sqlstate, "%.*s (%s)",
                                    (int)room, words, way_out);
}

/* `:  SQLSTATE: ` behind the severity, in this line; NULL if there is none. */
static const char *
find_sqlstate(const char *line, size_t length)
{
    static const char characters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (size_t i = 0; i + SQLSTATE_BYTES + 5 <= length; i++) {
        const char *code = line + i + 3;

        if (memcmp(line + i, ":  ", 3) == 0 &&
            strspn(code, characters) == SQLSTATE_BYTES &&
            memcmp(code + SQLSTATE_BYTES, ": ", 2) == 0) {
            return code;
        }
    }
    return NULL;
}

/* `LOCATION:  auth_failed, auth.c:335`, its first word in any language. */
static bool
is_location(const char *line, size_t length)
{
    while (length > 0 && line[length - 1] >= '0' && line[length - 1] <= '9') {
        length--;
    }
    return length >= 3 && memcmp(line + length - 3, ".c:", 3) == 0;
}

static void
append(char words[WORDS_BYTES], const char *from, size_t length)
{
    size_t used = strlen(words);

    (void)snprintf(words + used, WORDS_BYTES - used, "%.*s", (int)length, from);
}

/* The text without what only VERBOSE adds; counts the lasting rejections. */
static unsigned
read_text(const char *text, char words[WORDS_BYTES],
          char sqlstate[SQLSTATE_BYTES + 1])
{
    unsigned lasting_count = 0;

    for (size_t length; *text != '\0'; text += length) {
        length = strcspn(text, "\n");
        const char *code = find_sqlstate(text, length);

        if (code != NULL) {
            memcpy(sqlstate, code, SQLSTATE_BYTES);
            lasting_count +=
                is_lasting(sqlstate) || is_from_a_pooler(text, length) ? 1 : 0;
            append(words, text, (size_t)(code - text) - 1);
            const char *rest = code + SQLSTATE_BYTES + 2;
            append(words, rest, (size_t)(text + length - rest));
        } else if (!is_location(text, length)) {
            append(words, text, length);
        }
        length += text[length] == '\n' ? 1 : 0;
        append(words, *(text + length) != '\0' ? "\n" : "", 1);
    }
    return lasting_count;
}

enum pgcw_status
pgcwi_rejection_set_text(struct pgcw_error *error, const char *text,
                         unsigned host_count)
{
    char words[WORDS_BYTES] = "";
    char sqlstate[SQLSTATE_BYTES + 1] = "";
    /* another host may come back: only if all say no is waiting in vain */
    bool is_final = read_text(text, words, sqlstate) >= host_count;
    const char *way_out =
        is_from_a_pooler(words, sizeof(words))
            ? "a pooler is between; logical decoding needs PostgreSQL itself"
            : find_way_out(sqlstate);
    size_t length = strlen(words);

    while (length > 0 && words[length - 1] == '\n') {
        words[--length] = '\0';
    }
    return write_line(error, is_final ? PGCW_REFUSED : PGCW_DISCONNECTED,
                      sqlstate[0] != '\0' ? sqlstate : NULL,
                      length > 0 ? words : "the connection was lost", way_out);
}

static unsigned
count_hosts(const PGconn *connection)
{
    /* libpq's own copy: PQhost() gives only the one that is in use */
    PQconninfoOption *options = PQconninfo((PGconn *)connection);
    unsigned count = 1;

    for (const PQconninfoOption *option = options;
         option != NULL && option->keyword != NULL; option++) {
        bool is_list = strcmp(option->keyword, "host") == 0 ||
                       strcmp(option->keyword, "hostaddr") == 0;
        unsigned here = 1;

        for (const char *c = is_list && option->val != NULL ? option->val : "";
             *c != '\0'; c++) {
            here += *c == ',' ? 1 : 0;
        }
        count = here > count ? here : count;
    }
    PQconninfoFree(options);
    return count;
}

enum pgcw_status
pgcwi_rejection_set(struct pgcw_error *error, const PGconn *connection)
{
    if (PQconnectionNeedsPassword(connection)) {
        return write_line(error, PGCW_REFUSED, NULL,
                          "the server wants a password, and there is none",
                          "dsn, PGPASSWORD or a password file may have it");
    }
    return pgcwi_rejection_set_text(error, PQerrorMessage(connection),
                                    count_hosts(connection));
}

enum pgcw_status
pgcwi_rejection_set_result(struct pgcw_error *error, const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (text == NULL) {
        text = PQresultErrorMessage(result);
    }
    if (sqlstate == NULL) {
        return pgcwi_error_set(error, PGCW_DISCONNECTED, "%s", text);
    }
    return write_line(error,
                      is_lasting(sqlstate) ? PGCW_REFUSED : PGCW_DISCONNECTED,
                      sqlstate, text, find_way_out(sqlstate));
}
