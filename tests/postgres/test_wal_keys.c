/* SPDX-License-Identifier: MIT */
/*
 * The keys that a listener hears from the WAL are those that the triggers
 * tell: one listener of each kind, and statements that both hear of.
 */
#include "support/publishing.h"

#include <pthread.h>

#include <pgcachewatch/pgcachewatch.h>

#include "support/process.h"

#define DATABASE "pgcw_test_wal_keys"

enum { HEARD_MAX = 4096, HEARD_BYTES = 8192 };

/* Lines such as "insert t 42", or "insert t" of the whole table. */
struct heard {
    pthread_mutex_t lock;
    struct pgcw_listener *listener;
    size_t count;
    char *lines[HEARD_MAX];
};

enum { TRIGGERS, WAL, LISTENERS };

static struct heard heard[LISTENERS] = {
    {.lock = PTHREAD_MUTEX_INITIALIZER},
    {.lock = PTHREAD_MUTEX_INITIALIZER},
};

static void
add_line(struct heard *to, const struct pgcw_event *event, const char *key)
{
    char line[HEARD_BYTES];

    (void)snprintf(line, sizeof line, "%s %s%s%s",
                   pgcw_operation_text(event->operation), event->table,
                   key == NULL ? "" : " ", key == NULL ? "" : key);
    if (to->count < HEARD_MAX) {
        to->lines[to->count] = strdup(line);
        to->count += to->lines[to->count] != NULL;
    }
}

static void
hear(void *context, const struct pgcw_event *event)
{
    struct heard *to = context;

    pthread_mutex_lock(&to->lock);
    for (size_t i = 0; i < event->key_count; i++) {
        add_line(to, event, event->keys[i].data);
    }
    if (event->key_count == 0) {
        add_line(to, event, NULL);
    }
    pthread_mutex_unlock(&to->lock);
}

static void
open_listener(size_t which)
{
    struct pgcw_listener_options options = PGCW_LISTENER_OPTIONS_INIT;

    options.dsn = "dbname=" DATABASE;
    options.transport =
        which == WAL ? PGCW_TRANSPORT_WAL : PGCW_TRANSPORT_NOTIFY;
    options.connect_timeout_ms = PATIENCE_MS;
    options.heartbeat_timeout_ms = PATIENCE_MS;
    options.on_event = hear;
    options.on_event_context = &heard[which];
    if (pgcw_listener_open(&options, &heard[which].listener, &error) !=
        PGCW_OK) {
        fail_msg("%s", error.detail);
    }
}

/* All of them are seen before the test fails. */
static int failures;

static void
forget(void)
{
    for (size_t i = 0; i < LISTENERS; i++) {
        for (size_t line = 0; line < heard[i].count; line++) {
            free(heard[i].lines[line]);
        }
        heard[i].count = 0;
    }
}

static int
close_listeners(void **state)
{
    (void)state;
    failures = 0;
    for (size_t i = 0; i < LISTENERS; i++) {
        pgcw_listener_close(heard[i].listener);
        heard[i].listener = NULL;
    }
    forget();
    database_run(connection, "RESET ALL");
    return await_library_threads(0) == 0 ? 0 : -1;
}

