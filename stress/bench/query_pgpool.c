/* SPDX-License-Identifier: MIT */
/* pgpool-II's query cache in shared memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peer.h"
#include "query.h"

#define PORT "9999"
#define SOCKET_NAME ".s.PGSQL." PORT
#define CONFIG_BYTES 2000
/* The columns of SHOW pool_cache. */
#define HITS_COLUMN 0
#define SELECTS_COLUMN 1

static PGconn *connection;
/* Selects that were answered by the server, when it was warm. */
static int64_t calls_made;

static void
write_config(void)
{
    static const char format[] = "listen_addresses = ''\n"
                                 "pcp_listen_addresses = ''\n"
                                 "port = " PORT "\n"
                                 "socket_dir = '%s'\n"
                                 "pcp_socket_dir = '%s'\n"
                                 "wd_ipc_socket_dir = '%s'\n"
                                 "pid_file_name = '%s/pgpool.pid'\n"
                                 "logdir = '%s'\n"
                                 "backend_clustering_mode = 'raw'\n"
                                 "backend_hostname0 = '%s'\n"
                                 "backend_port0 = %s\n"
                                 "backend_flag0 = 'ALWAYS_PRIMARY'\n"
                                 "pool_passwd = ''\n"
                                 "num_init_children = 1\n"
                                 "max_pool = 1\n"
                                 "sr_check_period = 0\n"
                                 "health_check_period = 0\n"
                                 "load_balance_mode = off\n"
                                 "memory_cache_enabled = on\n"
                                 "memqcache_method = 'shmem'\n"
                                 "memqcache_oiddir = '%s/oiddir'\n";
    char folder[PEER_PATH_BYTES];
    char text[CONFIG_BYTES];
    const char *host = getenv("PGHOST");
    const char *port = getenv("PGPORT");

    peer_path(folder, ".");
    (void)snprintf(text, sizeof(text), format, folder, folder, folder, folder,
                   folder, host == NULL ? "" : host,
                   port == NULL ? "5432" : port, folder);
    peer_write("pgpool.conf", text);
    peer_write("pcp.conf", "");
}

static pid_t
start(const char **reason)
{
    char config[PEER_PATH_BYTES];
    char pcp[PEER_PATH_BYTES];
    const char *const arguments[] = {"-n", "-D", "-f", config, "-F", pcp, NULL};

    write_config();
    peer_path(config, "pgpool.conf");
    peer_path(pcp, "pcp.conf");
    return peer_start("pgpool", arguments, SOCKET_NAME, reason);
}

bool
query_pgpool_open(struct turns_subject *subject)
{
    const char *reason = NULL;
    char folder[PEER_PATH_BYTES];

    subject->server = start(&reason);
    if (subject->server == 0) {
        return turns_skip(subject->name, reason);
    }
    peer_path(folder, ".");
    const char *const keywords[] = {"host", "port", "dbname", NULL};
    const char *const values[] = {folder, PORT, QUERY_DATABASE, NULL};
    connection = PQconnectdbParams(keywords, values, 0);
    if (PQstatus(connection) != CONNECTION_OK) {
        bench_fail("pgpool-II: %s", PQerrorMessage(connection));
    }
    return true;
}

void
query_pgpool_run(struct turns_subject *subject, size_t calls)
{
    for (size_t i = 0; i < calls; i++) {
        const struct query_row *row = query_next();
        const char *const values[] = {row->key};

        query_look(connection,
                   subject->way == 0
                       ? PQexec(connection, row->statement)
                       : PQexecParams(connection, QUERY_TEXT "$1", 1, NULL,
                                      values, NULL, NULL, 0));
    }
    calls_made += (int64_t)calls;
}

/* Most of what was measured must have been hits, by its own word. */
static void
check_hits(void)
{
    PGresult *counters = PQexec(connection, "SHOW pool_cache");

    if (PQntuples(counters) != 1) {
        bench_fail("pgpool-II: %s", PQerrorMessage(connection));
    }
    int64_t hits = strtoll(PQgetvalue(counters, 0, HITS_COLUMN), NULL, 10);
    bench_progress("pgpool-II: %s hits, %s selects; %lld calls",
                   PQgetvalue(counters, 0, HITS_COLUMN),
                   PQgetvalue(counters, 0, SELECTS_COLUMN),
                   (long long)calls_made);
    if (hits < calls_made - 4 * QUERY_MOST_ROWS) {
        bench_fail("pgpool-II has not taken the results from its cache");
    }
    PQclear(counters);
}

void
query_pgpool_close(struct turns_subject *subject)
{
    (void)subject;
    check_hits();
    PQfinish(connection);
}
