/* SPDX-License-Identifier: MIT */
#include "cli/findings.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_BYTES 1024

const char *
pgcwi_level_text(enum pgcwi_level level)
{
    static const char *const texts[] = {"ok", "warning", "broken"};

    return texts[level];
}

void
pgcwi_findings_fini(struct pgcwi_findings *findings)
{
    json_decref(findings->list);
    findings->list = NULL;
}

/* Neither a terminal nor a line is to be disturbed. In UTF-8 the control
 * characters of ISO 6429 are C2 80 to C2 9F. */
static void
clean(char *text)
{
    unsigned char *byte = (unsigned char *)text;

    for (; *byte != '\0'; byte++) {
        if (*byte < 0x20 || *byte == 0x7f) {
            *byte = ' ';
        } else if (*byte == 0xc2 && byte[1] >= 0x80 && byte[1] < 0xa0) {
            byte[0] = ' ';
            byte[1] = ' ';
        }
    }
}

static void
clean_foreign(char *text)
{
    for (char *byte = text; *byte != '\0'; byte++) {
        if ((unsigned char)*byte >= 0x80) {
            *byte = '?';
        }
    }
}

/* A server that lets nobody in may speak another encoding, and a long text may
 * be cut inside of a character: then its foreign letters are lost. */
static json_t *
string(char *text)
{
    json_t *made;

    clean(text);
    made = json_string(text);
    if (made == NULL) {
        clean_foreign(text);
        made = json_string(text);
    }
    return made;
}

static bool
set_text(json_t *object, const char *key, const char *text)
{
    char copy[TEXT_BYTES];

    (void)snprintf(copy, sizeof copy, "%s", text);
    return json_object_set_new(object, key, string(copy)) == 0;
}

void
pgcwi_findings_add(struct pgcwi_findings *findings,
                   struct pgcwi_subject subject, const char *format, ...)
{
    char says[TEXT_BYTES];
    va_list arguments;
    json_t *one;
    bool is_made;

    va_start(arguments, format);
    (void)vsnprintf(says, sizeof says, format, arguments);
    va_end(arguments);
    findings->warning_count += subject.level == PGCWI_LEVEL_WARNING ? 1 : 0;
    findings->broken_count += subject.level == PGCWI_LEVEL_BROKEN ? 1 : 0;
    if (findings->list == NULL) {
        findings->list = json_array();
    }
    one = json_pack("{s:s, s:s}", "check", subject.check, "level",
                    pgcwi_level_text(subject.level));
    is_made =
        one != NULL &&
        (subject.table == NULL || set_text(one, "table", subject.table)) &&
        set_text(one, "says", says);
    if (!is_made) {
        json_decref(one);
        findings->is_cut = true;
    } else if (json_array_append_new(findings->list, one) != 0) {
        findings->is_cut = true;
    }
}

void
pgcwi_findings_remedy(struct pgcwi_findings *findings, const char *format, ...)
{
    char remedy[TEXT_BYTES];
    va_list arguments;
    size_t count = json_array_size(findings->list);

    va_start(arguments, format);
    (void)vsnprintf(remedy, sizeof remedy, format, arguments);
    va_end(arguments);
    if (remedy[0] != '\0' && count > 0 && !findings->is_cut &&
        !set_text(json_array_get(findings->list, count - 1), "remedy",
                  remedy)) {
        findings->is_cut = true;
    }
}

void
pgcwi_findings_print(const struct pgcwi_findings *findings)
{
    size_t i;
    const json_t *one;

    json_array_foreach(findings->list, i, one)
    {
        const char *remedy = json_string_value(json_object_get(one, "remedy"));

        printf("%-8s %s: %s\n",
               json_string_value(json_object_get(one, "level")),
               json_string_value(json_object_get(one, "check")),
               json_string_value(json_object_get(one, "says")));
        if (remedy != NULL) {
            printf("         to do: %s\n", remedy);
        }
    }
}