static int
compare_lines(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

/* Sorted, and each once: the WAL's keys are in the order of the rows. */
static void
sort_lines(struct heard *lines)
{
    size_t kept = 0;

    qsort(lines->lines, lines->count, sizeof lines->lines[0], compare_lines);
    for (size_t i = 0; i < lines->count; i++) {
        if (kept > 0 && strcmp(lines->lines[kept - 1], lines->lines[i]) == 0) {
            free(lines->lines[i]);
        } else {
            lines->lines[kept++] = lines->lines[i];
        }
    }
    lines->count = kept;
}

/* Wait until both have heard what was changed. */
static void
hear_all(void)
{
    for (size_t i = 0; i < LISTENERS; i++) {
        assert_int_equal(pgcw_listener_sync(heard[i].listener, PATIENCE_MS),
                         PGCW_OK);
        sort_lines(&heard[i]);
    }
}

static void
run(const char *sql)
{
    forget();
    database_run(connection, sql);
    hear_all();
}

static void
print_heard(const char *sql)
{
    static const char *const names[] = {"triggers", "WAL"};

    print_error("%s\n", sql);
    for (size_t i = 0; i < LISTENERS; i++) {
        for (size_t line = 0; line < heard[i].count; line++) {
            print_error("%s: %s\n", names[i], heard[i].lines[line]);
        }
    }
}

static bool
is_heard_the_same(void)
{
    bool is_same =
        heard[WAL].count > 0 && heard[WAL].count == heard[TRIGGERS].count;

    for (size_t i = 0; is_same && i < heard[WAL].count; i++) {
        is_same = strcmp(heard[WAL].lines[i], heard[TRIGGERS].lines[i]) == 0;
    }
    return is_same;
}

/* "update t" is among them. */
static bool
is_told_whole(size_t which, const char *operation, const char *table)
{
    char line[64];

    (void)snprintf(line, sizeof line, "%s %s", operation, table);
    for (size_t i = 0; i < heard[which].count; i++) {
        if (strcmp(heard[which].lines[i], line) == 0) {
            return true;
        }
    }
    return false;
}

enum told { BY_KEYS, WHOLE };

/* By keys or whole, but both the same. */
static void
expect_same(const char *sql, const char *operation, const char *table,
            enum told told)
{
    run(sql);
    if (!is_heard_the_same() ||
        is_told_whole(WAL, operation, table) != (told == WHOLE)) {
        print_heard(sql);
        failures++;
    }
}

struct key_case {
    const char *key;    /* its columns' definition */
    const char *names;  /* of its columns */
    const char *values; /* of several rows */
    enum told told;
};

#define ONE(type, values)                              \
    {                                                  \
        "k " type " PRIMARY KEY", "k", values, BY_KEYS \
    }
#define NONE(type, values)                           \
    {                                                \
        "k " type " PRIMARY KEY", "k", values, WHOLE \
    }

static const struct key_case cases[] = {
    ONE("bool", "(true), (false)"),
    ONE("int2", "(-32768), (0), (32767)"),
    ONE("int", "(-2147483648), (0), (2147483647)"),
    ONE("bigint", "(-9223372036854775808), (9223372036854775807)"),
    ONE("oid", "(0), (4294967295)"),
    ONE("xid8", "('0'), ('18446744073709551615')"),
    ONE("pg_lsn", "('0/0'), ('16/B374D848'), ('FFFFFFFF/FFFFFFFF')"),
    ONE("numeric", "(-0.00), (-1.500), (1e30), (1e-20), ('NaN'), "
                   "(-12345678901234567890.0123456789000)"),
    ONE("numeric(10, 3)", "(1), (-1.5), (0.001)"),
    ONE("text", "(''), (' '), (' a '), ('a'), ('\"'), ('''\\'), ('[\"1\"]'), "
                "(E'\\t\\n\\r\\b\\f\\x01\\x1f\\x7f'), ('gr\u00fc\u00df "
                "\U0001f418'), ('\\u0041'), ('/'), ('</a>'), ('\u2028'), "
                "('NULL'), (repeat('x', 999))"),
    ONE("varchar(9)", "(''), ('a  '), (' b'), ('\u00fc')"),
    ONE("char(5)", "(''), ('a'), (' b  '), ('\u00fc\"\\'), ('12345')"),
    ONE("name", "(''), ('a b'), ('\"A\"')"),
    ONE("\"char\"", "(''), ('a'), ('\"'), ('\\'), ('\\377'), ('\\001'), (' ')"),
    ONE("uuid", "('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), "
                "('00000000000000000000000000000000')"),
    ONE("bytea", "(''), ('\\x00'), ('\\xff5c22'), ('abc')"),
    ONE("date", "('2026-02-01'), ('0001-01-01'), ('0044-03-15 BC'), "
                "('infinity'), ('-infinity'), ('5874897-12-31'), "
                "('4713-01-01 BC'), ('12026-01-01')"),
    ONE("time", "('00:00'), ('24:00'), ('01:02:03.000001'), ('23:59:59.5')"),
    ONE("timestamp", "('2026-02-01 03:04:05'), ('2026-02-01 00:00:00.123456'), "
                     "('0044-03-15 01:02:03.5 BC'), ('infinity'), "
                     "('-infinity'), ('294276-12-31 23:59:59.999999'), "
                     "('4713-01-01 00:00:00 BC'), ('1999-12-31 24:00')"),
    ONE("timestamptz",
        "('2026-02-01 03:04:05+02'), ('2026-02-01 00:00:00.120-11:30'), "
        "('0044-03-15 01:02:03.5+05:45 BC'), ('infinity'), ('-infinity'), "
        "('294276-12-31 23:59:59.999999+00'), ('4713-01-01 00:00:00+00 BC'), "
        "('1883-11-18 12:00:00 America/New_York'), ('2026-01-01+15:59:59'), "
        "('0001-01-01 00:00:00+01')"),
    ONE("timestamptz(0)", "('2026-02-01 03:04:05.6+02')"),
    ONE("inet", "('10.0.0.1'), ('10.0.0.1/8'), ('10.0.0.2/32'), ('::1'), "
                "('::1/64'), ('fe80::a:b/128'), ('::ffff:1.2.3.4'), "
                "('0.0.0.0/0')"),
    ONE("cidr", "('10.0.0.0/8'), ('10.1.2.3'), ('::/0'), ('2001:db8::/32'), "
                "('::1')"),
    ONE("macaddr", "('08:00:2B:01:02:03')"),
    ONE("macaddr8", "('08:00:2B:01:02:03:04:05')"),
    ONE("bit(3)", "(B'101'), (B'000')"),
    ONE("varbit", "(B''), (B'1011')"),
    ONE("colour", "('red'), ('\"bl\\ue\"'), ('')"),
    ONE("number", "(5), (-7)"),
    ONE("hue", "('red'), ('')"),
    ONE("moment", "('2026-02-01 03:04:05.5+02'), ('infinity')"),
    ONE("day_of", "('0044-03-15 BC')"),
    ONE("raw", "('\\x00ff')"),
    ONE("padded", "('a'), (' b')"),
    ONE("address", "('10.0.0.1'), ('::1')"),
    NONE("twice", "(1), (2)"),
    NONE("float8", "(0.1), ('NaN')"),
    NONE("interval", "('1 day 2 hours')"),
    NONE("int[]", "('{1,2}'), ('{}')"),
    NONE("int4range", "('[1,2)')"),
    NONE("jsonb", "('{}')"),
    NONE("timetz", "('01:02:03+04')"),
    NONE("pair", "('(1,2)')"),
    {"k int UNIQUE, l int", "k, l", "(1, 2), (NULL, 3)", WHOLE},
    {"a int, b int, PRIMARY KEY (b, a)", "a, b", "(1, 2), (-3, 4)", BY_KEYS},
    {"a text, b text, PRIMARY KEY (a, b)", "a, b",
     "('', ''), ('\"', '\\'), (E'\\x01\\t\\n\\x7f', '/'), ('\u00fc \U0001f418',"
     " '\u2028'), ('a\", \"b', 'c')",
     BY_KEYS},
    {"a bytea, b char(4), c bool, PRIMARY KEY (a, b, c)", "a, b, c",
     "('', '', true), ('\\x5c00', ' a ', false)", BY_KEYS},
    {"a timestamptz, b timestamp, c date, PRIMARY KEY (c, a, b)", "a, b, c",
     "('2026-02-01 03:04:05.5+02', '2026-02-01 03:04:05.5', '2026-02-01'), "
     "('infinity', '-infinity', 'infinity'), ('0044-03-15 01:02:03+01 BC', "
     "'0044-03-15 01:02:03.5 BC', '0044-03-15 BC')",
     BY_KEYS},
    {"a inet, b numeric, c \"char\", d colour, PRIMARY KEY (a, b, c, d)",
     "a, b, c, d",
     "('::1', -0.50, '\\', '\"bl\\ue\"'), ('1.2.3.4', 1, '', "
     "'red')",
     BY_KEYS},
    {"a int, b int, c int, PRIMARY KEY (a) INCLUDE (b)", "a, b, c",
     "(1, 2, 3), (4, 5, 6)", BY_KEYS},
    {"a int, f float8, PRIMARY KEY (a, f)", "a, f", "(1, 0.1)", WHOLE},
    {"a int, f twice, PRIMARY KEY (a, f)", "a, f", "(1, 1)", WHOLE},
};

enum { CASES = sizeof cases / sizeof cases[0] };

static const char types[] =
    "CREATE TYPE colour AS ENUM ('red', '\"bl\\ue\"', '');"
    "CREATE TYPE pair AS (a int, b int);"
    "CREATE DOMAIN number AS int; CREATE DOMAIN hue AS colour;"
    "CREATE DOMAIN moment AS timestamptz; CREATE DOMAIN day_of AS date;"
    "CREATE DOMAIN raw AS bytea; CREATE DOMAIN padded AS char(4);"
    "CREATE DOMAIN address AS inet;"
    "CREATE DOMAIN once AS int; CREATE DOMAIN twice AS once";

/* Both see the same tables from the start: triggers and a publication. */
static void
watch(const char *const *tables, size_t count)
{
    struct pgcw_install_options options = on_tables(tables, count);

    options.rows = true;
    commit(plan(&options));
    options = of_tables(tables, count);
    commit(plan(&options));
    open_listener(TRIGGERS);
    open_listener(WAL);
}

/* A table of each case, t0 and so on; in every other the key is first, which
 * the triggers read in another way. */
static void
make_cases(void)
{
    static char names[CASES][16];
    const char *tables[CASES];
    char sql[512];

    /* of the server's side, too: nothing that is told depends on them */
    database_run(connection,
                 "ALTER DATABASE " DATABASE " SET DateStyle = 'SQL, DMY';"
                 "ALTER DATABASE " DATABASE " SET TimeZone = 'Asia/Tokyo';"
                 "ALTER DATABASE " DATABASE " SET bytea_output = 'escape';"
                 "SET DateStyle = 'German'; SET TimeZone = 'Asia/Kolkata'");
    database_run(connection, types);
    for (size_t i = 0; i < CASES; i++) {
        bool is_first = i % 2 == 0;

        (void)snprintf(names[i], sizeof names[0], "t%zu", i);
        tables[i] = names[i];
        (void)snprintf(sql, sizeof sql, "CREATE TABLE t%zu (%s%s%s)", i,
                       is_first ? "" : "n int, ", cases[i].key,
                       is_first ? ", n int" : "");
        database_run(connection, sql);
        if (strstr(cases[i].key, "UNIQUE") != NULL) {
            (void)snprintf(sql, sizeof sql,
                           "ALTER TABLE t%zu REPLICA IDENTITY FULL", i);
            database_run(connection, sql);
        }
    }
    watch(tables, CASES);
}

static void
change_case(const struct key_case *key, const char *table)
{
    char sql[1024];

    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO %s (%s) VALUES %s; UPDATE %s SET n = 1; "
                   "DELETE FROM %s",
                   table, key->names, key->values, table, table);
    database_run(connection, sql);
}

