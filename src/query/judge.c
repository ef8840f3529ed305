/* SPDX-License-Identifier: MIT */
/* Whether a statement may be cached, by the facts of query/probe.h. */
#include "query/judge.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libpq-fe.h>

#include "base/text.h"
#include "query/known.h"
#include "query/probe.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

struct finding {
    const PGresult *facts;
    int row;
    const char *text;
    char *reason;
};

static const char *
field(const struct finding *finding, enum pgcwi_fact column)
{
    return PQgetvalue(finding->facts, finding->row, (int)column);
}

static bool refuse(const struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool
refuse(const struct finding *finding, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    pgcwi_text_line(finding->reason, PGCWI_REASON_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

static bool
has_fact(const struct finding *finding, const char *kind, const char *detail)
{
    struct finding other = *finding;

    for (other.row = 0; other.row < PQntuples(other.facts); other.row++) {
        if (strcmp(field(&other, PGCWI_FACT_KIND), kind) == 0 &&
            (detail == NULL ||
             strcmp(field(&other, PGCWI_FACT_DETAIL), detail) == 0)) {
            return true;
        }
    }
    return false;
}

/* PostgreSQL's CmdType: 1 is SELECT in every version. */
static bool
judge_command(const struct finding *finding)
{
    if (strcmp(field(finding, PGCWI_FACT_NAME), "1") != 0) {
        return refuse(finding, "it writes: only a SELECT that changes nothing "
                               "can be cached");
    }
    return true;
}

/* Where a text may be read as a date that goes with the clock. */
static bool
refuse_reader(const struct finding *finding, const char *what)
{
    return refuse(finding,
                  "%s may read a text such as 'today' as a date: take the "
                  "value as text, and use to_date() or to_timestamp()",
                  what);
}

static bool
judge_node(const struct finding *finding)
{
    const char *name = field(finding, PGCWI_FACT_NAME);

    if (strcmp(name, "SQLVALUEFUNCTION") == 0) {
        return has_fact(finding, "clock", NULL) ||
               refuse(finding, "which of SQL's own functions it uses is not "
                               "known");
    }
    if (pgcwi_known_is_node(name)) {
        return true;
    }
    if (strcmp(name, "ROWMARKCLAUSE") == 0) {
        return refuse(finding, "it locks rows: leave out FOR UPDATE or FOR "
                               "SHARE, or run it without the cache");
    }
    if (strcmp(name, "TABLESAMPLECLAUSE") == 0) {
        return refuse(finding, "TABLESAMPLE takes other rows each time");
    }
    if (strcmp(name, "TABLEFUNC") == 0) {
        return !has_fact(finding, "type", "column") ||
               refuse_reader(finding, "XMLTABLE");
    }
    return refuse(finding,
                  "its part %s is not known to this version of pgcachewatch",
                  name);
}

const char *
pgcwi_judge_relation(const char *kind)
{
    static const struct {
        const char *kind;
        const char *refusal;
    } refusals[] = {
        {"system", "is a catalog of the system: no trigger tells of its "
                   "changes"},
        {"temporary", "is temporary, so another session's is another one"},
        {"row security", "has row security: what it shows may depend on "
                         "more than its rows"},
        {"materialized view", "is a materialized view: no trigger tells of "
                              "REFRESH; read the tables below it"},
        {"foreign table", "is a foreign table: no trigger tells what is "
                          "changed where it comes from"},
        {"sequence", "is a sequence: no trigger tells of its changes"},
    };

    if (strcmp(kind, "table") == 0 || strcmp(kind, "view") == 0) {
        return NULL;
    }
    for (size_t i = 0; i < COUNT(refusals); i++) {
        if (strcmp(kind, refusals[i].kind) == 0) {
            return refusals[i].refusal;
        }
    }
    return "is of an unknown kind";
}

static bool
judge_relation(const struct finding *finding)
{
    const char *why = pgcwi_judge_relation(field(finding, PGCWI_FACT_DETAIL));

    if (why == NULL) {
        return true;
    }
    return refuse(finding, "%s %s", field(finding, PGCWI_FACT_NAME), why);
}

static bool
judge_vouched(const struct finding *finding)
{
    const char *name = field(finding, PGCWI_FACT_NAME);
    const char *what = field(finding, PGCWI_FACT_DETAIL);

    if (strcmp(what, "missing") == 0) {
        return refuse(finding,
                      "%s, declared as read by a function, is not "
                      "there: give its schema",
                      name);
    }
    if (strcmp(what, "table") != 0) {
        return refuse(finding,
                      "%s, declared as read by a function, is no "
                      "table: declare the tables below it",
                      name);
    }
    return true;
}

static bool
judge_system_function(const struct finding *finding, const char *full_name)
{
    char volatility = field(finding, PGCWI_FACT_DETAIL)[0];
    const char *dot = strchr(full_name, '.');
    const char *name = dot == NULL ? full_name : dot + 1;

    if (volatility == 'i') {
        return true;
    }
    if (pgcwi_known_is_clock(name)) {
        return refuse(finding,
                      "%s() goes with the clock: pass the time as a "
                      "parameter",
                      name);
    }
    if (volatility == 's' && pgcwi_known_is_reader(name)) {
        return !has_fact(finding, "type", "column") ||
               refuse_reader(finding, name);
    }
    if (volatility == 's' && pgcwi_known_is_harmless(name)) {
        return true;
    }
    return refuse(finding,
                  "%s() gives what changes without a change of a "
                  "table: pass its value as a parameter",
                  name);
}

static bool
judge_function(const struct finding *finding)
{
    const char *name = field(finding, PGCWI_FACT_NAME);
    const char *origin = field(finding, PGCWI_FACT_ORIGIN);

    if (strcmp(origin, "declared") == 0) {
        return true;
    }
    if (strcmp(origin, "system") == 0) {
        return judge_system_function(finding, name);
    }
    return refuse(finding,
                  "function %s may read anything: declare it, with "
                  "the tables that it reads",
                  name);
}

/* SQL's functions without parentheses, by PostgreSQL's SQLValueFunctionOp:
 * those that tell the time come first. */
static bool
judge_clock(const struct finding *finding)
{
    static const char *const clocks[] = {
        "CURRENT_DATE",      "CURRENT_TIME",      "CURRENT_TIME",
        "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP", "LOCALTIME",
        "LOCALTIME",         "LOCALTIMESTAMP",    "LOCALTIMESTAMP",
    };
    size_t number = (size_t)strtoul(field(finding, PGCWI_FACT_NAME), NULL, 10);

    if (number < COUNT(clocks)) {
        return refuse(finding,
                      "%s goes with the clock: pass the time as a "
                      "parameter",
                      clocks[number]);
    }
    return true;
}

static bool
judge_type(const struct finding *finding)
{
    const char *name = field(finding, PGCWI_FACT_NAME);
    const char *detail = field(finding, PGCWI_FACT_DETAIL);

    if (strcmp(detail, "catalog") == 0) {
        return refuse(finding,
                      "a %s that is not a constant reads the catalogs "
                      "of the system",
                      name);
    }
    if (strcmp(detail, "cast") == 0) {
        return refuse(finding,
                      "a cast of text to %s may read 'today' and the "
                      "like: use to_date() or to_timestamp()",
                      name);
    }
    if (strcmp(detail, "consttype") == 0 &&
        pgcwi_judge_reads_clock(finding->text)) {
        return refuse(finding,
                      "a %s constant seems to be 'now', 'today', "
                      "'tomorrow' or 'yesterday': pass the time as a "
                      "parameter",
                      name);
    }
    return true;
}

static bool
is_letter(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static bool
is_word_for_now(const char *text, size_t length)
{
    static const char *const words[] = {"now", "today", "tomorrow",
                                        "yesterday"};

    for (size_t i = 0; i < COUNT(words); i++) {
        if (strlen(words[i]) == length &&
            strncasecmp(text, words[i], length) == 0) {
            return true;
        }
    }
    return false;
}

bool
pgcwi_judge_reads_clock(const char *text)
{
    while (text != NULL && *text != '\0') {
        size_t length = 0;

        while (is_letter(text[length])) {
            length++;
        }
        if (is_word_for_now(text, length)) {
            return true;
        }
        text += length == 0 ? 1 : length;
    }
    return false;
}

static bool
judge_fact(const struct finding *finding)
{
    static const struct {
        const char *kind;
        bool (*judge)(const struct finding *finding);
    } judges[] = {
        {"command", judge_command},   {"node", judge_node},
        {"relation", judge_relation}, {"vouched", judge_vouched},
        {"function", judge_function}, {"clock", judge_clock},
        {"type", judge_type},
    };
    const char *kind = field(finding, PGCWI_FACT_KIND);

    for (size_t i = 0; i < COUNT(judges); i++) {
        if (strcmp(kind, judges[i].kind) == 0) {
            return judges[i].judge(finding);
        }
    }
    return true; /* a parameter */
}

bool
pgcwi_judge_facts(const PGresult *facts, const char *text, char *reason)
{
    struct finding finding = {facts, 0, text, reason};

    reason[0] = '\0';
    if (!has_fact(&finding, "command", NULL)) {
        return refuse(&finding, "it is no SELECT");
    }
    for (; finding.row < PQntuples(facts); finding.row++) {
        if (!judge_fact(&finding)) {
            return false;
        }
    }
    if (!has_fact(&finding, "relation", NULL)) {
        return refuse(&finding, "it reads no table");
    }
    return true;
}
