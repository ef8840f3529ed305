/* SPDX-License-Identifier: MIT */
/*
 * Whatever is in a name, the statements that are planned keep their structure
 * (P10): what is left without names, read here by the rules of SQL, is the
 * same as for harmless ones. The seed is printed, PGCW_SEED gives it again.
 */
#include "support/installing.h"

#include <ctype.h>
#include <inttypes.h>
#include <time.h>

#define SQL_MAX_BYTES 32768
#define ROUNDS 60

static uint64_t random_state;

/* Reads SQL, and writes its structure. */
struct scan {
    const char *sql;
    char *out;
    bool is_after_as; /* what follows is the body of a function */
};

static void scan(const char *sql, char **out);

/* After the opening quote; writes what it stands for. */
static const char *
read_quoted(const char *sql, char quote, bool has_escapes, char *value)
{
    while (*sql != quote || sql[1] == quote) {
        assert_int_not_equal(*sql, '\0'); /* it is closed */
        if (*sql == quote || (has_escapes && *sql == '\\')) {
            sql++;
        }
        *value++ = *sql++;
    }
    *value = '\0';
    return sql + 1;
}

static const char *
read_dollars(const char *sql, char *value)
{
    size_t tag_bytes = (size_t)(strchr(sql + 1, '$') - sql) + 1;
    char tag[64] = {0};

    assert_true(tag_bytes < sizeof tag);
    memcpy(tag, sql, tag_bytes);
    const char *end = strstr(sql + tag_bytes, tag);
    assert_non_null(end);
    memcpy(value, sql + tag_bytes, (size_t)(end - sql) - tag_bytes);
    value[(size_t)(end - sql) - tag_bytes] = '\0';
    return end + tag_bytes;
}

static void
write_literal(struct scan *scanned, const char *value)
{
    *scanned->out++ = '\'';
    if (scanned->is_after_as) {
        scan(value, &scanned->out);
        *scanned->out++ = '\'';
    }
    scanned->is_after_as = false;
}

static void
scan_word(struct scan *scanned)
{
    const char *word = scanned->sql;

    while (isalnum((unsigned char)*scanned->sql) || *scanned->sql == '_') {
        *scanned->out++ = *scanned->sql++;
    }
    scanned->is_after_as =
        scanned->sql - word == 2 && strncmp(word, "AS", 2) == 0;
    *scanned->out++ = ' ';
}

static void
scan_token(struct scan *scanned, char *value)
{
    const char *sql = scanned->sql;
    bool has_escapes = sql[0] == 'E' && sql[1] == '\'';

    if (isspace((unsigned char)*sql)) {
        scanned->sql++;
    } else if (strncmp(sql, "--", 2) == 0) {
        scanned->sql += strcspn(sql, "\n");
    } else if (*sql == '\'' || has_escapes) {
        scanned->sql =
            read_quoted(sql + 1 + has_escapes, '\'', has_escapes, value);
        write_literal(scanned, value);
    } else if (*sql == '"') {
        scanned->sql = read_quoted(sql + 1, '"', false, value);
        *scanned->out++ = '"';
    } else if (*sql == '$' && !isdigit((unsigned char)sql[1])) {
        scanned->sql = read_dollars(sql, value);
        write_literal(scanned, value);
    } else if (isalnum((unsigned char)*sql) || *sql == '_') {
        scan_word(scanned);
    } else {
        scanned->is_after_as = false;
        *scanned->out++ = *scanned->sql++;
    }
}

static void
scan(const char *sql, char **out)
{
    struct scan scanned = {sql, *out, false};
    char *value = malloc(strlen(sql) + 1);

    assert_non_null(value);
    while (*scanned.sql != '\0') {
        scan_token(&scanned, value);
    }
    free(value);
    *scanned.out = '\0';
    *out = scanned.out;
}

static uint32_t
random_below(uint32_t limit)
{
    random_state = random_state * UINT64_C(6364136223846793005) + 1;
    return (uint32_t)(random_state >> 33) % limit;
}

/* Begins with a space, so that it is quoted whatever follows. */
static void
random_name(char name[64], uint32_t max_bytes)
{
    static const char *const pieces[] = {
        "\"", "'",  "\\", "$$", "$pgcachewatch$", ";",  "--", "\n",
        "/*", "*/", "%I", "%s", ":'channel'",     "$1", "E'", "\u00e9",
    };
    size_t bytes = 1;

    memcpy(name, " ", 2);
    for (uint32_t i = 1 + random_below(8); i > 0; i--) {
        const char *piece = pieces[random_below(16)];

        if (bytes + strlen(piece) <= max_bytes) {
            memcpy(name + bytes, piece, strlen(piece) + 1);
            bytes += strlen(piece);
        }
    }
}

struct names {
    char channel[64];
    char function[64];
    char trigger[64];
    char table[64];
    char column[64];
};

static void
make_table(const struct names *names, char table[160], char column[160])
{
    char sql[512];
    char *table_name =
        PQescapeIdentifier(connection, names->table, strlen(names->table));
    char *column_name =
        PQescapeIdentifier(connection, names->column, strlen(names->column));

    snprintf(table, 160, "other.%s", table_name);
    snprintf(column, 160, "%s", column_name);
    snprintf(sql, sizeof sql,
             "DROP SCHEMA other CASCADE; CREATE SCHEMA other;"
             "CREATE TABLE %s (id int PRIMARY KEY, %s int)",
             table, column);
    database_run(connection, sql);
    PQfreemem(column_name);
    PQfreemem(table_name);
}

static void
append_structure(struct pgcw_plan *plan, char **out)
{
    for (size_t i = 0; i < pgcw_plan_step_count(plan); i++) {
        scan(pgcw_plan_step_sql(plan, i), out);
        *(*out)++ = '\n';
    }
}

/* Of the statements that install and remove. */
static void
find_structure(const struct names *names, char structure[SQL_MAX_BYTES])
{
    char table[160];
    char column[160];
    const char *tables = table;
    const char *columns = column;
    struct pgcw_install_options options = on_tables(&tables, 1);

    make_table(names, table, column);
    options.channel = names->channel;
    options.function_name = names->function;
    options.trigger_name = names->trigger;
    options.columns = &columns;
    options.column_count = 1;
    options.rows = true;
    struct pgcw_plan *made = plan(&options);
    append_structure(made, &structure);
    commit(made);
    made = plan_removal(&options);
    append_structure(made, &structure);
    commit(made);
    *structure = '\0';
    assert_int_equal(count_objects(), 0);
}

static void
P10_names_do_not_change_the_structure_of_a_statement(void **state)
{
    static const struct names harmless = {" c", " f", " t", " table",
                                          " column"};
    static char wanted[SQL_MAX_BYTES];
    static char found[SQL_MAX_BYTES];

    (void)state;
    find_structure(&harmless, wanted);
    assert_true(strlen(wanted) > 1000);
    for (int i = 0; i < ROUNDS; i++) {
        struct names names;

        random_name(names.channel, 20);
        random_name(names.function, 30);
        random_name(names.trigger, 30);
        random_name(names.table, 63);
        random_name(names.column, 63);
        find_structure(&names, found);
        assert_string_equal(found, wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            P10_names_do_not_change_the_structure_of_a_statement, make_schema),
    };
    const char *given = getenv("PGCW_SEED");

    random_state =
        given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    print_message("PGCW_SEED=%" PRIu64 "\n", random_state);
    return RUN_INSTALLING(tests, "pgcw_test_install_skeleton");
}