static void
each_type_has_the_text_that_triggers_tell(void **state)
{
    char table[16];

    (void)state;
    make_cases();
    for (size_t i = 0; i < CASES; i++) {
        (void)snprintf(table, sizeof table, "t%zu", i);
        change_case(&cases[i], table);
    }
    hear_all();
    if (!is_heard_the_same()) {
        print_heard("each type");
        fail();
    }
    for (size_t i = 0; i < CASES; i++) {
        (void)snprintf(table, sizeof table, "t%zu", i);
        if (is_told_whole(WAL, "delete", table) != (cases[i].told == WHOLE)) {
            fail_msg("%s: %s", table, cases[i].key);
        }
    }
}

static void
make_watched(const char *sql, const char *const *tables, size_t count)
{
    database_run(connection, sql);
    watch(tables, count);
}

/* What the key is is asked at the first, and known behind the second, as the
 * wait for it needs an answer that comes later. */
static void
make_known(void)
{
    run("INSERT INTO orders VALUES (1, 10)");
    if (!is_told_whole(WAL, "insert", "orders")) {
        print_heard("the first is not told of the whole table");
        fail();
    }
    run("DELETE FROM orders");
}

static void
key_that_changes_is_told_as_it_was_and_is(void **state)
{
    static const char *const tables[] = {"orders", "t"};

    (void)state;
    make_watched("CREATE TABLE t (n int, k text, b text, PRIMARY KEY (k, b));"
                 "ALTER TABLE t ALTER COLUMN k SET STORAGE EXTERNAL",
                 tables, 2);
    expect_same("INSERT INTO orders SELECT generate_series(1, 20)", "insert",
                "orders", BY_KEYS);
    expect_same("UPDATE orders SET id = -id WHERE id > 15", "update", "orders",
                BY_KEYS);
    expect_same("UPDATE orders SET id = id + 100, n = 3", "update", "orders",
                BY_KEYS);
    expect_same("INSERT INTO t VALUES (1, repeat('x', 2200), 'a'), (1, 'y', "
                "'b')",
                "insert", "t", BY_KEYS);
    expect_same("UPDATE t SET b = b || 'c'", "update", "t", BY_KEYS);
    expect_same("UPDATE t SET n = 2", "update", "t", BY_KEYS);
    expect_same("DELETE FROM t", "delete", "t", BY_KEYS);
    expect_same("TRUNCATE t", "truncate", "t", WHOLE);
    assert_int_equal(failures, 0);
}

