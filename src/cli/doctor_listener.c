/* SPDX-License-Identifier: MIT */
/* The listener itself, which has words for what stops it. */
#include "cli/doctor.h"

#include <stdlib.h>
#include <string.h>

#include <pgcachewatch/listener.h>

#define SYNC_TIMEOUT_MS 5000

/* Why it is not let in, by the first SQLSTATE that fits. */
static const char *
check_of(const struct pgcw_error *error, bool is_pooled)
{
    static const char *const checks[][2] = {
        {"28P01", "password"},  {"28", "login"},      {"3D000", "database"},
        {"42501", "privilege"}, {"25006", "standby"}, {"53", "limits"},
    };

    if (is_pooled) {
        return "pooler";
    }
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++) {
        if (strncmp(error->sqlstate, checks[i][0], strlen(checks[i][0])) == 0) {
            return checks[i][1];
        }
    }
    if (strstr(error->detail, "wants a password") != NULL) {
        return "password";
    }
    return error->status == PGCW_DISCONNECTED ? "connection" : "listener";
}

/* What is not of the server, but of the way there. */
static const char *
way_out_of(const struct pgcw_error *error)
{
    if (error->status == PGCW_DISCONNECTED && error->sqlstate[0] == '\0') {
        return "see whether the server runs, listens at that host and port "
               "(listen_addresses), and whether a firewall is between";
    }
    if (error->status == PGCW_TIMEOUT) {
        return "set connect_timeout_ms of the listener higher, if that is "
               "only slow";
    }
    return "";
}

/* The detail ends with its way out, in brackets. */
static void
add_failure(struct pgcwi_findings *findings, const struct pgcw_error *error,
            bool is_pooled)
{
    struct pgcw_error cut = *error;
    size_t length = strlen(cut.detail);
    const char *remedy = way_out_of(error);
    char *open = NULL;

    if (length > 0 && cut.detail[length - 1] == ')') {
        for (char *at = strstr(cut.detail, " ("); at != NULL;
             at = strstr(at + 1, " (")) {
            open = at;
        }
    }
    if (open != NULL) {
        cut.detail[length - 1] = '\0';
        *open = '\0';
        remedy = open + 2;
    }
    pgcwi_findings_add(findings,
                       (struct pgcwi_subject){PGCWI_LEVEL_BROKEN,
                                              check_of(error, is_pooled), NULL},
                       "%s", cut.detail);
    pgcwi_findings_remedy(findings, "%s", remedy);
}

static void
check_sync(const struct pgcwi_watched *watched, struct pgcw_listener *listener)
{
    enum pgcw_status status = pgcw_listener_sync(listener, SYNC_TIMEOUT_MS);
    bool is_heard = status == PGCW_OK;

    pgcwi_findings_add(
        watched->findings,
        (struct pgcwi_subject){is_heard ? PGCWI_LEVEL_OK : PGCWI_LEVEL_BROKEN,
                               "listener", NULL},
        is_heard ? "a listener became live on channel %s, and is in step"
                 : "a listener became live on channel %s, and then had no "
                   "answer within 5 s",
        watched->channel);
    if (watched->is_pooled) {
        pgcwi_findings_add(
            watched->findings,
            (struct pgcwi_subject){PGCWI_LEVEL_OK, "pooler", NULL},
            "a pooler is between, in session mode; each listener keeps one "
            "of its server connections");
    }
}

void
pgcwi_doctor_check_listener(const struct pgcwi_watched *watched,
                            const char *dsn)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;
    struct pgcw_listener *listener = NULL;
    struct pgcw_error error;

    options.dsn = dsn;
    options.channel = watched->install->channel;
    options.transport = watched->install->transport;
    options.publication = watched->install->publication;
    if (pgcw_listener_open(&options, &listener, &error) != PGCW_OK) {
        add_failure(watched->findings, &error, watched->is_pooled);
        return;
    }
    check_sync(watched, listener);
    pgcw_listener_close(listener);
}