static void
expect_each_operation(enum told told)
{
    expect_same("INSERT INTO orders (id, n) VALUES (1, 10), (2, 20)", "insert",
                "orders", told);
    expect_same("UPDATE orders SET n = n + 1", "update", "orders", told);
    expect_same("DELETE FROM orders", "delete", "orders", told);
}

static void
replica_identity_of_all_columns_tells_the_keys_too(void **state)
{
    static const char *const table = "orders";

    (void)state;
    make_watched("ALTER TABLE orders REPLICA IDENTITY FULL", &table, 1);
    make_known();
    expect_each_operation(BY_KEYS);
    assert_int_equal(failures, 0);
}

static void
key_that_is_another_one_now_is_told(void **state)
{
    static const char *const table = "orders";

    (void)state;
    make_watched("SELECT", &table, 1);
    expect_each_operation(BY_KEYS);
    database_run(connection, "ALTER TABLE orders DROP CONSTRAINT orders_pkey, "
                             "ALTER COLUMN n SET NOT NULL, ADD PRIMARY KEY "
                             "(n)");
    make_known();
    expect_each_operation(BY_KEYS);
    assert_int_equal(failures, 0);
}

int
main(void)
{
    start_rcu_thread();
#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, make_unpublished, close_listeners)
    const struct CMUnitTest tests[] = {
        TEST(each_type_has_the_text_that_triggers_tell),
        TEST(key_that_changes_is_told_as_it_was_and_is),
        TEST(replica_identity_of_all_columns_tells_the_keys_too),
        TEST(key_that_is_another_one_now_is_told),
    };

    return RUN_INSTALLING(tests, DATABASE);
}
